import { decodeOutcome } from '../model/decisions.ts';
import type { RuleSet, SessionEvent, SkipReason } from '../model/types.ts';
import type { BatchPlan } from './batch.ts';

/** What became of one event, for people; the answer of the query `decisions` has the last ones. Herald's API has them all. */
export interface DecisionNote {
  seq: number;
  event: string;
  /** Where messages went. */
  sent: string[];
  /** How many notifications were skipped, by reason. */
  skipped: Partial<Record<SkipReason, number>>;
  /** True when the stored event had the last word, because the workflow carries a part of it only. */
  judgedByStoredEvent?: true;
}

const NOTES = 20;
const DESTINATIONS = 5;

/** The last notes, after a further batch. */
export function withDecisionNotes(before: DecisionNote[], plan: BatchPlan, events: SessionEvent[], ruleSets: ReadonlyMap<string, RuleSet>): DecisionNote[] {
  const further = events
    .filter((event) => !event.silent)
    .slice(-NOTES)
    .map((event) => noteOf(event, plan, ruleSets));
  return [...before, ...further].slice(-NOTES);
}

function noteOf({ seq, type }: SessionEvent, plan: BatchPlan, ruleSets: ReadonlyMap<string, RuleSet>): DecisionNote {
  const note: DecisionNote = { seq, event: type, sent: [], skipped: {} };
  if (plan.undecided.some((event) => event.seq === seq)) return { ...note, judgedByStoredEvent: true };
  const codes = new Map(plan.decided.find(({ fromSeq, toSeq }) => fromSeq <= seq && seq <= toSeq)?.outcomes);
  for (const { id, notifications } of ruleSets.values()) {
    for (const [position, outcome] of decodeOutcome(codes.get(id) ?? '').entries()) {
      if (outcome !== 'sent') note.skipped[outcome] = (note.skipped[outcome] ?? 0) + 1;
      else if (note.sent.length < DESTINATIONS) note.sent.push(notifications[position]?.label ?? 'a notification');
      else if (note.sent.length === DESTINATIONS) note.sent.push('and further ones');
    }
  }
  return note;
}
