// Owns what the benchmark says in the end: measurements in, Markdown out.
import type { Machine } from './machine.ts';
import { type Measurement, PEER_NAMES, type PeerName, WORKLOAD_NAMES, WORKLOADS, type WorkloadName } from './plan.ts';
import { median, medianRatio } from './statistics.ts';

/** A table with a row for each workload and peer, and a line that holds the ratios against the goals. */
export function report(machine: Machine, measurements: readonly Measurement[]): string {
  return [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB; ${machine.kernel}; load average before ${machine.loadAverage.toFixed(2)}`,
    machine.versions.join('; '),
    '',
    'Cost is CPU time of the whole process tree, or memory for idle. Ratios are medians of the ratios within each round.',
    '',
    table(measurements),
    '',
    goals(measurements),
  ].join('\n');
}

function table(measurements: readonly Measurement[]): string {
  const head = ['workload', 'peer', 'cost', 'median', 'min', 'max', 'to Squid', 'to floor', 'rate', 'busy', 'MiB', 'errors', 'rounds'];
  const rows = WORKLOAD_NAMES.flatMap((workload) =>
    PEER_NAMES.flatMap((peer) => {
      const own = measurements.filter((each) => each.workload === workload && each.peer === peer);
      return own.length === 0 ? [] : [row(workload, peer, own, measurements)];
    }),
  );
  const alignment = head.map((_, column) => (column < 3 ? '---' : '--:'));
  return [head, alignment, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function row(workload: WorkloadName, peer: PeerName, own: readonly Measurement[], all: readonly Measurement[]): string[] {
  const costs = own.map(({ cost }) => cost);
  const middle = (value: (each: Measurement) => number) => median(own.map(value));
  return [
    workload,
    peer,
    WORKLOADS[workload].unit,
    shown(median(costs)),
    shown(Math.min(...costs)),
    shown(Math.max(...costs)),
    ratioText(ratio(workload, peer, 'squid', all)),
    ratioText(ratio(workload, peer, 'floor', all)),
    rate(workload, middle(({ operations, seconds }) => operations / seconds) ?? 0),
    ratioText(middle(({ busy }) => busy)),
    shown(middle(({ memoryMiB }) => memoryMiB)),
    String(own.reduce((sum, { errors }) => sum + errors, 0)),
    String(own.length),
  ];
}

function goals(measurements: readonly Measurement[]): string {
  const verdicts = WORKLOAD_NAMES.flatMap((workload) => {
    const { goal } = WORKLOADS[workload];
    const reached = ratio(workload, 'sallyport', 'squid', measurements);
    if (goal === null || reached === null) return [];
    return [`${workload} ${reached.toFixed(2)} ${reached <= goal ? '<=' : '>'} ${goal} ${reached <= goal ? 'met' : 'NOT MET'}`];
  });
  return verdicts.length === 0 ? 'Goals need both sallyport and squid.' : `Goals, as ratios to Squid: ${verdicts.join('; ')}.`;
}

function ratio(workload: WorkloadName, peer: PeerName, base: PeerName, measurements: readonly Measurement[]): number | null {
  const costsByRound = (of: PeerName) =>
    new Map(measurements.filter((each) => each.workload === workload && each.peer === of).map(({ round, cost }) => [round, cost]));
  return medianRatio(costsByRound(peer), costsByRound(base));
}

function rate(workload: WorkloadName, perSecond: number): string {
  return WORKLOADS[workload].unit === 's/GiB' ? `${(perSecond / 1e9).toFixed(2)} GB/s` : `${Math.round(perSecond)}/s`;
}

function shown(value: number | null): string {
  return value === null ? '' : value.toFixed(value < 10 ? 3 : 1);
}

function ratioText(value: number | null): string {
  return value === null ? '' : value.toFixed(2);
}
