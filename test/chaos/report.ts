import type { ChaosReport } from './run.ts';

/** Nothing lost, nothing unexplained, and Herald's own books agree. */
export function isGood({ lost, unexplained, problems }: ChaosReport): boolean {
  return lost === 0 && unexplained === 0 && problems.length === 0;
}

/** A report for people. */
export function textOf(report: ChaosReport): string {
  const { kills, freezes, receiver, answers, commands } = report;
  const lines = [
    `Seed ${report.seed}, ${report.seconds} s, ${report.acceptedPerSecond} events/s accepted while things broke.`,
    '',
    `  accepted      ${report.accepted} events`,
    `  expected      ${report.expected} messages`,
    `  delivered     ${report.delivered}`,
    `  lost          ${report.lost}`,
    `  duplicates    ${report.duplicates}, each with the id of the first`,
    `  unexplained   ${report.unexplained}`,
    `  not acknowledged: ${report.uncertain.events} events, of which ${report.uncertain.delivered} messages came`,
    '',
    `  commands      ${commands.carriedOut} carried out, ${commands.refused} refused by the state of their session`,
    `  killed        ${counted(kills)}`,
    `  frozen        ${counted(freezes)}`,
    `  receiver      ${counted(receiver)}`,
    `  answers       ${counted(answers)}`,
    `  all there     ${report.drainSeconds} s after the last fault`,
    ...(report.stalls > 0 ? [`  The machine stood still ${report.stalls} times: it has more to do than it can.`] : []),
    '',
    ...report.lostPairs.map((pair) => `LOST ${pair}`),
    ...report.reasons.map((reason) => `UNEXPLAINED ${reason}`),
    ...report.problems.map((problem) => `PROBLEM ${problem}`),
    isGood(report) ? 'Nothing was lost.' : 'This must not be.',
  ];
  return `${lines.join('\n')}\n`;
}

function counted(counts: Record<string, number>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}
