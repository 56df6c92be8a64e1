// Owns the runs of tunnel-load.ts: its command and what it says.
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BenchError } from './bench-error.ts';
import type { Child, Command } from './children.ts';
import { LOAD_GRACE_MS, type LoadResult } from './load.ts';
import type { LoadSide, Subject } from './measure.ts';
import type { TunnelMode } from './tunnel-load.ts';

/** @throws BenchError when nothing was done at all */
export async function runTunnels(
  mode: TunnelMode,
  tunnels: number,
  subject: Subject,
  side: LoadSide,
  seconds: number,
): Promise<LoadResult> {
  return parse(await side.children.run(command(mode, tunnels, subject, side, seconds), seconds * 1_000 + LOAD_GRACE_MS));
}

/** What it opens stays open until the returned process is stopped. @throws BenchError when they do not open */
export async function holdOpen(
  mode: 'hold' | 'keep',
  count: number,
  subject: Subject,
  side: LoadSide,
): Promise<{ readonly child: Child; readonly load: LoadResult }> {
  const child = side.children.start(command(mode, count, subject, side, 0));
  const giveUpMs = performance.now() + LOAD_GRACE_MS;
  while (!child.output.includes('\n')) {
    if (child.hasEnded) throw new BenchError(`${child.name} failed: ${child.lastWords()}`);
    if (performance.now() > giveUpMs) throw new BenchError(`${count} were not open after ${LOAD_GRACE_MS / 1_000} s`);
    await sleep(POLL_MS, undefined, { signal: side.signal });
  }
  return { child, load: parse(child.output) };
}

function command(mode: TunnelMode, tunnels: number, { port }: Subject, { originPort, cores }: LoadSide, seconds: number): Command {
  const program = path.join(import.meta.dirname, 'tunnel-load.ts');
  const numbers = [port, originPort, tunnels, seconds].map(String);
  return { name: `the load "${mode}"`, program: process.execPath, args: [program, mode, ...numbers], cores };
}

function parse(output: string): LoadResult {
  const result = JSON.parse(output) as LoadResult;
  if (result.operations === 0) throw new BenchError(`no tunnel worked: ${result.firstError ?? 'nothing arrived'}`);
  return result;
}

const POLL_MS = 20;
