import { describe, expect, it } from 'vitest';
import { newSigningSecret, sign } from '../../../activities/channels/signing.ts';
import type { Disturbance } from '../../chaos/faults.ts';
import { createLedger } from '../../chaos/ledger.ts';
import type { Arrival } from '../../chaos/receiver.ts';
import { judge, type Verdict } from '../../chaos/verdict.ts';

const secret = newSigningSecret();
const configured = [{ name: 'all', notificationId: 'ntf_1', secret }];
const reported = { sessionId: 's', eventId: 'e', type: 'order.shipped', note: 'first', expected: ['all'] };

/** The message of the reported event, a second on its way, in a calm. */
function arrival(changes: Partial<Arrival> & { note?: string; eventId?: string } = {}): Arrival {
  const { note = 'first', eventId = 'e', webhookId = 'dlv_1', ...rest } = changes;
  const body = { event_id: eventId, info: { execution_id: 's', event: 'order.shipped', payload: { note } } };
  const text = JSON.stringify(body);
  const timestamp = 1_700_000_000;
  return {
    at: 10_000,
    endedAt: 10_100,
    weather: 'calm',
    processed: true,
    acknowledged: true,
    notification: 'all',
    webhookId,
    signature: sign(secret, webhookId, timestamp, text),
    timestamp,
    text,
    body,
    ...rest,
  };
}

/** What becomes of one event that was accepted, when these messages came. */
function verdictOn(arrivals: Arrival[], disturbances: Disturbance[] = []): Verdict {
  const ledger = createLedger();
  ledger.offer([reported]);
  ledger.accept([reported]);
  return judge({ ledger, arrivals, configured, disturbances });
}

describe('the verdict of a chaos run', () => {
  it('is good when every message came once', () => {
    expect(verdictOn([arrival()])).toMatchObject({ accepted: 1, expected: 1, delivered: 1, lost: 0, duplicates: 0, unexplained: 0 });
  });

  it('calls a message lost that never came, or that the receiver never took in', () => {
    expect(verdictOn([])).toMatchObject({ delivered: 0, lost: 1, lostPairs: ['all s e'] });
    expect(verdictOn([arrival({ processed: false, acknowledged: false })])).toMatchObject({ lost: 1, unexplained: 0 });
  });

  it('calls no message lost of an event that nobody accepted, and counts what came of it', () => {
    const ledger = createLedger();
    ledger.offer([reported]);
    const given = { ledger, configured, disturbances: [] };
    expect(judge({ ...given, arrivals: [] })).toMatchObject({ lost: 0, uncertain: { events: 1, delivered: 0 } });
    expect(judge({ ...given, arrivals: [arrival()] })).toMatchObject({ unexplained: 0, uncertain: { events: 1, delivered: 1 } });
  });

  it('finds no explanation for a second webhook-id of one message, whatever was broken', () => {
    const everything: Disturbance[] = [{ part: 'worker', from: 0, to: Infinity }];
    const verdict = verdictOn([arrival({ acknowledged: false }), arrival({ webhookId: 'dlv_2' })], everything);
    expect(verdict).toMatchObject({ unexplained: 1, reasons: ['all dlv_2: the same message came as dlv_1'] });
  });

  it('finds none for one webhook-id of two messages', () => {
    const ledger = createLedger();
    const events = [reported, { ...reported, eventId: 'f' }];
    ledger.offer(events);
    ledger.accept(events);
    const { reasons } = judge({ ledger, arrivals: [arrival(), arrival({ eventId: 'f' })], configured, disturbances: [] });
    expect(reasons).toEqual(['all dlv_1: the id is already that of all s e']);
  });

  it('finds none for a repeat of what was acknowledged while nothing was disturbed', () => {
    const verdict = verdictOn([arrival(), arrival({ at: 12_000, endedAt: 12_100 })]);
    expect(verdict).toMatchObject({ duplicates: 1, unexplained: 1, lost: 0 });
    expect(verdict.reasons[0]).toContain('sent again although nothing had disturbed it');
  });

  it.each<[string, Partial<Arrival>, Disturbance[]]>([
    ['the first one was not acknowledged', { acknowledged: false }, []],
    ['the worker was killed just after it', {}, [{ part: 'worker', from: 10_200, to: 15_000 }]],
    ['Postgres was away, so that its outcome could not be stored', {}, [{ part: 'postgres', from: 9000, to: 10_050 }]],
    ['the machine stood still', {}, [{ part: 'machine', from: 10_050, to: 12_000 }]],
  ])('accepts a repeat with the same id when %s', (_, first, disturbances) => {
    const verdict = verdictOn([arrival(first), arrival({ at: 20_000, endedAt: 20_100 })], disturbances);
    expect(verdict).toMatchObject({ duplicates: 1, duplicateIds: ['dlv_1'], unexplained: 0, lost: 0 });
  });

  it.each<[string, Disturbance]>([
    ['the API or Temporal', { part: 'temporal', from: 9000, to: 15_000 }],
    ['a worker long before', { part: 'worker', from: 1000, to: 9000 }],
    ['a worker long after', { part: 'worker', from: 60_000, to: 70_000 }],
  ])('accepts no repeat because of a fault of %s', (_, disturbance) => {
    expect(verdictOn([arrival(), arrival({ at: 80_000, endedAt: 80_100 })], [disturbance])).toMatchObject({ unexplained: 1 });
  });

  it.each<[string, Parameters<typeof arrival>[0], string]>([
    ['a wrong signature', { signature: 'v1,AAAA' }, 'its signature is wrong'],
    ['an event that nobody has reported', { eventId: 'never' }, 'nobody has reported its event never'],
    ['another content', { note: 'second' }, `not 'first'`],
    ['a destination that nobody has configured', { notification: 'nobody' }, 'nobody has configured this destination'],
  ])('finds no explanation for a message with %s', (_, changes, reason) => {
    const { unexplained, reasons, lost } = verdictOn([arrival(changes)]);
    expect({ unexplained, lost }).toEqual({ unexplained: 1, lost: 1 });
    expect(reasons[0]).toContain(reason);
  });

  it('finds none for a message of a command that was refused', () => {
    const ledger = createLedger();
    ledger.offer([reported]);
    ledger.refuse([reported]);
    expect(judge({ ledger, arrivals: [arrival()], configured, disturbances: [] }).reasons[0]).toContain('comes of a command that was refused');
  });
});
