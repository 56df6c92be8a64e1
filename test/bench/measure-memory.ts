// Owns how memory is measured: that of the proxy's process tree (proportional set size), before and after it has been given more to keep. What comes first
// is not counted: it compiles the code, and lets heaps grow to the size that they work with.
import { setTimeout as sleep } from 'node:timers/promises';
import { BenchError } from './bench-error.ts';
import { countAtOrigin, settle, withCpu } from './cost.ts';
import { requireMisses, requireStored } from './evidence.ts';
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

/** Of what is stored, each of another URL: so many and no more, since what is pushed out takes nothing. In octets for each. */
export function measureStored(
  store: (subject: Subject, side: LoadSide, first: number, count: number) => Promise<{ readonly atOrigin: number }>,
): Measure {
  return async (subject, side) => {
    await store(subject, side, 0, WARM_UP_RESPONSES);
    const beforeKiB = await settledKiB(subject, side);
    const startedMs = performance.now();
    const { result, busy } = await withCpu(subject, () => store(subject, side, WARM_UP_RESPONSES, STORED_RESPONSES));
    const seconds = (performance.now() - startedMs) / 1_000;
    const afterKiB = await settledKiB(subject, side);
    requireMisses({ requests: STORED_RESPONSES, atOrigin: result.atOrigin, octetsRead: 0 });
    // What is not there any more takes nothing: the first to go are the oldest, or the newest where a cache judges whom to let in.
    for (const first of [WARM_UP_RESPONSES, WARM_UP_RESPONSES + STORED_RESPONSES - SAMPLE]) {
      const { atOrigin } = await store(subject, side, first, SAMPLE);
      requireStored(SAMPLE, atOrigin);
    }
    return grown(beforeKiB, afterKiB, STORED_RESPONSES, seconds, busy);
  };
}

/** Of what is recorded, which the page can show at once. In octets for each exchange. */
export function measureRecorded(target: Target): Measure {
  return async (subject, side) => {
    await askFor(WARM_UP_EXCHANGES, target, subject, side);
    const beforeKiB = await settledKiB(subject, side);
    const { result, atOrigin } = await countAtOrigin(side, () => withCpu(subject, () => askFor(RECORDED_EXCHANGES, target, subject, side)));
    const { requests, seconds } = result.result;
    requireMisses({ requests, atOrigin, octetsRead: 0 });
    return grown(beforeKiB, await settledKiB(subject, side), requests, seconds, result.busy);
  };
}

/** As many requests at least, however long they take. */
async function askFor(count: number, target: Target, subject: Subject, side: LoadSide): Promise<{ requests: number; seconds: number }> {
  let [requests, seconds] = [0, 0];
  while (requests < count) {
    side.signal.throwIfAborted();
    const some = await runWrk(subject, side, ASKING_SECONDS, target);
    if (some.errors > 0) throw new BenchError(`${some.errors} of ${some.requests} requests failed. Nothing is counted.`);
    requests += some.requests;
    seconds += some.seconds;
  }
  return { requests, seconds };
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
const STORED_RESPONSES = 40_000;
/** Of the first and of the last, asked for again. */
const SAMPLE = 500;
const WARM_UP_EXCHANGES = 20_000;
/** So many that what garbage moves is little beside them. */
const RECORDED_EXCHANGES = 100_000;
const ASKING_SECONDS = 3;
const SETTLE_MS = 2_000;
