/** How the ids of the events begin that commands and time-outs become. Nobody else's begin like this. */
const OWN_PREFIXES = ['command:', 'timer:'];

/** Whether an event is what a command or a time-out became. */
export function isOwnEventId(id: string): boolean {
  return OWN_PREFIXES.some((prefix) => id.startsWith(prefix));
}

/** The id under which a reported event is stored: as it came, unless Herald would take it for its own. */
export function reportedEventId(id: string): string {
  return isOwnEventId(id) ? `reported:${id}` : id;
}
