import type { SkipReason } from './types.ts';

/** What became of one notification for one event. */
export type Outcome = 'sent' | SkipReason;

const letters: readonly (readonly [Outcome, letter: string])[] = [
  ['sent', 's'],
  ['event_type', 'e'],
  ['field_filter', 'f'],
  ['metadata', 'm'],
  ['disabled', 'd'],
  ['same_destination', 'u'],
  ['already_ended', 'x'],
  ['itself', 'i'],
];

const letterOf = new Map(letters);
const outcomeOf = new Map(letters.map(([outcome, letter]) => [letter, outcome]));

/** Outcomes of a rule set's notifications, in their order, as runs: 499 × event_type, one sent → `e499s1`. */
export function encodeOutcome(list: readonly Outcome[]): string {
  let code = '';
  let start = 0;
  for (let index = 0; index < list.length; index++) {
    if (list[index + 1] === list[index]) continue;
    code += `${letterOf.get(list[index]!)}${index + 1 - start}`;
    start = index + 1;
  }
  return code;
}

/**
 * The list that {@link encodeOutcome} was given.
 *
 * @throws Error when the text is no such code.
 */
export function decodeOutcome(code: string): Outcome[] {
  if (!/^([a-z][0-9]{1,9})*$/.test(code)) throw new Error(`Not an outcome code: ${code}`);
  return Array.from(code.matchAll(/([a-z])([0-9]+)/g)).flatMap(([, letter, count]) => {
    const outcome = outcomeOf.get(letter!);
    if (outcome === undefined) throw new Error(`Unknown outcome '${letter}' in code: ${code}`);
    return Array<Outcome>(Number(count)).fill(outcome);
  });
}
