// Owns what the benchmark says in the end: measurements in, Markdown out.
import type { Machine } from './machine.ts';
import {
  type GoalBase,
  type Measurement,
  OWN_BASES,
  type OwnBase,
  PEER_NAMES,
  type PeerName,
  WORKLOAD_NAMES,
  WORKLOADS,
  type WorkloadName,
} from './plan.ts';
import { costRatio, type Measured, median } from './statistics.ts';

/** A table with a row for each workload and peer, and a line for each goal. */
export function report(machine: Machine, measurements: readonly Measurement[]): string {
  return [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB; ${machine.kernel}; load average before ${machine.loadAverage.toFixed(2)}`,
    machine.versions.join('; '),
    '',
    'Cost is CPU time of the whole process tree, or memory (idle, idle-client, start). Ratios are medians of the ratios within each round.',
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

/** Every goal of what was measured; one that lacks its base is named too. */
function goals(measurements: readonly Measurement[]): string {
  const measured = WORKLOAD_NAMES.filter((name) => measurements.some(({ workload }) => workload === name));
  const lines = measured.flatMap((workload) =>
    (Object.entries(WORKLOADS[workload].goals) as [GoalBase, number][]).map(([base, most]) => goal(workload, base, most, measurements)),
  );
  if (lines.length === 0) return 'No goal is about what was measured.';
  return ["Goals, as the ratio of Sallyport's cost:", '', ...lines.map((line) => `- ${line}`)].join('\n');
}

function goal(workload: WorkloadName, base: GoalBase, most: number, measurements: readonly Measurement[]): string {
  const own: Measured = { workload, peer: 'sallyport' };
  const divisor: Measured = isOwn(base) ? { workload: base, peer: 'sallyport' } : { workload, peer: base };
  const name = isOwn(base) ? `its own ${base}` : TITLES[base];
  const reached = costRatio(own, divisor, measurements);
  if (reached === null) return `${workload} to ${name}: at most ${most}; not judged, no round holds both`;
  // Judged as it is: what is shown is rounded.
  return `${workload} to ${name}: ${reached.toFixed(2)}, at most ${most}: ${reached <= most ? 'reached' : 'NOT REACHED'}`;
}

function isOwn(base: GoalBase): base is OwnBase {
  return OWN_BASES.some((own) => own === base);
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

const RATIO_BASES = ['squid', 'ats', 'squid-bump', 'squid-bump-first', 'mitmproxy', 'floor'] as const;
type RatioBase = (typeof RATIO_BASES)[number];
const TITLES: Readonly<Record<RatioBase, string>> = {
  squid: 'Squid',
  ats: 'ATS',
  'squid-bump': 'Squid bump',
  'squid-bump-first': 'Squid client-first',
  mitmproxy: 'mitmproxy',
  floor: 'floor',
};
