import type { MeasuredFigures } from './measure.ts';
import type { Report } from './report.ts';

/** The report for people: what was measured, then each target with whether it was met. */
export function tableOf(report: Report, titles: Record<string, string>): string {
  const { machine, scale, scenarios, naive, targets } = report;
  const blocks = [
    `Herald ${machine.commit}, Node ${machine.node}, ${machine.cores} cores (${machine.cpu}), ${machine.memoryGiB} GiB, ${machine.system}, ${machine.at}`,
    ...(machine.loadBefore > machine.cores / 2 ? [`The machine was busy with other things before (load ${machine.loadBefore}): expect worse figures than it can do.`] : []),
    `One core parsed, wrote and hashed ${whole(machine.coreSpeed.before)} events/s before and ${whole(machine.coreSpeed.after)} after.`,
    ...(scale < 1 ? [`Shortened to ${scale} of the bench: not for quoting.`] : []),
    '',
    align([
      ['', '', 'accepted/s', 'delivered/s', 'ack p50', 'p99', 'delivery p50', 'p99', 'lost', 'drained', 'CPU ms an event'],
      ...Object.entries(scenarios).map(([key, figures]) => row(key, titles[key] ?? '', figures)),
      ...(naive ? [row('', titles.naive ?? '', naive)] : []),
    ]),
    ...growth(report),
    '',
    'Memory, MiB:',
    align([['', ...partsOf(report.memory)], ...Object.entries(report.memory).map(([moment, parts]) => [moment, ...partsOf(report.memory).map((part) => whole(parts[part] ?? 0))])]),
    '',
    'Targets, for 2 cores with everything on them:',
    align(targets.map((t) => [t.scenario, t.figure, whole(t.value), t.unit, `${t.comparison} ${whole(t.target)}`, t.met ? 'ok' : 'missed'])),
  ];
  return `${blocks.join('\n')}\n`;
}

function row(key: string, title: string, figures: MeasuredFigures): string[] {
  return [
    key,
    title,
    whole(figures.acceptedPerSecond),
    whole(figures.deliveredPerSecond),
    ...[figures.ackP50Ms, figures.ackP99Ms, figures.deliveryP50Ms, figures.deliveryP99Ms].map((ms) => `${whole(ms)} ms`),
    whole(figures.lost),
    `${whole(figures.drainMs)} ms`,
    Object.entries(figures.cpuMsPerEvent).map(([part, ms]) => `${part} ${ms}`).join(', '),
  ];
}

function growth({ scenarios }: Report): string[] {
  const { g } = scenarios;
  if (!g || !('steps' in g)) return [];
  const header = ['open sessions', 'opened/s', 'p50 in use', 'p99', 'p50 after idling', 'p99', 'memory, MiB'];
  const rows = g.steps.map((step) => [
    whole(step.sessions),
    whole(step.openedPerSecond),
    ...[step.deliveryP50Ms, step.deliveryP99Ms, step.idleDeliveryP50Ms, step.idleDeliveryP99Ms].map((ms) => `${whole(ms)} ms`),
    Object.entries(step.memory).map(([part, mib]) => `${part} ${mib}`).join(', '),
  ]);
  return ['', align([header, ...rows])];
}

function partsOf(memory: Record<string, Record<string, number>>): string[] {
  return Object.keys(Object.values(memory)[0] ?? {});
}

function whole(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: value < 100 ? 1 : 0 });
}

/** Columns of equal width; those that hold numbers are set to the right. */
function align(rows: string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  const numeric = widths.map((_, column) => rows.some((cells) => /^[\d,.]+( ms)?$/.test(cells[column] ?? '')));
  return rows
    .map((cells) => cells.map((cell, column) => (numeric[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!))).join('  ').trimEnd())
    .join('\n');
}
