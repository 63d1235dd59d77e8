import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import { inject } from 'vitest';
import { type Db, openDatabase } from '../../store/database.ts';
import { TEMPLATE } from './template.ts';

export interface TestDatabase {
  db: Db;
  url: string;
  /** Closes the connections; the database goes with the run. */
  close: () => Promise<void>;
}

/** A database of a test's own: real, migrated, empty. Starts the run's Postgres when it is the first. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const serverUrl = await ask('postgres');
  const name = uniqueName('test');
  const server = openDatabase(serverUrl, { maxConnections: 1 });
  try {
    await sql`create database ${sql.id(name)} template ${sql.id(TEMPLATE)}`.execute(server);
  } finally {
    await server.destroy();
  }
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const db = openDatabase(url.href);
  return { db, url: url.href, close: () => db.destroy() };
}

/** host:port of the run's Temporal server (namespace `default`). Starts it when this is the first call. */
export async function temporalAddress(): Promise<string> {
  return ask('temporal');
}

/** The file with the workflow code, bundled from its sources for this run. */
export async function workflowBundle(): Promise<string> {
  return ask('workflows');
}

/** A name nobody else in this run uses, for task queues and ids on the shared servers. */
export function uniqueName(prefix: string): string {
  return `${prefix}_${randomBytes(8).toString('hex')}`;
}

async function ask(part: 'postgres' | 'temporal' | 'workflows'): Promise<string> {
  const response = await fetch(`${inject('stackUrl')}/${part}`);
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text;
}
