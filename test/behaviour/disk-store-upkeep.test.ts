// What the disk store does for itself: which responses make room, what a crash left behind, and being looked into while it runs.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { StoredResponse } from '../../src/cache/stored-response.ts';
import { type DiskStore, openDiskStore, readDiskStore } from '../../src/cache/stores/disk.ts';
import { contentFrom, contentOf, keep, plain, sample, walk } from '../unit/cache/stores/store-contract.ts';

let folder: string;
const reports: string[] = [];
const stores: DiskStore[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'sallyport-upkeep-'));
});
afterEach(async () => {
  vi.useRealTimers();
  for (const store of stores.splice(0)) await store.close();
  rmSync(folder, { recursive: true, force: true });
  expect(reports.splice(0)).toEqual([]);
});

test('what is used stays, however much passes by that is asked for once', async () => {
  const store = await open(4 << 20);
  const used = Array.from({ length: 10 }, (_, i) => sample({ key: `http://used.test/${i}`, length: 20_000 }));
  for (const one of used) await keep(store, one, contentOf(one));
  // Four times as much as there is room for, and what is used is used now and then.
  for (let i = 0; i < 800; i += 1) {
    const once = sample({ key: `http://once.test/${i}`, length: 20_000 });
    await keep(store, once, contentOf(once));
    if (i % 50 === 0) for (const one of used) await use(store, one);
  }
  const left = await Promise.all(used.map(({ key }) => store.find(key)));
  expect(left.map(({ length }) => length)).toEqual(used.map(() => 1));
  expect(store.stats().evictions).toBeGreaterThan(500);
  expect(bytesIn(folder)).toBeLessThanOrEqual(4 << 20);
});

test('all files of the store together stay within the limit, whatever the lengths of contents', async () => {
  const store = await open(8 << 20);
  for (const length of [100, 300_000, 9000, 1_000_000, 65_536, 100]) {
    for (let i = 0; i < 30; i += 1) {
      const one = sample({ key: `http://a.test/${length}/${i}`, length });
      await keep(store, one, contentOf(one));
    }
    expect(store.stats().bytes).toBeLessThanOrEqual(8 << 20);
    await store.purge(() => false);
    expect(bytesIn(folder)).toBeLessThanOrEqual(8 << 20);
  }
});

describe('what a crash left behind goes away', () => {
  test('contents that were not complete, of processes that have ended', async () => {
    mkdirSync(path.join(folder, 'temporary'));
    // No process has the number above the greatest.
    const left = path.join(folder, 'temporary', '4194305-abc-1');
    const mine = path.join(folder, 'temporary', `${process.pid}-abc-1`);
    for (const file of [left, mine]) writeFileSync(file, Buffer.alloc(100_000));
    const store = await open();
    expect([existsSync(left), existsSync(mine)]).toEqual([false, true]);
    expect(store.stats().bytes).toBeGreaterThan(100_000);
  });

  test('contents to which nothing refers, once they are old; those to which something refers stay', async () => {
    const first = await open();
    const stored = sample({ length: 300_000 });
    await keep(first, stored, contentOf(stored));
    await first.close();
    const orphans = ['00', 'ab'].map((part) => path.join(folder, 'content', part, part.repeat(16)));
    orphans.push(path.join(folder, 'segments', '0123456789ab'));
    for (const orphan of orphans) {
      mkdirSync(path.dirname(orphan), { recursive: true });
      writeFileSync(orphan, 'x');
    }
    const anHourAgo = Date.now() / 1000 - 3600;
    for (const old of [orphans[0]!, orphans[2]!]) utimesSync(old, anHourAgo, anHourAgo);
    const [file] = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
      (name) => statSync(path.join(folder, name)).size > 200_000,
    );
    utimesSync(path.join(folder, file!), anHourAgo, anHourAgo);
    const store = await open();
    await expect.poll(() => orphans.map((orphan) => existsSync(orphan))).toEqual([false, true, false]);
    expect((await contentFrom(store, stored))?.equals(contentOf(stored))).toBe(true);
  });

  test('contents of an index that was set aside', async () => {
    const left = path.join(folder, 'content', 'ab');
    mkdirSync(left, { recursive: true });
    writeFileSync(path.join(left, 'ab'.repeat(16)), 'x');
    await open();
    await expect.poll(() => readdirSync(folder).filter((name) => name.startsWith('discarded'))).toEqual([]);
    expect(existsSync(path.join(left, 'ab'.repeat(16)))).toBe(false);
  });
});

test('a wall clock that jumps to another century and back changes nothing', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  let store = await open();
  const all: StoredResponse[] = [];
  for (const nowMs of [0, 4e12, 1.7e12, -1e12]) {
    vi.setSystemTime(nowMs);
    const one = sample({ key: `http://a.test/${nowMs}`, length: 100_000 });
    await keep(store, one, contentOf(one));
    all.push(one);
    await store.close();
    store = await open();
    for (const each of all) expect((await contentFrom(store, each))?.equals(contentOf(each))).toBe(true);
  }
  expect(store.stats()).toMatchObject({ entries: 4, damaged: 0 });
});

test('another process may look into a store that is in use: it sees what is there, and changes nothing', async () => {
  const store = await open();
  const [one, two] = [sample({ key: 'http://a.test/1' }), sample({ key: 'http://a.test/2', length: 300_000 })];
  for (const each of [one, two]) await keep(store, each, contentOf(each));
  await store.purge(() => false);
  const looking = readDiskStore(options(), (line) => reports.push(line));
  expect(plain(await walk(looking)).map(({ id }) => id)).toEqual([one.id, two.id]);
  expect((await contentFrom(looking, two))?.equals(contentOf(two))).toBe(true);
  expect(looking.create(10)).toBeNull();
  looking.remove(one);
  expect(await looking.purge(() => true)).toBe(0);
  expect(looking.stats().entries).toBe(2);
  await looking.close();
  expect(await store.find(one.key)).toHaveLength(1);
  await store.close();
  // And into one that nobody uses.
  const later = readDiskStore(options(), (line) => reports.push(line));
  expect(await walk(later)).toHaveLength(2);
  await later.close();
});

test('what one of two stores over one folder has stored is found by the other', async () => {
  const [one, other] = [await open(), await open()];
  const stored = sample({ length: 2000 });
  await keep(one, stored, contentOf(stored));
  await expect.poll(async () => (await other.find(stored.key)).length).toBe(1);
  expect(await contentFrom(other, stored)).toEqual(contentOf(stored));
  other.remove(stored);
  await other.purge(() => false);
  expect(await one.find(stored.key)).toEqual([]);
  await expect.poll(() => one.stats().entries).toBe(0);
});

describe('what one store removes while another over the folder freshens it stays removed', () => {
  // Its content has a file, which goes at once: nothing may refer to it afterwards.
  const long = sample({ key: 'http://a.test/long', length: 300_000 });
  const short = sample({ key: 'http://a.test/short', length: 100 });

  /** Two stores that have found both: one before them has written them. */
  async function two(): Promise<readonly [DiskStore, DiskStore]> {
    const before = await open();
    for (const stored of [long, short]) await keep(before, stored, contentOf(stored));
    await before.close();
    const both = [await open(), await open()] as const;
    for (const store of both) for (const { key } of [long, short]) expect(await store.find(key)).toHaveLength(1);
    return both;
  }

  test('and has nothing else left where it lay', async () => {
    const [one, other] = await two();
    other.update({ ...long, responseTimeMs: long.responseTimeMs + 1 });
    other.remove(short);
    one.remove(long);
    await written(one);
    await written(other);
    await expectAccountsToBeRight();
  });

  test('and the first removes the rest of what lay there before all of that is written', async () => {
    const [one, other] = await two();
    const third = sample({ key: 'http://a.test/third', length: 100 });
    await keep(other, third, contentOf(third));
    other.remove(long);
    const isWritten = written(other);
    other.remove(short);
    await isWritten;
    one.update({ ...long, responseTimeMs: long.responseTimeMs + 1 });
    await written(one);
    await expectAccountsToBeRight();
  });

  /** What has been asked for so far is in the index; what is asked for meanwhile need not be. */
  async function written(store: DiskStore): Promise<void> {
    await store.list()[Symbol.asyncIterator]().next();
  }

  async function expectAccountsToBeRight(): Promise<void> {
    for (const store of stores.splice(0)) await store.close();
    const store = await open();
    let result = null;
    for await (const verified of store.verify()) result = verified;
    expect(result).toMatchObject({ checked: store.stats().entries, damaged: 0, gone: 0 });
    expect(await store.find(long.key)).toEqual([]);
  }
});

function options(maxBytes = 64 << 20) {
  return { folder, maxBytes, maxObjectBytes: maxBytes };
}

async function open(maxBytes?: number): Promise<DiskStore> {
  const store = await openDiskStore(options(maxBytes), (line) => reports.push(line));
  stores.push(store);
  return store;
}

async function use(store: DiskStore, { key }: StoredResponse): Promise<void> {
  const [stored] = await store.find(key);
  if (stored !== undefined) await contentFrom(store, stored);
}

/** Of all files together. */
function bytesIn(place: string): number {
  const names = readdirSync(place, { recursive: true, encoding: 'utf8' });
  const sizes = names
    .map((name) => statSync(path.join(place, name), { throwIfNoEntry: false }))
    .map((found) => (found?.isFile() ? found.size : 0));
  return sizes.reduce((sum, size) => sum + size, 0);
}
