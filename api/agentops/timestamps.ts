import type { Json } from '../../model/types.ts';

const ISO_8601 =
  /^(\d{4})-?(\d{2})-?(\d{2})(?:[T ](\d{2})(?::?(\d{2})(?::?(\d{2})(?:[.,](\d{1,9}))?)?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?)?$/i;

/**
 * A caller's timestamp as ISO 8601 in UTC. Any offset is understood, and a time without one is UTC.
 * Undefined for whatever is not a time: the event is kept, with the time of its arrival.
 */
export function readTimestamp(value: Json | undefined): string | undefined {
  const parts = typeof value === 'string' ? ISO_8601.exec(value.trim()) : null;
  if (!parts) return undefined;
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '0', zone = 'Z'] = parts;
  const time = `${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.slice(0, 3).padEnd(3, '0')}${readOffset(zone)}`;
  const instant = new Date(time);
  const inRange = instant.getTime() >= Date.UTC(1, 0) && instant.getUTCFullYear() < 10_000;
  return inRange ? instant.toISOString() : undefined;
}

/** Whether the caller said anything at all, however odd. */
export function isGiven(value: Json | undefined): boolean {
  return value !== undefined && value !== null && value !== '' && value !== false;
}

/** `+02`, `+0200` and `+02:00` are the same. */
function readOffset(zone: string): string {
  if (zone.toUpperCase() === 'Z') return 'Z';
  return `${zone.slice(0, 3)}:${zone.slice(3).replace(':', '') || '00'}`;
}
