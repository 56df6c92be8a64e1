// Owns what the short benchmark says: measurements and the ratios that were kept in, a table and a verdict out.
import type { Measurement, WorkloadName } from './plan.ts';
import { costRatio } from './statistics.ts';

/** Those that differ in what they exercise, and that the floor can do as well. */
export const QUICK_WORKLOADS = ['forward', 'hit-1k', 'connect', 'bulk-16', 'tls-keepalive'] as const satisfies readonly WorkloadName[];

/** What each workload cost once, as a ratio to the floor. */
export type Baseline = Readonly<Partial<Record<WorkloadName, number>>>;

export interface Comparison {
  readonly workload: WorkloadName;
  /** Sallyport's cost to the floor's, the median of the rounds; `null` where no round holds both. */
  readonly ratio: number | null;
  /** `null` where none was kept. */
  readonly before: number | null;
  readonly isSlower: boolean;
}

export function compare(measurements: readonly Measurement[], baseline: Baseline): readonly Comparison[] {
  return QUICK_WORKLOADS.map((workload) => {
    const ratio = costRatio({ workload, peer: 'sallyport' }, { workload, peer: 'floor' }, measurements);
    const before = baseline[workload] ?? null;
    return { workload, ratio, before, isSlower: ratio !== null && before !== null && ratio > before * MOST_GROWTH };
  });
}

export function quickReport(comparisons: readonly Comparison[]): string {
  const rows = comparisons.map(({ workload, ratio, before }) => {
    const change = ratio === null || before === null ? '' : `${ratio >= before ? '+' : ''}${Math.round((ratio / before - 1) * 100)} %`;
    return [workload, shown(ratio), shown(before), change];
  });
  const head = ['workload', 'to the floor', 'kept', 'change'];
  const table = [head, ['---', '--:', '--:', '--:'], ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  return `${table}\n\n${verdict(comparisons)}`;
}

function verdict(comparisons: readonly Comparison[]): string {
  const unmeasured = comparisons.filter(({ ratio }) => ratio === null).map(({ workload }) => workload);
  const slower = comparisons.filter(({ isSlower }) => isSlower).map(({ workload }) => workload);
  const lines = [];
  if (unmeasured.length > 0) lines.push(`Not measured: ${unmeasured.join(', ')}.`);
  if (slower.length > 0)
    lines.push(
      `Slower by more than ${Math.round((MOST_GROWTH - 1) * 100)} %: ${slower.join(', ')}. Repeat it on a quiet machine with --rounds 5.`,
    );
  else if (comparisons.every(({ before }) => before === null)) lines.push('No baseline to compare with.');
  else lines.push(unmeasured.length > 0 ? 'Of the others, none got slower.' : 'Nothing got slower.');
  return lines.join('\n');
}

function shown(ratio: number | null): string {
  return ratio === null ? '' : ratio.toFixed(2);
}

const MOST_GROWTH = 1.15;
