import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGroupCommit, type GroupCommit, OverloadedError } from '../../../api/groupCommit.ts';
import { type Db, openDatabase } from '../../../store/database.ts';
import { createOrganisation } from '../../../store/organisations.ts';
import { loadEventsAfter } from '../../../store/progress.ts';
import { createSessionRow } from '../../../store/sessionRow.ts';
import { event } from '../../support/engineSession.ts';
import { type PostgresProxy, startPostgresProxy } from '../../support/postgresProxy.ts';
import { createTestDatabase, type TestDatabase, uniqueName } from '../../support/stack.ts';

const APPEND = /insert into events/;
const IMPATIENT_MS = 300;
const log = pino({ level: 'silent' });

let database: TestDatabase;
let organisationId: string;
let proxy: PostgresProxy;
/** Through the proxy. */
let db: Db;

beforeAll(async () => {
  database = await createTestDatabase();
  organisationId = (await createOrganisation(database.db, { name: 'test' })).id;
  proxy = await startPostgresProxy(database.url);
  db = openDatabase(proxy.url);
});
afterAll(async () => {
  await db?.destroy();
  await proxy?.close();
  await database?.close();
});

async function newSession(): Promise<{ key: number; append: (groups: GroupCommit, id: string) => ReturnType<GroupCommit['append']> }> {
  const id = uniqueName('session');
  const created = await createSessionRow(database.db, organisationId, { id, initTimestamp: '2024-03-14T12:00:00Z', details: {}, agents: [] });
  return {
    key: created!.key,
    append: (groups, eventId) => groups.append({ organisationId, sessionId: id, events: [event(eventId)] }),
  };
}

async function storedIds(key: number): Promise<string[]> {
  return (await loadEventsAfter(database.db, key, 0, { events: 100, maxJson: 1e9 })).map(({ id }) => id);
}

/** What a request was refused with. */
async function refusal(request: Promise<unknown>): Promise<OverloadedError> {
  const error = await request.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof OverloadedError)) throw new Error(`expected an OverloadedError, not ${String(error)}`);
  return error;
}

describe('requests to one session', () => {
  it.each([
    ['before Postgres heard of it', 'unheard'],
    ['after it was committed, with no answer', 'unanswered'],
  ] as const)('keep their order when the transaction of the first one breaks %s', async (_, breaks) => {
    const session = await newSession();
    const groups = createGroupCommit(db, log);
    const broken = proxy.breakOnce({ statement: APPEND, breaks });
    const results = await Promise.all(['a', 'b', 'c'].map((id) => session.append(groups, id)));
    await broken;
    expect(await storedIds(session.key)).toEqual(['a', 'b', 'c']);
    expect(results.map((result) => result.outcome === 'appended' && result.duplicates), 'what it stored itself is no duplicate').toEqual([0, 0, 0]);
  });
});

describe('a request that is not stored in time', () => {
  it('is said to be stored perhaps when an attempt was committed without an answer', async () => {
    const session = await newSession();
    const groups = createGroupCommit(db, log, IMPATIENT_MS);
    const broken = proxy.breakOnce({ statement: APPEND, breaks: 'unanswered' }).then(() => proxy.goAway());
    const { mayBeStored } = await refusal(session.append(groups, 'a'));
    await broken;
    proxy.comeBack();
    expect(mayBeStored).toBe(true);
    expect(await storedIds(session.key)).toEqual(['a']);
  });

  it('is said not to be stored when no attempt was made', async () => {
    const [session, other] = [await newSession(), await newSession()];
    const groups = createGroupCommit(db, log, IMPATIENT_MS);
    const requests = await database.db.transaction().execute(async (trx) => {
      await trx.selectFrom('session_progress').select('last_seq').where('session_key', '=', session.key).forUpdate().execute();
      const underWay = [session.append(groups, 'a'), refusal(session.append(groups, 'b'))] as const;
      await new Promise((resolve) => setTimeout(resolve, 2 * IMPATIENT_MS));
      await other.append(groups, 'c');
      return underWay;
    });
    const [, refused] = await Promise.all(requests);
    expect(refused.mayBeStored).toBe(false);
    expect(await storedIds(session.key)).toEqual(['a']);
  });
});
