// What a proxy takes for host names whose TLS it has opened, as a program: `node test/bench/tls-names.ts [--names N] [--peer NAME]`. Each name is asked for
// once: CONNECT, a full handshake with a certificate for it, and no request, so that no origin is needed. Memory is that of the process tree
// (proportional set size), after every tenth of the names. Linux. An exit code of 1 says that it still grew when it had long been full.
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { BenchError } from './bench-error.ts';
import { Children } from './children.ts';
import { settle } from './cost.ts';
import { chooseCores } from './machine.ts';
import type { LoadSide, Subject } from './measure.ts';
import { runTlsLoad } from './measure-tls.ts';
import { PEERS } from './peers.ts';
import { factsOf } from './plan.ts';
import { cpuMicrosecondsOf, memoryKiBOf } from './process-tree.ts';
import { findPrograms } from './programs.ts';
import { freePort, startServer } from './server-process.ts';
import { NEW_HOST, writeTlsFiles } from './tls-files.ts';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { names: { type: 'string', default: '100000' }, peer: { type: 'string', default: 'sallyport' } },
  });
  const names = Number(values.names);
  const peer = PEER_NAMES.find((name) => name === values.peer);
  if (peer === undefined || !(names >= STEPS)) throw new BenchError(`expected --peer ${PEER_NAMES.join(' or ')}, --names ${STEPS} or more`);
  const cores = chooseCores();
  const programs = findPrograms([peer], cores.proxy !== null);
  const children = new Children();
  const { signal } = new AbortController();
  const folder = mkdtempSync(path.join(os.tmpdir(), 'sallyport-bench-'));
  // As in run.ts.
  chmodSync(folder, 0o711);
  try {
    const files = await writeTlsFiles(folder, false);
    const port = await freePort();
    const peerFolder = path.join(folder, 'peer');
    mkdirSync(peerFolder);
    const command = PEERS[peer]({ folder: peerFolder, port, programs, facts: factsOf('tls-newhost'), lists: null, tls: files });
    const child = await startServer(children, { ...command, name: peer, cores: cores.proxy }, port, signal);
    // Nobody asks these origins anything.
    const tls = { files, port: 443, newHostsPort: 443 };
    const side: LoadSide = { children, originPort: 443, tls, wrk: '', cores: cores.load, seconds: 0, warmUpSeconds: 0, signal, rate: null };
    await seeNames({ pid: child.pid, port }, side, names);
  } finally {
    await children.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A table with a row for every tenth. */
async function seeNames(subject: Subject, side: LoadSide, names: number): Promise<void> {
  const step = Math.floor(names / STEPS);
  const memoryMiB = [await settledMiB(subject)];
  console.log(`${'0'.padStart(8)} names  ${memoryMiB[0]!.toFixed(1).padStart(7)} MiB`);
  for (let first = 0; first < step * STEPS; first += step) {
    const before = cpuMicrosecondsOf(subject.pid);
    const work = { mode: 'greetings', lanes: LANES, host: NEW_HOST, seconds: LONGEST_STEP_SECONDS, first, end: first + step } as const;
    const { operations } = await runTlsLoad(subject, side, work);
    if (operations !== step) throw new BenchError(`${operations} of ${step} names were seen in ${LONGEST_STEP_SECONDS} s`);
    memoryMiB.push(await settledMiB(subject));
    const cost = (cpuMicrosecondsOf(subject.pid) - before) / step;
    console.log(
      `${String(first + step).padStart(8)} names  ${memoryMiB.at(-1)!.toFixed(1).padStart(7)} MiB  ${cost.toFixed(0).padStart(6)} us/name`,
    );
  }
  const grown = memoryMiB.at(-1)! / memoryMiB[STEPS / 2]! - 1;
  console.log(`growth over the second half: ${(100 * grown).toFixed(1)}%, at most ${100 * MOST_GROWTH}%`);
  if (grown > MOST_GROWTH) process.exitCode = 1;
}

async function settledMiB({ pid }: Subject): Promise<number> {
  await settle(pid);
  await sleep(SETTLE_MS);
  return memoryKiBOf(pid) / 1_024;
}

/** Peek and bump asks the origin first. */
const PEER_NAMES = ['sallyport', 'squid-bump-first'] as const;
const STEPS = 10;
const LANES = 8;
const LONGEST_STEP_SECONDS = 300;
const MOST_GROWTH = 0.1;
/** A collector of garbage may take its time. */
const SETTLE_MS = 2_000;

await main();
