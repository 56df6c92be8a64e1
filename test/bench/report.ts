// Owns what the benchmark says in the end: measurements in, Markdown out.
import { goalTable, judge, TITLES } from './goals.ts';
import { describeInWords, type Machine } from './machine.ts';
import { type Measurement, PEER_NAMES, type PeerName, type RatioBase, WORKLOAD_NAMES, WORKLOADS, type WorkloadName } from './plan.ts';
import { costRatio, median } from './statistics.ts';

/** A table with a row for each workload and peer, and a line for each goal. */
export function report(machine: Machine, measurements: readonly Measurement[]): string {
  return [
    ...describeInWords(machine),
    '',
    'Cost is CPU time of the whole process tree, or its memory, or in ms how long 99 of 100 answers take at most. Ratios are medians of the ratios within each round.',
    'Hits were answered without the origin, which counts its requests.',
    '',
    table(measurements),
    '',
    goals(measurements),
  ].join('\n');
}

function table(measurements: readonly Measurement[]): string {
  const bases = basesOf(measurements);
  const head = [
    'workload',
    'peer',
    'cost',
    'median',
    'min',
    'max',
    ...bases.map((peer) => `to ${TITLES[peer]}`),
    'rate',
    'hits',
    'p50 ms',
    'busy',
    'MiB',
    'errors',
    'rounds',
  ];
  const rows = WORKLOAD_NAMES.flatMap((workload) =>
    PEER_NAMES.flatMap((peer) => {
      const own = measurements.filter((each) => each.workload === workload && each.peer === peer);
      return own.length === 0 ? [] : [row(workload, peer, own, measurements)];
    }),
  );
  const alignment = head.map((_, column) => (column < 3 ? '---' : '--:'));
  return [head, alignment, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function goals(measurements: readonly Measurement[]): string {
  const verdicts = judge(measurements);
  return verdicts.length === 0 ? 'No goal is about what was measured.' : goalTable(verdicts);
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
    ...basesOf(all).map((base) => ratioText(costRatio({ workload, peer }, { workload, peer: base }, all))),
    rate(workload, middle(({ operations, seconds }) => operations / seconds) ?? 0),
    shares(own.map((each) => each.hitRatio)),
    ratioText(median(own.flatMap(({ p50Ms }) => p50Ms ?? []))),
    ratioText(middle(({ busy }) => busy)),
    shown(middle(({ memoryMiB }) => memoryMiB)),
    String(own.reduce((sum, { errors }) => sum + errors, 0)),
    String(own.length),
  ];
}

/** Whom the others are compared with, of those that were measured. */
function basesOf(measurements: readonly Measurement[]): readonly RatioBase[] {
  return RATIO_BASES.filter((base) => measurements.some(({ peer }) => peer === base));
}

/** The least of the rounds, rounded down: only what is all hits is said to be. */
function shares(ratios: readonly (number | null)[]): string {
  const known = ratios.filter((each) => each !== null);
  return known.length === 0 ? '' : `${(Math.floor(1_000 * Math.min(...known)) / 10).toFixed(1)}%`;
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

const RATIO_BASES = ['squid', 'ats', 'squid-bump', 'squid-bump-first', 'mitmproxy', 'floor'] as const satisfies readonly RatioBase[];
