export interface Summary {
  publicUrl: string;
  temporalUiUrl?: string;
  apiKey: string;
  dataDir: string;
  /** How the start took, like `0:06`. */
  took: string;
}

/** What `npm start` shows when everything runs: where it is, and a first request that works as pasted. */
export function summaryText({ publicUrl, temporalUiUrl, apiKey, dataDir, took }: Summary): string {
  const session = { session: { id: 'my-first-session', init_timestamp: new Date().toISOString(), tags: ['example'] } };
  return `
Herald is ready (${took}).

  API           ${publicUrl}
  API docs      ${publicUrl}/docs
  Temporal UI   ${temporalUiUrl ?? '(TEMPORAL_UI_URL is not set)'}
  API key       ${apiKey}
  Data, logs    ${dataDir}

A first session, to paste into another terminal:

  curl -X POST ${publicUrl}/v2/create_session \\
    -H 'Content-Type: application/json' \\
    -H 'X-Agentops-Api-Key: ${apiKey}' \\
    -d '${JSON.stringify(session)}'

Ctrl-C ends Herald; everything is kept for the next start.
`;
}
