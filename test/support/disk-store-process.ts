// A process of its own with a disk store in it, for tests that end it, fill its disk or let it share a folder. It waits for a line on standard input
// before it opens the store, so that its own start is not part of what is timed, and says what it has found as lines of JSON.
//   node disk-store-process.ts FOLDER MAX-BYTES SEED load      stores, changes and reads until it is killed
//   node disk-store-process.ts FOLDER MAX-BYTES SEED load MS   the same for that long; then it closes the store
//   node disk-store-process.ts FOLDER MAX-BYTES SEED ask       stores one response of as many octets as each further line says
import { createInterface } from 'node:readline';
import type { StoredResponse } from '../../src/cache/stored-response.ts';
import type { CacheStore } from '../../src/cache/stores/cache-store.ts';
import { openDiskStore } from '../../src/cache/stores/disk.ts';
import { read } from './read-body.ts';
import { startUndisturbedTime } from './undisturbed-time.ts';

export interface OpenedLine {
  /** Without what others had of the machine meanwhile. */
  readonly openedMs: number;
  readonly entries: number;
  /** Of what was there: read, and as it ought to be. */
  readonly whole: number;
  readonly wrong: readonly string[];
}

export interface AskedLine {
  readonly isStored: boolean;
  /** What was read back is what was stored. */
  readonly isWhole: boolean;
  readonly reports: readonly string[];
}

/** Octets that follow from the id alone. */
export function contentOf(id: string, length: number): Buffer {
  const content = Buffer.allocUnsafe(length);
  let state = 2166136261;
  for (let i = 0; i < id.length; i += 1) state = Math.imul(state ^ id.charCodeAt(i), 16777619);
  for (let i = 0; i < length; i += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    content[i] = state >>> 24;
  }
  return content;
}

/** Everything in it that says the revision says the same one. */
export function responseOf(id: string, key: string, length: number, revision = 0): StoredResponse {
  return {
    ...{ id, key, selectedBy: [], status: 200, reason: `revision ${revision}`, version: '1.1' },
    fields: [
      { name: 'ETag', value: `"${id}"` },
      { name: 'X-Revision', value: String(revision) },
    ],
    ...{ requestTimeMs: revision, responseTimeMs: revision, extent: { first: 0, length, completeLength: length } },
    ...{ isFromAuthorized: false, isInvalidated: false, origin: null, tags: [String(revision)] },
  };
}

/** What is wrong with a response that was found, or with its content; `null` when it is as it was stored. `gone` is not wrong. */
export async function faultOf(store: CacheStore, stored: StoredResponse): Promise<string | null> {
  const expected = responseOf(stored.id, stored.key, stored.extent.length, stored.requestTimeMs);
  if (JSON.stringify(stored) !== JSON.stringify(expected)) return `${JSON.stringify(stored)} is not ${JSON.stringify(expected)}`;
  const body = await store.open(stored, 0, stored.extent.length);
  if (body === null) return 'gone';
  const content = await read(body);
  return content.equals(contentOf(stored.id, stored.extent.length)) ? null : `content of ${stored.id}`;
}

async function main([folder = '', maxBytes = '', seed = '', mode = '', loadMs = 'Infinity']: readonly string[]): Promise<void> {
  const lines = createInterface(process.stdin)[Symbol.asyncIterator]();
  await lines.next();
  const reports: string[] = [];
  using undisturbed = startUndisturbedTime();
  const before = process.cpuUsage();
  const store = await openDiskStore({ folder, maxBytes: Number(maxBytes), maxObjectBytes: Number(maxBytes) / 4 }, (line) =>
    reports.push(line),
  );
  const { user, system } = process.cpuUsage(before);
  const openedMs = Math.max(undisturbed.elapsedMs(), (user + system) / 1_000);
  if (mode === 'load') {
    say({ openedMs, entries: store.stats().entries, ...(await proveAll(store)) } satisfies OpenedLine);
    await load(store, Number(seed), performance.now() + Number(loadMs));
  } else {
    for await (const line of lines) say(await ask(store, Number(line), reports));
  }
  await store.close();
  process.stdin.destroy();
}

async function proveAll(store: CacheStore): Promise<{ readonly whole: number; readonly wrong: string[] }> {
  let whole = 0;
  const wrong: string[] = [];
  for await (const stored of store.list()) {
    const fault = await faultOf(store, stored);
    if (fault === null) whole += 1;
    else if (fault !== 'gone') wrong.push(fault);
  }
  return { whole, wrong };
}

/** Stores, replaces, freshens, removes and reads, several at once, over a few keys. */
async function load(store: CacheStore, seed: number, untilMs: number): Promise<void> {
  let state = seed;
  const below = (limit: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * limit);
  };
  let count = 0;
  const one = async (): Promise<void> => {
    count += 1;
    const key = `http://a.test/${below(400)}`;
    const all = await store.find(key);
    for (const stored of all) {
      const fault = await faultOf(store, stored);
      if (fault !== null && fault !== 'gone') say({ fault });
    }
    const [latest] = all;
    const dice = below(10);
    if (latest !== undefined && dice < 2) store.update(responseOf(latest.id, key, latest.extent.length, latest.requestTimeMs + 1));
    else if (latest !== undefined && dice < 3) store.remove(latest);
    else await keep(store, responseOf(`${process.pid}-${seed}-${count}`, key, LENGTHS[below(LENGTHS.length)]! + below(3)), all);
  };
  while (performance.now() < untilMs) {
    await Promise.all(Array.from({ length: 8 }, one));
    await new Promise(setImmediate);
  }
}

async function keep(store: CacheStore, stored: StoredResponse, replaces: readonly StoredResponse[] = []): Promise<boolean> {
  const content = contentOf(stored.id, stored.extent.length);
  const writer = store.create(content.length);
  if (writer === null) return false;
  for (let at = 0; at < content.length; at += 16_384) {
    if (!writer.write(content.subarray(at, at + 16_384))) break;
    await writer.ready();
  }
  const isStored = writer.written === content.length && (await writer.commit(stored, replaces));
  writer.abandon();
  writer.release();
  return isStored;
}

async function ask(store: CacheStore, length: number, reports: string[]): Promise<AskedLine> {
  asked += 1;
  const stored = responseOf(`asked-${asked}`, `http://a.test/${asked}`, length);
  const isStored = await keep(store, stored);
  // What is found before it is on the disk is in memory; the purge that picks nothing waits for the disk.
  await store.purge(() => false);
  const [found] = await store.find(stored.key);
  return { isStored, isWhole: found !== undefined && (await faultOf(store, found)) === null, reports: reports.splice(0) };
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

let asked = 0;
/** In the index, in one block, in a file that is proven whole, and in one that is proven block by block. */
const LENGTHS = [0, 700, 9000, 40_000, 65_535, 150_000, 300_000];

if (process.argv[1] === import.meta.filename) await main(process.argv.slice(2));
