import { expect, test } from 'vitest';
import { AdmittingCache, Member } from '../../../../src/cache/stores/admission.ts';
import { steadyHash } from './steady-hash.ts';

class Entry extends Member<Entry> {}

const ROOM = 1_000_000;

function cacheOf(maxBytes = ROOM): { readonly cache: AdmittingCache<Entry>; readonly ask: (key: string, bytes?: number) => boolean } {
  const cache = new AdmittingCache<Entry>(maxBytes, () => {});
  const ask = (key: string, bytes = 10_000) => {
    if (cache.find(steadyHash(key)) !== undefined) return true;
    cache.put(new Entry(steadyHash(key)), bytes);
    return false;
  };
  return { cache, ask };
}

test('what is used stays while ten times as much as there is room for is asked for once', () => {
  const { cache, ask } = cacheOf();
  const used = Array.from({ length: 40 }, (_, i) => `used ${i}`);
  for (let round = 0; round < 3; round += 1) for (const key of used) ask(key);
  for (let i = 0; i < 1000; i += 1) ask(`once ${i}`);
  expect(used.filter((key) => cache.peek(steadyHash(key)) !== undefined).length).toBeGreaterThanOrEqual(38);
});

test('what is asked for again finds its way in against what was asked for once', () => {
  const { cache, ask } = cacheOf();
  for (let i = 0; i < 200; i += 1) ask(`once ${i}`);
  ask('twice', 100_000);
  ask('twice', 100_000);
  expect(cache.peek(steadyHash('twice'))).toBeDefined();
});

test('something large does not take the place of one that is asked for more often', () => {
  const { cache, ask } = cacheOf();
  for (let i = 0; i < 98; i += 1) for (let times = 0; times < 4; times += 1) ask(`small ${i}`);
  for (let times = 0; times < 3; times += 1) ask('large', 500_000);
  expect(cache.peek(steadyHash('large'))).toBeUndefined();
  for (let times = 0; times < 3; times += 1) ask('large', 500_000);
  expect(cache.peek(steadyHash('large'))).toBeDefined();
});

test('never holds more than its limit, less what is reserved', () => {
  const { cache, ask } = cacheOf();
  for (let i = 0; i < 5000; i += 1) {
    ask(`key ${(i * i) % 331}`, 1 + ((i * 37_003) % 200_000));
    expect(cache.bytes).toBeLessThanOrEqual(ROOM);
  }
  cache.reserve(400_000);
  expect(cache.bytes).toBeLessThanOrEqual(ROOM - 400_000);
});

test('tells of each that had to go, once', () => {
  const gone: number[] = [];
  const cache = new AdmittingCache<Entry>(ROOM, ({ hash }) => gone.push(hash));
  for (let i = 0; i < 300; i += 1) cache.put(new Entry(steadyHash(`${i}`)), 10_000);
  expect(new Set(gone).size).toBe(gone.length);
  expect(gone.length + cache.size).toBe(300);
});

test('one that grows stays where it is, and others go', () => {
  const { cache, ask } = cacheOf();
  for (let i = 0; i < 90; i += 1) for (let times = 0; times < 2; times += 1) ask(`key ${i}`);
  const member = cache.peek(steadyHash('key 50'))!;
  expect(cache.put(member, 300_000)).toBe(true);
  expect(cache.peek(steadyHash('key 50'))).toBe(member);
  expect(cache.bytes).toBeLessThanOrEqual(ROOM);
  expect(cache.put(member, ROOM + 1)).toBe(false);
  expect(cache.peek(steadyHash('key 50'))).toBeUndefined();
});

test('of two keys of one hash one is kept', () => {
  const gone: Entry[] = [];
  const cache = new AdmittingCache<Entry>(ROOM, (entry) => gone.push(entry));
  const [one, other] = [new Entry(7), new Entry(7)];
  cache.put(one, 10_000);
  expect(cache.put(other, 20_000)).toBe(true);
  expect(cache.find(7)).toBe(other);
  expect(gone).toEqual([one]);
  expect(cache.bytes).toBe(20_000);
});
