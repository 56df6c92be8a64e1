// Owns how latency is measured: at a rate that is the same for everybody, well below what they can do, and whether or not they have answered.
import path from 'node:path';
import { BenchError } from './bench-error.ts';
import { countAtOrigin, withCpu } from './cost.ts';
import { requireMisses } from './evidence.ts';
import { LOAD_GRACE_MS } from './load.ts';
import type { Measure } from './measure.ts';
import type { OpenLoopResult } from './open-loop.ts';
import { memoryKiBOf } from './process-tree.ts';
import type { Target } from './run-wrk.ts';

/** @returns the 99th percentile in milliseconds, as the cost */
export function measureLatency(target: Target): Measure {
  return async (subject, side) => {
    const { rate, seconds, warmUpSeconds, originPort } = side;
    if (rate === null) throw new BenchError('there is no rate to ask at: Squid was not measured');
    const url = `http://127.0.0.1:${originPort}${target.path}`;
    const args = [path.join(import.meta.dirname, 'open-loop.ts'), ...[subject.port, url, rate, seconds, warmUpSeconds].map(String)];
    const command = { name: 'the load at a fixed rate', program: process.execPath, args, cores: side.cores };
    const deadlineMs = (warmUpSeconds + seconds) * 1_000 + LOAD_GRACE_MS;
    const { result, atOrigin } = await countAtOrigin(side, () => withCpu(subject, () => side.children.run(command, deadlineMs)));
    const { requests, uncounted, errors, p50Ms, p99Ms } = JSON.parse(result.result) as OpenLoopResult;
    if (errors > 0) throw new BenchError(`${errors} of ${requests} requests failed. Nothing is counted.`);
    requireMisses({ requests: requests + uncounted, atOrigin, octetsRead: 0 });
    const memoryMiB = memoryKiBOf(subject.pid) / 1_024;
    return { cost: p99Ms, p50Ms, operations: requests, seconds, busy: result.busy, memoryMiB, hitRatio: null, errors, firstError: null };
  };
}
