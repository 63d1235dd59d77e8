import type { CaseResult, Outcome } from './play.ts';

const WIDTHS = { event: 20, notification: 26, outcome: 22 };
const INDENT = '    ';

export function tableHead(): string {
  return `${INDENT}  ${row('event', 'notification', 'the specification', 'Herald')}`;
}

/** The case as a table: each event, each notification, what the specification says and what Herald did. */
export function caseText({ case: name, metadata, outcomes, ok }: CaseResult): string {
  const pairs = Object.entries(metadata).map((pair) => pair.join('='));
  const title = `  ${ok ? '✓' : '✗'} ${name}${pairs.length > 0 ? `   [${pairs.join(', ')}]` : ''}`;
  return [title, ...outcomes.flatMap(outcomeLines)].join('\n');
}

function outcomeLines({ event, notification, expected, actual }: Outcome): string[] {
  const mark = expected === actual ? ' ' : '✗';
  if (expected.length <= WIDTHS.outcome && notification.length <= WIDTHS.notification) {
    return [`${INDENT}${mark} ${row(event, notification, expected, actual)}`];
  }
  return [
    `${INDENT}${mark} ${row(event, notification)}`,
    `${INDENT}      the specification: ${expected}`,
    `${INDENT}      Herald:            ${actual}`,
  ];
}

function row(event: string, notification: string, expected = '', actual = ''): string {
  const cells = [event.padEnd(WIDTHS.event), notification.padEnd(WIDTHS.notification), expected.padEnd(WIDTHS.outcome), actual];
  return cells.join('  ').trimEnd();
}
