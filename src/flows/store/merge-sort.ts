// Owns sorting so many rows that it would take long: a merge sort, in steps. Stable, and quick where most is in order already, as it is when a few rows
// have been added to a sorted list.

/**
 * Sorts the first `count` of them in place.
 *
 * @param compare below zero: `a` comes first
 */
export function* sortInSteps(rows: Int32Array, count: number, compare: (a: number, b: number) => number): Generator<void> {
  let from: Int32Array = rows;
  let to: Int32Array = new Int32Array(count);
  let steps = 0;
  for (let width = 1; width < count; width *= 2) {
    for (let left = 0; left < count; left += 2 * width) {
      const middle = Math.min(left + width, count);
      const right = Math.min(left + 2 * width, count);
      merge(from, to, left, middle, right, compare);
      steps += right - left;
      if (steps < STEP) continue;
      steps = 0;
      yield;
    }
    [from, to] = [to, from];
  }
  if (from !== rows) rows.set(from.subarray(0, count));
}

function merge(
  from: Int32Array,
  to: Int32Array,
  left: number,
  middle: number,
  right: number,
  compare: (a: number, b: number) => number,
): void {
  if (middle >= right || compare(from[middle - 1]!, from[middle]!) <= 0) {
    to.set(from.subarray(left, right), left);
    return;
  }
  let a = left;
  let b = middle;
  for (let at = left; at < right; at += 1) {
    if (b >= right || (a < middle && compare(from[a]!, from[b]!) <= 0)) to[at] = from[a++]!;
    else to[at] = from[b++]!;
  }
}

const STEP = 20_000;
