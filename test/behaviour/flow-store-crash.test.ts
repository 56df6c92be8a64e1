// The store of recorded traffic against crashes and damage: a process that records is killed at any moment, again and again, and everything that was
// acknowledged is there; what is torn, damaged or missing on the disk is cut off, skipped or made again; a disk that is full ends recording and nothing else.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { batchOf, finished } from '../support/flow-batches.ts';
import { openTestStore } from '../support/flow-store.ts';
import { type AgainLine, contentOf, type FoundLine, faultsOf, type WrittenLine } from '../support/flow-store-process.ts';

const KILLS = 20;
let place: string;
let folder: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  place = mkdtempSync(path.join(os.tmpdir(), 'sallyport-flow-crash-'));
  folder = path.join(place, 'sessions');
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(place, { recursive: true, force: true, maxRetries: 5 });
});

test(`after each of ${KILLS} kills in the middle of writing, everything that was acknowledged is there`, async () => {
  let acknowledged = 0;
  const found: FoundLine[] = [];
  // The last one looks, and ends by itself.
  for (let i = 0; i <= KILLS; i += 1) {
    const recording = startRecording(acknowledged, i === KILLS ? 0 : undefined);
    const first = await recording.line();
    found.push(first as FoundLine);
    if (i === KILLS) break;
    // At any moment: after so many batches, and somewhere within the next.
    for (let batches = 3 + ((i * 7) % 12); batches > 0; batches -= 1) await recording.line();
    recording.child.kill('SIGKILL');
    await recording.exit;
    acknowledged = recording.acknowledged();
  }
  expect(found.flatMap(({ wrong }) => wrong)).toEqual([]);
  expect(found.map(({ damaged }) => damaged)).toEqual(found.map(() => 0));
  const last = found.at(-1)!;
  expect(last.base).toBeGreaterThanOrEqual(acknowledged);
  expect(last.exchanges).toBe(last.base);
  expect(acknowledged).toBeGreaterThan(500);
  expect(Math.max(...found.map(({ openedMs }) => openedMs))).toBeLessThan(5000);
}, 180_000);

test('a disk that takes no more ends recording, says so once, and loses nothing that was acknowledged; batches come back all the same', async () => {
  // A limit of 200 KiB for each file: the first that becomes longer fails. Without the trap the system would end the process.
  const recording = startRecording(0, 60, ['sh', '-c', `trap '' XFSZ; ulimit -f 400; exec "$@"`, 'sh']);
  await recording.line();
  await recording.exit;
  const lines = recording.lines as readonly WrittenLine[];
  const failed = lines.findIndex(({ reports }) => reports.length > 0);
  expect(failed).toBeGreaterThan(2);
  // By the segment or the index, whichever comes to it first.
  expect(lines.at(-1)!.reports).toEqual([
    expect.stringMatching(/^inspector: nothing can be recorded in the session default \(.+\); traffic goes on, and it is tried again$/),
  ]);
  await using opened = await openTestStore(folder);
  // The report may come just behind the batch that it is about.
  expect(await faultsOf(opened.store, lines[failed - 2]!.acknowledged)).toEqual([]);
}, 180_000);

const mayMount = spawnSync('unshare', ['--user', '--map-root-user', '--mount', 'mount', '-t', 'tmpfs', 'none', os.tmpdir()]).status === 0;

test.skipIf(!mayMount)(
  `a disk that was full and has room again: recording goes on, and nothing is torn${mayMount ? '' : ' (skipped: this user may not mount one in a namespace)'}`,
  async () => {
    const disk = `mount -t tmpfs -o size=3m none "$0" && head -c 1000000 /dev/zero > "$0/filler" && exec "$@"`;
    const before = ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c', disk, place];
    const recording = startRecording(0, Number.POSITIVE_INFINITY, before, path.join(place, 'filler'));
    await recording.exit;
    const again = recording.all().at(-1) as AgainLine;
    expect(again.reports).toEqual([
      expect.stringMatching(/^inspector: nothing can be recorded in the session default \(.+\); traffic goes on, and it is tried again$/),
      'inspector: recording in the session default works again',
    ]);
    expect(again.wrong).toEqual([]);
    expect(again.lost).toBeGreaterThan(0);
  },
  30_000,
);

test('what was torn off at the end is cut off; what is damaged in the middle is skipped and counted; the index is made again', async () => {
  await fill(40);
  const [segment = ''] = segments();
  const end = statSync(segment).size;
  truncateSync(segment, end - 3);
  appendFileSync(segment, Buffer.alloc(2, 'x'));
  await look(async (opened) => {
    expect(opened.store.base).toBe(39);
    expect((await opened.ask({ kind: 'status' })).damaged).toBe(0);
    expect(await faultsOf(opened.store, 39)).toEqual([]);
    await opened.write(finished(40));
  });
  const octets = readFileSync(segment);
  // In the record of the 20th: its path stands in its row there.
  const at = octets.indexOf('/articles/20?');
  octets[at + 3] = octets[at + 3]! ^ 1;
  writeFileSync(segment, octets);
  rmSync(path.join(folder, 'default', 'index.sqlite'));
  await look(async (opened) => {
    expect(opened.store.base).toBe(40);
    expect(await opened.ask({ kind: 'status' })).toMatchObject({ exchanges: 39, damaged: 1 });
    expect(await opened.ask({ kind: 'exchange', id: 20 })).toBeNull();
    expect(await opened.ask({ kind: 'exchange', id: 21 })).toMatchObject({ summary: { id: 21 } });
  });
  // An index that is no database, and one that is ahead of the records.
  writeFileSync(
    path.join(folder, 'default', 'index.sqlite'),
    'no database at all, but text that is long enough to be read as one'.repeat(20),
  );
  await look(async (opened) => expect(await opened.ask({ kind: 'status' })).toMatchObject({ exchanges: 39 }));
  truncateSync(segment, 2000);
  await look(async (opened) => expect((await opened.ask({ kind: 'status' })).exchanges).toBeLessThan(5));
});

test('an index that is damaged while it is in use is made again, and recording goes on', async () => {
  await fill(2000);
  const index = path.join(folder, 'default', 'index.sqlite');
  const octets = readFileSync(index);
  octets.fill(0xff, 8192);
  await look(async (opened) => {
    writeFileSync(index, octets);
    for (let id = 2001; id <= 2010; id += 1) await opened.write(finished(id));
    const answers = await Promise.allSettled([opened.ask({ kind: 'hosts', filter: '' }), opened.ask({ kind: 'exchange', id: 5 })]);
    expect(answers.length).toBe(2);
    expect(await opened.ask({ kind: 'list', filter: '', order: '-id', offset: 0, limit: 1 })).toMatchObject({ total: 2010 });
  });
});

test('content that looks like a record is never taken for one where damage lies before it', async () => {
  await fill(1);
  const [segment = ''] = segments();
  // All that was written so far, head included, as the content of the next.
  await look(async (opened) => await opened.write(finished(2, { response: readFileSync(segment) }), finished(3)));
  const octets = readFileSync(segment);
  const nested = octets.lastIndexOf('SPFLOWS1');
  octets[nested - 40] = octets[nested - 40]! ^ 1;
  writeFileSync(segment, octets);
  rmSync(path.join(folder, 'default', 'index.sqlite'));
  await look(async (opened) => {
    expect(await opened.ask({ kind: 'status' })).toMatchObject({ exchanges: 3, damaged: 1 });
    expect(await opened.ask({ kind: 'content', id: 2, of: 'response' })).toBeNull();
  });
});

test('a segment that was only begun when the process ended goes, and is no damage', async () => {
  await fill(10);
  const begun = path.join(folder, 'default', 'segment-000002.frames');
  writeFileSync(begun, '');
  await look(async (opened) => {
    expect(await opened.ask({ kind: 'status' })).toMatchObject({ exchanges: 10, damaged: 0 });
    expect(segments()).not.toContain(begun);
    await opened.write(finished(11, { response: contentOf(11) }));
    expect(await faultsOf(opened.store, 11, 11)).toEqual([]);
  });
});

test('a segment that is damaged goes as a whole when it is old, and all of its rows with it', async () => {
  await fill(200);
  const [segment = ''] = segments();
  const octets = readFileSync(segment);
  // The length of the second frame.
  octets.fill(0xff, octets.indexOf(octets.subarray(8, 12), 40) + 4, octets.indexOf(octets.subarray(8, 12), 40) + 8);
  writeFileSync(segment, octets);
  await using opened = await openTestStore(folder, { maxAgeMs: 0 });
  for (let exchanges = 1; exchanges > 0; ) ({ exchanges } = await opened.ask({ kind: 'status' }));
  expect(await opened.ask({ kind: 'list', filter: '', order: 'id', offset: 0, limit: 10 })).toEqual({ total: 0, offset: 0, rows: [] });
  expect(segments()).toEqual([]);
});

test('files that were removed while they are written into are told of once, and recording goes on in new ones', async () => {
  await using opened = await openTestStore(folder);
  await opened.write(finished(1));
  rmSync(folder, { recursive: true });
  // Nobody acknowledges this one.
  void opened.write(finished(2));
  await opened.report(
    /^inspector: recording broke off \(the files in .+default were removed\) and begins again; what was not written yet is lost$/,
  );
  // Ids go on.
  opened.store.send(batchOf([finished(3)]), batchOf([finished(3)]).byteLength);
  expect(await opened.ask({ kind: 'status' })).toMatchObject({ exchanges: 1, problem: null });
  expect(await opened.ask({ kind: 'exchange', id: 3 })).toMatchObject({ summary: { id: 3 } });
  expect(opened.reports).toHaveLength(1);
  expect(statSync(path.join(folder, 'default')).mode & 0o777).toBe(0o700);
  for (const name of readdirSync(path.join(folder, 'default'))) expect(statSync(path.join(folder, 'default', name)).mode & 0o077).toBe(0);
});

async function fill(count: number): Promise<void> {
  const frames = Array.from({ length: count }, (_, i) => finished(i + 1, { response: contentOf(i + 1) }));
  await look(async (opened) => await opened.write(...frames));
}

async function look(work: (opened: Awaited<ReturnType<typeof openTestStore>>) => Promise<void>): Promise<void> {
  await using opened = await openTestStore(folder);
  await work(opened);
}

function segments(): string[] {
  const names = readdirSync(path.join(folder, 'default')).filter((name) => name.endsWith('.frames'));
  return names.map((name) => path.join(folder, 'default', name));
}

function startRecording(acknowledged: number, batches?: number, before: readonly string[] = [], ...more: readonly string[]) {
  const program = path.join(import.meta.dirname, '..', 'support', 'flow-store-process.ts');
  const [command = '', ...args] = [
    ...before,
    process.execPath,
    program,
    folder,
    String(acknowledged),
    ...(batches === undefined ? [] : [String(batches), ...more]),
  ];
  const env = { ...process.env, NODE_COMPILE_CACHE: path.join(place, 'code') };
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], env });
  children.push(child);
  const exit = once(child, 'exit');
  const lines: WrittenLine[] = [];
  const input = createInterface(child.stdout!);
  const waiting: ((line: unknown) => void)[] = [];
  const unread: unknown[] = [];
  const all: unknown[] = [];
  input.on('line', (text) => {
    const line: unknown = JSON.parse(text);
    all.push(line);
    if (typeof line === 'object' && line !== null && 'acknowledged' in line) lines.push(line as WrittenLine);
    const reader = waiting.shift();
    if (reader === undefined) unread.push(line);
    else reader(line);
  });
  child.stdin!.write('go\n');
  return {
    child,
    lines,
    all: () => all,
    exit: Promise.all([exit, once(input, 'close')]),
    acknowledged: () => lines.at(-1)?.acknowledged ?? acknowledged,
    line: () => (unread.length > 0 ? Promise.resolve(unread.shift()) : new Promise((resolve) => waiting.push(resolve))),
  };
}
