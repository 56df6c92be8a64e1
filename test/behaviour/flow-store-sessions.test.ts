// Sessions of recorded traffic: many beside each other, one that is recorded into, none twice; saved, renamed, removed, shared as one file, and bounded.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { crc32, gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { maskRules } from '../../src/flows/redact/rules.ts';
import type { BatchFrame } from '../../src/flows/store/batch-frames.ts';
import { writeBatchFrame } from '../../src/flows/store/batch-frames.ts';
import { lockSession } from '../../src/flows/store/session-lock.ts';
import { unnamedSessions } from '../../src/flows/store/unnamed-sessions.ts';
import { begun, finished, message } from '../support/flow-batches.ts';
import { openTestStore, type TestStore } from '../support/flow-store.ts';
import { exchangeOf } from '../support/recorded.ts';

let place: string;
let folders = 0;
beforeAll(() => {
  place = mkdtempSync(path.join(os.tmpdir(), 'sallyport-sessions-'));
});
afterAll(() => rmSync(place, { recursive: true, force: true, maxRetries: 5 }));

test('a second store in the same folder records into a session of its own, and neither opens that of the other', async () => {
  const folder = newFolder();
  await using first = await openTestStore(folder);
  await using second = await openTestStore(folder);
  await second.report(/^inspector: another process records into the session default; this one records into default-2$/);
  await first.write(finished(1));
  await second.write(finished(1), finished(2));
  expect(await namesOf(second)).toEqual([
    { name: 'default', isRecorded: false, isElsewhere: true },
    { name: 'default-2', isRecorded: true, isElsewhere: false },
  ]);
  await expect(second.ask({ kind: 'exchange', session: 'default', id: 1 })).rejects.toThrow(
    'Another process has the session default open.',
  );
  await first.store.close();
  expect(await second.ask({ kind: 'exchange', session: 'default', id: 1 })).toMatchObject({ summary: { id: 1 } });
});

test('recording goes on in a new session; the one before is kept, asked, saved, renamed and removed', async () => {
  const folder = newFolder();
  await using opened = await openTestStore(folder);
  await opened.write(finished(1), begun(2));
  await opened.ask({ kind: 'beginSession', name: 'second' });
  expect(await opened.push('status', ({ session }) => session === 'second')).toMatchObject({ exchanges: 0 });
  // It began before, and ends here.
  await opened.write(finished(2), finished(3, { response: Buffer.from('content') }));
  expect(await idsOf(opened)).toEqual([2, 3]);
  expect(await idsOf(opened, 'default')).toEqual([1, 2]);
  await opened.ask({ kind: 'saveSession', name: 'kept' });
  await opened.write(finished(4));
  expect(await idsOf(opened, 'kept')).toEqual([2, 3]);
  expect(await opened.ask({ kind: 'content', session: 'kept', id: 3, of: 'response' })).toMatchObject({ length: 7 });
  await opened.ask({ kind: 'renameSession', session: 'kept', name: 'kept better' });
  expect(await idsOf(opened, 'kept better')).toEqual([2, 3]);
  await opened.ask({ kind: 'removeSession', session: 'default' });
  expect((await namesOf(opened)).map(({ name }) => name)).toEqual(['kept better', 'second']);
  await expect(idsOf(opened, 'default')).rejects.toThrow('There is no session of the name default.');
  await expect(opened.ask({ kind: 'removeSession', session: 'second' })).rejects.toThrow('second is being recorded into.');
  await expect(opened.ask({ kind: 'saveSession', name: 'kept better' })).rejects.toThrow(
    'There is a session of the name kept better already.',
  );
});

test.each(['', '.', '..', '../x', '/x', '.hidden', 'a/b', 'a\\b', 'a\0', 'ü', 'x'.repeat(65)])(
  '%j is no name of a session, and nothing is made of it',
  async (name) => {
    shared ??= await openTestStore(newFolder());
    for (const ask of [
      { kind: 'beginSession', name },
      { kind: 'saveSession', name },
      { kind: 'renameSession', session: 'default', name },
      { kind: 'removeSession', session: name },
      { kind: 'importSession', file: '/dev/null', name },
      { kind: 'append', session: name, exchanges: [] },
    ] as const)
      await expect(shared.ask(ask)).rejects.toThrow(/is no name for a session|is being recorded into/);
    expect((await namesOf(shared)).map((session) => session.name)).toEqual(['default']);
  },
);
let shared: TestStore | null = null;
afterAll(() => shared?.store.close());

test('a session is one file, from which another one is made', async () => {
  await using opened = await openTestStore(newFolder());
  await opened.write(finished(1, { request: Buffer.from('asked'), response: Buffer.alloc(200_000, 'r') }), begun(2), finished(5));
  await opened.write(message(5, 1, 'first'), message(5, 2, 'second'));
  const file = path.join(newFolder(), '..', 'shared.sallyport');
  expect(await opened.ask({ kind: 'exportSession', file })).toEqual({ bytes: statSync(file).size });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(await opened.ask({ kind: 'importSession', file, name: 'default' })).toEqual({ session: 'default-2', exchanges: 2 });
  for (const id of [1, 5]) {
    expect(await opened.ask({ kind: 'exchange', session: 'default-2', id })).toEqual(await opened.ask({ kind: 'exchange', id }));
    const content = { kind: 'content', id, of: 'response' } as const;
    expect(await opened.ask({ ...content, session: 'default-2' })).toEqual(await opened.ask(content));
  }
  const messages = { kind: 'messages', id: 5, after: 0, limit: 10 } as const;
  expect(await opened.ask({ ...messages, session: 'default-2' })).toEqual(await opened.ask(messages));
  await expect(opened.ask({ kind: 'exportSession', file })).rejects.toThrow('EEXIST');
});

test('what is shared may have its secrets masked: in rows, fields, contents, and under their codings', async () => {
  await using opened = await openTestStore(newFolder());
  const content = Buffer.from('{"password":"hunter2","name":"ann"}');
  const frame = finished(1, { summary: { path: '/?token=hunter2' }, response: gzipSync(content), coding: 'gzip' });
  const asJson = frame.detail
    .toString()
    .replace('text/html; charset=utf-8', 'application/json')
    .replace('"a browser"]', '"a browser"],["Cookie","id=hunter2"]');
  await opened.write({ ...frame, detail: Buffer.from(asJson) }, finished(2, { response: Buffer.from('plain') }));
  const file = path.join(place, 'masked.sallyport');
  await opened.ask({ kind: 'exportSession', file, masks: maskRules({ fields: [], query: [], json: [] }) });
  expect(gunzipSync(readFileSync(file)).includes('hunter2')).toBe(false);
  await opened.ask({ kind: 'importSession', file, name: 'masked' });
  const shown = await opened.ask({ kind: 'content', session: 'masked', id: 1, of: 'response' });
  expect(JSON.parse(Buffer.from(shown!.bytes).toString())).toMatchObject({ name: 'ann' });
  const exchange = await opened.ask({ kind: 'exchange', session: 'masked', id: 1 });
  expect(exchange?.response?.fields.map(([name]) => name)).not.toContain('Content-Encoding');
  expect(exchange?.responseContent).toMatchObject({ kept: shown!.bytes.length, length: shown!.bytes.length });
  expect(await opened.ask({ kind: 'content', session: 'masked', id: 2, of: 'response' })).toMatchObject({ length: 5 });
});

test('a file that is not a whole session of the right form is refused, and nothing of it is left', async () => {
  const folder = newFolder();
  await using opened = await openTestStore(folder, { maxBytes: 4 << 20 });
  const file = path.join(place, 'hostile.sallyport');
  const whole = gunzipSync(fileOf([finished(1), message(1, 1, 'a'), finished(2)]));
  const flipped = Buffer.from(whole);
  flipped[60] = flipped[60]! ^ 1;
  const changed = (summary: object, detail: object = {}): Buffer => fileOf([{ ...finished(1), ...changedTexts(summary, detail) }]);
  const hostile: [Buffer, RegExp][] = [
    [Buffer.from('no session'), /not compressed/],
    [gzipSync(whole).subarray(0, 100), /cut short/],
    [gzipSync(whole.subarray(0, -1)), /its end is missing/],
    [gzipSync(Buffer.from('SPSHARE2')), /of a later version/],
    [gzipSync(flipped), /damaged/],
    [
      gzipSync(Buffer.concat([whole.subarray(0, 8), Buffer.alloc(4), Buffer.from([0xff, 0xff, 0xff, 0xff]), Buffer.alloc(100)])),
      /impossible length/,
    ],
    [gzipSync(Buffer.concat([Buffer.from('SPSHARE1'), Buffer.alloc(8 << 20)])), /impossible length|more than/],
    [fileOf([finished(1, { response: Buffer.alloc(6 << 20) })]), /more than 4194304 octets/],
    [fileOf([finished(2), finished(1)]), /not in order/],
    [fileOf([finished(1), message(2, 1, 'x')]), /not in order/],
    [fileOf([begun(1)]), /damaged/],
    [changed({ host: 5 }), /record 1 is not of the right form/],
    [changed({ id: 2 }), /record 1 is not of the right form/],
    [changed({ state: 'pending' }), /record 1 is not of the right form/],
    [changed({}, { request: null }), /record 1 is not of the right form/],
    [changed({}, { facts: { judged: [{}] } }), /record 1 is not of the right form/],
    [fileOf([{ ...finished(1), summary: Buffer.from('{') }]), /record 1 is not of the right form/],
    [fileOf([{ ...finished(1), detail: Buffer.from('[]\n') }]), /record 1 is not of the right form/],
  ];
  for (const [octets, why] of hostile) {
    writeFileSync(file, octets);
    await expect(opened.ask({ kind: 'importSession', file, name: 'hostile' })).rejects.toThrow(why);
  }
  expect(readdirSync(folder)).toEqual(['default']);
  writeFileSync(file, gzipSync(whole));
  expect(await opened.ask({ kind: 'importSession', file, name: 'hostile' })).toEqual({ session: 'hostile', exchanges: 2 });
});

test('exchanges from elsewhere go into a session of their own, under ids of its own', async () => {
  await using opened = await openTestStore(newFolder());
  const one = { exchange: exchangeOf({}, { id: 77 }), requestContent: null, responseContent: Buffer.from('hello'), messages: [] };
  expect(await opened.ask({ kind: 'append', session: 'from a file', exchanges: [one, one] })).toEqual({ ids: [1, 2] });
  expect(await opened.ask({ kind: 'append', session: 'from a file', exchanges: [one] })).toEqual({ ids: [3] });
  expect(await opened.ask({ kind: 'exchange', session: 'from a file', id: 3 })).toMatchObject({
    summary: { id: 3 },
    responseContent: { kept: 5 },
  });
  expect(await opened.ask({ kind: 'content', session: 'from a file', id: 1, of: 'response' })).toMatchObject({
    bytes: new Uint8Array(Buffer.from('hello')),
  });
  await expect(opened.ask({ kind: 'append', session: 'default', exchanges: [one] })).rejects.toThrow('default is being recorded into.');
});

test('what was being built, or removed, when a process ended is cleared away; what somebody builds now is not', async () => {
  const folder = newFolder();
  const [old, building, recent] = ['.0123456789abcdef', '.2123456789abcdef', '.fedcba9876543210'].map((name) =>
    path.join(folder, name),
  ) as [string, string, string];
  for (const unfinished of [old, building, recent]) mkdirSync(unfinished, { recursive: true });
  writeFileSync(path.join(old, 'segment-000001.frames'), '');
  const lock = lockSession(building);
  for (const unfinished of [old, building]) utimesSync(unfinished, 1, 1);
  {
    await using _ = await openTestStore(folder);
    expect(readdirSync(folder).sort()).toEqual([path.basename(building), path.basename(recent), 'default']);
  }
  lock!.release();
  utimesSync(building, 1, 1);
  await using _ = await openTestStore(folder);
  expect(readdirSync(folder).sort()).toEqual([path.basename(recent), 'default']);
});

test('sessions that nobody has named are held to the bounds when nothing is recorded into them any more; named ones stay', async () => {
  const folder = newFolder();
  const filled = async (session: string, count: number): Promise<void> => {
    await using opened = await openTestStore(folder, { session, segmentBytes: 64 << 10 });
    for (let id = 1; id <= count; id += 1) await opened.write(finished(id, { response: Buffer.alloc(8_000, `${session} ${id}`) }));
  };
  for (const session of ['mine', 'default-2', 'default-3', 'default-4']) await filled(session, 40);
  const old = Date.now() / 1_000 - 1_000;
  const age = (session: string, files: (name: string) => boolean): void => {
    for (const name of readdirSync(path.join(folder, session)).filter(files)) utimesSync(path.join(folder, session, name), old, old);
  };
  // Too old as a whole, in part, and not at all.
  age('mine', () => true);
  age('default-2', () => true);
  age('default-3', (name) => name === 'segment-000001.frames');
  const facts = (session: string) => readdirSync(path.join(folder, session)).filter((name) => name.endsWith('.frames'));
  const before = facts('default-4');
  {
    await using opened = await openTestStore(folder, { maxAgeMs: 600_000, segmentBytes: 64 << 10 });
    await expect.poll(() => [readdirSync(folder).includes('default-2'), facts('default-3')[0]]).toEqual([false, 'segment-000002.frames']);
    expect((await idsOf(opened, 'mine')).length).toBe(40);
    expect(await idsOf(opened, 'default-3')).not.toContain(1);
    expect(await idsOf(opened, 'default-3')).toContain(40);
    expect(facts('default-4')).toEqual(before);
  }
  // Too much, all together: the newest keeps what there is room for.
  await using opened = await openTestStore(folder, { maxBytes: 300 << 10, segmentBytes: 64 << 10 });
  await expect.poll(() => readdirSync(folder).filter((name) => /^default-/.test(name))).toHaveLength(1);
  expect((await idsOf(opened, 'mine')).length).toBe(40);
});

test('an archive is imported whole, or not at all with the place of what is wrong', async () => {
  await using opened = await openTestStore(newFolder());
  await opened.write(...Array.from({ length: 120 }, (_, i) => finished(i + 1, { response: Buffer.from(`content ${i + 1}`) })));
  const file = path.join(place, 'all.har');
  await opened.ask({ kind: 'exportHar', filter: '', file, version: '1', masks: null });
  expect(await opened.ask({ kind: 'importHar', session: 'archive', file, name: 'all.har' })).toEqual({ exchanges: 120, leftOut: 0 });
  expect(await idsOf(opened, 'archive')).toHaveLength(120);
  const content = await opened.ask({ kind: 'content', session: 'archive', id: 77, of: 'response' });
  expect(Buffer.from(content!.bytes).toString()).toBe('content 77');
  writeFileSync(file, readFileSync(file, 'utf8').replace('"method":"GET"', '"method":5'));
  const importing = opened.ask({ kind: 'importHar', session: 'another', file, name: 'all.har' });
  await expect(importing).rejects.toThrow('all.har: log.entries[0]');
  expect((await namesOf(opened)).map(({ name }) => name)).toEqual(['archive', 'default']);
});

test('the oldest go when there is too much, whole segments at a time; what is left is whole, and no more than is allowed', async () => {
  const folder = newFolder();
  const maxBytes = 4 << 20;
  const repeated = Buffer.alloc(20_000, 'again');
  let last = 0;
  {
    await using opened = await openTestStore(folder, { maxBytes, segmentBytes: 256 << 10 });
    await opened.ask({ kind: 'openView', view: 1, filter: '', order: 'id', offset: 0, limit: 3 });
    for (let batch = 0; batch < 120; batch += 1) {
      const frames = Array.from({ length: 10 }, (_, i) =>
        finished((last += 1), { response: i === 0 ? repeated : Buffer.alloc(8000, String(last)) }),
      );
      await opened.write(...frames, message(last, 1, 'm'));
    }
    const { bytes, exchanges } = await opened.ask({ kind: 'status' });
    expect(bytes).toBeLessThan(maxBytes * 1.25);
    expect(exchanges).toBeGreaterThan(100);
    const [first = 0] = await idsOf(opened);
    // Nobody has asked before, and what went is counted all the same.
    const overview = await opened.ask({ kind: 'overview' });
    expect([overview.exchanges, overview.hosts.reduce((sum, host) => sum + host.exchanges, 0)]).toEqual([last, last]);
    // The view has heard of what went.
    await opened.push('window', ({ rows }) => rows[0]?.id === first);
    expect(await opened.ask({ kind: 'exchange', id: first - 1 })).toBeNull();
    // Of the newer half all contents are there, those that were shared, too.
    const middle = Math.ceil((first + last) / 2);
    for (let id = middle; id <= last; id += 1) expect(await opened.ask({ kind: 'content', id, of: 'response' })).not.toBeNull();
  }
  const onDisk = readdirSync(path.join(folder, 'default')).reduce(
    (sum, name) => sum + statSync(path.join(folder, 'default', name)).size,
    0,
  );
  expect(onDisk).toBeLessThan(maxBytes * 1.25);
  await using opened = await openTestStore(folder, { maxBytes: maxBytes / 2, segmentBytes: 256 << 10, maxAgeMs: 0 });
  expect(opened.store.base).toBe(last);
  for (let exchanges = 1; exchanges > 0; ) ({ exchanges } = await opened.ask({ kind: 'status' }));
});

test('a session that another process removes while it is looked at is not there, and no error', async () => {
  const folder = newFolder();
  await using opened = await openTestStore(folder);
  const program = `import { mkdirSync, rmSync } from 'node:fs';
    const place = ${JSON.stringify(path.join(folder, 'default-7'))};
    console.log('begun');
    for (const end = Date.now() + 1500; Date.now() < end; ) {
      mkdirSync(place, { recursive: true });
      try {
        rmSync(place, { recursive: true });
      } catch {}
    }`;
  const other = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(other.stdout, 'data');
  let looks = 0;
  for (; other.exitCode === null; looks += 1) {
    const [name, ...more] = (await opened.ask({ kind: 'sessions' })).map((each) => each.name).sort();
    expect([name, more.every((each) => each === 'default-7')]).toEqual(['default', true]);
    for (let i = 0; i < 20; i += 1) unnamedSessions(folder);
  }
  expect(looks).toBeGreaterThan(3);
});

test('two that are imported at once under one name have one each', async () => {
  await using opened = await openTestStore(newFolder());
  await opened.write(finished(1));
  const file = path.join(place, 'twice.sallyport');
  await opened.ask({ kind: 'exportSession', file });
  const both = await Promise.all([1, 2].map(() => opened.ask({ kind: 'importSession', file, name: 'shared' })));
  expect(both.map(({ session }) => session).sort()).toEqual(['shared', 'shared-2']);
});

async function namesOf(opened: TestStore) {
  const sessions = await opened.ask({ kind: 'sessions' });
  return sessions
    .map(({ name, isRecorded, isElsewhere }) => ({ name, isRecorded, isElsewhere }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function idsOf(opened: TestStore, session?: string): Promise<number[]> {
  const ids = await opened.ask({ kind: 'ids', filter: '', order: 'id', ...(session === undefined ? {} : { session }) });
  return 'problem' in ids ? [] : [...ids];
}

/** As the store writes one. */
function fileOf(frames: readonly BatchFrame[]): Buffer {
  const parts = frames.flatMap((frame) => {
    const octets = writeBatchFrame(frame);
    const sum = Buffer.alloc(4);
    sum.writeUInt32LE(crc32(octets));
    return [sum, octets];
  });
  return gzipSync(Buffer.concat([Buffer.from('SPSHARE1'), ...parts]));
}

function changedTexts(summary: object, detail: object): Pick<BatchFrame, 'summary' | 'detail'> {
  const frame = finished(1);
  const changed = (text: Buffer, own: object): Buffer =>
    Buffer.from(JSON.stringify({ ...(JSON.parse(text.toString()) as object), ...own }));
  return { summary: changed(frame.summary, summary), detail: changed(frame.detail, detail) };
}

function newFolder(): string {
  folders += 1;
  return path.join(place, String(folders));
}
