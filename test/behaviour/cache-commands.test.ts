// The commands of `cache`: of the folder that a proxy has left, and of a proxy that runs.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { AdminServer } from '../../src/admin/admin-server.ts';
import { answerQuestion } from '../../src/admin/answer-question.ts';
import { createCacheAdmin } from '../../src/cache/cache-admin.ts';
import { DISK_STORE_DEFAULTS, MEMORY_STORE_DEFAULTS } from '../../src/cache/options.ts';
import { CACHE_RULE_DEFAULTS } from '../../src/cache/rules/options.ts';
import type { CacheStore } from '../../src/cache/stores/cache-store.ts';
import { openDiskStore } from '../../src/cache/stores/disk.ts';
import { MemoryStore } from '../../src/cache/stores/memory.ts';
import { main } from '../../src/cli/cli.ts';
import { RunningFile, type RunningNote } from '../../src/cli/running.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { contentOf, keep, sample } from '../unit/cache/stores/store-contract.ts';
import { recordingTerminal } from '../unit/cli/recording-terminal.ts';

let home = '';
beforeEach(() => {
  home = temporaryFolder(onTestFinished);
});

async function say(...words: string[]) {
  const terminal = recordingTerminal(home, {
    SALLYPORT_CACHE_FOLDER: path.join(home, 'cache'),
    SALLYPORT_STATE_DIR: path.join(home, 'state'),
  });
  const code = await main(['cache', ...words], terminal);
  return { code, out: terminal.printed.join('\n').split('\n'), err: terminal.reported };
}

/** Three URLs, received a minute ago, fresh for an hour. */
async function fill(store: CacheStore): Promise<void> {
  const responseTimeMs = Date.now() - 60_000;
  const fields = [
    { name: 'Date', value: new Date(responseTimeMs).toUTCString() },
    { name: 'Cache-Control', value: 'max-age=3600' },
  ];
  const received = { fields, requestTimeMs: responseTimeMs, responseTimeMs };
  for (const stored of [
    sample({ ...received, key: 'http://a.test/', tags: ['front'] }),
    sample({ ...received, key: 'http://a.test/x', length: 20_000, selectedBy: [{ name: 'accept-language', value: 'de' }] }),
    sample({ ...received, key: 'http://b.test/ user=ada', origin: { address: '192.0.2.1', port: 80 } }),
  ])
    expect(await keep(store, stored, contentOf(stored))).toBe(true);
}

const notes = { startedAt: '', listening: ['http://127.0.0.1:1'], policy: 'p.yaml', reloads: 0, lastReload: null };

/** A proxy that runs, as far as the commands can tell: its note, and its socket. */
async function running(fillIt = true): Promise<CacheStore> {
  const stateFolder = path.join(home, 'state');
  const store = new MemoryStore(MEMORY_STORE_DEFAULTS);
  if (fillIt) await fill(store);
  const cache = createCacheAdmin({
    ...{
      store,
      rules: CACHE_RULE_DEFAULTS,
      now: Date.now,
      termsOf: null,
      verify: null,
      answers: null,
      mode: { offline: false, staleOk: false },
      outdateAll: null,
    },
    lastVerdict: (key) => (key === 'http://c.test/' ? { code: 'private', status: 200, atMs: Date.now(), response: null } : null),
  });
  const report = (line: string) => expect.unreachable(line);
  const admin = await AdminServer.open({
    stateFolder,
    processId: process.pid,
    answer: (asked) => answerQuestion(asked, cache),
    live: null,
    page: null,
    report,
  });
  const note = new RunningFile(stateFolder, { ...notes, processId: process.pid, adminSocket: admin.socket });
  onTestFinished(async () => {
    note.remove();
    await admin.close();
    await store.close();
  });
  return store;
}

async function left(): Promise<void> {
  const store = await openDiskStore({ folder: path.join(home, 'cache'), ...DISK_STORE_DEFAULTS }, (line) => expect.unreachable(line));
  await fill(store);
  await store.close();
}

describe.each([
  ['a folder that a proxy has left', left, () => path.join(home, 'cache')],
  ['a proxy that runs', running, () => `process ${process.pid}`],
] as const)('of %s', (_what, prepare, where) => {
  beforeEach(async () => void (await prepare()));

  test('stats counts what is stored', async () => {
    const { code, out } = await say('stats');
    expect({ code, out: out.slice(0, 2) }).toEqual({ code: 0, out: [`cache    ${where()}`, 'stored   3 responses'] });
    expect(JSON.parse((await say('stats', '--json')).out.join('\n'))).toMatchObject({
      entries: 3,
      tiers: expect.toSatisfy(({ memory, disk }) => [memory, disk].filter((tier) => tier?.entries === 3).length === 1),
    });
    expect(out.join('\n')).toMatch(/^(memory|disk) {2,}3 responses in .* of /m);
  });

  test('list has a line for each, in columns', async () => {
    const { code, out, err } = await say('list');
    expect(code).toBe(0);
    expect(out.sort()).toEqual([
      '200     1000 B  fresh for 59m    http://a.test/',
      '200     1000 B  fresh for 59m    http://b.test/  (user=ada)',
      '200   19.5 KiB  fresh for 59m    http://a.test/x  (by accept-language)',
    ]);
    expect(err).toEqual(['3 responses, 21.5 KiB']);
    expect((await say('list', '*b.test*')).out).toHaveLength(1);
    expect((await say('list', '--json', '*b.test*')).out.map((line) => JSON.parse(line))).toMatchObject([
      { partition: 'user=ada', is_fresh: true },
    ]);
    expect((await say('list', 'a.test')).err).toEqual(['nothing stored has a URL that a.test matches; * stands for any characters.']);
  });

  test('show tells all of a URL', async () => {
    const { code, out } = await say('show', 'http://a.test/x');
    expect(code).toBe(0);
    expect(out).toEqual([
      'http://a.test/x',
      '  status   200 OK',
      '  content  20,000 octets',
      expect.stringMatching(/^ {2}fresh {4}fresh for 5[89]m: age 6\d s, lifetime 3600 s \(max-age\)$/),
      expect.stringMatching(/^ {2}stored {3}20\d\d-/),
      '  varies   accept-language: de',
      expect.stringMatching(/^ {4}Date: /),
      '    Cache-Control: max-age=3600',
    ]);
    expect((await say('show', 'http://b.test/', '--user', 'ada')).out).toContainEqual(
      expect.stringMatching(/^ {2}stored .* from 192\.0\.2\.1 port 80$/),
    );
    expect(await say('show', 'http://b.test/')).toMatchObject({
      code: 1,
      err: [
        'nothing is stored for http://b.test/ but what is kept for user=ada alone: name one with --user. Ask for the reason: sallyport cache why http://b.test/',
      ],
    });
  });

  test('why says what a request would get', async () => {
    const { code, out } = await say('why', 'http://a.test/x', '-H', 'Accept-Language: de');
    expect(code).toBe(0);
    expect(out.slice(0, 3)).toEqual(['reused: it is fresh (RFC 9111 §4.2)', 'key: http://a.test/x', 'selected by: accept-language: de']);
    expect((await say('why', 'http://a.test/x')).out[0]).toContain('RFC 9111 §4.1');
    expect((await say('why', 'http://a.test/x', '--method', 'PUT')).out[0]).toContain('only GET and HEAD');
    expect(JSON.parse((await say('why', 'http://a.test/', '--json')).out.join('\n'))).toMatchObject({
      lines: [out[0], expect.anything(), expect.anything()],
    });
  });

  test('purge forgets a URL, a pattern, a tag, everything', async () => {
    expect((await say('purge', 'http://a.test/x')).out).toEqual(['1 response forgotten']);
    expect((await say('purge', 'http://a.test/x')).out).toEqual(['0 responses forgotten']);
    expect((await say('purge', '--tag', 'front')).out).toEqual(['1 response forgotten']);
    expect((await say('purge', 'http://a.test/*')).out).toEqual(['0 responses forgotten']);
    expect((await say('purge', '--all')).out).toEqual(['1 response forgotten']);
    expect((await say('list')).err).toEqual(['Nothing is stored.']);
  });

  test('verify reads everything', async () => {
    expect(await say('verify')).toMatchObject({ code: 0, out: ['3 responses read, 21.5 KiB of content: all sound'] });
    expect(JSON.parse((await say('verify', '--json')).out.join('\n'))).toEqual({ checked: 3, content_bytes: 22_000, damaged: 0, gone: 0 });
  });

  test.each([
    [['show', 'a.test'], 'a.test: The request target is not an absolute URI such as http://example.com/; a proxy needs one.'],
    [['why', '/x'], '/x: name the whole URL, such as http://example.com/; tunnels (CONNECT) are not cached.'],
    [['why', 'http://a.test/', '-H', 'de'], '--field: "de" is not \'Name: value\'.'],
    [['why', 'http://a.test/', '--method', 'G T'], '--method: "G T" is no method, such as GET or HEAD.'],
    [['why', 'a.test:443', '--method', 'CONNECT'], 'CONNECT opens a tunnel, and what passes through tunnels is not cached.'],
    [['purge'], 'say what to forget: a URL, a pattern with *, --tag TAG, or --all. See sallyport cache purge --help.'],
    [
      ['purge', 'http://a.test/', '--all'],
      'one thing at a time: a URL, a pattern with *, --tag TAG, or --all. See sallyport cache purge --help.',
    ],
  ])('%j is a mistake', async (words, problem) => {
    expect(await say(...words)).toMatchObject({ code: 64, err: [problem] });
  });
});

test('of a running proxy, why knows what became of the last response', async () => {
  await running(false);
  expect((await say('why', 'http://c.test/')).out).toEqual([
    'not reused: nothing is stored for this URI (RFC 9111 §4)',
    'key: http://c.test/',
    expect.stringMatching(/^last response: 200, \d s ago; not stored: it is private, and this cache is shared \(RFC 9111 §5\.2\.2\.7\)$/),
    'smallest change at the origin: replace private by max-age=N, the seconds for which it may answer, if it is the same for everybody',
  ]);
});

test('without a proxy and without a folder, the next step is named', async () => {
  expect(await say('stats')).toMatchObject({ code: 66, err: [expect.stringContaining('holds no cache yet')] });
  expect(await say('stats', '--process', '1')).toMatchObject({
    code: 69,
    err: [expect.stringContaining('process 1 is no proxy of this user')],
  });
  writeFileSync(path.join(home, 's.yaml'), 'cache: off\n');
  expect(await say('list', '--config', 's.yaml')).toMatchObject({
    code: 69,
    err: [expect.stringContaining("Start one with 'sallyport run'")],
  });
});

test('a proxy whose socket could not be made is named', async () => {
  const note: RunningNote = { ...notes, processId: process.pid, adminSocket: null };
  const file = new RunningFile(path.join(home, 'state'), note);
  onTestFinished(() => file.remove());
  expect(await say('stats')).toMatchObject({
    code: 69,
    err: [`process ${process.pid} has no socket to be asked at; its own log says why.`],
  });
});
