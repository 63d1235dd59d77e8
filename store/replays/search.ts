import { sql } from 'kysely';
import type { ReplayedDelivery, ReplayKind } from '../../model/replay.ts';
import type { JsonObject } from '../../model/types.ts';
import type { Db } from '../database.ts';
import { searchDisabled } from './disabled.ts';
import { searchEvents } from './events.ts';
import { searchFailed } from './failed.ts';

/** What a replay is about. */
export interface ReplayScope {
  organisationId: string;
  kind: ReplayKind;
  integrationId: string;
  /** Required for `events`. */
  notificationId: string | null;
  /** For `events`: this session alone. */
  sessionId: string | null;
  since: Date | null;
  until: Date;
}

export interface FoundItem {
  deliveryId: string;
  /** Null for a delivery that exists: a dead letter. */
  newDelivery: ReplayedDelivery | null;
}

export interface SearchPage {
  found: FoundItem[];
  /** Where the search goes on. Plain JSON. */
  position: JsonObject | null;
  /** True when there is nothing beyond the position. */
  complete: boolean;
}

const searches = { failed: searchFailed, disabled: searchDisabled, events: searchEvents };

/** Looks through the next part of what a replay is about. Reads only. */
export function searchPage(db: Db, scope: ReplayScope, position: JsonObject | null): Promise<SearchPage> {
  return searches[scope.kind](db, scope, position);
}

/** Postgres' clock, in whole milliseconds, a little after everything that is stored by now. */
export async function readNow(db: Db): Promise<Date> {
  const { rows } = await sql<{ now: Date }>`select date_trunc('milliseconds', clock_timestamp()) + interval '1 millisecond' as now`.execute(db);
  return rows[0]!.now;
}
