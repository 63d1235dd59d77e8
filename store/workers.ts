import { sql } from 'kysely';
import type { Db } from './database.ts';

/** Says that a worker lives and will for `aliveMs`; its leases are respected as long as it does. */
export async function announceWorker(db: Db, owner: string, aliveMs: number): Promise<void> {
  await sql`
    insert into workers (owner, alive_until) values (${owner}, clock_timestamp() + ${aliveMs} * interval '1 millisecond')
    on conflict (owner) do update set alive_until = excluded.alive_until`.execute(db);
}

/** Says that a worker holds no lease any more. */
export async function retireWorker(db: Db, owner: string): Promise<void> {
  await sql`update workers set alive_until = clock_timestamp() where owner = ${owner}`.execute(db);
}

/** Forgets workers whose leases have all ended long ago. */
export async function pruneWorkers(db: Db): Promise<void> {
  await sql`delete from workers where alive_until < now() - interval '1 day'`.execute(db);
}
