// Owns the judgement whether processes grew: samples in, the rise of a line through each of their figures out, with what it may be.
//
// Nothing that passes through may leave anything behind, so each figure has to be flat once the proxy is warm: code compiled, caches full, the
// allocator in possession of what a busy moment takes. A line by Theil and Sen, the median of the slopes between all pairs of samples, is not
// moved by some that lie beside it, as where a file of the store was just opened. The bounds say how much a line may rise from the end of the warm-up
// to the end of the run: over 1,700,000 requests an object of the smallest size (16 octets) that one request in ten leaves behind is found
// in the heap. Less than that is V8's own: what it learns about code goes up by 1 MiB for a long time.

export interface ProcessSample {
  readonly name: string;
  /** The resident set while it was busy. */
  readonly busyKiB: number;
  /** The resident set, the heap and what lies outside of it, in a quiet moment after collections of garbage. */
  readonly rssKiB: number;
  readonly heapKiB: number;
  readonly externalKiB: number;
  readonly descriptors: number;
}

export interface Sample {
  /** Made so far. */
  readonly requests: number;
  readonly processes: readonly ProcessSample[];
}

export interface Rise {
  readonly process: string;
  readonly figure: Figure;
  /** Of the line, from the first sample to the last. */
  readonly rise: number;
  readonly atMost: number;
}

type Figure = keyof typeof MOST_RISE;

/** @param samples those after the warm-up; each of the same processes @throws Error for fewer than three, through which a line says nothing */
export function judgeGrowth(samples: readonly Sample[]): readonly Rise[] {
  if (samples.length < 3) throw new Error(`${samples.length} samples are too few for a line`);
  return samples[0]!.processes.flatMap(({ name }, index) =>
    (Object.keys(MOST_RISE) as Figure[]).map((figure) => {
      const points = samples.map(({ requests, processes }) => ({ x: requests, y: processes[index]![figure] }));
      return { process: name, figure, rise: slopeOf(points) * (points.at(-1)!.x - points[0]!.x), atMost: MOST_RISE[figure] };
    }),
  );
}

/** Theil and Sen. */
function slopeOf(points: readonly { readonly x: number; readonly y: number }[]): number {
  const slopes = points.flatMap((from, index) => points.slice(index + 1).map((to) => (to.y - from.y) / (to.x - from.x)));
  slopes.sort((a, b) => a - b);
  const middle = slopes.length >> 1;
  return slopes.length % 2 === 1 ? slopes[middle]! : (slopes[middle - 1]! + slopes[middle]!) / 2;
}

const MOST_RISE = {
  busyKiB: 16 * 1_024,
  rssKiB: 12 * 1_024,
  heapKiB: 2 * 1_024,
  externalKiB: 4 * 1_024,
  descriptors: 0.5,
} as const satisfies Partial<Record<keyof ProcessSample, number>>;
