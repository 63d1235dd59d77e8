import { type RawBuilder, sql } from 'kysely';

/** A place in a list that is sorted by time of creation: everything older comes after it. */
export interface Position {
  /** ISO 8601, UTC, to the microsecond: a JavaScript date would lose rows that are created close together. */
  createdAt: string;
  id: string;
}

/** Which part of a list is wanted. `P` is what the list is sorted by. */
export interface PageRequest<P = Position> {
  limit: number;
  /** The last row of the page before. */
  after?: P;
}

export interface Page<T, P = Position> {
  items: T[];
  /** Where the next page begins; null at the end of the list. */
  next: P | null;
}

/** The part of a {@link Position} that a query must select beside the id. */
export function createdAtOf(column: string): RawBuilder<string> {
  return sql<string>`to_char(${sql.ref(column)} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}

/** True for the rows that come after the position in a newest-first list. */
export function isAfter(position: Position, createdAt: string, id: string): RawBuilder<boolean> {
  return sql<boolean>`(${sql.ref(createdAt)}, ${sql.ref(id)}) < (${position.createdAt}::timestamptz, ${position.id})`;
}

/** Makes a page of rows that were read with `limit + 1`: the row too many tells that there is more. */
export function pageOf<Row, T, P>(rows: Row[], limit: number, item: (row: Row) => T, position: (row: Row) => P): Page<T, P> {
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  return { items: rows.slice(0, limit).map(item), next: last === undefined ? null : position(last) };
}
