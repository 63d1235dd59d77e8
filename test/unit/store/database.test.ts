import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isUnavailable } from '../../../store/unavailable.ts';
import { createTestDatabase, type TestDatabase } from '../../support/stack.ts';

describe('a database whose connections break', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase();
  });

  afterAll(() => database.close());

  it('fails the transaction whose connection broke between two of its queries, and nothing else', async () => {
    const { db } = database;
    const broken = db.transaction().execute(async (trx) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(trx);
      await sql`select pg_terminate_backend(${rows[0]!.pid})`.execute(db);
      await sleep(200);
      await sql`select 1`.execute(trx);
    });
    const error = await broken.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Error);
    expect(isUnavailable(error)).toBe(true);
    expect((await sql`select 1 as one`.execute(db)).rows).toEqual([{ one: 1 }]);
  });
});

describe('statements', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase();
  });

  afterAll(() => database.close());

  const prepared = sql<{ statement: string }>`select statement from pg_prepared_statements order by name`;

  it('are prepared once a connection, whatever their values', async () => {
    await database.db.connection().execute(async (connection) => {
      for (const name of ['first', 'second']) await connection.selectFrom('agents').select('id').where('name', '=', name).execute();
      const statements = (await prepared.execute(connection)).rows.map((row) => row.statement);
      expect(statements.filter((text) => text === 'select "id" from "agents" where "name" = $1')).toHaveLength(1);
    });
  });

  it('that ask for all columns survive a column that is added while they are in use', async () => {
    await database.db.connection().execute(async (connection) => {
      const all = () => connection.selectFrom('agents').selectAll().execute();
      await all();
      await sql`alter table agents add column colour text`.execute(database.db);
      await expect(all()).resolves.toEqual([]);
    });
  });
});
