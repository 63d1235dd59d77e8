import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Caller } from '../support/caller.ts';
import type { SlackMessage } from '../support/slackStandIn.ts';
import { pythonWith, runPython } from './python.ts';
import { decided, eventsOf, list, newOrganisation, notify, openStage, type Stage, until, webhook } from './stage.ts';

let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage?.close());

describe.each(['0.3.26', '0.3.13'])('the AgentOps SDK %s with nothing but key and endpoint set', (version) => {
  let python: string;
  let api: Caller;
  const run = (agent: string) => runPython(python, source(agent), { AGENTOPS_API_KEY: api.key, AGENTOPS_API_ENDPOINT: stage.herald.url });

  beforeAll(async () => {
    python = await pythonWith('agentops', version);
    api = await newOrganisation(stage, `agentops ${version}`);
  });

  it('reports a failing session, whose messages go out', async () => {
    const path = `/orders/${version}`;
    await notify(api, 'default', webhook(stage, path), { subscription: { mode: 'all' }, metadata_filter: { environment: 'production' } });
    const slack = { name: version, type: 'slack', config: { webhook_url: stage.slack.webhookUrl } };
    await notify(api, 'default', slack, { subscription: { mode: 'custom', rules: [{ event: 'ExecutionFailed' }] } });

    const { exitCode, stdout, stderr } = await run('orders.py');
    expect({ exitCode, complaints: complaintsOf(stderr) }, stderr).toEqual({ exitCode: 0, complaints: [] });
    const [id = '', cost] = stdout.trim().split('\n').slice(-2);

    expect(await decided(api, id)).toMatchObject({
      status: 'failed',
      end_state: 'Fail',
      end_state_reason: 'Payment gateway timeout',
      tags: expect.arrayContaining(['orders', 'environment:production', 'nightly']),
      metadata: { environment: 'production' },
      token_cost: cost,
    });
    expect(cost).toBe('0.0093');
    const events = await eventsOf(api, id);
    expect(events.map((event) => event.type)).toEqual([
      'ExecutionStarted',
      'ExecutionWorkflowUpdated',
      'ExecutionStepStarted',
      'ExecutionActionStarted',
      'ExecutionActionStarted',
      // The newer SDK reports an action that raised as its error alone.
      ...(version === '0.3.13' ? ['ExecutionActionStarted'] : []),
      'ExecutionActionFailed',
      'ExecutionFailed',
    ]);
    expect(events.map((event) => event.payload)).toMatchObject([
      { tags: expect.arrayContaining(['orders', 'environment:production']) },
      { tags: expect.arrayContaining(['nightly']) },
      { model: 'gpt-4', prompt: 'Which order is next?', completion: '12345', prompt_tokens: 150, completion_tokens: 80 },
      { name: 'database_query', params: { sql: 'SELECT 1' }, returns: '1 row' },
      { name: 'lookup_order', params: { number: 12345 }, returns: { number: 12345, status: 'open' } },
      ...(version === '0.3.13' ? [{ action_type: 'charge_card', params: { amount: 99 } }] : []),
      { error_type: 'ValueError', message: 'Card declined' },
      { reason: 'Payment gateway timeout', outcome: 'failure' },
    ]);

    const ofSession = (message: SlackMessage) => JSON.stringify(message).includes(id);
    await stage.slack.waitFor((messages) => messages.some(ofSession), 30_000);
    expect(stage.slack.messages.filter(ofSession).map((message) => message.text)).toEqual(['🔴 Execution Failed - Payment gateway timeout']);
    const messages = await messagesAt(path, events.length);
    expect(messages.map(({ info }) => info.sequence).toSorted((a, b) => a - b)).toEqual(events.map((event) => event.seq));
    expect(new Set(messages.map(({ info }) => info.agent_name))).toEqual(new Set(['default']));
  });

  it('says so when the key is unknown', async () => {
    const unknown = { AGENTOPS_API_KEY: randomUUID(), AGENTOPS_API_ENDPOINT: stage.herald.url };
    const { stderr } = await runPython(python, source('crew.py'), unknown);
    expect(complaintsOf(stderr)).toContainEqual(expect.stringContaining('Could not start session - API server: invalid API key'));
  });

  it('names its agents, each with notifications of its own', async () => {
    const paths = { Researcher: `/researcher/${version}`, Writer: `/writer/${version}` };
    const actions = { mode: 'custom', rules: [{ event: 'ExecutionActionStarted' }] };
    for (const [agent, path] of Object.entries(paths)) await notify(api, agent, webhook(stage, path), { subscription: actions });

    const { exitCode, stdout, stderr } = await run('crew.py');
    expect({ exitCode, complaints: complaintsOf(stderr) }, stderr).toEqual({ exitCode: 0, complaints: [] });
    const session = await decided(api, stdout.trim());
    expect(session).toMatchObject({ status: 'completed', agents: [{ name: 'Researcher' }, { name: 'Writer' }] });

    const research = await messagesAt(paths.Researcher, 1);
    expect(research.map(({ info }) => info)).toMatchObject([{ agent_name: 'Researcher', payload: { action_type: 'search', returns: 'all about order 12345' } }]);
    const writing = await messagesAt(paths.Writer, 1);
    expect(writing.map(({ info }) => info)).toMatchObject([{ agent_name: 'Writer', payload: { action_type: 'write' } }]);
  });
});

describe('the Python example of the REST page', () => {
  let python: string;
  let api: Caller;

  beforeAll(async () => {
    python = await pythonWith('requests', '2.32.3');
    api = await newOrganisation(stage, 'requests');
  });

  it('leaves one completed session with one LLM event, and its messages go out', async () => {
    await notify(api, 'default', webhook(stage, '/example'), {
      subscription: { mode: 'custom', rules: [{ event: 'ExecutionStarted' }, { event: 'ExecutionStepStarted' }, { event: 'ExecutionCompleted' }] },
    });
    const program = source('requests_example.py').replace('your_api_key', api.key).replace('https://api.agentops.ai', stage.herald.url);
    expect(await runPython(python, program)).toEqual({ exitCode: 0, stdout: '', stderr: '' });

    const sessions = await list(api, '/v1/sessions');
    expect(sessions).toHaveLength(1);
    const { id } = sessions[0]!;
    expect(await decided(api, id)).toMatchObject({ status: 'completed', tags: ['example'], token_cost: '0.00021' });
    const events = await eventsOf(api, id);
    expect(events.map((event) => event.type)).toEqual(['ExecutionStarted', 'ExecutionStepStarted', 'ExecutionCompleted']);
    const messages = await messagesAt('/example', 3);
    expect(messages.map(({ info }) => info.event)).toEqual(['EXECUTION_STARTED', 'EXECUTION_STEP_STARTED', 'EXECUTION_COMPLETED']);
    expect(new Set(messages.map(({ info }) => info.execution_id))).toEqual(new Set([id]));
  });
});

interface Envelope {
  info: { event: string; execution_id: string; agent_name: string; sequence: number; payload: Record<string, unknown> };
}

/** What has arrived at a webhook, once there is enough of it. */
async function messagesAt(path: string, enough: number): Promise<Envelope[]> {
  return until(`${enough} messages arrived at ${path}`, 30_000, () => {
    const requests = stage.receiver.received.filter((request) => request.path === path);
    return requests.length < enough ? undefined : requests.map((request) => request.json as unknown as Envelope);
  });
}

function source(agent: string): string {
  return readFileSync(new URL(`agents/${agent}`, import.meta.url), 'utf8');
}

/** What the SDK logged beyond what it always says: where its replay is, its statistics, and that PyPI has a newer one. */
function complaintsOf(stderr: string): string[] {
  return stderr.split('\n').filter((line) => line.includes('🖇 AgentOps') && !/Session Replay:|Session [Ss]tats|agentops is out of date/.test(line));
}
