// `run -- COMMAND`: real commands with a proxy of their own, their signals, terminals and exit codes, and what is said at the end.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CLEAN_ENVIRONMENT, describeWith, run } from '../support/programs.ts';
import { inTerminal } from '../support/pseudo-terminal.ts';
import { type ProxyProcess, runProxy } from '../support/run-proxy.ts';
import { createTemporaryCa, type TemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

const POLICY = `version: 1
default: allow
connect_ports: any
rules:
  - name: Adverts
    deny: { host: ads.test }
`;
/** Counts Ctrl-C, and tells how many at SIGTERM, which comes after all of them. */
const COUNTS_INTERRUPTS = `
  let interrupts = 0;
  process.on('SIGINT', () => { interrupts += 1; console.log('interrupted'); });
  process.on('SIGTERM', () => { console.log('interrupts: ' + interrupts); process.exit(5); });
  setInterval(() => {}, 1000);
  console.log('ready');
`;

const folder = temporaryFolder(afterAll);
const policy = path.join(folder, 'policy.yaml');
writeFileSync(policy, POLICY);

function sallyport(words: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return run(process.execPath, [PROGRAM, 'run', ...words], { cwd: folder, env: { ...OWN, ...env } });
}

test.each([
  [['sh', '-c', 'exit 3'], 3],
  [['sh', '-c', 'kill -9 $$'], 137],
  [['sh', '-c', 'kill -TERM $$'], 143],
  [['no-such-command'], 127],
  [[policy], 126],
])('%j ends with %d, as a shell would', async (command, code) => {
  expect((await sallyport(['--quiet', '--', ...command])).code).toBe(code);
});

test('a command that cannot be started is one line', async () => {
  const { err } = await sallyport(['--', 'no-such-command']);
  expect(err).toBe('sallyport: no-such-command: there is no such command. Check its spelling, or give its path.\n');
});

test("standard input and output are the command's", async () => {
  const words = [PROGRAM, 'run', '--quiet', '--', 'tr', 'a-z', 'A-Z'];
  const { out, err } = await run(process.execPath, words, { cwd: folder, env: OWN, input: 'some words' });
  expect({ out: out.toString(), err }).toEqual({ out: 'SOME WORDS', err: '' });
});

test.each(['SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGTERM'] as const)('%s by kill reaches a command that has no terminal', async (signal) => {
  const script = `trap 'echo got it; exit 9' ${signal.slice(3)}; echo ready; while :; do sleep 0.05; done`;
  const words = [PROGRAM, 'run', '--quiet', '--', 'sh', '-c', script];
  const child = spawn(process.execPath, words, { cwd: folder, env: { ...CLEAN_ENVIRONMENT, ...OWN }, detached: true });
  let out = '';
  child.stdout.on('data', (bytes: Buffer) => {
    out += bytes;
    if (out === 'ready\n') child.kill(signal);
  });
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(9);
  expect(out).toBe('ready\ngot it\n');
});

describeWith(['python3'], 'in a terminal', () => {
  test('Ctrl-C, which the terminal sends to everybody, interrupts the command once', async () => {
    const words = [PROGRAM, 'run', '--quiet', '--', process.execPath, '--eval', COUNTS_INTERRUPTS];
    const session = await inTerminal([process.execPath, ...words], OWN);
    await session.shows(/ready/);
    session.type('\x03');
    await session.shows(/interrupted/);
    session.signal('SIGTERM');
    const { code, shown } = await session.ended;
    expect(code).toBe(5);
    expect(shown).toContain('interrupts: 1');
  });

  test('an interactive shell has the terminal, with job control', async () => {
    const session = await inTerminal([process.execPath, PROGRAM, 'run', '--', 'bash', '--norc', '--noediting', '-i'], {
      ...OWN,
      NO_COLOR: '1',
    });
    await session.shows(/bash-\S+[$#] /);
    // What is typed is shown, too.
    session.type("sh -c 'echo beg''un; exec sleep 60'\n");
    await session.shows(/begun/);
    session.type('\x03');
    await session.shows(/\^C[\s\S]*bash-\S+[$#] /);
    session.type('echo $((40 + 2)) $-\n');
    await session.shows(/42 \w*m/);
    session.type('exit 7\n');
    const { code, shown } = await session.ended;
    expect(code).toBe(7);
    expect(shown).not.toContain('no job control');
    expect(shown).toContain('traffic    nothing passed the proxy');
  });
});

describeWith(['curl'], 'what passed', () => {
  let origin: WebOrigin;
  let parent: ProxyProcess;
  beforeAll(async () => {
    origin = await startWebOrigin((_, response) => {
      response.setHeader('Cache-Control', 'max-age=60').end('an answer');
    });
    parent = await runProxy();
  });
  afterAll(async () => {
    await parent.stop();
    await origin.close();
  });

  function curls(...urls: readonly string[]): string[] {
    return ['sh', '-c', `${urls.map((url) => `curl -s -o /dev/null ${url}`).join('; ')}; exit 3`];
  }

  test('loopback passes the proxy too, and the report tells hosts, denials with their place, the cache and failures', async () => {
    const { url, port } = origin;
    const command = curls(`${url}/a`, `${url}/a`, 'http://ads.test/1', 'http://ads.test/2', 'http://no-such-host.invalid/');
    const { code, out, err } = await sallyport(['--policy', 'policy.yaml', '--', ...command], { NO_PROXY: '*', no_proxy: '*' });
    expect({ code, out: out.toString() }).toEqual({ code: 3, out: '' });
    expect(err.split('\n')).toEqual([
      expect.stringMatching(/^sallyport {2}sh -c curl .* exited with 3 after \d/),
      expect.stringMatching(/^traffic {4}3 requests; .* received, .* sent$/),
      expect.stringMatching(/^cache {6}answered 1 of 3 requests; \d+ B not fetched again$/),
      `hosts      ${`127.0.0.1:${port}`.padEnd(20)}  2 requests (1 from the cache)`,
      '           ads.test              2 denied',
      '           no-such-host.invalid  1 request, 1 failed',
      "denied     GET http://ads.test/1  2 times  rule 'Adverts'  policy.yaml:5",
      expect.stringMatching(/^failed {5}GET http:\/\/no-such-host\.invalid\/ {2}dns_error: /),
      '',
    ]);
  });

  test('--report writes it as JSON, and --quiet says nothing', async () => {
    const { code, err } = await sallyport(['--quiet', '--report', 'report.json', '--', ...curls(`${origin.url}/b`)]);
    expect({ code, err }).toEqual({ code: 3, err: '' });
    const report = JSON.parse(readFileSync(path.join(folder, 'report.json'), 'utf8'));
    expect(report).toMatchObject({ exit_code: 3, requests: 1, hosts: [{ host: `127.0.0.1:${origin.port}`, requests: 1 }], denied: [] });
  });

  test('a report that cannot be written is told, and the exit code stays', async () => {
    const { code, err } = await sallyport(['--quiet', '--report', 'no/such/folder', '--', 'true']);
    expect(code).toBe(0);
    expect(err).toBe('sallyport: no/such/folder: cannot be written (its folder does not exist). Choose another file with --report.\n');
  });

  test('a parent proxy that the environment named is sent through', async () => {
    await sallyport(['--quiet', '--', ...curls(`${origin.url}/through-the-parent`)], { http_proxy: parent.url });
    await parent.logged(({ target }) => target === `${origin.url}/through-the-parent`);
  });

  test('--direct leaves a place out', async () => {
    const { err } = await sallyport(['--direct', '127.0.0.1', '--', ...curls(`${origin.url}/direct`)]);
    expect(err).toContain('traffic    nothing passed the proxy');
  });
});

describeWith(['curl', 'git', 'openssl', 'python3', 'wget'], 'where the policy opens TLS', () => {
  let ca: TemporaryCa;
  let origin: WebOrigin;
  let url: string;
  let settings: Record<string, string>;
  const temporary = temporaryFolder(afterAll);

  beforeAll(async () => {
    ca = createTemporaryCa(folder);
    origin = await startWebOrigin((_, response) => response.end('an answer'), ca.issue('site.test'));
    url = `https://site.test:${origin.port}`;
    writeFileSync(path.join(folder, 'hosts'), '127.0.0.1 site.test\n');
    writeFileSync(path.join(folder, 'open.yaml'), OPENING);
    settings = {
      SALLYPORT_DNS_HOSTS_FILE: path.join(folder, 'hosts'),
      SALLYPORT_TLS_ROOTS: ca.certFile,
      SALLYPORT_TLS_CA_DIR: path.join(folder, 'authority'),
      TMPDIR: temporary,
    };
  });
  afterAll(() => origin.close());

  function opening(command: readonly string[], env: Readonly<Record<string, string>> = {}) {
    return sallyport(['--policy', 'open.yaml', '--', ...command], { ...settings, ...env });
  }

  test.each([
    ['curl', (target: string) => ['curl', '-sS', target]],
    ['wget', (target: string) => ['wget', '-q', '-O', '-', target]],
    ['Python', (target: string) => ['python3', '-c', `import urllib.request; print(urllib.request.urlopen('${target}').read().decode())`]],
    ['Node', (target: string) => [process.execPath, '--eval', `fetch('${target}').then((answer) => answer.text()).then(console.log)`]],
  ])('%s believes our certificate, and the requests inside are counted', async (_, words) => {
    const { code, out, err } = await opening(words(`${url}/a`));
    expect({ code, out: out.toString().trim() }).toEqual({ code: 0, out: 'an answer' });
    expect(err).toContain(`hosts      site.test:${origin.port}  1 request\n`);
  });

  test('a path inside is denied by its rule', async () => {
    const { out, err } = await opening(['curl', '-sS', '-o', '/dev/null', '-w', '%{http_code}', `${url}/secret`]);
    expect(out.toString()).toBe('403');
    expect(err).toContain(`denied     GET ${url}/secret  rule 'Secrets'  open.yaml:5\n`);
  });

  test('a command that does not believe it is told of in the report', async () => {
    const { code, err } = await opening(['sh', '-c', `unset SSL_CERT_FILE CURL_CA_BUNDLE; curl -sS ${url}/ 2>/dev/null`]);
    expect(code).toBe(60);
    expect(err).toMatch(/^failed {5}CONNECT site\.test:\d+ {2}handshake_refused: .*unknown_ca$/m);
    expect(err).toContain('\n           what refuses our certificate has roots of its own: sallyport doctor says');
  });

  test('a file of roots that was named keeps its own beside ours', async () => {
    const { out } = await opening(['sh', '-c', 'cat "$SSL_CERT_FILE"'], { SSL_CERT_FILE: ca.certFile });
    const ours = readFileSync(path.join(folder, 'authority', 'ca.crt'), 'utf8');
    expect(out.toString().trim()).toBe(`${ca.cert.trim()}\n${ours.trim()}`);
  });

  test.each([
    ['ends', 'exit 0'],
    ['is killed', 'kill -9 $$'],
  ])('nothing is left in the temporary folder when the command %s', async (_, last) => {
    const { out } = await opening(['sh', '-c', `ls -d "$(dirname "$SSL_CERT_FILE")"; ${last}`]);
    expect(path.dirname(out.toString().trim())).toBe(temporary);
    expect(readdirSync(temporary)).toEqual([]);
  });
});

const OPENING = `version: 1
default: deny
connect_ports: any
rules:
  - name: Secrets
    deny: { host: site.test, path: /secret }
  - intercept: { host: site.test }
`;
const PROGRAM = path.join(import.meta.dirname, '../../src/bin.cjs');
/** Nothing is kept for the next start. */
const OWN = { SALLYPORT_STATE_DIR: 'off', SALLYPORT_CACHE_DISK: '0' };
