/** A cost in US dollars as the AgentOps SDK parses it: decimal text, two places or as many as a small cost needs. */
export function costText(dollars: number): string {
  const [whole, fraction = ''] = dollars.toFixed(10).split('.');
  return `${whole}.${fraction.replace(/0+$/, '').padEnd(2, '0')}`;
}

/** Leads to the session in the Temporal UI. */
export function sessionUrl(publicUrl: string, sessionId: string): string {
  return `${publicUrl}/sessions/${encodeURIComponent(sessionId)}`;
}
