/** How large an event is, in bytes of JSON. */
export const EVENT_BYTES = 400;

/** Which events carry `"severity":"critical"`, which is what the bench's notifications ask for: one in so many, the last of each. */
export function isCritical(event: number, oneIn: number): boolean {
  return (event + 1) % oneIn === 0;
}

/** A tool call as an agent reports it, of exactly {@link EVENT_BYTES}. Its id is `<run>.<event>`. */
export function eventJson(run: string, event: number, critical: boolean): string {
  const head =
    `{"id":"${run}.${event}","type":"tool","name":"database_query","init_timestamp":"2024-03-14T12:01:03Z",` +
    `"severity":"${critical ? 'critical' : 'info'}","input":"SELECT * FROM orders WHERE id = ${event}","output":"`;
  return `${head.padEnd(EVENT_BYTES - 2, 'retrieved 5 rows; ')}"}`;
}

/** The body of a request with the events from `first` on. */
export function eventsBody(run: string, first: number, count: number, criticalOneIn: number): string {
  const events: string[] = [];
  for (let event = first; event < first + count; event += 1) events.push(eventJson(run, event, isCritical(event, criticalOneIn)));
  return `{"events":[${events.join(',')}]}`;
}
