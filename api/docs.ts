import { describeFields, exampleOf, type OpenApiDocument, resolve, type Schema } from './docsSchema.ts';
import { STYLE } from './docsStyle.ts';
import { escapeHtml, paragraphs } from './html.ts';

export type { OpenApiDocument } from './docsSchema.ts';

type PathItem = NonNullable<OpenApiDocument['paths']>[string];
type Operation = NonNullable<PathItem['post']>;

interface Route {
  method: string;
  path: string;
  operation: Operation;
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

/** The API's documentation as one page that needs nothing from elsewhere: no script, no font, no CDN. */
export function renderDocs(document: OpenApiDocument): string {
  const groups = Map.groupBy(routesOf(document), ({ operation }) => operation.tags?.[0] ?? 'Other');
  const menu = [...groups.keys()].map((tag) => `<li><a href="#${anchor(tag)}">${escapeHtml(tag)}</a></li>`).join('');
  const sections = [...groups].map(([tag, routes]) => renderGroup(document, tag, routes)).join('');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(document.info.title)} API</title>
<style>${STYLE}</style>
</head>
<body>
<nav><h2>${escapeHtml(document.info.title)} API</h2><ul>${menu}</ul>
<p><a href="/openapi.json">openapi.json</a><br><a href="/openapi.yaml">openapi.yaml</a></p></nav>
<main>
<h1>${escapeHtml(document.info.title)} API</h1>
${paragraphs(document.info.description ?? '')}
${sections}
</main>
</body>
</html>`;
}

function routesOf(document: OpenApiDocument): Route[] {
  return Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method];
      return operation ? [{ method, path, operation }] : [];
    }),
  );
}

function renderGroup(document: OpenApiDocument, tag: string, routes: Route[]): string {
  return `<section id="${anchor(tag)}"><h2>${escapeHtml(tag)}</h2>${routes.map((route) => renderRoute(document, route)).join('')}</section>`;
}

function renderRoute(document: OpenApiDocument, { method, path, operation }: Route): string {
  const parts = [
    paragraphs(operation.description ?? ''),
    renderSecurity(operation),
    renderParameters(document, operation),
    renderBody(document, operation),
    renderResponses(document, operation),
  ];
  return `<details id="${anchor(`${method} ${path}`)}">
<summary><b class="${method}">${method.toUpperCase()}</b> <code>${escapeHtml(path)}</code> <span>${escapeHtml(operation.summary ?? '')}</span></summary>
<div>${parts.join('')}</div>
</details>`;
}

const OPENED_BY: Record<string, string> = {
  apiKey: '<code>X-Agentops-Api-Key: &lt;API key&gt;</code>',
  bearerKey: '<code>Authorization: Bearer &lt;API key&gt;</code>',
  sessionToken: '<code>Authorization: Bearer &lt;jwt of the session&gt;</code>',
};

function renderSecurity(operation: Operation): string {
  const ways = (operation.security ?? []).flatMap((way) => Object.keys(way)).map((name) => OPENED_BY[name] ?? escapeHtml(name));
  return ways.length === 0 ? '' : `<p>Needs ${ways.join(' or ')}.</p>`;
}

function renderParameters(document: OpenApiDocument, operation: Operation): string {
  const rows = (operation.parameters ?? []).flatMap((parameter) => {
    if ('$ref' in parameter) return [];
    const { type, note } = describeFields(document, { type: 'object', properties: { it: parameter.schema ?? {} } })[0]!;
    return [row([`<code>${escapeHtml(parameter.name)}</code>`, parameter.in, escapeHtml(type), escapeHtml(parameter.description ?? note)])];
  });
  return rows.length === 0 ? '' : `<h4>Parameters</h4><table>${rows.join('')}</table>`;
}

function renderBody(document: OpenApiDocument, operation: Operation): string {
  const body = operation.requestBody;
  const media = body && 'content' in body ? body.content['application/json'] : undefined;
  if (!media?.schema) return '';
  return `<h4>Body</h4>${renderFields(document, media.schema)}${renderJson('Example', media.example ?? exampleOf(document, media.schema))}`;
}

function renderResponses(document: OpenApiDocument, operation: Operation): string {
  const answers = Object.entries(operation.responses ?? {}).map(([status, response]) => {
    const schema = response.content?.['application/json']?.schema;
    const example = schema && status.startsWith('2') ? renderJson('', exampleOf(document, schema)) : '';
    return `<li><b>${escapeHtml(status)}</b> ${escapeHtml(response.description ?? '')}${example}</li>`;
  });
  return `<h4>Answers</h4><ul>${answers.join('')}</ul>`;
}

function renderFields(document: OpenApiDocument, schema: Schema): string {
  const rows = describeFields(document, resolve(document, schema)).map((field) =>
    row([
      `<code>${escapeHtml(field.name)}</code>${field.required ? ' <i>required</i>' : ''}`,
      escapeHtml(field.type),
      escapeHtml(field.note),
    ]),
  );
  return rows.length === 0 ? '' : `<table>${rows.join('')}</table>`;
}

function renderJson(title: string, value: unknown): string {
  if (value === undefined) return '';
  const heading = title === '' ? '' : `<h4>${title}</h4>`;
  return `${heading}<pre>${escapeHtml(JSON.stringify(value, null, 2))}</pre>`;
}

function row(cells: string[]): string {
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
}

function anchor(text: string): string {
  return text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^-|-$/g, '');
}
