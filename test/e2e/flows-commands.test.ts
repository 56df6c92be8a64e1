// The inspector in a terminal: what has passed through a running proxy, listed, followed, shown, exported and sent again by the commands of `flows`,
// `top` and `inspector`, each a process of its own, as in a shell.
import { spawn } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { requestAdmin } from '../../src/admin/ask-admin.ts';
import { readRunning } from '../../src/cli/running.ts';
import { HAR } from '../support/har-schema.ts';
import { createInspectedSite } from '../support/inspected-site.ts';
import { CLEAN_ENVIRONMENT, describeWith, type Ended, run, succeed } from '../support/programs.ts';
import { inTerminal, type TerminalSession } from '../support/pseudo-terminal.ts';
import { type ProxyProcess, runRecordingProxy } from '../support/run-proxy.ts';
import { temporaryFile, temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

const PROGRAM = path.join(import.meta.dirname, '../../src/bin.cjs');
const POLICY = `version: 1
default: deny
rules:
  - name: Own machine
    allow: { host: 127.0.0.1 }
`;

describeWith(['curl'], 'In a terminal', () => {
  const folder = temporaryFolder(afterAll);
  const site = createInspectedSite();
  let origin: WebOrigin;
  let proxy: ProxyProcess;

  beforeAll(async () => {
    origin = await startWebOrigin(site.respond);
    proxy = await runRecordingProxy(folder, '--policy', temporaryFile(afterAll, 'policy.yaml', POLICY));
    await curl(`${origin.url}/json?token=of-the-query`, '-H', 'Authorization: Bearer of-the-client');
    await curl(`${origin.url}/order`, '-d', 'two cups');
    await curl('http://blocked.example/');
  });
  afterAll(async () => {
    await proxy.stop();
    await origin.close();
  });

  async function curl(url: string, ...words: readonly string[]): Promise<void> {
    await succeed('curl', ['-s', '-o', '/dev/null', '--noproxy', '', '--proxy', proxy.url, ...words, url]);
  }

  const sallyport = (...words: readonly string[]): Promise<Ended> =>
    run(process.execPath, [PROGRAM, ...words], { env: { SALLYPORT_STATE_DIR: folder } });

  async function printed(...words: readonly string[]): Promise<string> {
    const { code, out, err } = await sallyport(...words);
    expect(err).toBe('');
    expect(code).toBe(0);
    return out.toString('utf8');
  }

  test('flows list has a line for each exchange that the filter leaves, with secrets masked', async () => {
    const all = (await printed('flows', 'list')).trimEnd().split('\n');
    expect(all).toHaveLength(3);
    expect(all[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} +\d+ {2}200 {2}forwarded .* GET {2}http:\/\/127\.0\.0\.1:\d+\/json\?token=‹masked/);
    expect(all.join()).not.toContain('of-the-query');
    expect((await printed('flows', 'list', 'is:denied')).trimEnd()).toMatch(
      /^[^\n]* 403 {2}denied [^\n]*http:\/\/blocked\.example\/[^\n]*$/,
    );
    expect(JSON.parse(await printed('flows', 'list', '--json', 'body:"two cups"'))).toMatchObject({ method: 'POST', path: '/order' });
  });

  test('a filter that cannot be read is told of with its column', async () => {
    const { code, err } = await sallyport('flows', 'list', 'status:200', '&', '(is:hit');
    expect(code).not.toBe(0);
    expect(err).toMatch(/column 21: .*column 14/);
  });

  test('flows show prints both messages and why, and secrets only on demand', async () => {
    const id = await idOf('path:/json');
    const shown = await printed('flows', 'show', id);
    expect(shown).toContain("rule 'Own machine'");
    expect(shown).toMatch(/^content {3}response \d+ B$/m);
    expect(shown).toContain('  Content-Encoding: gzip\n');
    expect(shown).toMatch(/^- Proxy-Connection: .*\n(?:.*\n)*\+ Via: 1\.1 [\s\S]*\n\nHTTP\/1\.1 200 OK\n[\s\S]*\n\+ Cache-Status: /m);
    expect(shown).toMatch(/\n\n\{\n {2}"order": 4711,\n[\s\S]*"Tea cup"/);
    expect(shown).not.toMatch(/of-the-/);
    expect(await printed('flows', 'show', '--reveal', id)).toContain('Authorization: Bearer of-the-client');
  });

  test('flows replay sends a request again, and prints what came of it', async () => {
    const line = await printed('flows', 'replay', await idOf('path:/order'));
    expect(line).toMatch(/ 200 {2}forwarded .* POST {2}http:.*\/order/);
    expect(site.echoed).toEqual(['POST /order two cups', 'POST /order two cups']);
  });

  test('flows export writes HAR 1.2 that only its user may read, with secrets masked', async () => {
    const file = path.join(folder, 'out.har');
    await printed('flows', 'export', '--har', '--output', file, 'path:/json');
    const text = readFileSync(file, 'utf8');
    expect(HAR.parse(JSON.parse(text))).toMatchObject({ log: { entries: [{ response: { status: 200 } }] } });
    expect(text).not.toMatch(/of-the-/);
    expect(text).toContain('Tea cup');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await printed('flows', 'export', 'is:denied'))).toMatchObject({ log: { entries: [{ response: { status: 403 } }] } });
  });

  test('flows tail prints what matches as it ends, and nothing from before', async () => {
    const env = { ...CLEAN_ENVIRONMENT, SALLYPORT_STATE_DIR: folder };
    const child = spawn(process.execPath, [PROGRAM, 'flows', 'tail', 'path:/tailed'], { env });
    let text = '';
    child.stdout.on('data', (octets) => (text += octets));
    // It says nothing before the first that matches: one after the other goes through until one is printed.
    await expect
      .poll(async () => {
        await curl(`${origin.url}/other`);
        await curl(`${origin.url}/tailed`);
        return text;
      }, PATIENTLY)
      .toMatch(/ 200 .*\/tailed/);
    expect(text).not.toMatch(/\/(?:other|order|json)/);
    child.kill('SIGINT');
    await new Promise((ended) => child.once('close', ended));
  });

  test('top --once tells rates, hosts and clients', async () => {
    const screen = await printed('top', '--once');
    expect(screen).toMatch(/^exchanges +[\d.]+\/s/);
    expect(screen).toMatch(/1 denied/);
    expect(screen).toMatch(/^127\.0\.0\.1 +\d+/m);
    expect(screen).toMatch(/^blocked\.example +1 +1 /m);
  });

  test('flows tail ends with a filter that it cannot read', async () => {
    const { code, out, err } = await sallyport('flows', 'tail', 'status:');
    expect([code, out.toString()]).toEqual([64, '']);
    expect(err).toMatch(/^sallyport: filter, column \d+: status: needs a value/);
  });

  test('a session is asked by its name, or as the file that it was given away as, which leaves nothing behind', async () => {
    const file = path.join(folder, 'elsewhere.sallyport');
    await asked('POST', '/api/sessions/current/save', { name: 'of before' });
    writeFileSync(file, await asked('GET', '/api/sessions/of%20before/file'));
    const lines = await printed('flows', 'list', '--session', 'of before', 'path:/order');
    expect(lines).toMatch(/^[^\n]* POST {2}http[^\n]*\/order /);
    expect(await printed('flows', 'list', '--session', file, 'path:/order')).toBe(lines);
    const { id } = JSON.parse((await printed('flows', 'list', '--json', '--session', file, 'path:/json')).split('\n', 1)[0]!);
    expect(await printed('flows', 'show', '--session', file, String(id))).toContain("rule 'Own machine'");
    expect(JSON.parse(await printed('flows', 'export', '--session', file, 'is:denied'))).toMatchObject({ log: { entries: [{}] } });
    const names = (JSON.parse(String(await asked('GET', '/api/sessions'))) as { name: string }[]).map(({ name }) => name);
    expect(names.sort()).toEqual(['default', 'of before']);
  });

  test('what cannot be is told in a line, with what to do', async () => {
    const wrong: readonly (readonly [words: readonly string[], exitCode: number, message: RegExp])[] = [
      [['flows', 'list', '--session', 'none'], 64, /"none" is no session, and no file of one\. There are .*default/],
      [['flows', 'show', '--session', '../none', '1'], 64, /"\.\.\/none" is no session, and no file of one/],
      [['flows', 'export', '--session', PROGRAM], 64, /bin\.cjs: .*no session/i],
      [['flows', 'list', '--limit', 'all'], 64, /--limit: expected a number from 1 to 9999999; found "all"/],
      [['flows', 'show', 'newest'], 64, /"newest" is no number of an exchange; sallyport flows list shows them/],
      [['flows', 'show', '99999'], 1, /There is no exchange 99999/],
      [['flows', 'replay', '99999'], 1, /There is no exchange 99999/],
      [
        ['flows', 'export', '--output', '/dev/null/x.har'],
        69,
        /\/dev\/null\/x\.har: cannot be written \(its folder is a file\)\. Choose another file with --output/,
      ],
      [['flows', 'list', 'is:strange'], 64, /filter, column 4: is: knows no strange/],
      [['top', 'hosts'], 64, /one word too many\. See sallyport top --help/],
      [['reload', '--process', 'abc'], 64, /--process: "abc" is no number of a process/],
      [['reload', '--process', '1'], 69, /process 1 is no proxy of this user/],
      [['top', '--process', '1'], 69, /process 1 is no proxy of this user/],
    ];
    await atOnce(wrong, async ([words, exitCode, message]) => {
      const { code, out, err } = await sallyport(...words);
      expect([code, out.toString()]).toEqual([exitCode, '']);
      expect(err).toMatch(message);
      expect(err.trimEnd().split('\n')).toHaveLength(1);
    });
  });

  test('without a proxy, each command says how to start one', async () => {
    const nowhere = temporaryFolder(afterAll);
    const commands = [['flows', 'list'], ['flows', 'tail'], ['flows', 'show', '1'], ['flows', 'replay', '1'], ['flows', 'export'], ['top']];
    await atOnce(commands, async (words) => {
      const { code, err } = await run(process.execPath, [PROGRAM, ...words], { env: { SALLYPORT_STATE_DIR: nowhere } });
      expect([code, err]).toEqual([
        69,
        `sallyport: no proxy of this user is running, going by ${nowhere}. Start one with 'sallyport run'.\n`,
      ]);
    });
  });

  test('inspector prints another link each time', async () => {
    const links = [await printed('inspector'), await printed('inspector')];
    for (const link of links) expect(link).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#open=[\w-]{20,}\n$/);
    expect(new Set(links).size).toBe(2);
  });

  /** What the proxy's API answers. */
  async function asked(method: string, at: string, question: object | null = null): Promise<Buffer> {
    const { adminSocket } = readRunning(folder)[0]!;
    const response = await requestAdmin(adminSocket!, method, at, question);
    expect(response.statusCode).toBe(200);
    return Buffer.concat(await response.toArray());
  }

  async function idOf(filter: string): Promise<string> {
    const { id } = JSON.parse(await printed('flows', 'list', '--json', '--limit', '1', filter)) as { readonly id: number };
    return String(id);
  }
});

describeWith(['python3', 'curl'], 'In a terminal of their own', () => {
  test('top is drawn anew each second, within the screen, and ends with its proxy; flows tail prints until Ctrl-C', async () => {
    const folder = temporaryFolder(afterAll);
    const origin = await startWebOrigin((_, response) => response.end('seen'));
    const proxy = await runRecordingProxy(folder, '--policy', temporaryFile(afterAll, 'open.yaml', 'version: 1\ndefault: allow\n'));
    const asks = async (at: string): Promise<void> => {
      await succeed('curl', ['-s', '-o', '/dev/null', '--noproxy', '', '--proxy', proxy.url, `${origin.url}${at}`]);
    };
    const env = { SALLYPORT_STATE_DIR: folder };
    const top = await inTerminal([process.execPath, PROGRAM, 'top'], env);
    await top.shows(/in all +0: 0 denied/);
    await asks('/first');
    await top.shows(/in all +1: 0 denied.*[\s\S]*127\.0\.0\.1 +1 /);
    const tail = await inTerminal([process.execPath, PROGRAM, 'flows', 'tail', 'path:/wanted'], env);
    const afterAsking = async (session: TerminalSession, ...paths: readonly string[]): Promise<string> => {
      for (const each of paths) await asks(each);
      return await session.shows(/^/);
    };
    await expect.poll(() => afterAsking(tail, '/other', '/wanted'), PATIENTLY).toMatch(/200 .*\/wanted/);
    tail.type('\x03');
    const { code, shown } = await tail.ended;
    expect([code, /other|first/.test(shown)]).toEqual([130, false]);
    const following = await inTerminal([process.execPath, PROGRAM, 'flows', 'tail'], env);
    await expect.poll(() => afterAsking(following, '/last'), PATIENTLY).toMatch(/\/last/);
    await proxy.stop();
    await origin.close();
    expect(await following.ended).toMatchObject({ code: 0, shown: expect.stringContaining('sallyport: the proxy has ended.') });
    const ended = await top.ended;
    expect(ended.code).toBe(69);
    expect(ended.shown).toMatch(/sallyport: the running proxy cannot be asked at .*Is it still running\?/);
    // Only what is drawn is cleared.
    expect(ended.shown).not.toContain('\x1b[2J');
  });
});

/** While a process starts. */
const PATIENTLY = { timeout: 60_000 };

/** Each is a process; together they take little longer than one. */
async function atOnce<T>(all: readonly T[], check: (each: T) => Promise<void>): Promise<void> {
  await Promise.all(all.map(check));
}
