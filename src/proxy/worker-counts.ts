// Owns what one process of several has counted, and the sum of that.
import type { CacheAnswers, CacheCounts } from '../cache/cache-counts.ts';
import type { Dropped } from '../flows/recorder.ts';
import { type MetricCounts, type Metrics, sumOfCounts } from '../observe/metrics.ts';
import type { Rewriting, Touches } from './rewriting.ts';

/** Since the start of the process, but for what is measured when it is asked for. */
export interface WorkerCounts {
  readonly metrics: MetricCounts;
  readonly cache: CacheAnswers;
  readonly dropped: Dropped;
  /** Of each rewriting rule that did something. */
  readonly touches: Readonly<Record<string, Touches>>;
  readonly openConnections: number;
  /** How many processes accept nobody for want of descriptors, and how long that has lasted in all. */
  readonly pausedProcesses: number;
  readonly pausedMs: number;
  readonly residentBytes: number;
  /** URLs of listeners. */
  readonly listening: readonly string[];
}

interface CountedParts extends Pick<WorkerCounts, 'openConnections' | 'listening'> {
  readonly shortage: { readonly isPaused: boolean; readonly pausedMs: number };
  readonly metrics: Metrics;
  readonly cache: CacheCounts;
  readonly dropped: Dropped | null;
  readonly rewriting: Rewriting | null;
}

/** Of this process. */
export function countsOf({ metrics, cache, dropped, rewriting, openConnections, shortage, listening }: CountedParts): WorkerCounts {
  const touched = rewriting?.rules.map(({ name }) => [name, rewriting.touches(name)] as const) ?? [];
  return {
    metrics: metrics.counts,
    cache: cache.answers,
    dropped: dropped ?? { contents: 0, exchanges: 0, messages: 0 },
    touches: Object.fromEntries(touched.filter((each): each is [string, Touches] => each[1] !== null)),
    openConnections,
    pausedProcesses: shortage.isPaused ? 1 : 0,
    pausedMs: shortage.pausedMs,
    residentBytes: residentBytes(),
    listening,
  };
}

/** To measure it takes a descriptor; while there is none, it is what was measured last. */
function residentBytes(): number {
  try {
    lastResidentBytes = process.memoryUsage.rss();
  } catch {
    // Measured again the next time.
  }
  return lastResidentBytes;
}

let lastResidentBytes = 0;

/** Of all of them together. */
export function sumOfWorkers(all: readonly WorkerCounts[]): WorkerCounts {
  const number = (of: (each: WorkerCounts) => number) => all.reduce((sum, each) => sum + of(each), 0);
  return {
    metrics: sumOfCounts(all.map(({ metrics }) => metrics)),
    cache: {
      hits: number(({ cache }) => cache.hits),
      validated: number(({ cache }) => cache.validated),
      stale: number(({ cache }) => cache.stale),
      collapsed: number(({ cache }) => cache.collapsed),
      forwarded: number(({ cache }) => cache.forwarded),
      unanswered: number(({ cache }) => cache.unanswered),
      bytes: number(({ cache }) => cache.bytes),
      bytesReused: number(({ cache }) => cache.bytesReused),
    },
    dropped: {
      contents: number(({ dropped }) => dropped.contents),
      exchanges: number(({ dropped }) => dropped.exchanges),
      messages: number(({ dropped }) => dropped.messages),
    },
    touches: sumOfTouches(all),
    openConnections: number(({ openConnections }) => openConnections),
    pausedProcesses: number(({ pausedProcesses }) => pausedProcesses),
    pausedMs: number(({ pausedMs }) => pausedMs),
    residentBytes: number(({ residentBytes }) => residentBytes),
    listening: [...new Set(all.flatMap(({ listening }) => listening))],
  };
}

/** What is left to count of one that is gone. */
export function whatStays(counts: WorkerCounts): WorkerCounts {
  return { ...counts, openConnections: 0, pausedProcesses: 0, residentBytes: 0, listening: [] };
}

function sumOfTouches(all: readonly WorkerCounts[]): Record<string, Touches> {
  const sums = new Map<string, Touches>();
  for (const { touches } of all)
    for (const [rule, { count, lastMs }] of Object.entries(touches)) {
      const before = sums.get(rule);
      sums.set(rule, { count: (before?.count ?? 0) + count, lastMs: Math.max(before?.lastMs ?? 0, lastMs) });
    }
  return Object.fromEntries(sums);
}
