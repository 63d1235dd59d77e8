import { describe, expect, it } from 'vitest';
import { z } from '@hono/zod-openapi';
import { renderDocs } from '../../../api/docs.ts';
import { createRouter } from '../../../api/router.ts';

describe('the documentation page', () => {
  const router = createRouter();
  const node = z.object({ name: z.string(), tags: z.array(z.object({ key: z.string() })).nullish() }).openapi('Node');
  router.openAPIRegistry.registerPath({
    method: 'post',
    path: '/v1/nodes/{id}',
    tags: ['Nodes & more'],
    summary: '<script>alert(1)</script>',
    security: [{ bearerKey: [] }],
    request: { params: z.object({ id: z.string() }), body: { content: { 'application/json': { schema: node } } } },
    responses: { 201: { description: 'Made', content: { 'application/json': { schema: z.union([node, z.null()]) } } } },
  });
  const page = renderDocs(router.getOpenAPI31Document({ openapi: '3.1.0', info: { title: 'Test', version: '1', description: 'Use `key`.\n\nSecond.' } }));

  it('shows path, parameters, nested fields and an example', () => {
    for (const text of ['<code>/v1/nodes/{id}</code>', '<code>id</code>', '<code>name</code> <i>required</i>', '<code>tags[].key</code>', 'list of object']) {
      expect(page).toContain(text);
    }
    expect(page).toContain('<p>Use <code>key</code>.</p><p>Second.</p>');
    expect(page).toContain('&quot;name&quot;: &quot;…&quot;');
    expect(page).toContain('Authorization: Bearer');
  });

  it('shows texts as texts', () => {
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(page).not.toContain('<script');
    expect(page).toContain('id="nodes-more"');
  });
});
