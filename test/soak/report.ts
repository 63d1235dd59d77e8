import type { SoakReport } from './run.ts';

/** Nothing lost, nothing done twice, histories and memory within their bounds. */
export function isGood({ problems }: SoakReport): boolean {
  return problems.length === 0;
}

/** A report for people. */
export function textOf(report: SoakReport): string {
  const lines = [
    `${report.events} events in one session in ${report.seconds} s, with ${report.pauses} pauses and ${report.messages} messages to the agent.`,
    '',
    `  lost               ${report.lost}`,
    `  happened twice     ${report.duplicateEffects}`,
    `  runs               ${report.runs}, the longest with ${report.maxHistoryEvents} history events, the largest with ${Math.round(report.maxHistoryBytes / 1024)} KiB`,
    `  worker's memory    ${report.workerRssMbStart} MB at the start, ${report.workerRssMbEnd} MB at the end`,
    '',
    ...report.problems.map((problem) => `PROBLEM ${problem}`),
    isGood(report) ? 'Nothing was lost, and nothing happened twice.' : 'This must not be.',
  ];
  return `${lines.join('\n')}\n`;
}
