import { expect } from 'vitest';
import { listDeliveries } from '../../store/deliveries.ts';
import { type Engine, type EngineOptions, startEngineOn } from './engineOn.ts';
import { arrivedOf, type EngineSession, startSession } from './engineSession.ts';
import { type PostgresProxy, startPostgresProxy } from './postgresProxy.ts';
import { type Receiver, startReceiver } from './receiver.ts';
import { createTestDatabase, temporalAddress, uniqueName, workflowBundle } from './stack.ts';
import { startTemporalProxy, type TemporalProxy } from './temporalProxy.ts';

/** The whole engine with everything between its parts, and between it and the world, ready to break. */
export interface FaultStage {
  engine: Engine;
  postgres: PostgresProxy;
  temporal: TemporalProxy;
  receiver: Receiver;
  /** A session of an agent that tells the receiver, or `url`, of every `Reported`, and of nothing else. */
  reportingSession(webhook?: { url?: string; timeoutMs?: number }): Promise<EngineSession>;
  /**
   * Waits until these events, and no others, are decided and delivered, and answers how often each arrived.
   * Whatever arrived more than once must have come with the same id.
   */
  delivered(session: EngineSession, eventIds: string[]): Promise<Record<string, number>>;
  close(): Promise<void>;
}

export async function startFaultStage(options: EngineOptions = {}): Promise<FaultStage> {
  const [database, address, bundle, receiver] = await Promise.all([createTestDatabase(), temporalAddress(), workflowBundle(), startReceiver()]);
  await database.close();
  const [postgres, temporal] = await Promise.all([startPostgresProxy(database.url), startTemporalProxy(address)]);
  const engine = await startEngineOn({ databaseUrl: postgres.url, temporalAddress: temporal.address, workflowBundle: bundle }, options);
  return {
    engine,
    postgres,
    temporal,
    receiver,

    async reportingSession({ url = receiver.url, ...webhook } = {}) {
      const agent = await engine.agent(uniqueName('agent'));
      await engine.notify(agent.id, await engine.webhook(url, webhook), { subscription: { mode: 'custom', rules: [{ event: 'Reported' }] } });
      return startSession(engine, { agents: [agent] });
    },

    async delivered(session, eventIds) {
      await session.decided();
      const statuses = async () => {
        const { items } = await listDeliveries(engine.db, engine.organisationId, { sessionId: session.id }, { limit: 1000 });
        return items.toSorted((a, b) => (a.seq ?? 0) - (b.seq ?? 0)).map(({ eventId, status }) => `${eventId} ${status}`);
      };
      await expect.poll(statuses).toEqual(eventIds.map((id) => `${id} delivered`));
      const sent = (await session.decisions()).filter(({ outcome }) => outcome === 'sent').map(({ event }) => event);
      expect(sent, 'events decided as sent, each once').toEqual(eventIds);
      const messages = await arrivedOf(receiver, session, eventIds.length);
      const byEvent = Map.groupBy(messages, ({ event_id }) => event_id);
      expect(Array.from(byEvent.keys()).toSorted(), 'events that arrived').toEqual(eventIds.toSorted());
      for (const [eventId, copies] of byEvent) expect(new Set(copies.map(({ id }) => id)).size, `ids of ${eventId}`).toBe(1);
      return Object.fromEntries(Array.from(byEvent, ([eventId, copies]) => [eventId, copies.length]));
    },

    async close() {
      await engine.close();
      await Promise.all([postgres.close(), temporal.close(), receiver.close()]);
    },
  };
}
