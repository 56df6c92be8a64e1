// The store of recorded traffic on its thread: what is sent is found again, live, by filters, and after a restart.
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openFlowStore } from '../../src/flows/store/flow-store.ts';
import { begun, finished, message } from '../support/flow-batches.ts';
import { openTestStore } from '../support/flow-store.ts';

let place: string;
let folders = 0;
beforeAll(() => {
  place = mkdtempSync(path.join(os.tmpdir(), 'sallyport-flows-'));
});
afterAll(() => rmSync(place, { recursive: true, force: true, maxRetries: 5 }));

test('an exchange, its contents and its messages are found again, over a restart too, and ids go on', async () => {
  const folder = newFolder();
  const content = Buffer.from('the same content, twice');
  {
    await using opened = await openTestStore(folder);
    const { base } = opened.store;
    expect(base).toBe(0);
    await opened.write(finished(1, { request: Buffer.from('asked'), response: content }), finished(2, { response: content }));
    await opened.write(begun(3), message(3, 1, 'first'), message(3, 2, 'second'));
    expect(opened.store.pendingBytes).toBe(0);
    // One that has not ended has nothing but its row.
    expect(await opened.ask({ kind: 'exchange', id: 3 })).toMatchObject({
      summary: { state: 'pending' },
      request: { fields: [] },
      response: null,
    });
  }
  expect(statSync(path.join(folder, 'default')).mode & 0o777).toBe(0o700);
  await using opened = await openTestStore(folder);
  expect(opened.store.base).toBe(3);
  const [first, second] = [await opened.ask({ kind: 'exchange', id: 1 }), await opened.ask({ kind: 'exchange', id: 2 })];
  expect(first).toMatchObject({
    summary: { id: 1, host: 'www.example1.com' },
    request: {
      fields: [
        ['Host', 'www.example.com'],
        ['User-Agent', 'a browser'],
        ['Accept-Encoding', 'gzip, br'],
      ],
    },
  });
  expect(first?.responseContent).toMatchObject({ length: content.length, kept: content.length, digest: second?.responseContent?.digest });
  expect(first?.responseContent?.digest).toMatch(/^[0-9a-f]{64}$/);
  for (const id of [1, 2])
    expect(await opened.ask({ kind: 'content', id, of: 'response' })).toEqual({
      bytes: new Uint8Array(content),
      length: content.length,
      isCut: false,
    });
  expect(await opened.ask({ kind: 'content', id: 2, of: 'request' })).toBeNull();
  expect(await opened.ask({ kind: 'exchange', id: 4 })).toBeNull();
  const messages = await opened.ask({ kind: 'messages', id: 3, after: 1, limit: 10 });
  expect(messages).toMatchObject({ total: 2, messages: [{ number: 2, preview: Buffer.from('second').toString('base64') }] });
  // What was under way when the process ended will not end any more.
  expect(await opened.ask({ kind: 'exchange', id: 3 })).toMatchObject({ summary: { state: 'done', outcome: 'aborted' } });
  await opened.write(finished(4));
  expect(await opened.ask({ kind: 'status' })).toMatchObject({ exchanges: 4, damaged: 0, lost: 0, problem: null, session: 'default' });
});

test('a view shows what comes and what ends, in its window, and tells how many there are', async () => {
  await using opened = await openTestStore(newFolder());
  await opened.write(finished(1), finished(2, { summary: { method: 'POST' } }), finished(3));
  const view = { kind: 'openView', view: 7, filter: 'method:GET', order: '-id', offset: 0, limit: 2 } as const;
  expect(await opened.ask(view)).toEqual({ problem: null });
  const first = await opened.push('window', ({ total, progress }) => total === 2 && progress === null);
  expect(first).toMatchObject({ view: 7, offset: 0, rows: [{ id: 3 }, { id: 1 }] });
  await opened.write(begun(4), begun(5, { method: 'PUT' }));
  expect((await opened.push('window', ({ total }) => total === 3)).rows).toMatchObject([{ id: 4, state: 'pending' }, { id: 3 }]);
  await opened.write(finished(4, { summary: { status: 404 } }));
  await opened.push('window', ({ rows }) => rows[0]?.status === 404);
  // It does not match any more.
  await opened.write(finished(3, { summary: { method: 'PATCH' } }));
  await opened.push('window', ({ total, rows }) => total === 2 && rows[1]?.id === 1);
  await opened.ask({ kind: 'moveView', view: 7, offset: 1, limit: 5 });
  expect((await opened.push('window', ({ offset }) => offset === 1)).rows).toMatchObject([{ id: 1 }]);
  await opened.ask({ kind: 'closeView', view: 7 });
  const problem = await opened.ask({ ...view, filter: 'status:' });
  expect(problem).toMatchObject({ problem: { column: expect.any(Number), message: expect.any(String) } });
});

test('a window is pushed at most four times a second, however much comes', async () => {
  await using opened = await openTestStore(newFolder());
  await opened.ask({ kind: 'openView', view: 1, filter: '', order: '-id', offset: 0, limit: 10 });
  const startedMs = performance.now();
  for (let id = 1; id <= 400; id += 1) await opened.write(finished(id));
  await opened.push('window', ({ total }) => total === 400);
  const windows = opened.pushed.filter(({ kind }) => kind === 'window').length;
  expect(windows).toBeLessThanOrEqual((performance.now() - startedMs) / 250 + 2);
});

test('once a second where nothing is left of what was shown', async () => {
  await using opened = await openTestStore(newFolder());
  await opened.write(finished(1), finished(2));
  await opened.ask({ kind: 'openView', view: 1, filter: '', order: '-id', offset: 0, limit: 2 });
  const startedMs = performance.now();
  for (let id = 3; performance.now() - startedMs < 1_500; id += 2) await opened.write(finished(id), finished(id + 1));
  const windows = opened.pushed.filter(({ kind }) => kind === 'window').length;
  // The first may tell that one row is left, and only the next that none is. Four a second would be seven by now.
  expect(windows).toBeLessThanOrEqual((performance.now() - startedMs) / 1_000 + 3);
});

test('rows are put in order by numbers and texts, and put in order again when they change', async () => {
  await using opened = await openTestStore(newFolder());
  const sizes = [50, 10, 40, 20, 30];
  await opened.write(...sizes.map((responseBytes, i) => finished(i + 1, { summary: { responseBytes, host: `${'edcba'[i]}.example` } })));
  const ids = async (order: string): Promise<number[]> => {
    const listed = await opened.ask({ kind: 'ids', filter: '', order });
    return 'problem' in listed ? [] : [...listed];
  };
  const newest = { kind: 'list', filter: '', order: '-id', offset: 1, limit: 2 } as const;
  expect(await opened.ask(newest)).toMatchObject({ total: 5, offset: 1, rows: [{ id: 4 }, { id: 3 }] });
  expect(await ids('responseBytes')).toEqual([2, 4, 5, 3, 1]);
  expect(await ids('-responseBytes')).toEqual([1, 3, 5, 4, 2]);
  expect(await ids('url')).toEqual([5, 4, 3, 2, 1]);
  await expect(ids('nothing')).rejects.toThrow('There is no column "nothing" to put rows in order by.');
  await opened.write(begun(6));
  await opened.ask({ kind: 'openView', view: 1, filter: '', order: '-totalMs', offset: 0, limit: 1 });
  await opened.push('window', ({ total, rows, progress }) => total === 6 && rows[0]?.id === 5 && progress === null);
  // Outside of the window, until it ends.
  await opened.write(finished(6, { summary: { totalMs: 99_999 } }));
  await opened.push('window', ({ rows }) => rows[0]?.id === 6);
});

test('filters find fields and text in contents, whatever their coding', async () => {
  await using opened = await openTestStore(newFolder());
  const text = Buffer.from('some words, and caf\u00e9');
  await opened.write(
    finished(1, { response: text }),
    finished(2, { response: gzipSync(text), coding: 'gzip' }),
    finished(3, { response: brotliCompressSync(text), coding: 'br' }),
    finished(4, { response: zstdCompressSync(text), coding: 'zstd' }),
    // The end was not kept.
    finished(5, { response: gzipSync(Buffer.concat([text, Buffer.alloc(100_000, 'x')])).subarray(0, 60), coding: 'gzip' }),
    finished(6, { response: Buffer.from('no'), coding: 'gzip' }),
    finished(7, { request: text }),
  );
  const found = async (filter: string): Promise<number[]> => {
    const listed = await opened.ask({ kind: 'list', filter, order: 'id', offset: 0, limit: 100 });
    return 'problem' in listed ? [] : listed.rows.map(({ id }) => id);
  };
  expect(await found('body:"and café"')).toEqual([1, 2, 3, 4, 5, 7]);
  expect(await found('~bs café')).toEqual([1, 2, 3, 4, 5]);
  expect(await found('header:"content-encoding: gzip" !id:2')).toEqual([5, 6]);
  // What comes is looked at, too.
  await opened.ask({ kind: 'openView', view: 1, filter: 'body:words', order: 'id', offset: 0, limit: 100 });
  await opened.push('window', ({ total, progress }) => total === 6 && progress === null);
  await opened.write(finished(8, { response: text }));
  await opened.push('window', ({ total }) => total === 7);
});

test('hosts, rules and the whole are counted, what was there before included', async () => {
  const folder = newFolder();
  const now = { startedAtMs: Date.now() };
  {
    await using opened = await openTestStore(folder);
    await opened.write(
      finished(1, { summary: { ...now, host: 'a.example', decision: 'deny', outcome: 'denied', status: 403, rule: 'ads' } }),
    );
  }
  await using opened = await openTestStore(folder);
  await opened.write(
    begun(2, { ...now, host: 'b.example' }),
    finished(3, { summary: { ...now, host: 'b.example', cache: 'hit', responseBytes: 500, user: 'ann' } }),
  );
  await opened.write(finished(2, { summary: { ...now, host: 'b.example', responseBytes: 100, requestBytes: 1 } }));
  const hosts = [
    { host: 'b.example', exchanges: 2, denied: 0, failed: 0, bytes: 601 },
    { host: 'a.example', exchanges: 1, denied: 1, failed: 0, bytes: 5 },
  ];
  // Whoever asks at the same time hears the same.
  const asked = [opened.ask({ kind: 'hosts', filter: '' }), opened.ask({ kind: 'hosts', filter: '' })];
  expect(await Promise.all(asked)).toEqual([hosts, hosts]);
  await opened.write(finished(4, { summary: { host: 'a.example', outcome: 'failed' } }));
  expect(await opened.ask({ kind: 'hosts', filter: '' })).toMatchObject([
    { host: 'b.example' },
    { host: 'a.example', exchanges: 2, failed: 1 },
  ]);
  expect(await opened.ask({ kind: 'overview' })).toMatchObject({
    ...{ exchanges: 4, denied: 1, failed: 1, hits: 1, savedBytes: 500, statuses: [0, 0, 3, 0, 1, 0] },
    users: [{ name: 'ann', exchanges: 1 }],
  });
  const rules = await opened.ask({ kind: 'rules' });
  expect(rules).toContainEqual({ rule: 'ads', hits: 1, lastHitMs: now.startedAtMs });
});

test('who watches an exchange hears of its messages and its end', async () => {
  await using opened = await openTestStore(newFolder());
  await opened.ask({ kind: 'watch', id: 1 });
  await opened.write(begun(1), message(1, 1, 'a'), message(1, 2, 'b'), message(2, 1, 'c'));
  expect(await opened.push('messages')).toEqual({ kind: 'messages', id: 1, total: 2 });
  await opened.write(finished(1), finished(2));
  await opened.push('changed', ({ id }) => id === 1);
  expect(opened.pushed.filter((push) => 'id' in push && push.id !== 1)).toEqual([]);
});

test('what is cleared is gone, from views and from the disk, and ids go on', async () => {
  const folder = newFolder();
  {
    await using opened = await openTestStore(folder);
    await opened.write(finished(1, { response: Buffer.alloc(100_000, 'a') }), begun(2));
    await opened.ask({ kind: 'openView', view: 1, filter: '', order: 'host', offset: 0, limit: 10 });
    await opened.push('window', ({ total }) => total === 2);
    await opened.ask({ kind: 'clear' });
    await opened.push('window', ({ total }) => total === 0);
    expect(await opened.ask({ kind: 'exchange', id: 1 })).toBeNull();
    expect(await opened.ask({ kind: 'overview' })).toMatchObject({ exchanges: 0 });
    await opened.write(finished(2), finished(3, { response: Buffer.alloc(100_000, 'a') }));
    expect(await opened.ask({ kind: 'content', id: 3, of: 'response' })).toMatchObject({ length: 100_000 });
  }
  await using opened = await openTestStore(folder);
  expect(opened.store.base).toBe(3);
  expect(await opened.ask({ kind: 'status' })).toMatchObject({ exchanges: 2, segments: 1 });
});

test('a thread that breaks off is started again: recording goes on under ids that go on, and views are what they were', async () => {
  // The very thread that messages go to.
  let thread: Worker | null = null;
  const { postMessage } = Worker.prototype;
  Worker.prototype.postMessage = function (this: Worker, ...message: Parameters<typeof postMessage>) {
    thread = this;
    postMessage.apply(this, message);
  };
  try {
    await using opened = await openTestStore(newFolder());
    await opened.write(finished(1), begun(2));
    await opened.ask({ kind: 'openView', view: 1, filter: 'method:GET', order: '-id', offset: 0, limit: 10 });
    await opened.ask({ kind: 'watch', id: 3 });
    await opened.push('window', ({ total }) => total === 2);
    const asking = expect(opened.ask({ kind: 'overview' })).rejects.toThrow('ask again');
    void thread!.terminate();
    await asking;
    await opened.report(/^inspector: recording broke off \(its thread is gone\) and begins again; what was not written yet is lost$/);
    await opened.write(finished(2), finished(3));
    expect((await opened.push('window', ({ total }) => total === 3)).rows.map(({ id }) => id)).toEqual([3, 2, 1]);
    await opened.push('changed', ({ id }) => id === 3);
    expect(await opened.ask({ kind: 'status' })).toMatchObject({ exchanges: 3, session: 'default' });
  } finally {
    Worker.prototype.postMessage = postMessage;
  }
});

test('a folder that cannot serve is a start error that names it', async () => {
  const file = path.join(place, 'a-file');
  writeFileSync(file, '');
  const opening = openFlowStore({ folder: path.join(file, 'sessions'), session: 'default', maxBytes: 1 << 30, maxAgeMs: 1e12 }, () => {});
  await expect(opening).rejects.toMatchObject({ name: 'StartError', kind: 'unavailable', problems: [expect.stringContaining(file)] });
});

function newFolder(): string {
  folders += 1;
  return path.join(place, String(folders));
}
