// What every store promises, as tests: stores/cache-store.ts in sentences. A store's own test calls `describeStore` with a way to open one.
import { afterEach, describe, expect, test } from 'vitest';
import type { StoredResponse } from '../../../../src/cache/stored-response.ts';
import type { CacheStore, ContentWriter } from '../../../../src/cache/stores/cache-store.ts';
import { type Body, FULL, KEPT, TAKEN, type Taken } from '../../../../src/http/message.ts';

export interface StoreLimits {
  readonly maxBytes: number;
  readonly maxObjectBytes: number;
}

export interface OpenedStore {
  readonly store: CacheStore;
  /** Of a store that outlives its process: closes it, and opens another one over what it left. */
  readonly reopen?: () => Promise<CacheStore>;
  /** Removes what the store has left behind. It has been closed. */
  readonly dispose?: () => Promise<void>;
}

export type OpenStore = (limits: StoreLimits) => Promise<OpenedStore>;

const AMPLE: StoreLimits = { maxBytes: 64 << 20, maxObjectBytes: 1 << 20 };
const TIGHT: StoreLimits = { maxBytes: 512 << 10, maxObjectBytes: 64 << 10 };

/** @param outlives  its process: then it can be opened again over what it left */
export function describeStore(name: string, open: OpenStore, outlives: 'its process' | 'nothing' = 'nothing'): void {
  describe(name, () => {
    const opened: OpenedStore[] = [];
    const openStore = async (limits = AMPLE): Promise<OpenedStore> => {
      const one = await open(limits);
      opened.push(one);
      return one;
    };
    const aStore = async (limits = AMPLE): Promise<CacheStore> => (await openStore(limits)).store;
    afterEach(async () => {
      for (const { store, dispose } of opened.splice(0)) {
        await store.close();
        await dispose?.();
      }
    });

    describe('keeping and giving back', () => {
      test('what was committed is found, whole and as it was', async () => {
        const store = await aStore();
        const stored = sample({
          key: 'http://a.test/x?y=1',
          reason: 'Très bien',
          fields: [
            { name: 'cONTENT-Type', value: 'text/plain' },
            { name: 'Set-Cookie', value: 'a=1' },
            { name: 'set-cookie', value: 'b=\xe9\xff' },
            { name: 'X-Empty', value: '' },
          ],
          selectedBy: [
            { name: 'accept', value: '*/*' },
            { name: 'accept-language', value: null },
          ],
          tags: ['one', 'two'],
          isFromAuthorized: true,
          origin: { address: '192.0.2.1', port: 80 },
        });
        expect(await store.find(stored.key)).toEqual([]);
        await keep(store, stored, contentOf(stored));
        expect(plain(await store.find(stored.key))).toEqual(plain([stored]));
        expect(await contentFrom(store, stored)).toEqual(contentOf(stored));
        expect(await store.find('http://a.test/x?y=2')).toEqual([]);
      });

      test('several variants lie side by side under one key, the latest first', async () => {
        const store = await aStore();
        const [first, second, third] = [sample(), sample(), sample()];
        for (const one of [first, second, third]) await keep(store, one, contentOf(one));
        expect(ids(await store.find(first.key))).toEqual([third.id, second.id, first.id]);
        for (const one of [first, second, third]) expect(await contentFrom(store, one)).toEqual(contentOf(one));
      });

      test('content may be empty', async () => {
        const store = await aStore();
        const stored = sample({ length: 0 });
        await keep(store, stored, Buffer.alloc(0));
        expect(ids(await store.find(stored.key))).toEqual([stored.id]);
        const body = await store.open(stored, 0, 0);
        expect(body?.length).toBe(0);
        expect(await read(body!)).toEqual(Buffer.alloc(0));
      });

      test.each([1, 1023, 4096, 65_537, 1 << 20])(
        '%i octets are given back exactly, with their length announced or not',
        async (length) => {
          const store = await aStore();
          for (const isAnnounced of [true, false]) {
            const stored = sample({ length });
            const content = contentOf(stored);
            const writer = store.create(isAnnounced ? length : null)!;
            await writeAll(writer, content, 7919);
            expect(await writer.commit(stored, [])).toBe(true);
            writer.release();
            expect((await contentFrom(store, stored))?.equals(content)).toBe(true);
          }
        },
      );

      test('any part of the content can be opened', async () => {
        const store = await aStore();
        const stored = sample({ length: 300_000 });
        const content = contentOf(stored);
        await keep(store, stored, content);
        for (const [first, length] of [
          [0, 1],
          [299_999, 1],
          [65_000, 140_000],
          [131_072, 65_536],
          [300_000, 0],
        ] as const) {
          const body = await store.open(stored, first, length);
          expect(body?.length).toBe(length);
          expect((await read(body!)).equals(content.subarray(first, first + length))).toBe(true);
        }
      });

      test('what lies beyond the end of the content is not there', async () => {
        const store = await aStore();
        const stored = sample({ length: 100 });
        await keep(store, stored, contentOf(stored));
        expect(await store.open(stored, 50, 51)).toBeNull();
        expect(await store.open(stored, 101, 0)).toBeNull();
        expect((await contentFrom(store, stored))?.length).toBe(100);
      });

      test('many read the same content at once, each at its own pace', async () => {
        const store = await aStore();
        const stored = sample({ length: 400_000 });
        await keep(store, stored, contentOf(stored));
        const bodies = await Promise.all(Array.from({ length: 5 }, () => store.open(stored, 0, 400_000)));
        const answers: Taken[] = [TAKEN, KEPT, FULL];
        const contents = await Promise.all(bodies.map((body, i) => read(body!, answers[i % 3])));
        for (const content of contents) expect(content.equals(contentOf(stored))).toBe(true);
      });

      test('a body that nobody wants any more says nothing more', async () => {
        const store = await aStore();
        const stored = sample({ length: 400_000 });
        await keep(store, stored, contentOf(stored));
        const body = (await store.open(stored, 0, 400_000))!;
        let isCancelled = false;
        const late: string[] = [];
        body.start({
          write: () => {
            if (isCancelled) late.push('write');
            isCancelled = true;
            body.cancel();
            return KEPT;
          },
          end: () => late.push('end'),
          fail: () => late.push('fail'),
        });
        expect(await contentFrom(store, stored)).toEqual(contentOf(stored));
        expect(late).toEqual([]);
      });
    });

    describe('writing', () => {
      test('nothing is found before it is committed, nor after it was abandoned', async () => {
        const store = await aStore();
        const stored = sample();
        const writer = store.create(stored.extent.length)!;
        await writeAll(writer, contentOf(stored));
        expect(await store.find(stored.key)).toEqual([]);
        expect(await store.open(stored, 0, stored.extent.length)).toBeNull();
        writer.abandon();
        writer.release();
        expect(await store.find(stored.key)).toEqual([]);
        expect(store.stats().entries).toBe(0);
      });

      test('the memory of what was written may be used again at once', async () => {
        const store = await aStore();
        const stored = sample({ length: 50_000 });
        const content = contentOf(stored);
        const writer = store.create(null)!;
        const chunk = Buffer.alloc(5000);
        for (let at = 0; at < content.length; at += chunk.length) {
          content.copy(chunk, 0, at);
          expect(writer.write(chunk)).toBe(true);
          await writer.ready();
        }
        chunk.fill(0);
        expect(await writer.commit(stored, [])).toBe(true);
        writer.release();
        expect((await contentFrom(store, stored))?.equals(content)).toBe(true);
      });

      test('others read along while it arrives, and until it is released', async () => {
        const store = await aStore();
        const stored = sample({ length: 200_000 });
        const content = contentOf(stored);
        const writer = store.create(content.length)!;
        await writeAll(writer, content.subarray(0, 120_000));
        expect(writer.written).toBe(120_000);
        expect((await readAlong(writer, 0, 120_000)).equals(content.subarray(0, 120_000))).toBe(true);
        expect((await readAlong(writer, 70_000, 10)).equals(content.subarray(70_000, 70_010))).toBe(true);
        expect((await writer.read(119_999, 500))?.equals(content.subarray(119_999, 120_000))).toBe(true);
        expect(await writer.read(120_000, 500)).toEqual(Buffer.alloc(0));
        await writeAll(writer, content.subarray(120_000));
        expect(await writer.commit(stored, [])).toBe(true);
        store.remove(stored);
        expect((await readAlong(writer, 0, 200_000)).equals(content)).toBe(true);
        writer.release();
      });

      test('others read along what was abandoned until it is released', async () => {
        const store = await aStore();
        const content = contentOf(sample({ length: 100_000 }));
        const writer = store.create(null)!;
        await writeAll(writer, content);
        writer.abandon();
        expect((await readAlong(writer, 0, 100_000)).equals(content)).toBe(true);
        writer.release();
      });

      test('the beginning of content that broke off can be kept as such (RFC 9111 §3.3)', async () => {
        const store = await aStore();
        const stored = sample({ length: 70_000, extent: { first: 0, length: 70_000, completeLength: 200_000 } });
        const writer = store.create(200_000)!;
        await writeAll(writer, contentOf(stored));
        expect(await writer.commit(stored, [])).toBe(true);
        writer.release();
        expect((await contentFrom(store, stored))?.equals(contentOf(stored))).toBe(true);
      });

      test('a response whose extent is not what was written is not stored', async () => {
        const store = await aStore();
        const stored = sample({ length: 100 });
        const writer = store.create(100)!;
        await writeAll(writer, contentOf(stored).subarray(0, 99));
        expect(await writer.commit(stored, [])).toBe(false);
        writer.release();
        expect(await store.find(stored.key)).toEqual([]);
      });

      test('content above the limit is not taken, announced or not', async () => {
        const store = await aStore(TIGHT);
        expect(store.create(TIGHT.maxObjectBytes + 1)).toBeNull();
        const writer = store.create(null)!;
        const chunk = Buffer.alloc(8192, 'x');
        let taken = 0;
        while (taken <= TIGHT.maxObjectBytes && writer.write(chunk)) {
          taken += chunk.length;
          await writer.ready();
        }
        expect(taken).toBeLessThanOrEqual(TIGHT.maxObjectBytes);
        expect(writer.written).toBe(taken);
        expect((await readAlong(writer, 0, taken)).length).toBe(taken);
        writer.abandon();
        writer.release();
        expect(store.stats().entries).toBe(0);
        expect(store.stats().refusals).toBeGreaterThan(0);
      });
    });

    describe('changing', () => {
      test('a response takes the place of those that it replaces', async () => {
        const store = await aStore();
        const [old, other, fresh] = [sample(), sample(), sample()];
        await keep(store, old, contentOf(old));
        await keep(store, other, contentOf(other));
        await keep(store, fresh, contentOf(fresh), [old]);
        expect(ids(await store.find(old.key))).toEqual([fresh.id, other.id]);
        expect(await store.open(old, 0, old.extent.length)).toBeNull();
        expect(await contentFrom(store, other)).toEqual(contentOf(other));
      });

      test('an update replaces everything but the content', async () => {
        const store = await aStore();
        const stored = sample();
        await keep(store, stored, contentOf(stored));
        const updated = { ...stored, fields: [{ name: 'ETag', value: '"2"' }], responseTimeMs: 99, isInvalidated: true, tags: ['new'] };
        store.update(updated);
        expect(plain(await store.find(stored.key))).toEqual(plain([updated]));
        expect(await contentFrom(store, updated)).toEqual(contentOf(stored));
        expect(await contentFrom(store, stored)).toEqual(contentOf(stored));
      });

      test('an update of what is gone brings nothing back', async () => {
        const store = await aStore();
        const stored = sample();
        await keep(store, stored, contentOf(stored));
        store.remove(stored);
        store.update({ ...stored, status: 404 });
        expect(await store.find(stored.key)).toEqual([]);
        expect(store.stats().entries).toBe(0);
      });

      test('what is removed is not found, and others of its key are', async () => {
        const store = await aStore();
        const [one, two] = [sample(), sample()];
        for (const each of [one, two]) await keep(store, each, contentOf(each));
        store.remove(one);
        store.remove(one);
        expect(ids(await store.find(one.key))).toEqual([two.id]);
        expect(await store.open(one, 0, one.extent.length)).toBeNull();
      });

      test('whoever has begun to read removed content reads it to the end', async () => {
        const store = await aStore();
        const stored = sample({ length: 400_000 });
        await keep(store, stored, contentOf(stored));
        const body = (await store.open(stored, 0, 400_000))!;
        const content = read(body, FULL, () => store.remove(stored));
        expect((await content).equals(contentOf(stored))).toBe(true);
        expect(await store.find(stored.key)).toEqual([]);
      });

      test('a purge forgets all that its filter picks, and nothing else', async () => {
        const store = await aStore();
        const all = Array.from({ length: 20 }, (_, i) => sample({ key: `http://a.test/${i >> 1}`, tags: i % 3 === 0 ? ['gone'] : [] }));
        for (const one of all) await keep(store, one, contentOf(one));
        expect(await store.purge(({ tags }) => tags.includes('gone'))).toBe(7);
        for (const one of all) {
          const isThere = ids(await store.find(one.key)).includes(one.id);
          expect([one.id, isThere]).toEqual([one.id, !one.tags.includes('gone')]);
        }
        expect(store.stats().entries).toBe(13);
        expect(await store.purge(() => true)).toBe(13);
        expect(store.stats().entries).toBe(0);
      });

      test('a walk meets everything that is stored once', async () => {
        const store = await aStore();
        const all = Array.from({ length: 30 }, (_, i) => sample({ key: `http://a.test/${i >> 1}` }));
        for (const one of all) await keep(store, one, contentOf(one));
        expect((await walk(store)).map(({ id }) => id).sort()).toEqual(ids(all).sort());
      });
    });

    describe('limits', () => {
      test('never more is kept than the limit, and what is found is whole', async () => {
        const store = await aStore(TIGHT);
        const all = Array.from({ length: 200 }, (_, i) => sample({ key: `http://a.test/${i}`, length: 1 + ((i * 7919) % 30_000) }));
        for (const one of all) {
          await keep(store, one, contentOf(one));
          expect(store.stats().bytes).toBeLessThanOrEqual(TIGHT.maxBytes);
        }
        let found = 0;
        for (const one of all) {
          const [stored] = await store.find(one.key);
          if (stored === undefined) continue;
          found += 1;
          expect((await contentFrom(store, stored))?.equals(contentOf(one))).toBe(true);
        }
        const { entries, evictions, maxBytes } = store.stats();
        // Memory may still have what the disk below it has not.
        expect(found).toBeGreaterThanOrEqual(entries);
        expect(found).toBeGreaterThan(5);
        expect(evictions).toBeGreaterThan(0);
        expect(maxBytes).toBe(TIGHT.maxBytes);
      });

      test('one key with ever more variants stays within the limit too', async () => {
        const store = await aStore(TIGHT);
        for (let i = 0; i < 300; i += 1) {
          const one = sample({ length: 5000, selectedBy: [{ name: 'accept-language', value: `x-${i}` }] });
          await keep(store, one, contentOf(one));
          expect(store.stats().bytes).toBeLessThanOrEqual(TIGHT.maxBytes);
        }
        for (const stored of await store.find(sample().key)) expect((await contentFrom(store, stored))?.length).toBe(5000);
      });

      test('octets of fields and keys count', async () => {
        const store = await aStore();
        const stored = sample({
          length: 0,
          key: `http://a.test/${'k'.repeat(3000)}`,
          fields: [{ name: 'X-Long', value: 'v'.repeat(5000) }],
        });
        const before = store.stats().bytes;
        await keep(store, stored, Buffer.alloc(0));
        expect(store.stats().bytes - before).toBeGreaterThan(8000);
      });
    });

    describe('the end', () => {
      test('a closed store has nothing and takes nothing', async () => {
        const store = await aStore();
        const stored = sample();
        await keep(store, stored, contentOf(stored));
        await store.close();
        await store.close();
        expect(await store.find(stored.key)).toEqual([]);
        expect(await store.open(stored, 0, stored.extent.length)).toBeNull();
        expect(store.create(10)).toBeNull();
        store.update(stored);
        store.remove(stored);
        expect(await store.purge(() => true)).toBe(0);
        expect(await walk(store)).toEqual([]);
      });

      test('content that goes on coming while what came before is written is stored whole', async () => {
        const store = await aStore({ maxBytes: 64 << 20, maxObjectBytes: 4 << 20 });
        for (let round = 0; round < 5; round += 1) {
          const stored = sample({ key: `http://a.test/${round}`, length: 3 << 20 });
          const writer = store.create(stored.extent.length);
          const content = contentOf(stored);
          for (let at = 0; at < content.length; at += 40_000) {
            expect(writer?.write(content.subarray(at, at + 40_000))).toBe(true);
            await writer?.ready();
            await new Promise((resolve) => setImmediate(resolve));
          }
          expect(await writer?.commit(stored, [])).toBe(true);
          writer?.release();
          const [found] = await store.find(stored.key);
          expect((await contentFrom(store, found!))?.equals(content)).toBe(true);
        }
      });

      test('content on its way when the store closes is not stored, and breaks nothing', async () => {
        const store = await aStore();
        const stored = sample();
        const writer = store.create(stored.extent.length)!;
        await store.close();
        if (writer.write(contentOf(stored))) await writer.ready();
        expect(await writer.commit(stored, [])).toBe(false);
        writer.release();
      });

      if (outlives === 'nothing') return;

      test('a store that outlives its process opens with what was committed, changed as it was', async () => {
        const { store, reopen } = await openStore();
        const all = Array.from({ length: 12 }, (_, i) => sample({ key: `http://a.test/${i % 5}`, length: i * 9000, tags: [`t${i}`] }));
        for (const one of all) await keep(store, one, contentOf(one));
        const updated = { ...all[3]!, status: 203, fields: [{ name: 'Age', value: '4' }] };
        store.update(updated);
        store.remove(all[4]!);
        await store.purge(({ tags }) => tags.includes('t5'));
        const replacing = sample({ key: all[6]!.key });
        await keep(store, replacing, contentOf(replacing), [all[6]!]);
        const unfinished = store.create(null);
        unfinished?.write(Buffer.from('unfinished'));

        const again = await reopen!();
        // Closed before the first one's folder is removed, which is its own, too.
        opened.unshift({ store: again });
        const left = [all[0]!, all[1]!, all[2]!, updated, ...all.slice(7), replacing];
        expect(again.stats().entries).toBe(left.length);
        for (const one of left) {
          const found = (await again.find(one.key)).filter(({ id }) => id === one.id);
          expect(plain(found)).toEqual(plain([one]));
          expect((await contentFrom(again, one))?.equals(contentOf(one))).toBe(true);
        }
      });
    });
  });
}

let samples = 0;

/** A stored response of an id of its own. */
export function sample(differs: Partial<StoredResponse> & { readonly length?: number } = {}): StoredResponse {
  const { length = 1000, ...rest } = differs;
  samples += 1;
  return {
    id: `sample-${samples}`,
    key: 'http://a.test/',
    selectedBy: [],
    status: 200,
    reason: 'OK',
    version: '1.1',
    fields: [
      { name: 'Date', value: 'Sun, 22 Nov 2026 10:00:00 GMT' },
      { name: 'Cache-Control', value: 'max-age=3600' },
    ],
    requestTimeMs: 1_795_341_600_000,
    responseTimeMs: 1_795_341_600_100,
    extent: { first: 0, length, completeLength: length },
    isFromAuthorized: false,
    isInvalidated: false,
    origin: null,
    tags: [],
    ...rest,
  };
}

/** Octets that belong to this response and to no other. */
export function contentOf({ id, extent }: StoredResponse): Buffer {
  const content = Buffer.allocUnsafe(extent.length);
  let state = 2166136261;
  for (let i = 0; i < id.length; i += 1) state = Math.imul(state ^ id.charCodeAt(i), 16777619);
  for (let i = 0; i < content.length; i += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    content[i] = state >>> 24;
  }
  return content;
}

/** Stores a response, and expects that this is possible unless it has to make room. */
export async function keep(
  store: CacheStore,
  stored: StoredResponse,
  content: Buffer,
  replaces: readonly StoredResponse[] = [],
): Promise<boolean> {
  const writer = store.create(content.length);
  if (writer === null) return false;
  await writeAll(writer, content);
  const isStored = await writer.commit(stored, replaces);
  writer.release();
  return isStored;
}

export async function writeAll(writer: ContentWriter, content: Buffer, chunkLength = 16_384): Promise<void> {
  for (let at = 0; at < content.length; at += chunkLength) {
    expect(writer.write(content.subarray(at, at + chunkLength))).toBe(true);
    await writer.ready();
  }
}

/** The whole content of a stored response; `null` when it is gone. */
export async function contentFrom(store: CacheStore, stored: StoredResponse): Promise<Buffer | null> {
  const body = await store.open(stored, 0, stored.extent.length);
  return body === null ? null : read(body);
}

/** The content of a body, by a sink that answers always the same, and has room again after a turn of the event loop. */
export function read(body: Body, answer: Taken = KEPT, onWrite: () => void = () => {}): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let isFull = false;
    body.start({
      write: (bytes) => {
        if (isFull) reject(new Error('a write before there was room'));
        // What is TAKEN may be used again at once, so it is copied; what is KEPT must stay as it is until the end.
        parts.push(answer === TAKEN ? Buffer.from(bytes) : bytes);
        onWrite();
        isFull = answer === FULL;
        if (isFull)
          setImmediate(() => {
            isFull = false;
            parts.push(Buffer.from(parts.pop()!));
            body.resume();
          });
        return answer;
      },
      end: () => resolve(Buffer.concat(parts)),
      fail: reject,
    });
  });
}

/** `length` octets from `from` on, in as many reads as it takes. */
async function readAlong(writer: ContentWriter, from: number, length: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let at = from;
  while (at < from + length) {
    const part = await writer.read(at, from + length - at);
    if (part === null || part.length === 0) break;
    parts.push(part);
    at += part.length;
  }
  return Buffer.concat(parts);
}

export async function walk(store: CacheStore): Promise<StoredResponse[]> {
  const all: StoredResponse[] = [];
  for await (const stored of store.list()) all.push(stored);
  return all;
}

function ids(all: readonly StoredResponse[]): string[] {
  return all.map(({ id }) => id);
}

/** Without `line`, which a store may drop or make again. */
export function plain(all: readonly StoredResponse[]): StoredResponse[] {
  return all.map((stored) => ({ ...stored, fields: stored.fields.map(({ name, value }) => ({ name, value })) }));
}
