import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sql } from 'kysely';
import type { TestProject } from 'vitest/node';
import { endLeftovers } from '../../embedded/leftovers.ts';
import { readPidFile, takeLock } from '../../embedded/pidFile.ts';
import { type PostgresPart, startPostgres } from '../../embedded/postgres.ts';
import { showProgress } from '../../embedded/progress.ts';
import { startTemporal, type TemporalPart } from '../../embedded/temporal.ts';
import { migrate, openDatabase } from '../../store/database.ts';
import { TEMPLATE } from './template.ts';

declare module 'vitest' {
  interface ProvidedContext {
    stackUrl: string;
  }
}

const FOLDER = 'herald-test-';
const OWNER = 'owner.pid';

/**
 * One Postgres, one Temporal server and one bundle of the workflow code for the whole run, each made when the first
 * test asks for it: unit tests alone start nothing.
 */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  await removeInterruptedRuns();
  const dataDir = mkdtempSync(path.join(tmpdir(), FOLDER));
  chmodSync(dataDir, 0o711);
  takeLock(path.join(dataDir, OWNER));
  let postgres: Promise<PostgresPart> | undefined;
  let temporal: Promise<TemporalPart> | undefined;

  let bundle: Promise<string> | undefined;

  function answer(part: string | undefined): Promise<string> {
    if (part === '/postgres') return (postgres ??= startWithTemplate(dataDir)).then(({ url }) => url);
    if (part === '/workflows') return (bundle ??= bundleInto(path.join(dataDir, 'workflows.js')));
    return (temporal ??= startServer(dataDir)).then(({ address }) => address);
  }

  const server = createServer((request, response) => {
    answer(request.url).then(
      (text) => response.end(text),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  project.provide('stackUrl', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);

  return async () => {
    server.closeAllConnections();
    server.close();
    for (const part of [temporal, postgres]) await part?.then(({ stop }) => stop(), () => undefined);
    rmSync(dataDir, { recursive: true, force: true });
  };
}

async function startWithTemplate(dataDir: string): Promise<PostgresPart> {
  const postgres = await startPostgres({ dataDir, log: tell });
  const server = openDatabase(postgres.url);
  const url = new URL(postgres.url);
  url.pathname = `/${TEMPLATE}`;
  const template = openDatabase(url.href);
  try {
    await sql`create database ${sql.id(TEMPLATE)}`.execute(server);
    await migrate(template);
  } finally {
    await template.destroy();
    await server.destroy();
  }
  return postgres;
}

/** Once for the run: every worker of it loads the same workflow code. */
async function bundleInto(file: string): Promise<string> {
  const { bundleWorkflows } = await import('../../worker/bundle.ts');
  const { code } = await bundleWorkflows((level, message) => (level === 'error' ? tell(message) : undefined));
  writeFileSync(file, code);
  return file;
}

async function startServer(dataDir: string): Promise<TemporalPart> {
  const { progress, done } = showProgress(process.stderr);
  try {
    // Many tests have a namespace of their own, whose search attributes are to be known soon.
    return await startTemporal({ dataDir, dynamicConfig: { 'system.namespaceCacheRefreshInterval': '200ms' }, log: tell, progress });
  } finally {
    done();
  }
}

/** A run that was killed leaves its servers and its folder behind. */
async function removeInterruptedRuns(): Promise<void> {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(FOLDER))) {
    const dataDir = path.join(tmpdir(), name);
    if (readPidFile(path.join(dataDir, OWNER)) !== undefined) continue;
    await endLeftovers(dataDir, tell);
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}
