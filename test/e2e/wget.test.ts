// wget through the proxy, which it takes from the environment.
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith, type Ended, run } from '../support/programs.ts';
import { type ProxyProcess, runProxy } from '../support/run-proxy.ts';
import { serveFiles } from '../support/serve-files.ts';
import { createTemporaryCa, type TemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

describeWith(['wget', 'openssl'], 'wget', () => {
  const served = temporaryFolder(afterAll);
  const folder = temporaryFolder(afterAll);
  const content = randomBytes(2_000_000);
  let ca: TemporaryCa;
  let proxy: ProxyProcess;
  let origin: WebOrigin;
  let secureOrigin: WebOrigin;

  beforeAll(async () => {
    writeFileSync(path.join(served, 'content'), content);
    writeFileSync(path.join(served, 'index.html'), '<a href="content">content</a> <a href="page.html">page</a>');
    writeFileSync(path.join(served, 'page.html'), '<p>a page</p>');
    ca = createTemporaryCa(folder);
    origin = await startWebOrigin(serveFiles(served));
    secureOrigin = await startWebOrigin(serveFiles(served), ca.issue('localhost'));
    proxy = await runProxy();
  });
  afterAll(async () => {
    await proxy.stop();
    await Promise.all([origin.close(), secureOrigin.close()]);
  });

  function wget(...words: string[]): Promise<Ended> {
    const env = { http_proxy: proxy.url, https_proxy: proxy.url };
    return run('wget', ['--no-config', '--no-verbose', '--tries=1', ...words], { env, cwd: folder });
  }

  test('a download, over HTTP and through a tunnel', async () => {
    expect(await wget('-O', 'plain', `${origin.url}/content`)).toMatchObject({ code: 0 });
    expect(readFileSync(path.join(folder, 'plain')).equals(content)).toBe(true);
    expect(origin.requests.at(-1)!.headers.via).toBeDefined();

    expect(await wget('-O', 'tunnelled', `--ca-certificate=${ca.certFile}`, `${secureOrigin.url}/content`)).toMatchObject({ code: 0 });
    expect(readFileSync(path.join(folder, 'tunnelled')).equals(content)).toBe(true);
    await proxy.logged(({ method, target }) => method === 'CONNECT' && target === `localhost:${secureOrigin.port}`);
  });

  test('a download goes on where it stopped', async () => {
    writeFileSync(path.join(folder, 'part'), content.subarray(0, 777_777));
    expect(await wget('--continue', '-O', 'part', `${origin.url}/content`)).toMatchObject({ code: 0 });
    expect(readFileSync(path.join(folder, 'part')).equals(content)).toBe(true);
    expect(origin.requests.at(-1)!.headers.range).toBe('bytes=777777-');
  });

  test('a whole site, and afterwards only what has changed', async () => {
    const files = ['index.html', 'page.html', 'content'];
    expect(await wget('--recursive', '--no-host-directories', '-e', 'robots=off', `${origin.url}/index.html`)).toMatchObject({ code: 0 });
    for (const file of files) {
      expect(readFileSync(path.join(folder, file)).equals(readFileSync(path.join(served, file))), file).toBe(true);
    }
    const before = origin.requests.length;
    const { code, err } = await wget('--timestamping', ...files.map((file) => `${origin.url}/${file}`));
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(origin.requests.slice(before).map(({ headers }) => headers['if-modified-since'])).toEqual(Array(3).fill(expect.any(String)));
  });

  test("an error of the origin's is wget's exit code 8", async () => {
    expect(await wget(`${origin.url}/missing`)).toMatchObject({ code: 8, err: expect.stringContaining('404') });
  });

  test('an origin that cannot be reached is a 502 with exit code 8', async () => {
    expect(await wget('http://no-such-host.invalid/')).toMatchObject({ code: 8, err: expect.stringContaining('502') });
  });
});
