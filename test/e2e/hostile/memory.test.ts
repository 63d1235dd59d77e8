import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestApi, type TestApi } from '../../support/api.ts';
import { createSender } from './request.ts';
import { hostileJson, hostileText } from './values.ts';

const ROUND = 300;
const ROUNDS = 4;
const ALLOWED_BYTES = 2 * 1_048_576;

let api: TestApi;

beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api?.close());

it('memory does not grow with requests that are refused', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const { send, close } = createSender(api.url);
  const used: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    // Other sessions, keys and bodies each time: nothing that is kept for each of them stays unnoticed.
    for (const [index, [text, json]] of fc.sample(fc.tuple(hostileText, hostileJson), { seed: round, numRuns: ROUND }).entries()) {
      const headers = { 'x-agentops-api-key': index % 3 === 0 ? `key ${round} ${index}` : api.key, 'content-type': 'application/json', 'idempotency-key': `${round} ${index}` };
      const path = `/v1/sessions/${encodeURIComponent(`${round} ${index} ${text.slice(0, 100).toWellFormed()}`)}/events`;
      await send({ method: 'POST', path, headers, body: Buffer.from(JSON.stringify(json)) });
    }
    collect();
    used.push(process.memoryUsage().heapUsed);
  }
  close();
  const growth = used.at(-1)! - used[1]!;
  expect(growth, `bytes in use after each round: ${used.join(', ')}`).toBeLessThan(ALLOWED_BYTES);
});
