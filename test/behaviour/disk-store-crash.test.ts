// The disk store against crashes: a process with a store under load is killed at any moment, again and again, and each one after it finds nothing
// that is wrong, and finds it soon (SECURITY.md section 5; requirement: a start after a crash takes less than two seconds).
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { openDiskStore } from '../../src/cache/stores/disk.ts';
import { faultOf, type OpenedLine } from '../support/disk-store-process.ts';

const KILLS = 100;
const MAX_BYTES = 5 << 20;

test(`after each of ${KILLS} kills at any moment, what is found is whole and right, and opening takes less than two seconds`, async () => {
  const place = mkdtempSync(path.join(os.tmpdir(), 'sallyport-crash-'));
  const folder = path.join(place, 'store');
  const seed = Math.floor(Math.random() * 2 ** 31);
  const random = randomFrom(seed);
  const opened: OpenedLine[] = [];
  const faults: unknown[] = [];
  // One that ends by itself leaves its code compiled for those that do not.
  const compiling = startProcess(folder, seed, 0);
  compiling.child.stdin!.write('go\n');
  await compiling.exit;
  // While one is at work the next one starts, and waits for its turn.
  let next = startProcess(folder, seed);
  try {
    for (let i = 0; i < KILLS; i += 1) {
      const current = next;
      next = startProcess(folder, seed + i + 1);
      await current.ready;
      const lines = linesOf(current.child);
      current.child.stdin!.write('go\n');
      // One in five while it opens the store; the others some time after, under load.
      if (i % 5 === 4) await delay(random() * 100);
      else {
        const first = await lines.first;
        opened.push(first as OpenedLine);
        await delay(random() * 60);
      }
      current.child.kill('SIGKILL');
      await current.exit;
      faults.push(...lines.faults());
    }
    const store = await openDiskStore({ folder, maxBytes: MAX_BYTES, maxObjectBytes: MAX_BYTES / 4 }, (line) => faults.push(line));
    const left = await faultsOf(store);
    await store.close();
    expect({ seed, faults, left: left.wrong, wrong: opened.flatMap(({ wrong }) => wrong) }).toEqual({
      seed,
      faults: [],
      left: [],
      wrong: [],
    });
    expect(Math.max(...opened.map(({ openedMs }) => openedMs))).toBeLessThan(2000);
    // It was a test of something: much was stored, and survived.
    expect(left.whole).toBeGreaterThan(20);
    expect(opened.filter(({ whole }) => whole > 20).length).toBeGreaterThan(KILLS / 4);
  } finally {
    next.child.kill('SIGKILL');
    await next.exit;
    rmSync(place, { recursive: true, force: true, maxRetries: 5 });
  }
}, 180_000);

test('two processes store, change and read in one folder at once, and what they find is whole; afterwards all accounts are right', async () => {
  const place = mkdtempSync(path.join(os.tmpdir(), 'sallyport-shared-'));
  const folder = path.join(place, 'store');
  const both = [1, 2].map((seed) => startProcess(folder, seed, 1500));
  const said = await Promise.all(
    both.map(async ({ child, exit, ready }) => {
      await ready;
      const lines = linesOf(child);
      child.stdin!.write('go\n');
      await exit;
      return { code: child.exitCode, faults: lines.faults() };
    }),
  );
  expect(said).toEqual([
    { code: 0, faults: [] },
    { code: 0, faults: [] },
  ]);
  const reports: string[] = [];
  const store = await openDiskStore({ folder, maxBytes: MAX_BYTES, maxObjectBytes: MAX_BYTES / 4 }, (line) => reports.push(line));
  let result = null;
  for await (const verified of store.verify()) result = verified;
  const { entries, bytes } = store.stats();
  await store.close();
  rmSync(place, { recursive: true, force: true });
  expect(reports).toEqual([]);
  expect(result).toMatchObject({ checked: entries, damaged: 0, gone: 0 });
  expect(entries).toBeGreaterThan(20);
  expect(bytes).toBeLessThanOrEqual(MAX_BYTES);
}, 180_000);

interface StoreProcess {
  readonly child: ChildProcess;
  readonly ready: Promise<unknown>;
  readonly exit: Promise<unknown>;
}

function startProcess(folder: string, seed: number, loadMs?: number): StoreProcess {
  const program = path.join(import.meta.dirname, '..', 'support', 'disk-store-process.ts');
  const args = [program, folder, String(MAX_BYTES), String(seed), 'load', ...(loadMs === undefined ? [] : [String(loadMs)])];
  const child = spawn(process.execPath, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, NODE_COMPILE_CACHE: path.join(path.dirname(folder), 'code') },
  });
  return { child, ready: once(child, 'spawn'), exit: once(child, 'exit') };
}

function linesOf(child: ChildProcess): { readonly first: Promise<unknown>; faults(): unknown[] } {
  const all: unknown[] = [];
  const input = createInterface(child.stdout!);
  const first = new Promise((resolve, reject) => {
    input.on('line', (line) => {
      const said: unknown = JSON.parse(line);
      if (all.push(said) === 1) resolve(said);
    });
    child.once('exit', (code, signal) => reject(new Error(`it ended with ${code ?? signal} before it had opened the store`)));
  });
  first.catch(() => {});
  return { first, faults: () => all.slice(1) };
}

async function faultsOf(store: Awaited<ReturnType<typeof openDiskStore>>): Promise<{ readonly whole: number; readonly wrong: string[] }> {
  const all: (string | null)[] = [];
  for await (const stored of store.list()) all.push(await faultOf(store, stored));
  return {
    whole: all.filter((fault) => fault === null).length,
    wrong: all.filter((fault) => fault !== null && fault !== 'gone') as string[],
  };
}

/** The moments of the kills are meant to be any, so here waiting is not a way to wait for something. */
function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state / 0x80000000;
  };
}
