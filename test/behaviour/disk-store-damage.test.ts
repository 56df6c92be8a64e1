// The disk store against a disk that gives back something else than was written: a flipped bit in any region of any file, files cut short, files that
// are gone or changed places. What is damaged is a miss and goes away; nothing wrong is ever given out (SECURITY.md section 5).
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { StoredResponse } from '../../src/cache/stored-response.ts';
import { BLOCK_BYTES } from '../../src/cache/stores/content-file.ts';
import { type DiskStore, openDiskStore, readDiskStore } from '../../src/cache/stores/disk.ts';
import { read } from '../support/read-body.ts';
import { contentFrom, contentOf, keep, plain, sample } from '../unit/cache/stores/store-contract.ts';

let folder: string;
let reports: string[];
const stores: DiskStore[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'sallyport-damage-'));
  reports = [];
});
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('a content file', () => {
  const LENGTH = 3 * BLOCK_BYTES + 1000;
  const LONG = 6 * BLOCK_BYTES + 1000;
  // Each region of the file: first, middle and last blocks, sums, digest, version, magic.
  const regions = (length: number): number[] => [0, BLOCK_BYTES + 7, length - 1, length, length + 5, -40, -20, -8, -1];

  test.each(regions(LENGTH))('with a bit flipped at %i is a miss, and goes away', async (at) => {
    const stored = await storeOne(LENGTH);
    flip(contentFile(), at);
    await expectMissThatGoesAway(stored);
  });

  test.each(regions(LONG))(
    'that was proven whole before, with a bit flipped at %i since, gives out nothing wrong and goes away',
    async (at) => {
      const stored = await storeOne(LONG);
      const store = await open();
      expect((await contentFrom(store, stored))?.equals(contentOf(stored))).toBe(true);
      flip(contentFile(), at);
      const body = await store.open(stored, 0, LONG);
      // In its trailer, damage shows at once.
      if (at < 0 || at >= LONG) expect(body).toBeNull();
      else await expect(read(body!)).rejects.toMatchObject({ code: 'proxy_internal_error' });
      expect(await store.find(stored.key)).toEqual([]);
      expect(store.stats().damaged).toBe(1);
    },
  );

  test('that was proven whole before still gives out the parts that are whole', async () => {
    const stored = await storeOne(LONG);
    const store = await open();
    await contentFrom(store, stored);
    flip(contentFile(), 5 * BLOCK_BYTES);
    const body = await store.open(stored, 10, 3 * BLOCK_BYTES);
    expect((await read(body!)).equals(contentOf(stored).subarray(10, 10 + 3 * BLOCK_BYTES))).toBe(true);
  });

  test.each(regions(LONG))('of half a MiB with a bit flipped at %i is a miss, and goes away', async (at) => {
    const stored = await storeOne(LONG);
    flip(contentFile(), at);
    await expectMissThatGoesAway(stored);
  });

  test.each([0, 1, BLOCK_BYTES, LENGTH - 1, LENGTH, LENGTH + 3])('cut short to %i octets is a miss, and goes away', async (length) => {
    const stored = await storeOne(LENGTH);
    truncateSync(contentFile(), length);
    await expectMissThatGoesAway(stored);
  });

  test('that has vanished is a miss, and is forgotten', async () => {
    const stored = await storeOne(LENGTH);
    rmSync(contentFile());
    const store = await open();
    expect(await contentFrom(store, stored)).toBeNull();
    expect(await store.find(stored.key)).toEqual([]);
  });

  test('of another response, whole in itself, is not taken for this one', async () => {
    const [one, other] = [await storeOne(LENGTH), await storeOne(LENGTH)];
    const [first, second] = contentFiles();
    renameSync(first!, `${first}.kept`);
    renameSync(second!, first!);
    renameSync(`${first}.kept`, second!);
    const store = await open();
    expect([await contentFrom(store, one), await contentFrom(store, other)]).toEqual([null, null]);
    expect(store.stats().damaged).toBe(2);
  });

  test('whose folder cannot be reached is a miss; storing there pauses, says so once, and says when it works again', async () => {
    const stored = await storeOne(LENGTH);
    const store = await open();
    const part = path.dirname(contentFile());
    rmSync(part, { recursive: true });
    writeFileSync(part, '');
    expect(await contentFrom(store, stored)).toBeNull();
    const again = sample({ key: stored.key, length: 80_000 });
    await keep(store, again, contentOf(again));
    await expect
      .poll(() => reports)
      .toEqual([`cache: nothing can be stored in ${folder} (ENOTDIR); answers go on without, and it is tried again`]);
    expect(store.create(10)).toBeNull();
    expect(await store.find(stored.key)).toEqual([]);
    rmSync(part);
    mkdirSync(part);
    await expect.poll(() => keep(store, again, contentOf(again))).toBe(true);
    await expect.poll(() => reports.slice(1)).toEqual([`cache: storing in ${folder} works again`]);
    expect((await contentFrom(store, again))?.equals(contentOf(again))).toBe(true);
  });
});

describe('a segment', () => {
  test('with a bit flipped anywhere never gives out anything wrong, and loses one response', async () => {
    const all = await storeSome(24);
    const [file = ''] = segmentFiles();
    const whole = readFileSync(file);
    const step = Math.ceil(whole.length / 400) | 1;
    for (let at = 0; at < whole.length; at += step) {
      flip(file, at);
      expect(await expectNothingWrong(all)).toBe(23);
      writeFileSync(file, whole);
    }
  });

  test('cut short anywhere never gives out anything wrong', async () => {
    const all = await storeSome(24);
    const [file = ''] = segmentFiles();
    const { length } = readFileSync(file);
    for (let at = length - 1; at > 0; at -= 997) {
      truncateSync(file, at);
      expect(await expectNothingWrong(all)).toBeLessThan(24);
    }
    rmSync(file);
    expect(await expectNothingWrong(all)).toBe(0);
  });

  test("with its records in each other's places gives out none of them", async () => {
    const all = await storeAlike();
    const [file = ''] = segmentFiles();
    const bytes = readFileSync(file);
    const [first, second] = [bytes.subarray(0, bytes.length / 2), bytes.subarray(bytes.length / 2)];
    expect(first).toHaveLength(second.length);
    writeFileSync(file, Buffer.concat([second, first]));
    expect(await expectNothingWrong(all)).toBe(0);
  });

  test('in the place of another gives out nothing of it', async () => {
    const all = [await storeOne(2000), await storeOne(2000)];
    const [one = '', other = ''] = segmentFiles();
    renameSync(one, `${one}.kept`);
    renameSync(other, one);
    renameSync(`${one}.kept`, other);
    const store = await open();
    for (const { key } of all) expect(await store.find(key)).toEqual([]);
    expect(store.stats()).toMatchObject({ entries: 0, damaged: 2 });
  });

  test.each([
    ['content', 1500],
    ['head', 100],
    ['header', 6],
  ])('with a bit flipped in a %s makes a miss that goes away, for the next start too', async (_, at) => {
    const stored = await storeOne(2000);
    const [file = ''] = segmentFiles();
    flip(file, at);
    const store = await open();
    expect(await store.open(stored, 0, 2000)).toBeNull();
    expect(await store.find(stored.key)).toEqual([]);
    expect(store.stats()).toMatchObject({ entries: 0, damaged: 1 });
    await store.close();
    expect(segmentFiles()).toEqual([]);
    expect((await open()).stats()).toMatchObject({ entries: 0, damaged: 0 });
  });
});

test.each([
  ['batch', 'UPDATE batch SET length = length + 1'],
  ['batch', "UPDATE batch SET entries = CAST(x'00000000' || substr(entries, 5) AS BLOB)"],
  ['batch', 'UPDATE batch SET sum = sum + 1'],
])('a row of the index whose %s is not what was written is a miss: %s', async (_, sql) => {
  const stored = await storeOne(2000);
  change(sql);
  const store = await open();
  expect(await store.find(stored.key)).toEqual([]);
  expect(store.stats()).toMatchObject({ entries: 0, damaged: 1 });
});

test.each(['DELETE FROM mark', 'UPDATE mark SET place = place + 1', 'UPDATE mark SET kind = 1', 'UPDATE mark SET kind = 7'])(
  'marks of what was removed that are not what was written bring nothing back: %s',
  async (sql) => {
    const store = await open();
    const all = [1, 2, 3].map((i) => sample({ key: `http://a.test/${i}` }));
    for (const one of all) await keep(store, one, contentOf(one));
    await store.purge(() => false);
    store.remove(all[1]!);
    await store.close();
    change(sql);
    const again = await open();
    expect(await again.find(all[1]!.key)).toEqual([]);
    expect(reports).toEqual([expect.stringContaining('is damaged. It has been set aside')]);
  },
);

describe('the index', () => {
  test('with a bit flipped anywhere never gives out anything wrong', async () => {
    const all = await storeSome(24);
    const whole = readFileSync(index());
    const step = Math.ceil(whole.length / 400) | 1;
    let found = 0;
    for (let at = 0; at < whole.length; at += step) {
      const damaged = Buffer.from(whole);
      damaged[at]! ^= 1 << (at % 8);
      writeFileSync(index(), damaged);
      found += await expectNothingWrong(all);
    }
    expect(found).toBeGreaterThan((whole.length / step) * all.length * 0.7);
  });

  test('cut short anywhere never gives out anything wrong', async () => {
    const all = await storeSome(24);
    const whole = readFileSync(index());
    for (let length = 0; length < whole.length; length += 3001) {
      writeFileSync(index(), whole.subarray(0, length));
      await expectNothingWrong(all);
    }
  });

  test.each([
    ['its first page is damaged', (bytes: Buffer) => bytes.fill(0xff, 0, 100)],
    ['a table is damaged', (bytes: Buffer) => bytes.fill(0xff, 8192 * 2)],
    ['it is cut short', (bytes: Buffer) => bytes.subarray(0, 8192 * 3)],
    ['it is something else', () => Buffer.from('not a database at all, but a text of more than a hundred octets. '.repeat(20))],
    [
      'it is of another version',
      (bytes: Buffer) => {
        bytes.writeUInt32BE(99, 60);
        return bytes;
      },
    ],
  ])('is set aside when %s, and the store says so and begins anew', async (_, change) => {
    const [stored] = await storeSome(24);
    writeFileSync(index(), change(readFileSync(index())));
    const store = await open();
    // Some damage shows only when it is met.
    for await (const one of store.list()) await contentFrom(store, one);
    await expect.poll(() => reports.length).toBe(1);
    expect(reports[0]).toContain('set aside as set-aside.sqlite; the cache on disk begins anew, empty');
    await expect.poll(() => store.stats().entries).toBe(0);
    expect(await store.find(stored!.key)).toEqual([]);
    expect(statSync(path.join(folder, 'set-aside.sqlite')).size).toBeGreaterThan(0);
    const fresh = sample();
    await expect.poll(() => keep(store, fresh, contentOf(fresh))).toBe(true);
    await store.close();
    const again = await open();
    expect((await contentFrom(again, fresh))?.equals(contentOf(fresh))).toBe(true);
    expect(again.stats().entries).toBe(1);
  });

  test('that vanishes under running stores is made anew, and they share it', async () => {
    const stored = await storeOne(300_000);
    const [store, other] = [await open(), await open()];
    for (const end of ['', '-wal', '-shm']) rmSync(`${index()}${end}`, { force: true });
    for (const one of [store, other]) {
      await expect.poll(() => one.stats().entries).toBe(0);
      expect(await one.find(stored.key)).toEqual([]);
    }
    const fresh = sample({ length: 100_000 });
    await keep(store, fresh, contentOf(fresh));
    await expect.poll(async () => plain(await other.find(fresh.key))).toEqual(plain([fresh]));
    expect((await contentFrom(other, fresh))?.equals(contentOf(fresh))).toBe(true);
  });

  test('found damaged by one of two stores that share it is set aside once, and both go on with the new one', async () => {
    await storeSome(200);
    const bytes = readFileSync(index());
    bytes.fill(0xff, 8192 * 3);
    writeFileSync(index(), bytes);
    const [store, other] = [await open(), await open()];
    for (const one of [store, other, store, other]) {
      for await (const stored of one.list()) await contentFrom(one, stored);
      await expect.poll(() => one.stats().entries).toBe(0);
    }
    expect(reports).toHaveLength(1);
    const fresh = sample();
    await expect.poll(() => keep(store, fresh, contentOf(fresh))).toBe(true);
    await expect.poll(async () => plain(await other.find(fresh.key))).toEqual(plain([fresh]));
  });
});

test('verify finds what is damaged, removes it, and finds nothing the second time', async () => {
  const all = [await storeOne(1000), await storeOne(70_000), await storeOne(400_000)];
  for (const file of contentFiles()) flip(file, 50_000);
  const looking = readDiskStore(options(), report);
  stores.push(looking);
  expect(await verified(looking)).toMatchObject({ checked: 3, contentBytes: 471_000, damaged: 2, gone: 0 });
  const store = await open();
  expect(await verified(store)).toMatchObject({ checked: 3, damaged: 2 });
  expect(await verified(store)).toEqual({ checked: 1, contentBytes: 1000, damaged: 0, gone: 0 });
  expect(await contentFrom(store, all[0]!)).toEqual(contentOf(all[0]!));
});

function options() {
  return { folder, maxBytes: 64 << 20, maxObjectBytes: 8 << 20 };
}

function report(line: string): void {
  reports.push(line);
}

async function open(): Promise<DiskStore> {
  const store = await openDiskStore(options(), report);
  stores.push(store);
  return store;
}

function change(sql: string): void {
  const database = new DatabaseSync(index());
  database.exec(sql);
  database.close();
}

/** And closes the store, so that its files may be changed. */
async function storeOne(length: number): Promise<StoredResponse> {
  const store = await open();
  const stored = sample({ length, key: `http://a.test/${length}` });
  expect(await keep(store, stored, contentOf(stored))).toBe(true);
  await store.close();
  return stored;
}

async function storeSome(count: number): Promise<StoredResponse[]> {
  const store = await open();
  const all = Array.from({ length: count }, (_, i) => sample({ key: `http://a.test/${i}`, length: i * 311 }));
  for (const one of all) await keep(store, one, contentOf(one));
  await store.close();
  return all;
}

/** Two responses of whose records nothing but a few octets differs. */
async function storeAlike(): Promise<StoredResponse[]> {
  const store = await open();
  const all = ['a', 'b'].map((id) => sample({ id: `alike-${id}`, key: `http://a.test/${id}` }));
  for (const one of all) await keep(store, one, contentOf(one));
  await store.close();
  return all;
}

async function expectMissThatGoesAway(stored: StoredResponse): Promise<void> {
  const store = await open();
  expect(await store.open(stored, 0, stored.extent.length)).toBeNull();
  expect(await store.find(stored.key)).toEqual([]);
  expect(store.stats()).toMatchObject({ entries: 0, damaged: 1 });
  await store.close();
  expect(contentFiles()).toEqual([]);
}

/** @returns how many were found all the same */
async function expectNothingWrong(all: readonly StoredResponse[]): Promise<number> {
  for (const end of ['-wal', '-shm']) rmSync(`${index()}${end}`, { force: true });
  let store: DiskStore;
  try {
    store = readDiskStore(options(), report);
  } catch (error) {
    expect(error).toMatchObject({ name: 'StartError' });
    return 0;
  }
  let found = 0;
  for (const one of all) {
    const stored = await store.find(one.key);
    if (stored.length === 0) continue;
    expect(plain(stored)).toEqual(plain([one]));
    const content = await contentFrom(store, one);
    if (content === null) continue;
    expect(content.equals(contentOf(one))).toBe(true);
    found += 1;
  }
  await store.close();
  return found;
}

async function verified(store: DiskStore): Promise<unknown> {
  let result: unknown = null;
  for await (const one of store.verify()) result = one;
  return result;
}

function index(): string {
  return path.join(folder, 'index.sqlite');
}

function contentFiles(): string[] {
  const content = path.join(folder, 'content');
  const names = readdirSync(content, { recursive: true, encoding: 'utf8' });
  return names.map((name) => path.join(content, name)).filter((file) => statSync(file).isFile());
}

function segmentFiles(): string[] {
  const segments = path.join(folder, 'segments');
  return readdirSync(segments).map((name) => path.join(segments, name));
}

function contentFile(): string {
  const [file, ...others] = contentFiles();
  if (file === undefined || others.length > 0) throw new Error('there is not one content file');
  return file;
}

/** @param at from the end when negative */
function flip(file: string, at: number): void {
  const bytes = readFileSync(file);
  bytes[at < 0 ? bytes.length + at : at]! ^= 0x10;
  writeFileSync(file, bytes);
}
