import { expect, test } from 'vitest';
import { MemoryStore } from '../../../../src/cache/stores/memory.ts';
import { BytesBody } from '../../../../src/http/message.ts';
import { contentFrom, contentOf, describeStore, keep, sample, writeAll } from './store-contract.ts';

const AMPLE = { maxBytes: 16 << 20, maxObjectBytes: 1 << 20 };

describeStore('memory', async (limits) => ({ store: new MemoryStore(limits) }));

test('everything that finds, opens and stores answers at once', () => {
  const store = new MemoryStore(AMPLE);
  const stored = sample();
  const writer = store.create(stored.extent.length)!;
  writer.write(contentOf(stored));
  expect(writer.ready()).toBeNull();
  expect(writer.commit(stored, [])).toBe(true);
  writer.release();
  const [found] = store.find(stored.key);
  expect(store.open(found!, 0, 1000)).toBeInstanceOf(BytesBody);
});

test('gives the kept memory itself, the same to everybody', async () => {
  const store = new MemoryStore(AMPLE);
  const stored = sample();
  await keep(store, stored, contentOf(stored));
  const [found] = store.find(stored.key);
  const given: Buffer[] = [];
  for (let i = 0; i < 2; i += 1) {
    store.open(found!, 0, 1000)!.start({ write: (bytes) => given.push(bytes) && 1, end: () => {}, fail: () => {} });
  }
  expect(given[0]!.buffer).toBe(given[1]!.buffer);
  expect(given[0]!.buffer.byteLength).toBe(1000);
});

test('finds the same object until it is changed, with the lines of its fields', async () => {
  const store = new MemoryStore(AMPLE);
  const stored = sample();
  await keep(store, stored, contentOf(stored));
  const [found] = store.find(stored.key);
  expect(store.find(stored.key)[0]).toBe(found);
  const field = found!.fields[1]!;
  expect(field.line).toBe('Cache-Control: max-age=3600\r\n');
  expect({ ...field, value: 'no-store' }).toEqual({ name: 'Cache-Control', value: 'no-store' });
});

test('what is copied from a stored response does not carry its content along', async () => {
  const store = new MemoryStore(AMPLE);
  const stored = sample();
  await keep(store, stored, contentOf(stored));
  expect(Object.keys({ ...store.find(stored.key)[0]! }).sort()).toEqual(Object.keys(stored).sort());
});

test('content on its way counts, and takes no more than a quarter', async () => {
  const store = new MemoryStore(AMPLE);
  const writers = Array.from({ length: 5 }, () => store.create(1 << 20));
  const content = Buffer.alloc(1 << 20);
  const taken = writers.map((writer) => writer?.write(content) ?? false);
  expect(taken).toEqual([true, true, true, true, false]);
  expect(store.stats().bytes).toBe(4 << 20);
  expect(store.create(1)).toBeNull();
  for (const writer of writers) writer?.abandon();
  expect(store.stats().bytes).toBe(4 << 20); // somebody may still read along
  for (const writer of writers) writer?.release();
  expect(store.stats().bytes).toBe(0);
});

test('announced content takes memory as it comes, not as it is announced', () => {
  const store = new MemoryStore(AMPLE);
  const writer = store.create(1 << 20)!;
  writer.write(Buffer.alloc(1));
  expect(store.stats().bytes).toBe(256 << 10);
});

test('content without a length leaves no room unused once it is stored', async () => {
  const store = new MemoryStore(AMPLE);
  const [known, unknown] = [sample({ length: 300_001 }), sample({ length: 300_001 })];
  await keep(store, known, contentOf(known));
  const before = store.stats().bytes;
  const writer = store.create(null)!;
  await writeAll(writer, contentOf(unknown), 1000);
  writer.commit(unknown, []);
  writer.release();
  expect(store.stats().bytes - before).toBeLessThan(300_001 + 10_000);
});

test('a key has no more variants than can be looked at, the latest ones', async () => {
  const store = new MemoryStore(AMPLE);
  const all = Array.from({ length: 100 }, () => sample({ length: 10 }));
  for (const one of all) await keep(store, one, contentOf(one));
  expect(store.find(all[0]!.key).map(({ id }) => id)).toEqual(
    all
      .slice(-64)
      .reverse()
      .map(({ id }) => id),
  );
  expect(store.stats()).toMatchObject({ entries: 64, evictions: 36 });
});

test('a scan does not push out what is used', async () => {
  const store = new MemoryStore({ maxBytes: 1 << 20, maxObjectBytes: 1 << 16 });
  const used = Array.from({ length: 50 }, (_, i) => sample({ key: `http://a.test/used/${i}`, length: 5000 }));
  for (let round = 0; round < 3; round += 1) {
    for (const one of used) if (store.find(one.key).length === 0) await keep(store, one, contentOf(one));
  }
  for (let i = 0; i < 1000; i += 1) {
    const once = sample({ key: `http://a.test/once/${i}`, length: 5000 });
    if (store.find(once.key).length === 0) await keep(store, once, contentOf(once));
  }
  const left = used.filter((one) => store.find(one.key).length === 1);
  expect(left.length).toBeGreaterThanOrEqual(45);
  for (const one of left) expect(await contentFrom(store, one)).toEqual(contentOf(one));
});

test('with no memory nothing is kept', () => {
  const store = new MemoryStore(null);
  expect(store.create(1)).toBeNull();
  expect(store.find('http://a.test/')).toEqual([]);
});
