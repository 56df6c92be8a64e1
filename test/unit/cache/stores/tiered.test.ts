import { expect, test } from 'vitest';
import type { MemoryStoreOptions } from '../../../../src/cache/options.ts';
import type { CacheStore } from '../../../../src/cache/stores/cache-store.ts';
import { MemoryStore } from '../../../../src/cache/stores/memory.ts';
import { createTieredStore } from '../../../../src/cache/stores/tiered.ts';
import { FULL } from '../../../../src/http/message.ts';
import { LaterStore } from './later-store.ts';
import { contentFrom, contentOf, describeStore, keep, read, sample, walk, writeAll } from './store-contract.ts';

const ROOMY: MemoryStoreOptions = { maxBytes: 16 << 20, maxObjectBytes: 1 << 20 };

describeStore('memory over a disk', async ({ maxBytes, maxObjectBytes }) => {
  const half = { maxBytes: maxBytes / 2, maxObjectBytes };
  return { store: createTieredStore(new MemoryStore(half), new LaterStore(new MemoryStore(half))) };
});

describeStore('a little memory over a disk that answers at once', async ({ maxBytes, maxObjectBytes }) => {
  const memory = new MemoryStore({ maxBytes: maxBytes / 64, maxObjectBytes: 4096 });
  return { store: createTieredStore(memory, new MemoryStore({ maxBytes: maxBytes - maxBytes / 64, maxObjectBytes })) };
});

test('without a disk it is memory, without memory it is the disk', () => {
  const memory = new MemoryStore(ROOMY);
  const disk = new LaterStore(new MemoryStore(ROOMY));
  expect(createTieredStore(memory, null)).toBe(memory);
  expect(createTieredStore(new MemoryStore(null), disk)).toBe(disk);
});

test('counts each tier by itself, and what has a copy in memory once', async () => {
  const memory = new MemoryStore({ ...ROOMY, maxBytes: 8 << 20 });
  const under = new MemoryStore(ROOMY);
  const store = createTieredStore(memory, under);
  const stored = sample();
  await keep(store, stored, contentOf(stored));
  const { entries, bytes, tiers } = store.stats();
  expect([entries, tiers.memory!.entries, tiers.disk!.entries]).toEqual([1, 1, 1]);
  expect([tiers.memory!.maxBytes, tiers.disk!.maxBytes]).toEqual([8 << 20, 16 << 20]);
  expect(bytes).toBe(tiers.memory!.bytes + tiers.disk!.bytes);
  expect(memory.stats().tiers).toMatchObject({ memory: { entries: 1 }, disk: null });
});

test('asks the disk once for a key, however many ask, and then no more', async () => {
  const { store, disk } = tiers();
  const stored = sample();
  await keep(store, stored, contentOf(stored));
  await Promise.all([store.find(stored.key), store.find(stored.key), store.find(stored.key)]);
  expect(disk.calls.find).toBe(1);
  expect(store.find(stored.key)).not.toBeInstanceOf(Promise);
  expect(store.open(stored, 0, 1000)).not.toBeInstanceOf(Promise);
  expect(disk.calls).toEqual({ find: 1, open: 0 });
});

test('promotes what is asked for again, in passing', async () => {
  const { store, disk, underDisk } = tiers();
  const stored = sample({ length: 60_000 });
  await keep(underDisk, stored, contentOf(stored));
  for (let i = 0; i < 2; i += 1) {
    const [found] = await store.find(stored.key);
    expect((await contentFrom(store, found!))?.equals(contentOf(stored))).toBe(true);
  }
  expect(disk.calls.open).toBe(2);
  const [found] = await store.find(stored.key);
  expect(store.open(found!, 0, 60_000)).not.toBeInstanceOf(Promise);
  expect((await contentFrom(store, stored))?.equals(contentOf(stored))).toBe(true);
  expect(disk.calls).toEqual({ find: 1, open: 2 });
});

test('content that breaks off, or that nobody wants any more, is not promoted', async () => {
  const { store, disk, underDisk } = tiers();
  const stored = sample({ length: 400_000 });
  await keep(underDisk, stored, contentOf(stored));
  for (let i = 0; i < 4; i += 1) {
    await store.find(stored.key);
    const body = (await store.open(stored, 0, 400_000))!;
    body.start({ write: () => FULL, end: () => {}, fail: () => {} });
    body.cancel();
  }
  expect(disk.calls.open).toBe(4);
  expect(store.stats().bytes).toBeLessThan(450_000);
});

test('what is removed while it is being promoted does not come back', async () => {
  const { store, underDisk } = tiers();
  const stored = sample({ length: 400_000 });
  await keep(underDisk, stored, contentOf(stored));
  await store.find(stored.key);
  await store.find(stored.key);
  const body = (await store.open(stored, 0, 400_000))!;
  expect((await read(body, FULL, () => store.remove(stored))).equals(contentOf(stored))).toBe(true);
  expect(await store.find(stored.key)).toEqual([]);
  expect(await store.open(stored, 0, 400_000)).toBeNull();
});

test('what the disk does not take lies in memory alone, and is found beside what the disk has', async () => {
  const { store, disk } = tiers();
  const [onDisk, alone, later] = [sample(), sample(), sample()];
  await keep(store, onDisk, contentOf(onDisk));
  disk.isRefusing = true;
  expect(await keep(store, alone, contentOf(alone))).toBe(true);
  disk.isRefusing = false;
  await keep(store, later, contentOf(later));
  const found = await store.find(onDisk.key);
  expect(found.map(({ id }) => id).sort()).toEqual([onDisk.id, alone.id, later.id].sort());
  for (const one of found) expect(await contentFrom(store, one)).toEqual(contentOf(one));
  expect((await walk(store)).length).toBe(3);
  expect(await store.purge(() => true)).toBe(3);
});

test('what memory alone could take replaces what lies on the disk', async () => {
  const { store, disk, underDisk } = tiers();
  const [old, fresh] = [sample(), sample()];
  await keep(store, old, contentOf(old));
  disk.isRefusing = true;
  await keep(store, fresh, contentOf(fresh), [old]);
  expect(underDisk.find(old.key)).toEqual([]);
  expect((await store.find(old.key)).map(({ id }) => id)).toEqual([fresh.id]);
});

test('what memory does not take goes on to the disk, for those who read along too', async () => {
  const { store } = tiers({ maxBytes: 1 << 20, maxObjectBytes: 10_000 });
  const stored = sample({ length: 30_000 });
  const writer = store.create(null)!;
  await writeAll(writer, contentOf(stored), 4000);
  expect(writer.written).toBe(30_000);
  expect((await writer.read(9000, 2000))?.equals(contentOf(stored).subarray(9000, 11_000))).toBe(true);
  expect(await writer.commit(stored, [])).toBe(true);
  writer.release();
  expect((await contentFrom(store, stored))?.equals(contentOf(stored))).toBe(true);
});

test('what the disk has lost is asked for there again, not remembered', async () => {
  const { store, underDisk } = tiers();
  const stored = sample();
  await keep(underDisk, stored, contentOf(stored));
  expect(await store.find(stored.key)).toHaveLength(1);
  underDisk.remove(stored);
  expect(await store.open(stored, 0, 1000)).toBeNull();
  expect(await store.find(stored.key)).toEqual([]);
});

test('a purge leaves nothing behind that was found while it went on', async () => {
  const { store, underDisk } = tiers();
  const stored = sample();
  await keep(underDisk, stored, contentOf(stored));
  const purged = store.purge(() => true);
  await store.find(stored.key);
  expect(await purged).toBe(1);
  expect(await store.find(stored.key)).toEqual([]);
});

interface Tiers {
  readonly store: CacheStore;
  readonly disk: LaterStore;
  readonly underDisk: MemoryStore;
}

function tiers(memory: MemoryStoreOptions = ROOMY): Tiers {
  const underDisk = new MemoryStore(ROOMY);
  const disk = new LaterStore(underDisk);
  return { store: createTieredStore(new MemoryStore(memory), disk), disk, underDisk };
}
