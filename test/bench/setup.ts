/** The rules of the bench's notifications; its events are tool calls. */
export const toolCalls = { mode: 'custom', rules: [{ event: 'ExecutionActionStarted' }] };
export const criticalToolCalls = {
  mode: 'custom',
  rules: [{ event: 'ExecutionActionStarted', filters: [{ field: 'severity', operator: 'equals', value: 'critical' }] }],
};

export interface NotificationInput {
  subscription: object;
  metadata_filter?: Record<string, string>;
}

/** Configures Herald as an operator would: through its API. */
export interface Setup {
  createAgent(name: string): Promise<string>;
  /** Binds the webhook of the bench's receiver to an agent. */
  bind(agentId: string, notification: NotificationInput): Promise<void>;
}

export async function createSetup(api: { apiUrl: string; apiKey: string }, receiverUrl: string): Promise<Setup> {
  async function post(path: string, body: object): Promise<{ id: string }> {
    const response = await fetch(`${api.apiUrl}/v1${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${api.apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`POST /v1${path} was answered with ${response.status}: ${await response.text()}`);
    return (await response.json()) as { id: string };
  }

  const integration = await post('/integrations', { name: 'bench', type: 'webhook', config: { url: receiverUrl } });
  return {
    createAgent: async (name) => (await post('/agents', { name })).id,
    async bind(agentId, notification) {
      await post(`/agents/${agentId}/notifications`, { integration_id: integration.id, ...notification });
    },
  };
}

/** Notifications that let none of the bench's events through, of the kinds that agents have: another type, another field, another environment. */
export function othersNotifications(count: number): NotificationInput[] {
  const kinds: ((index: number) => NotificationInput)[] = [
    () => ({ subscription: { mode: 'custom', rules: [{ event: 'ExecutionFailed' }] } }),
    (index) => ({
      subscription: { mode: 'custom', rules: [{ event: 'ExecutionActionStarted', filters: [{ field: 'name', operator: 'equals', value: `tool_${index}` }] }] },
    }),
    (index) => ({ subscription: toolCalls, metadata_filter: { environment: `staging-${index}` } }),
  ];
  return Array.from({ length: count }, (_, index) => kinds[index % kinds.length]!(index));
}
