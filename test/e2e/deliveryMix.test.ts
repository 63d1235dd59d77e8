import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listDeliveries, readDelivery } from '../../store/deliveries.ts';
import { BAD, type DeliveryMix, GOOD, startDeliveryMix } from '../support/deliveryMix.ts';

/** Rounds with and without the bad endpoints in turn, so that both meet the same noise of the machine. */
const GIVEN_ROUNDS = process.env.HERALD_MIX_ROUNDS;
const ROUNDS = Number(GIVEN_ROUNDS ?? 3);
const EVENTS_A_ROUND = 17;
/** So slow that the machine is busy about half of the time: what is measured is who waits for whom, not how much it can take. */
const GAP_MS = 160;
const WARM_UP = 4;
const MIXED = ROUNDS * EVENTS_A_ROUND * (GOOD + BAD.length);
/**
 * What other test files may add on the same machine: far less than the second that a session once waited for hanging
 * endpoints. Nothing by hand, on a machine of its own: `HERALD_MIX_ROUNDS=7 npx vitest run test/e2e/deliveryMix.test.ts`
 */
const NOISE_MS = GIVEN_ROUNDS === undefined ? 150 : 5;
/** Half of the messages meet less of it: what holds all of them up by little shows here. */
const MEDIAN_NOISE_MS = 20;

let mix: DeliveryMix;

beforeAll(async () => {
  mix = await startDeliveryMix();
});
afterAll(() => mix?.close());

function percentile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)]!;
}

async function allDeliveries() {
  const { db, organisationId } = mix.engine;
  return (await listDeliveries(db, organisationId, {}, { limit: 100_000 })).items;
}

describe(`${MIXED} deliveries to good, slow, failing, limited and hanging endpoints`, () => {
  test('reach the good ones as fast as without the others', async () => {
    await mix.report('alone', WARM_UP, GAP_MS);
    await mix.report('mixed', WARM_UP, GAP_MS);
    const rounds: Record<'alone' | 'mixed', number[]>[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      await mix.ended();
      const alone = await mix.report('alone', EVENTS_A_ROUND, GAP_MS);
      rounds.push({ alone, mixed: await mix.report('mixed', EVENTS_A_ROUND, GAP_MS) });
    }
    for (const [share, noiseMs] of [[0.5, MEDIAN_NOISE_MS], [0.99, NOISE_MS]] as const) {
      const byRound = rounds.map((round) => ({ alone: percentile(round.alone, share), mixed: percentile(round.mixed, share) }));
      const alone = percentile(byRound.map((round) => round.alone), 0.5);
      const mixed = percentile(byRound.map((round) => round.mixed), 0.5);
      const told = `p${share * 100} to good endpoints, ms, by round: ${JSON.stringify(byRound)}; medians: ${alone} alone, ${mixed} mixed, ratio ${(mixed / alone).toFixed(2)}`;
      console.log(told);
      expect(mixed, told).toBeLessThanOrEqual(Math.max(1.5 * alone, alone + noiseMs));
    }
  }, 120_000);

  test('all end, delivered or as dead letters, with their attempts logged', async () => {
    await mix.ended();
    const deliveries = await allDeliveries();
    expect(new Set(deliveries.map(({ status }) => status))).toEqual(new Set(['delivered', 'failed']));
    expect(deliveries.length).toBeGreaterThanOrEqual(MIXED);
    const { db, organisationId } = mix.engine;
    const endings = new Map<string, number>();
    for (const { id, attemptCount } of deliveries) {
      const delivery = (await readDelivery(db, organisationId, id))!;
      const last = delivery.attempts.at(-1)!;
      expect(delivery.attempts.length, id).toBe(attemptCount);
      expect([last.ok, last.error === null], id).toEqual(delivery.status === 'delivered' ? [true, true] : [false, false]);
      const ending = `${delivery.status}: ${last.statusCode ?? 'no answer'}`;
      endings.set(ending, (endings.get(ending) ?? 0) + 1);
    }
    console.log('endings', Object.fromEntries(endings));
    expect(endings.get('failed: 500')).toBe(ROUNDS * EVENTS_A_ROUND + WARM_UP);
    expect(endings.get('failed: no answer')).toBe(ROUNDS * EVENTS_A_ROUND + WARM_UP);
  }, 120_000);
});
