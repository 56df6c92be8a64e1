// Owns the arithmetic on rounds.
import type { Measurement, PeerName, WorkloadName } from './plan.ts';

/** The middle value, or the mean of the two in the middle; `null` of nothing. */
export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * The median of the ratios within each round. What disturbs the machine disturbs neighbours in time alike, so this is
 * steadier than the ratio of the medians. A round that lacks either side is left out.
 *
 * @param values, base  by round
 */
export function medianRatio(values: ReadonlyMap<number, number>, base: ReadonlyMap<number, number>): number | null {
  const ratios = [...values].flatMap(([round, value]) => {
    const divisor = base.get(round);
    return divisor === undefined || divisor <= 0 ? [] : [value / divisor];
  });
  return median(ratios);
}

export interface Measured {
  readonly workload: WorkloadName;
  readonly peer: PeerName;
}

/** @returns the cost of one thing as a ratio to another's; `null` where no round holds both */
export function costRatio(of: Measured, base: Measured, measurements: readonly Measurement[]): number | null {
  return ratioOf(({ cost }) => cost, of, base, measurements);
}

/** The same of operations in a second. */
export function rateRatio(of: Measured, base: Measured, measurements: readonly Measurement[]): number | null {
  return ratioOf(({ operations, seconds }) => operations / seconds, of, base, measurements);
}

function ratioOf(
  value: (measurement: Measurement) => number,
  of: Measured,
  base: Measured,
  measurements: readonly Measurement[],
): number | null {
  const byRound = ({ workload, peer }: Measured) =>
    new Map(
      measurements
        .filter((each) => each.workload === workload && each.peer === peer)
        .map((each): [number, number] => [each.round, value(each)]),
    );
  return medianRatio(byRound(of), byRound(base));
}
