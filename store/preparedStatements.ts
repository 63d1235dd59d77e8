import type { PostgresPool, PostgresPoolClient } from 'kysely';
import type pg from 'pg';

/** Texts beyond this many are planned at every call, so that ever new ones cannot fill a connection's memory. */
const MAX_TEXTS = 300;

/**
 * Makes statements prepared: each connection parses and plans a text once, not at every call. Planning the hot
 * statements costs Postgres several times what carrying them out does, and it would go on planning them: it takes a
 * plan for ten elements of an array for dearer than one for the array at hand. So it is told to keep its plan, except
 * for a `limit` that it must know to see that little is wanted.
 *
 * @param answerWithinMs A connection on which a statement takes longer is given up, and so is every other one that has
 * said nothing since: a server that vanished without a word, or a network that swallows packets, would otherwise be
 * waited for without end. Not while it migrates.
 */
export function withPreparedStatements(pool: pg.Pool, answerWithinMs: number): PostgresPool {
  const names = new Map<string, string>();
  const clients = new WeakMap<pg.PoolClient, PostgresPoolClient>();
  /** When a connection has last answered, in the time of `performance.now()`. */
  const answeredAt = new WeakMap<pg.PoolClient, number>();
  /** A connection that was silent since then may be silent for ever. */
  let silentSince = -Infinity;

  function nameOf(text: string): string | undefined {
    const known = names.get(text);
    if (known !== undefined || names.size >= MAX_TEXTS || !isPreparable(text)) return known;
    const name = `herald_${names.size}`;
    names.set(text, name);
    return name;
  }

  function preparing(client: pg.PoolClient): PostgresPoolClient {
    let migrating = false;
    /** How the connection plans now; undefined when nobody knows. */
    let planning: string | undefined;

    /** Has the next statement planned as suits it. */
    async function planFor(text: string, name: string | undefined): Promise<void> {
      if (/^\s*rollback/i.test(text)) planning = undefined;
      if (migrating || !isStatement(text)) return;
      const wanted = name === undefined || /\blimit \$/i.test(text) ? 'auto' : 'force_generic_plan';
      if (wanted === planning) return;
      await client.query({ text: `set plan_cache_mode = ${wanted}`, query_timeout: answerWithinMs } as pg.QueryConfig);
      planning = wanted;
    }

    /** Without Kysely's other form, for cursors, which nobody here uses. */
    const query = async (text: string, values: readonly unknown[]) => {
      const name = nameOf(text);
      if (text.includes('pg_advisory_')) migrating = text.includes('pg_advisory_lock');
      const statement = { text, values: [...values], ...(name === undefined ? {} : { name }), ...(migrating ? {} : { query_timeout: answerWithinMs }) };
      const askedAt = performance.now();
      try {
        await planFor(text, name);
        const result = await client.query(statement);
        answeredAt.set(client, performance.now());
        return result;
      } catch (error) {
        if (isTimeout(error)) {
          silentSince = Math.max(silentSince, askedAt);
          void client.end();
        }
        throw error;
      }
    };
    return { query: query as unknown as PostgresPoolClient['query'], release: (destroy) => client.release(destroy) };
  }

  return {
    options: pool.options,
    end: () => pool.end(),
    async connect() {
      let client = await pool.connect();
      while ((answeredAt.get(client) ?? Infinity) < silentSince) {
        client.release(true);
        client = await pool.connect();
      }
      const known = clients.get(client) ?? preparing(client);
      clients.set(client, known);
      return known;
    },
  };
}

/** A column that a newer version adds changes what `*` answers, which a prepared statement refuses to do. */
function isPreparable(text: string): boolean {
  return isStatement(text) && !/^\s*select \*|returning \*/i.test(text);
}

function isStatement(text: string): boolean {
  return /^\s*(select|insert|update|delete|with)\b/i.test(text);
}

/** The driver's word for a statement that was not answered in time. */
function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.message === 'Query read timeout';
}
