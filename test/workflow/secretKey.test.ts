import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SecretBox } from '../../store/secrets.ts';
import { webhookPrivateKey } from '../../store/signingKeys.ts';
import { startWorker } from '../../worker/worker.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { arrivedOf, event, startSession } from '../support/engineSession.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';

const NEW_KEY = 'another secret key that is used in tests alone';

let engine: Engine;
let receiver: Receiver;

beforeAll(async () => {
  [engine, receiver] = await Promise.all([startEngine({ worker: false }), startReceiver()]);
});
afterAll(async () => {
  await engine?.close();
  await receiver?.close();
});

async function withWorker(secretKey: string, previousSecretKeys: string[], work: () => Promise<unknown>): Promise<void> {
  const worker = await startWorker({ ...engine.settings, secretKey, previousSecretKeys }, pino({ level: 'silent' }));
  try {
    await work();
  } finally {
    worker.stop();
    await worker.done;
  }
}

const sealedTexts = async () => [
  ...(await engine.db.selectFrom('integrations').select('secrets').execute()).map(({ secrets }) => secrets),
  ...(await engine.db.selectFrom('signing_keys').select('private_key').execute()).map(({ private_key: key }) => key),
];

it('a secret key can be dropped after a worker has run with the new one, and what nobody can open is left alone', async () => {
  const { db, settings } = engine;
  const agent = await engine.agent('agent');
  const integrationId = await engine.webhook(receiver.url);
  await engine.notify(agent.id, integrationId, { subscription: { mode: 'custom', rules: [{ event: 'Reported' }] } });
  const lost = await engine.webhook(receiver.url, { name: 'lost' });
  const sealedElsewhere = new SecretBox('a key that nobody has any more').seal({});
  await db.updateTable('integrations').set({ secrets: sealedElsewhere }).where('id', '=', lost).execute();
  const pem = await webhookPrivateKey(db, new SecretBox(settings.secretKey));
  const before = await db.selectFrom('integrations').selectAll().where('id', '=', integrationId).executeTakeFirstOrThrow();
  const opened = new SecretBox(settings.secretKey).open(before.secrets);

  const alone = new SecretBox(NEW_KEY);
  await withWorker(NEW_KEY, [settings.secretKey], () =>
    expect.poll(async () => (await sealedTexts()).filter((text) => text.startsWith(alone.currentPrefix)).length, { timeout: 20_000 }).toBe(2));

  const after = await db.selectFrom('integrations').selectAll().where('id', '=', integrationId).executeTakeFirstOrThrow();
  expect(after).toEqual({ ...before, secrets: after.secrets });
  expect(alone.open(after.secrets)).toEqual(opened);
  expect(await webhookPrivateKey(db, alone)).toBe(pem);
  expect(await sealedTexts()).toContain(sealedElsewhere);

  const [{ secret }] = opened.signing as [{ secret: string }];
  receiver.verifyWith(secret);
  await withWorker(NEW_KEY, [], async () => {
    const session = await startSession(engine, { agents: [agent] });
    await session.append(event('report'));
    await arrivedOf(receiver, session, 1);
  });
  expect(receiver.received.map(({ signature }) => signature)).toEqual(['valid']);
});
