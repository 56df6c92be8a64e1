// The command line as a process: what it prints where, with which exit code, and how `run` lives and ends.
import { type ChildProcess, spawn } from 'node:child_process';
import { createReadStream, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { readRunning } from '../../src/cli/running.ts';
import { temporaryFolder } from '../support/temp-files.ts';

const MAIN = path.join(import.meta.dirname, '../../src/bin.cjs');
const folder = temporaryFolder(afterAll);
const running = new Set<ChildProcess>();
const servers = new Set<Server>();

afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
  for (const server of servers) server.close();
});

write('open.yaml', 'version: 1\ndefault: allow\nconnect_ports: any\n');
write('bad-policy.yaml', 'version: 1\ndefault: maybe\n');
write('bad-config.yaml', 'timeout: 5s\nlimits: {head: 5 apples}\n');

test('version goes to standard output', async () => {
  expect(await ended('version')).toEqual({ code: 0, out: expect.stringMatching(/^sallyport \d+\.\d+\.\d+ \(node .*\)\n$/), err: '' });
});

test('help goes to standard output', async () => {
  expect(await ended('--help')).toEqual({ code: 0, out: expect.stringMatching(/^Usage: sallyport COMMAND/), err: '' });
});

test('a reader that leaves early is no failure', async () => {
  const child = start(['help', 'run']);
  child.process.stdout?.destroy();
  expect((await child.ended).code).toBe(0);
});

test.each([
  [['run', '--lisen', 'x'], 64, ['unknown flag --lisen. Did you mean "--listen"? See sallyport run --help.']],
  [['run', '--listen', ':8080'], 64, ['--listen: expected an address to listen on']],
  [['policy', 'check', 'bad-policy.yaml'], 65, ['bad-policy.yaml:2:10: ']],
  [['policy', 'check', 'none.yaml'], 66, ['none.yaml: ']],
  [['run', '--config', 'none.yaml'], 66, ['none.yaml: the configuration file does not exist. Check the path.']],
  [
    ['run', '--config', 'bad-config.yaml'],
    78,
    ['bad-config.yaml:1:1: unknown key "timeout"', 'bad-config.yaml:2:16: limits.head: expected a size'],
  ],
  [['run', '--policy', 'bad-policy.yaml', '--listen', '127.0.0.1:0'], 65, ['bad-policy.yaml:2:10: ']],
  [['run', '--listen', 'unix:no/folder/s.sock'], 77, ['its folder does not exist, or this user may not write there']],
] as const)('%j is a mistake of the operator: exit code %d, a line a problem, no stack', async (words, code, problems) => {
  const result = await ended(...words);
  expect(result).toMatchObject({ code, out: '' });
  const lines = result.err.trimEnd().split('\n');
  expect(lines).toEqual(problems.map((problem) => expect.stringContaining(problem)));
  for (const line of lines) expect(line).toMatch(/^sallyport: /);
});

test('policy explain exits 0 whatever it says', async () => {
  const { code, out } = await ended('policy', 'explain', 'GET', 'http://example.com/', '--policy', 'open.yaml');
  expect({ code, out }).toEqual({ code: 0, out: 'allow  default  open.yaml:2\n' });
});

test('policy test fails as a process when a test fails', async () => {
  write('failing.yaml', 'version: 1\ndefault: deny\ntests:\n  - { request: GET http://a.example/, expect: allow }\n');
  expect(await ended('policy', 'test', 'failing.yaml', '--format', 'tap')).toMatchObject({
    code: 1,
    out: expect.stringMatching(/^TAP version 14\n1\.\.1\nnot ok 1 - /),
    err: '',
  });
});

test('what a running proxy logged can be learned from, and put to another policy', async () => {
  const child = start(['run', '--listen', '127.0.0.1:0', '--policy', 'open.yaml', '--access-log', 'access.json']);
  for (let i = 0; i < 2; i += 1) (await openTunnel(child, 'localhost')).end();
  child.process.kill('SIGTERM');
  await child.ended;
  const learned = await ended('policy', 'learn', 'access.json', '--output', 'learned.yaml');
  expect(learned).toMatchObject({ code: 0, out: expect.stringMatching(/^learned\.yaml: learned from 2 requests; /), err: '' });
  expect(await ended('policy', 'check', '--strict', 'learned.yaml')).toMatchObject({ code: 0, err: '' });
  expect(await ended('policy', 'test', 'learned.yaml', '--coverage', '--least', '100')).toMatchObject({ code: 0, err: '' });
  expect(await ended('policy', 'diff', 'open.yaml', 'learned.yaml', '--log', 'access.json')).toEqual({
    code: 0,
    out: 'No difference in 2 requests of access.json.\n',
    err: '',
  });
  write('closed.yaml', 'version: 1\ndefault: deny\nconnect_ports: any\n');
  const diff = start(['policy', 'diff', 'open.yaml', 'closed.yaml', '--log', '-']);
  createReadStream(path.join(folder, 'access.json')).pipe(diff.process.stdin!);
  expect(await diff.ended).toMatchObject({
    code: 1,
    out: expect.stringMatching(/^allow -> deny: 2 requests\n {2}2 requests by 127\.0\.0\.1 to localhost, /),
    err: '',
  });
});

test("a port in use is one line, also when it is another proxy's of the same user", async () => {
  const child = start(['run', '--listen', '127.0.0.1:0']);
  const [, port] = LISTENING.exec(await child.said(/browser .*\n/)) ?? [];
  expect(await ended('run', '--listen', `127.0.0.1:${port}`)).toEqual({
    code: 69,
    out: '',
    err: `sallyport: 127.0.0.1:${port} is in use by another program. Stop it, or choose another address with --listen.\n`,
  });
});

test('run says in seven lines what it does, on standard error, and ends with 0 on a signal', async () => {
  const child = start(['run', '--listen', '127.0.0.1:0', '--listen', 'unix:s.sock', '--policy', 'open.yaml']);
  const banner = await child.said(/inspector .*\n/);
  expect(banner.split('\n')).toEqual([
    expect.stringMatching(/^sallyport {2}\d+\.\d+\.\d+, node \d+\.\d+\.\d+, process \d+$/),
    expect.stringMatching(/^listening {2}http:\/\/127\.0\.0\.1:\d+ .*s\.sock$/),
    expect.stringMatching(/^policy {5}.*open\.yaml.*allow/),
    'cache      256 MiB in memory',
    expect.stringMatching(/^curl {7}curl --proxy http:\/\/127\.0\.0\.1:\d+ https:\/\/example\.com\/$/),
    expect.stringMatching(/^browser {4}chromium --proxy-server=http:\/\/127\.0\.0\.1:\d+$/),
    expect.stringMatching(/^inspector {2}http:\/\/127\.0\.0\.1:\d+\/#open=[\w-]{22}$/),
    '',
  ]);
  child.process.kill('SIGTERM');
  expect(await child.ended).toMatchObject({ code: 0, out: '', err: expect.stringContaining('sallyport: stopping on SIGTERM: ') });
});

test('a stop lets an open tunnel finish', async () => {
  const child = start(['run', '--listen', '127.0.0.1:0', '--policy', 'open.yaml']);
  const tunnel = await openTunnel(child);
  child.process.kill('SIGTERM');
  await child.said(/stopping on SIGTERM/);
  tunnel.end();
  expect((await child.ended).code).toBe(0);
});

test('a second signal ends open tunnels at once', async () => {
  const child = start(['run', '--listen', '127.0.0.1:0', '--policy', 'open.yaml'], { SALLYPORT_TIMEOUTS_DRAIN: '1h' });
  await openTunnel(child);
  child.process.kill('SIGINT');
  await child.said(/stopping on SIGINT: exchanges and tunnels have 3600 s/);
  // Copies of one Ctrl-C, within a second, count once. And no third: from its last turn on a process hears no signal any more, and would die of it.
  await new Promise((passed) => setTimeout(passed, 1_100));
  child.process.kill('SIGINT');
  await child.said(/stopping at once on SIGINT\n/);
  expect((await child.ended).code).toBe(0);
});

test('the deadline of a stop ends what has not finished', async () => {
  const child = start(['run', '--listen', '127.0.0.1:0', '--policy', 'open.yaml'], { SALLYPORT_TIMEOUTS_DRAIN: '50ms' });
  await openTunnel(child);
  child.process.kill('SIGTERM');
  expect(await child.ended).toMatchObject({ code: 0, err: expect.stringContaining('1 had not finished and was cut off') });
});

test('SIGHUP takes up a changed policy, and refuses a wrong one without forgetting the old', async () => {
  const policy = write('changing.yaml', 'version: 1\ndefault: allow\n');
  const child = start(['run', '--listen', '127.0.0.1:0', '--policy', policy]);
  await child.said(/browser .*\n/);
  write('changing.yaml', 'version: 1\ndefault: deny\n');
  child.process.kill('SIGHUP');
  expect(await child.said(/reloaded on SIGHUP.*\n/)).toMatch(/sallyport: reloaded on SIGHUP; policy .*changing\.yaml.*deny/);
  write('changing.yaml', 'version: 2\ndefault: maybe\n');
  child.process.kill('SIGHUP');
  const said = await child.said(/not reloaded on SIGHUP: .*\n/);
  expect(said).toContain('changing.yaml:1:10: ');
  expect(said).toContain('changing.yaml:2:10: ');
  child.process.kill('SIGTERM');
  expect((await child.ended).code).toBe(0);
});

test('a policy that is changed on the disk is taken up without being asked, and a wrong one is not', async () => {
  const policy = write('watched.yaml', 'version: 1\ndefault: allow\n');
  const child = start(['run', '--listen', '127.0.0.1:0', '--policy', policy]);
  await child.said(/browser .*\n/);
  write('watched.yaml', 'version: 1\ndefault: deny\n');
  await child.said(/ reloaded on a change of .*watched\.yaml; policy .*otherwise deny/);
  write('watched.yaml', 'version: 1\ndefault: perhaps\n');
  await child.said(/watched\.yaml:2:10: default: expected allow or deny; found 'perhaps'\n.*not reloaded on a change of .*\n/);
  child.process.kill('SIGTERM');
  expect((await child.ended).code).toBe(0);
});

test('reload finds the proxy that runs, and says what became of it', async () => {
  const state = path.join(folder, 'state');
  const settings = { SALLYPORT_STATE_DIR: state };
  expect(await start(['reload'], settings).ended).toMatchObject({
    code: 69,
    err: expect.stringContaining('no proxy of this user is running'),
  });
  const policy = write('commanded.yaml', 'version: 1\ndefault: allow\n');
  const child = start(['run', '--listen', '127.0.0.1:0', '--policy', policy], settings);
  await child.said(/browser .*\n/);
  const done = await start(['reload'], settings).ended;
  expect(done).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^reloaded on SIGHUP; policy .*commanded\.yaml: 0 rules, otherwise allow\n$/),
  });
  write('commanded.yaml', 'version: 1\ndefault: maybe\n');
  // The change itself is noticed too; what is said is the answer to the command.
  const refused = await start(['reload'], settings).ended;
  expect(refused).toMatchObject({
    code: 65,
    err: expect.stringMatching(/commanded\.yaml:2:10: .*\n.*not reloaded on SIGHUP: configuration and policy stay/),
  });
  write('commanded.yaml', 'version: 1\ndefault: deny\n');
  await expect.poll(() => readRunning(state)[0]?.policy).toContain('otherwise deny');
  expect(readRunning(state)[0]).toMatchObject({ reloads: 2, lastReload: { isDone: false } });
  child.process.kill('SIGTERM');
  expect((await child.ended).code).toBe(0);
  expect(await start(['reload'], settings).ended).toMatchObject({ code: 69 });
});

interface Child {
  readonly process: ChildProcess;
  readonly ended: Promise<{ code: number | null; out: string; err: string }>;
  /** What was said on standard error so far, once the pattern is in it. */
  said(pattern: RegExp): Promise<string>;
}

function start(words: readonly string[], settings: Record<string, string> = {}): Child {
  // Neither variables of whoever runs the tests nor a proxy of theirs have anything to do with this one.
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('SALLYPORT_'));
  const home = { XDG_STATE_HOME: path.join(folder, 'xdg-state'), XDG_CACHE_HOME: path.join(folder, 'xdg-cache') };
  const child = spawn(process.execPath, [MAIN, ...words], {
    cwd: folder,
    env: { ...Object.fromEntries(inherited), ...home, SALLYPORT_CACHE_DISK: '0', ...settings },
  });
  running.add(child);
  let out = '';
  let err = '';
  const waiting = new Set<() => void>();
  child.stdout.on('data', (bytes) => (out += bytes));
  child.stderr.on('data', (bytes) => {
    err += bytes;
    for (const look of waiting) look();
  });
  const ended = new Promise<{ code: number | null; out: string; err: string }>((resolve) => {
    child.on('close', (code) => {
      running.delete(child);
      resolve({ code, out, err });
      for (const look of waiting) look();
    });
  });
  const said = (pattern: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        if (pattern.test(err)) resolve(err);
        else if (running.has(child)) return;
        reject(new Error(`ended without saying ${pattern}: ${err}`));
        waiting.delete(look);
      };
      waiting.add(look);
      look();
    });
  return { process: child, ended, said };
}

function ended(...words: string[]) {
  return start(words).ended;
}

/** A tunnel through the proxy to a server that says nothing. */
async function openTunnel(child: Child, host = '127.0.0.1'): Promise<Socket> {
  const origin = await listening(createServer({ allowHalfOpen: false }, (socket) => socket.on('error', () => {}).resume()));
  const [, port] = LISTENING.exec(await child.said(/browser .*\n/)) ?? [];
  const socket = connect(Number(port), '127.0.0.1');
  socket.on('error', () => {});
  socket.write(`CONNECT ${host}:${origin} HTTP/1.1\r\nHost: ${host}:${origin}\r\n\r\n`);
  const answer = await new Promise<Buffer>((resolve, reject) => {
    socket.once('data', resolve);
    socket.once('close', () => reject(new Error('closed before the tunnel was open')));
  });
  expect(answer.toString('latin1')).toMatch(/^HTTP\/1\.1 200 /);
  socket.resume();
  return socket;
}

function listening(server: Server): Promise<number> {
  servers.add(server);
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));
}

function write(name: string, text: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
}

/** Of the banner. */
const LISTENING = /listening {2}http:\/\/127\.0\.0\.1:(\d+)/;
