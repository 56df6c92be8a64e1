// What the disk store costs, as a program: `node test/bench/disk-store.ts [objects]`, a million if nothing is said. Each measurement is a process of its
// own, and CPU time is that of the whole process, the writing of files included. The store is filled by a process that is killed, so that each start
// is one after a crash. Made for Linux; figures to reach stand beside those measured, and an exit code of 1 says that one was missed.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { StoredResponse } from '../../src/cache/stored-response.ts';
import { BLOCK_BYTES } from '../../src/cache/stores/content-file.ts';
import { type DiskStore, openDiskStore } from '../../src/cache/stores/disk.ts';
import { type Body, TAKEN } from '../../src/http/message.ts';

interface Start {
  readonly openedMs: number;
  readonly entries: number;
  readonly presentUs: number;
  readonly absentUs: number;
  readonly residentBytes: number;
}

interface Work {
  readonly putUs: number;
  readonly getUs: number;
  /** Of a thousand calls, one takes longer. */
  readonly longCallMs: number;
}

async function main([mode = 'all', folder = '', count = '']: readonly string[]): Promise<void> {
  if (mode === 'fill') return fill(folder, Number(count));
  if (mode === 'start') return console.log(JSON.stringify(await start(folder, Number(count))));
  if (mode === 'work') return console.log(JSON.stringify(await work(folder, Number(count))));
  await measure(mode === 'all' ? 1_000_000 : Number(mode));
}

async function measure(objects: number): Promise<void> {
  const place = mkdtempSync(path.join(os.tmpdir(), 'sallyport-disk-bench-'));
  // As the program does at its start, or the time to strip types from our own source would be most of a start.
  process.env['NODE_COMPILE_CACHE'] = path.join(place, 'code');
  try {
    const [full, small] = [path.join(place, 'full'), path.join(place, 'small')];
    run('fill', full, objects);
    run('fill', small, SMALL);
    const one: Start = JSON.parse(run('start', small, SMALL)) as Start;
    const many: Start = JSON.parse(run('start', full, objects)) as Start;
    console.log(`${many.entries} objects, index ${(statSync(path.join(full, 'index.sqlite')).size / 2 ** 20).toFixed(0)} MiB`);
    report('start after kill -9, until requests are served', many.openedMs, 2000, 'ms');
    report(
      'resident memory above that of a store of 1,000 objects',
      (many.residentBytes - one.residentBytes) / objects,
      150,
      'octets an object',
    );
    report('find, key that is stored', many.presentUs, null, 'us CPU');
    report('find, key that is not', many.absentUs, 2, 'us CPU');
    for (const length of [1024, 8192, 16_384, 32_768, 65_536, 1_048_576]) {
      const { putUs, getUs, longCallMs } = JSON.parse(run('work', path.join(place, `work-${length}`), length)) as Work;
      report(`${length / 1024} KiB: put`, putUs, null, 'us CPU');
      report(`${length / 1024} KiB: find, open and read`, getUs, null, 'us CPU');
      report(`${length / 1024} KiB: one call in a thousand holds up the event loop for more than`, longCallMs, 2, 'ms');
    }
  } finally {
    rmSync(place, { recursive: true });
  }
}

function run(mode: string, folder: string, count: number): string {
  const { stdout, stderr, signal } = spawnSync(process.execPath, ['--expose-gc', import.meta.filename, mode, folder, String(count)], {
    encoding: 'utf8',
  });
  if (stderr !== '' || (signal !== null && mode !== 'fill')) throw new Error(`${mode}: ${signal ?? stderr}`);
  return stdout;
}

async function fill(folder: string, count: number): Promise<void> {
  const store = await open(folder);
  const content = Buffer.alloc(100, 'x');
  for (let i = 0; i < count; i += 1) await put(store, keyOf(i), content);
  await store.purge(() => false);
  process.kill(process.pid, 'SIGKILL');
}

async function start(folder: string, count: number): Promise<Start> {
  const startedAt = performance.now();
  const store = await open(folder);
  const openedMs = performance.now() - startedAt;
  const presentUs = await cpuUs(20_000, (i) => expectFound(store, keyOf((i * 7919) % count)));
  const result = { openedMs, entries: store.stats().entries, presentUs, absentUs: await absentUs(store) };
  globalThis.gc?.();
  const residentBytes = process.memoryUsage.rss();
  await store.close();
  return { ...result, residentBytes };
}

async function work(folder: string, length: number): Promise<Work> {
  let store = await open(folder);
  const content = Buffer.alloc(length, 'x');
  const count = Math.min(50_000, Math.ceil((512 << 20) / length));
  const callsMs: number[] = [];
  const timed = <T>(call: () => T): T => {
    const at = performance.now();
    const result = call();
    callsMs.push(performance.now() - at);
    return result;
  };
  const putUs = await cpuUs(count, async (i) => {
    await put(store, keyOf(i), content, timed);
    // As requests come: not all within one turn of the loop.
    if (i % 8 === 0) await new Promise(setImmediate);
    // Until all of it is on the disk.
    if (i === count - 1) await store.close();
  });
  store = await open(folder);
  const getUs = await cpuUs(count, async (i) => {
    const [stored] = await timed(() => store.find(keyOf((i * 7919) % count)));
    const body = stored === undefined ? null : await timed(() => store.open(stored, 0, length));
    if (body === null || (await lengthOf(body)) !== length) throw new Error('not what was stored');
    if (i % 8 === 0) await new Promise(setImmediate);
  });
  await store.close();
  callsMs.sort((a, b) => a - b);
  return { putUs, getUs, longCallMs: callsMs[Math.floor(callsMs.length * 0.999)]! };
}

function open(folder: string): Promise<DiskStore> {
  return openDiskStore({ folder, maxBytes: 20 * 2 ** 30, maxObjectBytes: 2 ** 30 }, (line) => console.error(line));
}

type Timed = <T>(call: () => T) => T;

async function put(store: DiskStore, key: string, content: Buffer, timed: Timed = (call) => call()): Promise<void> {
  let writer = store.create(content.length);
  // The thread is behind: that is an answer, and here a reason to wait.
  for (; writer === null; writer = store.create(content.length)) await delay(1);
  for (let at = 0; at < content.length; at += BLOCK_BYTES) {
    const begun = writer;
    timed(() => begun.write(content.subarray(at, at + BLOCK_BYTES)));
    await writer.ready();
  }
  const response = responseOf(key, content.length);
  const complete = writer;
  await timed(() => complete.commit(response, []));
  writer.release();
}

/** Of a body that is read to its end, and not kept. */
function lengthOf(body: Body): Promise<number> {
  return new Promise((resolve, reject) => {
    let length = 0;
    body.start({
      write: (bytes) => {
        length += bytes.length;
        return TAKEN;
      },
      end: () => resolve(length),
      fail: reject,
    });
  });
}

async function expectFound(store: DiskStore, key: string): Promise<void> {
  if ((await store.find(key)).length !== 1) throw new Error(`${key} is not there`);
}

async function absentUs(store: DiskStore): Promise<number> {
  return cpuUs(1000, async (i) => void (await store.find(`http://absent.test/${i}`)));
}

async function cpuUs(count: number, act: (i: number) => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  for (let i = 0; i < count; i += 1) await act(i);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

function keyOf(i: number): string {
  return `http://registry.a.test/some/package/with/a/path/of/some/length-${i}.tgz`;
}

function responseOf(key: string, length: number): StoredResponse {
  stored += 1;
  return {
    ...{ id: `response-${stored}`, key, selectedBy: [], status: 200, reason: 'OK', version: '1.1' },
    fields: FIELDS.map(([name, value]) => ({ name, value, line: `${name}: ${value}\r\n` })),
    ...{ requestTimeMs: 1_795_341_600_000, responseTimeMs: 1_795_341_600_100, extent: { first: 0, length, completeLength: length } },
    ...{ isFromAuthorized: false, isInvalidated: false, origin: { address: '192.0.2.1', port: 80 }, tags: [] },
  };
}

function report(what: string, measured: number, limit: number | null, unit: string): void {
  const isMissed = limit !== null && measured > limit;
  if (isMissed) process.exitCode = 1;
  const goal = limit === null ? '' : ` (${isMissed ? 'MISSED: ' : ''}at most ${limit})`;
  console.log(`${what.padEnd(72)} ${measured.toFixed(1)} ${unit}${goal}`);
}

let stored = 0;
const SMALL = 1000;
/** What a registry of packages sends. */
const FIELDS = [
  ['Date', 'Sun, 22 Nov 2026 10:00:00 GMT'],
  ['Content-Type', 'application/octet-stream'],
  ['Content-Length', '100'],
  ['Cache-Control', 'public, immutable, max-age=31557600'],
  ['ETag', '"bb10ca8b6e9a9d6f1e0a7f3a1f0c5e4d"'],
  ['Last-Modified', 'Sat, 21 Nov 2026 10:00:00 GMT'],
  ['Vary', 'Accept-Encoding'],
  ['Accept-Ranges', 'bytes'],
  ['Server', 'a server of some name'],
  ['X-Request-Id', '0123456789abcdef0123456789abcdef'],
] as const;

await main(process.argv.slice(2));
