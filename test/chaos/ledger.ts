/** An event that the run has reported, or that follows from what it has reported. */
export interface ReportedEvent {
  sessionId: string;
  /** As Herald will name it, up to what Herald makes up itself. */
  eventId: string;
  type: string;
  /** A text in the payload by which its content is recognised. */
  note?: string;
  /** Notifications that it must be sent to once it is accepted … */
  expected: string[];
  /** … and those that it may be sent to besides. */
  allowed?: string[];
}

export interface Entry extends ReportedEvent {
  /** A request with it was answered with 2xx. */
  accepted: boolean;
  /** A request with it was answered with 409: it must not have happened. */
  refused: boolean;
  /** How many requests carried it: more than one when an answer was lost. */
  requests: number;
}

/** Every event of the run, and whether it was accepted. */
export interface Ledger {
  /** Notes events that are about to be sent, once more or for the first time. */
  offer(events: ReportedEvent[]): void;
  accept(events: ReportedEvent[]): void;
  refuse(events: ReportedEvent[]): void;
  find(sessionId: string, eventId: string): Entry | undefined;
  accepted(): Entry[];
  refused(): Entry[];
  /** Events that were sent, and never answered. */
  uncertain(): Entry[];
}

export function createLedger(): Ledger {
  const entries = new Map<string, Entry>();
  const entryOf = ({ sessionId, eventId }: ReportedEvent) => entries.get(keyOf(sessionId, eventId));
  return {
    offer(events) {
      for (const event of events) {
        const known = entryOf(event);
        if (known) known.requests += 1;
        else entries.set(keyOf(event.sessionId, event.eventId), { ...event, accepted: false, refused: false, requests: 1 });
      }
    },
    accept(events) {
      for (const event of events) entryOf(event)!.accepted = true;
    },
    refuse(events) {
      for (const event of events) entryOf(event)!.refused = true;
    },
    find: (sessionId, eventId) => entries.get(keyOf(sessionId, eventId)),
    accepted: () => [...entries.values()].filter((entry) => entry.accepted),
    refused: () => [...entries.values()].filter((entry) => entry.refused),
    uncertain: () => [...entries.values()].filter((entry) => !entry.accepted && !entry.refused),
  };
}

function keyOf(sessionId: string, eventId: string): string {
  return `${sessionId} ${eventId}`;
}
