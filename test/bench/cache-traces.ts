// Which responses stay in memory, as a program: `node test/bench/cache-traces.ts`. Requests made from a seed go to a plain LRU, to what we have
// (src/cache/stores/admission.ts), and past a bound that nobody reaches; printed are the shares that hit, of requests and of octets. An exit code of 1
// says that plain LRU was better by requests or by octets on more than one trace, or not clearly worse under a scan.
import { LRUCache } from 'lru-cache';
import { mixed } from '../../src/cache/key-hash.ts';
import { AdmittingCache, Member } from '../../src/cache/stores/admission.ts';

class Entry extends Member<Entry> {}

const REQUESTS = 400_000;
const ROOM = 64 << 20;
const SEED = 20_261_122;

interface Trace {
  readonly name: string;
  readonly isScanned: boolean;
  readonly ids: Int32Array;
}

interface Shares {
  readonly requests: number;
  readonly octets: number;
}

function main(): void {
  console.log(`${REQUESTS} requests, ${ROOM >> 20} MiB; shares that hit, by requests and by octets\n`);
  console.log(`${'trace'.padEnd(34)}${'keys'.padStart(8)}${['LRU', 'ours', 'bound'].map((name) => name.padStart(18)).join('')}`);
  let lost = 0;
  for (const trace of traces()) {
    const sizes = Int32Array.from(trace.ids, sizeOf);
    const lru = shares(sizes, plainLru(trace.ids, sizes));
    const ours = shares(sizes, admitting(trace.ids, sizes));
    const bound = boundOf(trace.ids, sizes);
    console.log(`${trace.name.padEnd(34)}${String(new Set(trace.ids).size).padStart(8)}${[lru, ours, bound].map(shown).join('')}`);
    if (ours.requests < lru.requests || ours.octets < lru.octets) lost += 1;
    if (trace.isScanned && (ours.requests < lru.requests * CLEARLY || ours.octets < lru.octets * CLEARLY)) process.exitCode = 1;
  }
  if (lost > 1) process.exitCode = 1;
}

function* traces(): Generator<Trace> {
  for (const alpha of [0.7, 0.9, 1.1]) yield trace(`Zipf ${alpha}`, zipf(100_000, alpha));
  const popular = zipf(50_000, 0.9);
  yield trace('Zipf 0.9, a scan every 20,000', (i) => (i % 30_000 < 20_000 ? popular(i) : NEW + i), true);
  const isOnce = random(SEED + 1);
  yield trace('Zipf 0.9, half asked for once', (i) => (isOnce() < 0.5 ? popular(i) : NEW + i), true);
  yield trace('Zipf 0.9, another head at 40,000', (i) => (popular(i) + Math.floor(i / 40_000) * 5000) % 50_000);
  yield trace('Zipf 0.9, moving on slowly', (i) => popular(i) + Math.floor(i / 100));
  yield trace('Zipf 0.9, moving on fast', (i) => popular(i) + Math.floor(i / 10));
  yield trace('a loop of three times the room', (i) => i % 8000);
}

function trace(name: string, idAt: (i: number) => number, isScanned = false): Trace {
  return { name, isScanned, ids: Int32Array.from({ length: REQUESTS }, (_, i) => idAt(i)) };
}

/** @returns 0 most often: the chance of the one of rank n is as 1 to n to the power of `alpha` */
function zipf(count: number, alpha: number): (i: number) => number {
  const next = random(SEED);
  const sums = new Float64Array(count);
  let sum = 0;
  for (let i = 0; i < count; i += 1) sums[i] = sum += 1 / (i + 1) ** alpha;
  return () => {
    const wanted = next() * sum;
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** Octets of what has this id: log-normal, 8 KiB in the middle and 25 KiB on average, as content of the Web is; 4 MiB at most. */
function sizeOf(id: number): number {
  const next = random(Math.imul(id, 0x9e3779b1));
  const normal = Math.sqrt(-2 * Math.log(next() + 1e-12)) * Math.cos(2 * Math.PI * next());
  return Math.min(4 << 20, Math.max(300, Math.round(8192 * Math.exp(1.5 * normal))));
}

function plainLru(ids: Int32Array, sizes: Int32Array): (i: number) => boolean {
  const cache = new LRUCache<string, true>({ maxSize: ROOM });
  return (i) => {
    const key = keyOf(ids[i]!);
    if (cache.get(key) !== undefined) return true;
    cache.set(key, true, { size: sizes[i]! });
    return false;
  };
}

function admitting(ids: Int32Array, sizes: Int32Array): (i: number) => boolean {
  const cache = new AdmittingCache<Entry>(ROOM, () => {});
  return (i) => {
    const hash = mixed(ids[i]!);
    if (cache.find(hash) !== undefined) return true;
    cache.put(new Entry(hash), sizes[i]!);
    return false;
  };
}

/**
 * What no cache passes that knows the future: to keep a response until it is asked for again takes its size times that while, of all the room times
 * all the while; those that give most for it are kept (PFOO-U: D. Berger, N. Beckmann, M. Harchol-Balter, "Practical bounds on optimal caching with
 * variable object sizes", POMACS 2 (2018)). Whether they ever lie there together is not asked.
 */
function boundOf(ids: Int32Array, sizes: Int32Array): Shares {
  const last = new Map<number, number>();
  const waits = Int32Array.from(ids, (id, i) => {
    const wait = i - (last.get(id) ?? i);
    last.set(id, i);
    return wait;
  });
  const again = Int32Array.from([...waits.keys()].filter((i) => waits[i]! > 0));
  const area = (i: number) => waits[i]! * sizes[i]!;
  const taken = (costOf: (i: number) => number): Shares => {
    const hits = new Set<number>();
    let left = ROOM * ids.length;
    for (const i of again.sort((a, b) => costOf(a) - costOf(b))) {
      left -= area(i);
      if (left < 0) break;
      hits.add(i);
    }
    return shares(sizes, (i) => hits.has(i));
  };
  return { requests: taken(area).requests, octets: taken((i) => waits[i]!).octets };
}

function shares(sizes: Int32Array, isHit: (i: number) => boolean): Shares {
  let [requests, octets, all] = [0, 0, 0];
  for (const [i, size] of sizes.entries()) {
    all += size;
    if (!isHit(i)) continue;
    requests += 1;
    octets += size;
  }
  return { requests: requests / sizes.length, octets: octets / all };
}

function shown({ requests, octets }: Shares): string {
  return `${(100 * requests).toFixed(1)}% ${(100 * octets).toFixed(1).padStart(5)}%`.padStart(18);
}

function keyOf(id: number): string {
  return `http://a.test/${id}`;
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Ids that nobody has asked for yet. */
const NEW = 1_000_000;
const CLEARLY = 1.1;

main();
