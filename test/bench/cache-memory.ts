// What a response in memory really takes and costs, as a program: `node test/bench/cache-memory.ts`. The constants in src/cache/stores/kept-response.ts
// and memory.ts come from here. Each size is a process of its own; an exit code of 1 says that something took more than it may.
// Twice, as memory keeps it twice: as it was stored, and as it was found. Then storing, in a store that is full.
import { execFileSync } from 'node:child_process';
import { PerformanceObserver } from 'node:perf_hooks';
import type { StoredResponse } from '../../src/cache/stored-response.ts';
import { MemoryStore } from '../../src/cache/stores/memory.ts';
import { type BodySink, KEPT, NO_FIELDS } from '../../src/http/message.ts';

const CONTENT_LENGTHS = [0, 100, 1024, 10_240, 65_536];
const FIELDS = [
  'Date: Sun, 22 Nov 2026 10:00:00 GMT',
  'Server: Apache',
  'Content-Type: application/javascript; charset=utf-8',
  'Content-Length: 1024',
  'Cache-Control: public, max-age=31536000, immutable',
  'ETag: "33a64df551425fcc55e4d42a148795d9f25f89d4"',
  'Last-Modified: Sat, 21 Nov 2026 07:28:00 GMT',
  'Vary: Accept-Encoding',
  'Accept-Ranges: bytes',
  'X-Content-Type-Options: nosniff',
  'Strict-Transport-Security: max-age=63072000',
];
const HOT = 500;
const ROUNDS = 20;

const MIB = 1 << 20;
const CHURN_BYTES = 256 * MIB;
const CHURNED = 300_000;

interface Taken {
  readonly counted: number;
  readonly real: number;
}

interface Times {
  /** Once, of one that nobody has found before. */
  readonly unpackNs: number;
  readonly hotNs: number;
  readonly anyNs: number;
  readonly missNs: number;
  readonly openNs: number;
}

interface Figures extends Times {
  readonly stored: Taken;
  readonly found: Taken;
}

interface Churn {
  readonly putUs: number;
  /** Of that, in which everything waited for the collector. */
  readonly collectorUs: number;
  readonly longestMs: number;
  readonly entries: number;
  readonly residentMib: number;
  readonly residentBeforeMib: number;
}

async function main([what, contentLength, fields]: readonly string[]): Promise<void> {
  if (what === 'measure') console.log(JSON.stringify(measure(Number(contentLength), Number(fields))));
  else if (what === 'churn') console.log(JSON.stringify(await churn(Number(contentLength))));
  else reportAll();
}

function reportAll(): void {
  console.log('content fields    stored      real   over     found      real   over  unpack     hot     any    miss    open');
  for (const length of CONTENT_LENGTHS) for (const count of [FIELDS.length, 0]) report(length, count);
  console.log('\ncontent   entries     put   collector  longest   resident    before');
  for (const length of CONTENT_LENGTHS) reportChurn(length);
}

function run<T>(...args: readonly string[]): T {
  return JSON.parse(execFileSync(process.execPath, ['--expose-gc', import.meta.filename, ...args], { encoding: 'utf8' })) as T;
}

function report(length: number, count: number): void {
  const { stored, found, unpackNs, hotNs, anyNs, missNs, openNs } = run<Figures>('measure', String(length), String(count));
  const times = [unpackNs, hotNs, anyNs, missNs, openNs].map((ns) => `${ns.toFixed(0).padStart(5)} ns`).join('');
  console.log(`${String(length).padStart(7)}${String(count).padStart(7)}${columnsOf(stored)}${columnsOf(found)}${times}`);
  if (overOf(stored) > MOST_OVER || overOf(found) > MOST_OVER || hotNs > MOST_FIND_NS) process.exitCode = 1;
}

function columnsOf(taken: Taken): string {
  const columns = [taken.counted, taken.real].map((bytes) => bytes.toFixed(0).padStart(10)).join('');
  return `${columns}${`${(100 * overOf(taken)).toFixed(1)}%`.padStart(7)}`;
}

function overOf({ counted, real }: Taken): number {
  return real / counted - 1;
}

function reportChurn(length: number): void {
  const { putUs, collectorUs, longestMs, entries, residentMib, residentBeforeMib } = run<Churn>('churn', String(length));
  const times = `${putUs.toFixed(2).padStart(5)} us${collectorUs.toFixed(2).padStart(9)} us${longestMs.toFixed(1).padStart(6)} ms`;
  const resident = [residentMib, residentBeforeMib].map((mib) => `${mib.toFixed(0).padStart(7)} MiB`).join('');
  console.log(`${String(length).padStart(7)}${String(entries).padStart(10)}${times}${resident}`);
  if (residentMib - residentBeforeMib > (CHURN_BYTES / MIB) * MOST_RESIDENT) process.exitCode = 1;
}

/** Octets of one entry, and times of one call, with many entries in the store. */
function measure(length: number, count: number): Figures {
  const entries = Math.min(50_000, Math.floor((128 << 20) / (length + 2000)));
  const store = new MemoryStore({ maxBytes: 1 << 30, maxObjectBytes: 1 << 20 });
  // Code and tables are there before it is measured.
  for (let i = 0; i < 2000; i += 1) put(store, -1 - i, length, count);
  for (let i = 0; i < 2000; i += 1) store.find(keyOf(-1 - i));
  for (let i = 0; i < 2000; i += 1) store.remove(responseOf(-1 - i, length, count));
  const before = settled();
  const counted = store.stats().bytes;
  const taken = (): Taken => ({ counted: (store.stats().bytes - counted) / entries, real: (settled() - before) / entries });
  for (let i = 0; i < entries; i += 1) put(store, i, length, count);
  // Of two keys that share a hash one is kept.
  if (store.stats().entries < entries - MOST_SHARING) throw new Error(`${store.stats().entries} of ${entries} are kept`);
  const stored = taken();
  const started = process.hrtime.bigint();
  for (let i = 0; i < entries; i += 1) store.find(keyOf(i));
  const unpackNs = Number(process.hrtime.bigint() - started) / entries;
  return { stored, found: taken(), unpackNs, ...times(store, entries) };
}

/** Ever new responses in a store that is full, a few at once. */
async function churn(length: number): Promise<Churn> {
  const store = new MemoryStore({ maxBytes: CHURN_BYTES, maxObjectBytes: MIB });
  const many = length > 16_384 ? CHURNED / 10 : CHURNED;
  let collectorMs = 0;
  let longestMs = 0;
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) {
      collectorMs += duration;
      longestMs = Math.max(longestMs, duration);
    }
  });
  const costUs = async (first: number, perform: (i: number) => void): Promise<number> => {
    const before = process.cpuUsage();
    for (let i = first; i < first + many; i += 1) {
      perform(i);
      if (i % 64 === 0) await new Promise(setImmediate);
    }
    const { user, system } = process.cpuUsage(before);
    return (user + system) / many;
  };
  const make = (i: number) => void responseOf(i, length, FIELDS.length);
  const findAndPut = (i: number) => {
    store.find(keyOf(i));
    put(store, i, length, FIELDS.length);
  };
  await costUs(0, make);
  const makingUs = await costUs(0, make);
  const residentBeforeMib = process.memoryUsage.rss() / MIB;
  await costUs(0, findAndPut);
  observer.observe({ entryTypes: ['gc'] });
  const bothUs = await costUs(many, findAndPut);
  await new Promise(setImmediate);
  observer.disconnect();
  return {
    putUs: bothUs - makingUs,
    collectorUs: (collectorMs * 1000) / many,
    longestMs,
    entries: store.stats().entries,
    residentMib: process.memoryUsage.rss() / MIB,
    residentBeforeMib,
  };
}

/** Half of the requests there are go to few responses. Those are `hot`; to find `any` is to wait for the processor's memory. */
function times(store: MemoryStore, entries: number): Omit<Times, 'unpackNs'> {
  const any = Array.from({ length: entries }, (_, i) => (i * 7919) % entries);
  const hot = any.map((i) => any[i % HOT]!);
  const found = hot.map((i) => store.find(keyOf(i))[0]!);
  const sink: BodySink = { write: () => KEPT, end: () => {}, fail: () => {} };
  const find = (key: string) => store.find(key);
  return {
    // Every key is a new text, as that of a request which has just been read is.
    anyNs: perCall(() => any.map(keyOf), find),
    hotNs: perCall(() => hot.map(keyOf), find),
    missNs: perCall(() => hot.map((i) => keyOf(i + entries)), find),
    openNs: perCall(
      () => found,
      (stored) => store.open(stored, 0, stored.extent.length)?.start(sink),
    ),
  };
}

/** The best of some rounds over everything: what else the machine does is in the others. */
function perCall<T>(given: () => readonly T[], call: (one: T) => void): number {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const all = given();
    const before = process.hrtime.bigint();
    for (const one of all) call(one);
    return Number(process.hrtime.bigint() - before) / all.length;
  });
  return Math.min(...rounds);
}

function put(store: MemoryStore, i: number, length: number, count: number): void {
  const writer = store.create(length)!;
  writer.write(Buffer.alloc(length, 'x'));
  writer.commit(responseOf(i, length, count), []);
  writer.release();
}

/** Its texts are cut out of a head section, as those of a response that has been read are. */
function responseOf(i: number, length: number, count: number): StoredResponse {
  const head = FIELDS.slice(0, count).map((line) => `${line}\r\n`);
  const text = Buffer.from(`HTTP/1.1 200 OK\r\n${head.join('')}\r\n`).toString('latin1');
  let at = 'HTTP/1.1 200 OK\r\n'.length;
  const fields = head.map((line) => {
    const start = at;
    at += line.length;
    const colon = text.indexOf(':', start);
    return { name: text.slice(start, colon), value: text.slice(colon + 2, at - 2), line: text.slice(start, at) };
  });
  return {
    id: `${i.toString(36).padStart(10, '0')}-k3j4h5k3`,
    key: keyOf(i),
    selectedBy: count === 0 ? [] : [{ name: 'accept-encoding', value: 'gzip, br' }],
    status: 200,
    reason: text.slice(13, 15),
    version: '1.1',
    fields: count === 0 ? NO_FIELDS : fields,
    requestTimeMs: 1_795_341_600_000 + i,
    responseTimeMs: 1_795_341_600_100 + i,
    extent: { first: 0, length, completeLength: length },
    isFromAuthorized: false,
    isInvalidated: false,
    origin: { address: '192.0.2.117', port: 80 },
    tags: [],
  };
}

function keyOf(i: number): string {
  return `http://static.example.test:80/assets/scripts/${i.toString(36)}/main.js`;
}

/** Octets of the heap and beside it, without garbage. */
function settled(): number {
  for (let i = 0; i < 4; i += 1) gc!();
  // With shared memory, which `external` leaves out.
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** What is real may be above what is counted by so much. */
const MOST_OVER = 0.1;
const MOST_SHARING = 5;
const MOST_FIND_NS = 500;
/** What is resident above what was before, of the limit: garbage that waits for the collector, too. */
const MOST_RESIDENT = 1.6;

await main(process.argv.slice(2));
