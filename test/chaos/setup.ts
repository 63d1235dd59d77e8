import type { Herald } from './herald.ts';
import { call } from './http.ts';
import { notifications } from './notifications.ts';

/** What Herald was told, by name of the notification. */
export interface Configured {
  name: string;
  notificationId: string;
  /** Signs the messages of its webhook. */
  secret: string;
}

/** Configures Herald as an operator would: agents, and for each notification a webhook of its own. */
export async function configure(herald: Pick<Herald, 'url' | 'apiKey'>, receiverUrl: string, timeoutMs: number): Promise<Configured[]> {
  const agents = new Map<string, string>();
  const configured: Configured[] = [];
  for (const { name, agent, subscription, metadataFilter, enabled } of notifications) {
    if (!agents.has(agent)) agents.set(agent, (await create(herald, '/agents', { name: agent })).id);
    const settings = { config: { url: `${receiverUrl}/${name}` }, delivery: { timeout_s: timeoutMs / 1000 } };
    const integration = await create(herald, '/integrations', { name, type: 'webhook', ...settings });
    const { id } = await create(herald, `/agents/${agents.get(agent)}/notifications`, {
      integration_id: integration.id,
      subscription,
      ...(metadataFilter ? { metadata_filter: metadataFilter } : {}),
      ...(enabled === false ? { enabled } : {}),
    });
    configured.push({ name, notificationId: id, secret: integration.secret });
  }
  return configured;
}

async function create({ url, apiKey }: Pick<Herald, 'url' | 'apiKey'>, path: string, body: object): Promise<{ id: string; secret: string }> {
  const headers = { 'x-agentops-api-key': apiKey };
  const answer = await call({ method: 'POST', url: `${url}/v1${path}`, headers, body, timeoutMs: 20_000 });
  if (answer.status !== 201) throw new Error(`POST /v1${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  return answer.body as { id: string; secret: string };
}
