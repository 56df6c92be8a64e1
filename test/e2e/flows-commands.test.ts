// The inspector in a terminal: what has passed through a running proxy, listed, followed, shown, exported and sent again by the commands of `flows`,
// `top` and `inspector`, each a process of its own, as in a shell.
import { spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HAR } from '../support/har-schema.ts';
import { createInspectedSite } from '../support/inspected-site.ts';
import { CLEAN_ENVIRONMENT, describeWith, type Ended, run, succeed } from '../support/programs.ts';
import { type ProxyProcess, runRecordingProxy } from '../support/run-proxy.ts';
import { temporaryFile, temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

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
    expect(shown).toContain('Content-Encoding: gzip');
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
    await printed('flows', 'export', '--output', file, 'path:/json');
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
      .poll(
        async () => {
          await curl(`${origin.url}/other`);
          await curl(`${origin.url}/tailed`);
          return text;
        },
        { timeout: 10_000 },
      )
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

  test('inspector prints another link each time', async () => {
    const links = [await printed('inspector'), await printed('inspector')];
    for (const link of links) expect(link).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#open=[\w-]{20,}\n$/);
    expect(new Set(links).size).toBe(2);
  });

  async function idOf(filter: string): Promise<string> {
    const { id } = JSON.parse(await printed('flows', 'list', '--json', '--limit', '1', filter)) as { readonly id: number };
    return String(id);
  }
});

const PROGRAM = path.join(import.meta.dirname, '../../src/bin.cjs');
