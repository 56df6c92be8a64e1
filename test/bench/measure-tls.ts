// Owns how a workload of opened TLS is measured: nothing is counted unless every exchange went well, TLS was opened with the handshake that the workload
// is about, and every request reached the origin. The load believes the peers' CA alone, so what it could read was opened.
import path from 'node:path';
import { BenchError } from './bench-error.ts';
import { countAtOrigin, withCpu } from './cost.ts';
import { requireHandshakes, requireMisses } from './evidence.ts';
import { LOAD_GRACE_MS, type LoadResult } from './load.ts';
import type { LoadSide, Measure, Subject } from './measure.ts';
import { memoryKiBOf } from './process-tree.ts';
import { NEW_HOST, NEW_HOSTS, USUAL_HOST } from './tls-files.ts';
import type { TlsMode } from './tls-load.ts';

/** @param lanes  connections at a time @param hosts  the one that is always there, or another one for each connection */
export function measureTls(mode: TlsMode, lanes: number, hosts: 'usual' | 'new' = 'usual'): Measure {
  return async (subject, side) => {
    const work = { mode, lanes, host: hosts === 'usual' ? USUAL_HOST : NEW_HOST, first: WARM_UP_HOSTS, end: NEW_HOSTS };
    const warmUp =
      hosts === 'usual'
        ? { seconds: Math.max(side.warmUpSeconds, HANDSHAKE_WARM_UP_SECONDS) }
        : { seconds: LONGEST_WARM_UP_SECONDS, lanes: WARM_UP_LANES };
    await runTlsLoad(subject, side, { ...work, ...warmUp, first: 0, end: WARM_UP_HOSTS });
    const measured = { ...work, seconds: side.seconds };
    const { result: load, atOrigin } = await countAtOrigin(side, () => withCpu(subject, () => runTlsLoad(subject, side, measured)));
    const { operations, seconds, errors, firstError } = load.result;
    requireMisses({ requests: operations, atOrigin, octetsRead: 0 });
    requireHandshakes(load.result, mode === 'resumptions' ? 'resumed' : 'full', lanes);
    const memoryMiB = memoryKiBOf(subject.pid) / 1_024;
    return {
      cost: load.cpuMicroseconds / operations,
      operations,
      seconds,
      busy: load.busy,
      memoryMiB,
      hitRatio: null,
      p50Ms: null,
      errors,
      firstError,
    };
  };
}

export interface TlsWork {
  readonly mode: TlsMode;
  readonly lanes: number;
  readonly host: string;
  readonly seconds: number;
  /** The numbers of new hosts, see tls-load.ts. */
  readonly first: number;
  readonly end: number;
}

/** @throws BenchError for the first error of all, and when nothing was done */
export async function runTlsLoad({ port }: Subject, side: LoadSide, work: TlsWork): Promise<LoadResult> {
  const { mode, lanes, host, seconds, first, end } = work;
  const { tls } = side;
  if (tls === null) throw new BenchError('there is no origin that speaks TLS');
  const originPort = host === USUAL_HOST ? tls.port : tls.newHostsPort;
  const program = path.join(import.meta.dirname, 'tls-load.ts');
  const args = [program, mode, ...[port, host, originPort, tls.files.authority, lanes, seconds, first, end].map(String)];
  const command = { name: `the load "${mode}"`, program: process.execPath, args, cores: side.cores };
  const result = JSON.parse(await side.children.run(command, seconds * 1_000 + LOAD_GRACE_MS)) as LoadResult;
  if (result.errors > 0) throw new BenchError(`${result.errors} errors, first: ${result.firstError}. Nothing is counted.`);
  if (result.operations === 0) throw new BenchError('nothing was answered');
  return result;
}

/** At least: handshakes are few in a second, and code is compiled once it has run often. */
const HANDSHAKE_WARM_UP_SECONDS = 4;
/** One host at a time is too little in seconds for code to be compiled, so it is a number of them, and several at a time. */
const WARM_UP_HOSTS = 3_000;
const WARM_UP_LANES = 8;
const LONGEST_WARM_UP_SECONDS = 20;
