/** The part of an OpenAPI 3.1 document that the page shows. */
export type OpenApiDocument = { paths?: Record<string, unknown> };

export function renderDocs(document: OpenApiDocument): string {
  return `<!doctype html><title>Herald API</title><pre>${Object.keys(document.paths ?? {}).join('\n')}</pre>`;
}
