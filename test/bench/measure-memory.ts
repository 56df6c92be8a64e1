// Owns how memory is measured: that of the proxy's process tree (proportional set size), before and after it has been given more to keep. What comes first
// is not counted: it compiles the code, and lets heaps grow to the size that they work with.
import { setTimeout as sleep } from 'node:timers/promises';
import { askForAll } from './ask.ts';
import { BenchError } from './bench-error.ts';
import { countAtOrigin, settle, withCpu } from './cost.ts';
import { requireMisses, requireStored, sampleNumbers } from './evidence.ts';
import type { Figures, LoadSide, Measure, Subject } from './measure.ts';
import { memoryKiBOf } from './process-tree.ts';
import { holdOpen } from './run-tunnels.ts';
import { runWrk, type Target } from './run-wrk.ts';

/** Of the whole process, once it has served. In MiB. */
export const measureStart: Measure = async (subject, side) => {
  const { result, busy } = await withCpu(subject, () => holdOpen('keep', 1, subject, side));
  const memoryMiB = (await settledKiB(subject, side)) / 1_024;
  await result.child.stop();
  return { ...result.load, ...NO_LATENCY, cost: memoryMiB, busy, memoryMiB };
};

/** Of what clients hold open and say nothing on. In KiB for each. */
export function measureIdle(mode: 'hold' | 'keep'): Measure {
  return async (subject, side) => {
    const warmUp = await holdOpen(mode, WARM_UP_CONNECTIONS, subject, side);
    const beforeKiB = await settledKiB(subject, side);
    const { result, busy } = await withCpu(subject, () => holdOpen(mode, IDLE_CONNECTIONS, subject, side));
    const afterKiB = await settledKiB(subject, side);
    await Promise.all([warmUp.child.stop(), result.child.stop()]);
    const cost = (afterKiB - beforeKiB) / result.load.operations;
    return { ...result.load, ...NO_LATENCY, cost, busy, memoryMiB: afterKiB / 1_024 };
  };
}

/**
 * Of what is stored, each of another URL. In octets for each.
 *
 * @param path  below which everything is stored
 * @param count  so many that what garbage moves is little beside them, and not so many that some are pushed out
 */
export function measureStored(path: string, octets: number, count: number): Measure {
  return async (subject, side) => {
    await askFor(WARM_UP_RESPONSES, (part) => ({ path: `${path}before-${part}-`, urls: 0 }), subject, side);
    const beforeKiB = await settledKiB(subject, side);
    const target = (part: number): Target => ({ path: `${path}kept-${part}-`, urls: 0 });
    const { result, atOrigin } = await countAtOrigin(side, () => withCpu(subject, () => askFor(count, target, subject, side)));
    const { parts, requests, seconds } = result.result;
    const afterKiB = await settledKiB(subject, side);
    requireMisses({ requests, atOrigin, octetsRead: 0 });
    // What is not there any more takes nothing: the first to go are the oldest, or the newest where a cache judges whom to let in.
    for (const part of [0, parts.length - 1]) {
      const urls = sampleNumbers(parts[part] ?? 0).map((number) => `http://127.0.0.1:${side.originPort}${target(part).path}${number}`);
      const again = await countAtOrigin(side, () => askForAll(subject.port, urls, octets));
      requireStored(urls.length, again.atOrigin);
    }
    return grown(beforeKiB, afterKiB, requests, seconds, result.busy);
  };
}

/** Of what is recorded, which the page can show at once. In octets for each exchange. */
export function measureRecorded(target: Target): Measure {
  return async (subject, side) => {
    await askFor(WARM_UP_EXCHANGES, () => target, subject, side);
    const beforeKiB = await settledKiB(subject, side);
    const { result, atOrigin } = await countAtOrigin(side, () =>
      withCpu(subject, () => askFor(RECORDED_EXCHANGES, () => target, subject, side)),
    );
    const { requests, seconds } = result.result;
    requireMisses({ requests, atOrigin, octetsRead: 0 });
    return grown(beforeKiB, await settledKiB(subject, side), requests, seconds, result.busy);
  };
}

/** As many requests at least, in parts of some seconds: each for a target of its own, which its number tells. */
async function askFor(
  count: number,
  targetOf: (part: number) => Target,
  subject: Subject,
  side: LoadSide,
): Promise<{ readonly parts: readonly number[]; readonly requests: number; readonly seconds: number }> {
  const parts: number[] = [];
  let [requests, seconds] = [0, 0];
  while (requests < count) {
    side.signal.throwIfAborted();
    const some = await runWrk(subject, side, PART_SECONDS, targetOf(parts.length));
    if (some.errors > 0) throw new BenchError(`${some.errors} of ${some.requests} requests failed. Nothing is counted.`);
    parts.push(some.requests);
    requests += some.requests;
    seconds += some.seconds;
  }
  return { parts, requests, seconds };
}

function grown(beforeKiB: number, afterKiB: number, operations: number, seconds: number, busy: number): Figures {
  const cost = ((afterKiB - beforeKiB) * 1_024) / operations;
  return { ...NO_LATENCY, cost, operations, seconds, busy, memoryMiB: afterKiB / 1_024, errors: 0, firstError: null };
}

/** A collector of garbage may take its time. */
async function settledKiB({ pid }: Subject, { signal }: LoadSide): Promise<number> {
  await settle(pid);
  await sleep(SETTLE_MS, undefined, { signal });
  return memoryKiBOf(pid);
}

const NO_LATENCY = { hitRatio: null, p50Ms: null } as const;
const WARM_UP_CONNECTIONS = 100;
const IDLE_CONNECTIONS = 2_000;
const WARM_UP_RESPONSES = 20_000;
/** Short, lest far more are asked for than were wanted. */
const PART_SECONDS = 2;
const WARM_UP_EXCHANGES = 20_000;
/** So many that what garbage moves is little beside them. */
const RECORDED_EXCHANGES = 100_000;
const SETTLE_MS = 2_000;
