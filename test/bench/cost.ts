// Owns what work costs a proxy: the CPU time of its process tree, and the requests that reach the origin, before and after.
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadSide, Subject } from './measure.ts';
import { requestsAtOrigin } from './origin.ts';
import { cpuMicrosecondsOf } from './process-tree.ts';

/** @returns what the load returned, and how many requests reached the origin meanwhile */
export async function countAtOrigin<T>({ originPort }: LoadSide, load: () => Promise<T>): Promise<{ result: T; atOrigin: number }> {
  const before = await requestsAtOrigin(originPort);
  const result = await load();
  // Less the second question itself.
  return { result, atOrigin: (await requestsAtOrigin(originPort)) - before - 1 };
}

/** @returns what the load returned, and the CPU time that the proxy spent meanwhile */
export async function withCpu<T>({ pid }: Subject, load: () => Promise<T>): Promise<{ result: T; cpuMicroseconds: number; busy: number }> {
  const startedMs = performance.now();
  const before = cpuMicrosecondsOf(pid);
  const result = await load();
  const elapsedMs = performance.now() - startedMs;
  // Closing what the load left open is part of the work, and so is writing what it had stored.
  await settle(pid);
  const cpuMicroseconds = cpuMicrosecondsOf(pid) - before;
  return { result, cpuMicroseconds, busy: cpuMicroseconds / 1_000 / elapsedMs };
}

/** Waits until the proxy has nothing left to do, but for some seconds at most. */
export async function settle(pid: number): Promise<void> {
  let before = cpuMicrosecondsOf(pid);
  for (let waits = 0; waits < MOST_SETTLES; waits += 1) {
    await sleep(SETTLE_MS);
    const now = cpuMicrosecondsOf(pid);
    if (now - before <= IDLE_MICROSECONDS) return;
    before = now;
  }
}

const SETTLE_MS = 200;
const MOST_SETTLES = 25;
/** Of each `SETTLE_MS`: one tick of the clock that the kernel counts with, which timers alone may take. */
const IDLE_MICROSECONDS = 10_000;
