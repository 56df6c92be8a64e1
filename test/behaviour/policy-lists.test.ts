// Lists as a policy loads them: from files, by a thread, and from their compiled form.
import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { parseIpAddress } from '../../src/net/ip-address.ts';
import type { List, ListFormat, ListSpec } from '../../src/policy/lists/list.ts';
import { loadList } from '../../src/policy/lists/load-list.ts';
import { temporaryFile, temporaryFolder } from '../support/temp-files.ts';
import { threadMs } from '../support/thread-time.ts';

const TEXTS: Readonly<Record<ListFormat, string>> = {
  domains: '.ads.test\nnot a name\nbücher.example\n',
  hosts: '127.0.0.1 localhost\n0.0.0.0 www.ads.test bücher.example\nnothing\n',
  rpz: '@ SOA a. b. 1 2 3 4 5\n*.ads.test CNAME .\nok.ads.test CNAME rpz-passthru.\n',
  cidr: '192.0.2.0/24\n2001:db8::/32\nnothing\n',
  adblock: '||ads.test^\n@@||ads.test/ok\n##.ad\n',
};

test.each(Object.entries(TEXTS) as [ListFormat, string][])(
  'a list of format %s answers the same from its compiled form',
  async (format, text) => {
    const spec = specOf(temporaryFile(onTestFinished, 'list', text), { format });
    const cacheFolder = path.join(temporaryFolder(onTestFinished), 'compiled');
    const first = await load(spec, cacheFolder);
    const written = compiledFiles(cacheFolder);
    expect(written).toHaveLength(1);
    const second = await load(spec, cacheFolder);
    expect(compiledFiles(cacheFolder)).toEqual(written);
    expect(answers(second)).toEqual(answers(first));
    expect(answers(await load(spec, null))).toEqual(answers(first));
    expect(answers(first)).toContain(true);
    expect(answers(first)).toContain(false);
  },
);

test('a list that has changed is read again, and so is one whose compiled form is damaged', async () => {
  const file = temporaryFile(onTestFinished, 'list', 'one.test\n');
  const cacheFolder = temporaryFolder(onTestFinished);
  expect(matches(await load(specOf(file), cacheFolder), 'one.test')).toBe(true);
  writeFileSync(file, 'two.test\n');
  expect(matches(await load(specOf(file), cacheFolder), 'two.test')).toBe(true);
  truncateSync(path.join(cacheFolder, readdirSync(cacheFolder)[0]!), 60);
  expect(matches(await load(specOf(file), cacheFolder), 'two.test')).toBe(true);
  const written = compiledFiles(cacheFolder);
  expect(matches(await load(specOf(file), cacheFolder), 'two.test')).toBe(true);
  expect(compiledFiles(cacheFolder)).toEqual(written);
});

test('lists that load at the same time do not disturb each other', async () => {
  const file = temporaryFile(onTestFinished, 'list', 'one.test\n');
  const cacheFolder = path.join(temporaryFolder(onTestFinished), 'a', 'b');
  const lists = await Promise.all([1, 2, 3].map(() => load(specOf(file), cacheFolder)));
  expect(lists.map((list) => matches(list, 'one.test'))).toEqual([true, true, true]);
  expect(compiledFiles(cacheFolder)).toHaveLength(1);
});

test('a folder for compiled lists that cannot be written is one warning', async () => {
  const file = temporaryFile(onTestFinished, 'list', 'one.test\n');
  const loaded = await loadList(specOf(file), { cacheFolder: path.join(file, 'compiled') });
  expect(loaded).toMatchObject({ list: { entries: 1 } });
  expect('warnings' in loaded && loaded.warnings).toEqual([
    `compiled lists cannot be kept in ${file}/compiled (ENOTDIR), so each start reads the lists anew; let this user write there`,
  ]);
});

test.each<[string, (folder: string) => string, string]>([
  ['does not exist', (folder) => path.join(folder, 'none'), 'there is no such file; check the path'],
  ['is a folder', (folder) => folder, "is a folder; name the list's file in it"],
  ['is a device', () => '/dev/null', 'is no regular file; a list is read again whenever it changes'],
  ['is a named pipe that nobody writes into', pipe, 'is no regular file; a list is read again whenever it changes'],
  ['is too large', (folder) => sized(folder, 512 * 2 ** 20 + 1), 'has 536870913 octets; a list may have 512 MiB at most'],
  ['has another format', (folder) => written(folder, '||ads.test^\n'), 'Does this file have the format domains?'],
  ['is empty', (folder) => written(folder, '# nothing\n'), 'has no entries; fill it, or say "may_be_empty: true" if that is meant'],
])('a list that %s is a problem with its name', async (_, place, words) => {
  const file = place(temporaryFolder(onTestFinished));
  const loaded = await loadList(specOf(file), { cacheFolder: null });
  const message = 'problem' in loaded ? loaded.problem.message : '';
  expect(message).toContain(words);
  expect(message.startsWith(`list ads: ${file}`)).toBe(true);
});

test('a list that this user may not read is a problem', async () => {
  const file = temporaryFile(onTestFinished, 'list', 'one.test\n');
  chmodSync(file, 0o000);
  // Root may read anything. The process gives that up once it has its modules, which may lie where nobody else can read them.
  const script = `import { readListFile } from ${JSON.stringify(new URL('../../src/policy/lists/read-list-file.ts', import.meta.url).href)};
    if (process.getuid() === 0) {
      (await import('node:fs')).chmodSync(${JSON.stringify(path.dirname(file))}, 0o755);
      process.setuid(${NOBODY});
    }
    console.log(JSON.stringify(readListFile(${JSON.stringify(file)})));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
  expect(JSON.parse(stdout)).toEqual({ message: `${file}: this user may not read the list; check its permissions` });
});

test('an empty list may be meant, from the compiled form too', async () => {
  const cacheFolder = temporaryFolder(onTestFinished);
  const file = temporaryFile(onTestFinished, 'list', '# nothing\n');
  for (let i = 0; i < 2; i += 1) {
    expect(await loadList(specOf(file, { mayBeEmpty: true }), { cacheFolder })).toMatchObject({ list: { entries: 0 } });
    expect(await loadList(specOf(file), { cacheFolder })).toHaveProperty('problem');
  }
});

test('without the package for it, and with a compiled form too, the format adblock is a problem that says what to install', async () => {
  const file = temporaryFile(onTestFinished, 'list', '||ads.test^\n');
  const cacheFolder = temporaryFolder(onTestFinished);
  const spec = specOf(file, { format: 'adblock' });
  await load(spec, cacheFolder);
  const hook = `import { registerHooks } from 'node:module';
    registerHooks({ resolve(name, context, next) {
      if (name === '@ghostery/adblocker') throw Object.assign(new Error('not installed'), { code: 'MODULE_NOT_FOUND' });
      return next(name, context);
    } });`;
  const script = `import { loadList } from ${JSON.stringify(new URL('../../src/policy/lists/load-list.ts', import.meta.url).href)};
    console.log(JSON.stringify(await loadList(${JSON.stringify(spec)}, ${JSON.stringify({ cacheFolder })})));`;
  const args = ['--import', `data:text/javascript,${encodeURIComponent(hook)}`, temporaryFile(onTestFinished, 'load.mjs', script)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  expect(JSON.parse(stdout)).toEqual({
    problem: { message: 'list ads: the format adblock needs an optional package; install it with: npm install @ghostery/adblocker' },
  });
});

test('a list of 50 MiB does not hold up the event loop, neither from its lines nor from its compiled form', async () => {
  const lines = Array.from({ length: 20_000 }, (_, i) => `host-${i}.some-longer-name.example\n`).join('');
  const file = temporaryFile(onTestFinished, 'list', lines.repeat(Math.ceil((50 * 2 ** 20) / lines.length)));
  const cacheFolder = temporaryFolder(onTestFinished);
  const beganMs = threadMs();
  const first = await load(specOf(file), cacheFolder);
  const second = await load(specOf(file), cacheFolder);
  const spentMs = threadMs() - beganMs;
  expect([first.entries, second.entries]).toEqual([20_000, 20_000]);
  // As this thread's own work it would be a second and more for the lines alone; what is left to it comes in pieces.
  expect(spentMs).toBeLessThan(250);
});

function specOf(file: string, options: Partial<ListSpec> = {}): ListSpec {
  const position = { file: 'policy.yaml', line: 1, column: 1 };
  return { name: 'ads', file, format: 'domains', subdomains: false, mayBeEmpty: false, position, ...options };
}

async function load(spec: ListSpec, cacheFolder: string | null): Promise<List> {
  const loaded = await loadList(spec, { cacheFolder });
  if ('problem' in loaded) throw new Error(loaded.problem.message);
  expect(loaded.warnings).toEqual([]);
  return loaded.list;
}

/** What a list says of itself and to some questions. */
function answers(list: List): unknown[] {
  const { entries, skipped, ignored, firstSkipped } = list;
  return [entries, skipped, ignored, firstSkipped, ...QUESTIONS.flatMap((question) => ask(list, question))];
}

function ask(list: List, host: string): unknown[] {
  switch (list.kind) {
    case 'domains':
      return [list.matchesHost(host), list.explainHost(host)];
    case 'addresses': {
      const address = parseIpAddress(host) ?? parseIpAddress('203.0.113.1')!;
      return [list.matchesAddress(address), list.explainAddress(address)];
    }
    case 'requests': {
      const request = { url: `https://${host}/ok`.replace('//www', '//ads.test/www'), destination: null, sourceHost: null };
      return [list.matchesRequest(request), list.explainRequest(request)];
    }
    default:
      return list satisfies never;
  }
}

function matches(list: List, host: string): boolean {
  return list.kind === 'domains' && list.matchesHost(host);
}

/** Every compiled file with its inode: a new one has another. */
function compiledFiles(folder: string): string[] {
  return readdirSync(folder).map((name) => `${name} ${statSync(path.join(folder, name)).ino}`);
}

function written(folder: string, text: string): string {
  const file = path.join(folder, 'list.txt');
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, text);
  return file;
}

function pipe(folder: string): string {
  const file = path.join(folder, 'pipe');
  execFileSync('mkfifo', [file]);
  return file;
}

/** A file of that size which takes no place on the disk. */
function sized(folder: string, size: number): string {
  const file = written(folder, '');
  truncateSync(file, size);
  return file;
}

const NOBODY = 65_534;
const QUESTIONS = ['www.ads.test', 'ads.test', 'ok.ads.test', 'xn--bcher-kva.example', 'other.example', '192.0.2.1', '2001:db8::1'];
