import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTemporalClient } from '../../temporal/connect.ts';
import { ensureSearchAttributes } from '../../temporal/searchAttributes.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { arrivedOf, event, startSession } from '../support/engineSession.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { createTestDatabase, uniqueName } from '../support/stack.ts';
import { startTemporalCluster, type TemporalCluster } from '../support/temporalCluster.ts';

let cluster: TemporalCluster;
let engine: Engine;
let receiver: Receiver;

beforeAll(async () => {
  const database = await createTestDatabase();
  await database.close();
  cluster = await startTemporalCluster({ postgresUrl: database.url, database: uniqueName('temporal') });
  [engine, receiver] = await Promise.all([startEngine({ temporalAddress: cluster.address }), startReceiver()]);
});
afterAll(async () => {
  await engine?.close();
  await receiver?.close();
  await cluster?.stop();
});

describe('on a Temporal server with its data in Postgres', () => {
  it('runs the version that docker-compose.yml names', async () => {
    const { serverVersion } = await engine.client.workflowService.getSystemInfo({});
    expect(serverVersion).toBe('1.30.4');
  });

  it('decides and sends', async () => {
    const agent = await engine.agent('orders');
    await engine.notify(agent.id, await engine.webhook(receiver.url));
    const session = await startSession(engine, { agents: [agent] });
    await session.append(event('end', 'ExecutionFailed', { reason: 'Payment gateway timeout' }));
    const messages = await arrivedOf(receiver, session, 2);
    expect(messages.map(({ info }) => info.event)).toEqual(['EXECUTION_STARTED', 'EXECUTION_FAILED']);
  });

  it('creates its search attributes', async () => {
    const client = openTemporalClient({ address: cluster.address, namespace: 'default' });
    expect(await ensureSearchAttributes(client)).toBeUndefined();
    await client.connection.close();
  });
});
