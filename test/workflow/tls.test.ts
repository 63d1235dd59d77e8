import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readDelivery } from '../../store/deliveries.ts';
import { authority, expired, ofLocalhost, selfSigned } from '../support/certificates.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { deliveryOf, event, startSession } from '../support/engineSession.ts';
import { startWorkerProcess, type WorkerProcess } from '../support/workerProcess.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'herald-tls-'));
const servers: Server[] = [];
/** Requests that got past the handshake, by the port of their server. */
const requests = new Map<number, number>();
let engine: Engine;
let worker: WorkerProcess;

beforeAll(async () => {
  const trusted = path.join(folder, 'authority.pem');
  writeFileSync(trusted, authority);
  engine = await startEngine({ worker: false });
  worker = await startWorkerProcess(engine.settings, { env: { NODE_EXTRA_CA_CERTS: trusted } });
});
afterAll(async () => {
  await worker?.kill();
  await engine?.close();
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true });
});

async function secureServer(certificate: { key: string; cert: string }): Promise<number> {
  const server = createServer(certificate, (_, response) => {
    requests.set(port, (requests.get(port) ?? 0) + 1);
    response.end('ok');
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return port;
}

/** Reports one event to an endpoint, and answers its delivery when that has ended. */
async function deliveryTo(url: string) {
  const agent = await engine.agent(`agent of ${url}`);
  const integrationId = await engine.webhook(url, { delivery: { retry_schedule_s: [0.1] } });
  await engine.notify(agent.id, integrationId, { subscription: { mode: 'custom', rules: [{ event: 'Reported' }] } });
  const session = await startSession(engine, { agents: [agent] });
  await session.append(event('report'));
  await expect.poll(async () => (await deliveryOf(engine, session, 'report')).status).toMatch(/delivered|failed/);
  return (await readDelivery(engine.db, engine.organisationId, (await deliveryOf(engine, session, 'report')).id))!;
}

it('an endpoint gets its messages whose authority is named in NODE_EXTRA_CA_CERTS', async () => {
  const port = await secureServer(ofLocalhost);
  expect(await deliveryTo(`https://localhost:${port}/`)).toMatchObject({ status: 'delivered', attemptCount: 1 });
  expect(requests.get(port)).toBe(1);
});

it.each([
  ['for another name', ofLocalhost, '127.0.0.1', 'is for another name'],
  ['that has expired', expired, 'localhost', 'has expired'],
  ['that signed itself', selfSigned, 'localhost', 'is not trusted: self-signed certificate'],
])('an endpoint with a certificate %s gets nothing, and each attempt says why', async (_, certificate, host, reason) => {
  const port = await secureServer(certificate);
  const { status, attempts } = await deliveryTo(`https://${host}:${port}/`);
  const error = `the TLS certificate of ${host}:${port} ${reason}`;
  expect([status, ...attempts.map((attempt) => attempt.error)]).toEqual(['failed', error, error]);
  expect(requests.has(port)).toBe(false);
});
