// Credentials in the URL of the proxy, as people give them to their programs: each gets what it asks for, over HTTP and through tunnels, and nothing
// of the password gets anywhere else.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type AskingProxy, PASSWORD, startAskingProxy } from '../support/asking-proxy.ts';
import { serveGit } from '../support/git-server.ts';
import { launchChromium } from '../support/launch-chromium.ts';
import { serveRegistry } from '../support/npm-registry.ts';
import { describeWith, type Ended, type RunOptions, run, succeed } from '../support/programs.ts';
import { serveFiles } from '../support/serve-files.ts';
import { createTemporaryCa, type TemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

describeWith(['htpasswd', 'openssl'], 'with a password in the URL of the proxy,', () => {
  const folder = temporaryFolder(afterAll);
  const served = path.join(folder, 'served');
  const BEYOND_ASCII = 'pässwörd € %41';
  let serve: RequestListener;
  let ca: TemporaryCa;
  let proxy: AskingProxy;
  let origin: WebOrigin;
  let secureOrigin: WebOrigin;
  let right: string;
  let wrong: string;

  beforeAll(async () => {
    mkdirSync(served);
    writeFileSync(path.join(served, 'page'), 'a page');
    writeFileSync(path.join(served, 'page.html'), '<title>a page</title>');
    serve = serveFiles(served);
    ca = createTemporaryCa(folder);
    origin = await startWebOrigin((request, response) => serve(request, response));
    secureOrigin = await startWebOrigin((request, response) => serve(request, response), ca.issue('localhost'));
    proxy = await startAskingProxy({ folder, users: { alice: PASSWORD, 'j.müller@corp.example': BEYOND_ASCII } });
    right = proxy.urlFor('alice', PASSWORD);
    wrong = proxy.urlFor('alice', `${PASSWORD}!`);
  });
  afterAll(async () => {
    await proxy.stop();
    proxy.expectNoLeak(origin, secureOrigin);
    await Promise.all([origin.close(), secureOrigin.close()]);
  });
  afterEach(() => proxy.expectNoLeak(origin, secureOrigin));

  /** Runs a program with a proxy in its environment, and keeps what it said. */
  async function through(proxyUrl: string, command: string, words: readonly string[], options: RunOptions = {}): Promise<Ended> {
    const env = { http_proxy: proxyUrl, https_proxy: proxyUrl, ...options.env };
    const ended = await run(command, words, { ...options, env });
    proxy.heard(ended.out, ended.err);
    return ended;
  }

  function expectKnown(user: string, target: string): Promise<unknown> {
    return proxy.logged((line) => line.user === user && line.target.includes(target) && (line.status ?? 0) < 300);
  }

  describeWith(['curl'], 'curl', () => {
    const quiet = ['--disable', '--silent', '--show-error', '--include'];
    const curl = (proxyUrl: string, ...words: string[]) => through(proxyUrl, 'curl', [...quiet, '--cacert', ca.certFile, ...words]);

    test('fetches over HTTP and through a tunnel', async () => {
      for (const { url } of [origin, secureOrigin]) {
        expect(await curl(right, '--fail', `${url}/page`)).toMatchObject({ code: 0, out: endingWith('a page') });
      }
      await expectKnown('alice', `${origin.url}/page`);
      await expectKnown('alice', `localhost:${secureOrigin.port}`);
    });

    test('sends names and passwords beyond ASCII in UTF-8, as the challenge says (RFC 7617 §2.1)', async () => {
      const url = proxy.urlFor('j.müller@corp.example', BEYOND_ASCII);
      expect(await curl(url, '--fail', `${origin.url}/page`)).toMatchObject({ code: 0 });
      await expectKnown('j.müller@corp.example', '/page');
    });

    test.each(['--proxy-basic', '--proxy-anyauth'])('takes the credentials from -U with %s', async (way) => {
      for (const { url } of [origin, secureOrigin]) {
        const words = [way, '--proxy', proxy.url, '-U', `alice:${PASSWORD}`, '--fail', `${url}/page`];
        expect(await curl(proxy.url, ...words)).toMatchObject({ code: 0, out: endingWith('a page') });
      }
    });

    test('shows 407 and its page for a wrong password and for none, and says why', async () => {
      const refused = (await curl(wrong, `${origin.url}/page`)).out.toString();
      expect(refused).toMatch(/^HTTP\/1\.1 407 Proxy Authentication Required\r\n/);
      expect(refused).toContain('Proxy-Authenticate: Basic realm="Sallyport", charset="UTF-8"\r\n');
      expect(refused).toMatch(/Proxy-Status: .*error=http_request_denied.*password is wrong/i);
      const asked = (await curl(proxy.url, `${origin.url}/page`)).out.toString();
      expect(asked).toMatch(/Proxy-Status: .*error=proxy_internal_response/i);
      expect((await curl(wrong, '--fail', `${origin.url}/page`)).code).toBe(HTTP_ERROR);
    });

    test('names the 407 of a tunnel that is not opened', async () => {
      for (const proxyUrl of [wrong, proxy.url]) {
        const { code, err } = await curl(proxyUrl, `${secureOrigin.url}/page`);
        expect([code, err]).toEqual([CONNECT_FAILED, expect.stringContaining('CONNECT tunnel failed, response 407')]);
      }
    });
  });

  describeWith(['wget'], 'wget', () => {
    const wget = (proxyUrl: string, url: string) =>
      through(proxyUrl, 'wget', ['--no-config', '--no-verbose', '--tries=1', `--ca-certificate=${ca.certFile}`, '-O', '-', `${url}/page`]);

    test('fetches over HTTP and through a tunnel', async () => {
      for (const { url } of [origin, secureOrigin]) {
        expect(await wget(right, url)).toMatchObject({ code: 0, out: endingWith('a page') });
      }
    });

    test('names the 407 of a wrong password', async () => {
      for (const { url } of [origin, secureOrigin]) {
        const { code, err } = await wget(wrong, url);
        expect([code === 0, err]).toEqual([false, expect.stringMatching(/407|Proxy Authentication Required/)]);
      }
    });
  });

  describeWith(['npm'], 'npm', () => {
    const settings = () => ({
      HOME: folder,
      npm_config_userconfig: path.join(folder, 'no-user-npmrc'),
      npm_config_globalconfig: path.join(folder, 'no-global-npmrc'),
      npm_config_cache: path.join(folder, 'npm-cache'),
      npm_config_cafile: ca.certFile,
      npm_config_audit: 'false',
      npm_config_update_notifier: 'false',
      npm_config_fetch_retries: '0',
    });
    beforeAll(async () => {
      const source = path.join(folder, 'package');
      mkdirSync(source);
      writeFileSync(path.join(source, 'package.json'), JSON.stringify({ name: 'first', version: '1.0.0' }));
      await succeed('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: source, env: settings() });
    });

    function npm(proxyUrl: string, registry: WebOrigin, cwd: string): Promise<Ended> {
      const packages = [{ name: 'first', version: '1.0.0', dependencies: {}, tarball: path.join(folder, 'first-1.0.0.tgz') }];
      serve = serveRegistry(packages, registry === origin ? 'http' : 'https');
      mkdirSync(path.join(folder, cwd));
      writeFileSync(path.join(folder, cwd, 'package.json'), '{ "private": true }');
      const env = { ...settings(), npm_config_registry: registry.url, npm_config_cache: path.join(folder, `cache-${cwd}`) };
      return through(proxyUrl, 'npm', ['install', 'first'], { cwd: path.join(folder, cwd), env });
    }

    test('installs over HTTP and through tunnels', async () => {
      for (const [registry, cwd] of [
        [origin, 'plain'],
        [secureOrigin, 'secure'],
      ] as const) {
        expect(await npm(right, registry, cwd)).toMatchObject({ code: 0 });
        expect(readdirSync(path.join(folder, cwd, 'node_modules'))).toContain('first');
      }
      await expectKnown('alice', '/first/-/1.0.0.tgz');
    });

    test('names the 407 of a wrong password', async () => {
      const { code, err } = await npm(wrong, secureOrigin, 'refused');
      expect([code === 0, err]).toEqual([false, expect.stringContaining('407')]);
    });
  });

  describeWith(['git'], 'git', () => {
    beforeAll(async () => {
      const work = path.join(folder, 'work');
      await git(proxy.url, 'init', '--quiet', '--initial-branch=main', work);
      await git(proxy.url, '-C', work, 'commit', '--quiet', '--allow-empty', '--message', 'first');
      await git(proxy.url, 'clone', '--quiet', '--bare', work, path.join(served, 'project.git'));
    });

    function git(proxyUrl: string, ...words: string[]): Promise<Ended> {
      serve = serveGit(served);
      const identity = {
        GIT_AUTHOR_NAME: 'T',
        GIT_AUTHOR_EMAIL: 't@t.example',
        GIT_COMMITTER_NAME: 'T',
        GIT_COMMITTER_EMAIL: 't@t.example',
      };
      const env = { GIT_SSL_CAINFO: ca.certFile, GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0', ...identity };
      return through(proxyUrl, 'git', words, { env });
    }

    test('clones over HTTP and through tunnels, though it sends its credentials only when it is asked', async () => {
      for (const [{ url }, name] of [
        [origin, 'plain.git'],
        [secureOrigin, 'secure.git'],
      ] as const) {
        expect(await git(right, 'clone', '--quiet', `${url}/project.git`, path.join(folder, name))).toMatchObject({ code: 0, err: '' });
      }
      await expectKnown('alice', '/project.git/');
      await expectKnown('alice', `localhost:${secureOrigin.port}`);
    });

    test('fails with a wrong password', async () => {
      for (const { url } of [origin, secureOrigin]) {
        const { code, err } = await git(wrong, 'ls-remote', `${url}/project.git`);
        expect([code, err]).toEqual([128, expect.stringMatching(/407|terminal prompts disabled/)]);
      }
    });
  });

  describeWith(['python3'], "Python's urllib", () => {
    const script = (url: string) => `import urllib.request; print(urllib.request.urlopen('${url}/page').read().decode(), end='')`;
    const python = (proxyUrl: string, url: string) =>
      through(proxyUrl, 'python3', ['-c', script(url)], { env: { SSL_CERT_FILE: ca.certFile } });

    test('fetches over HTTP and through a tunnel, with a password beyond ASCII too', async () => {
      serve = serveFiles(served);
      for (const proxyUrl of [right, proxy.urlFor('j.müller@corp.example', BEYOND_ASCII)]) {
        for (const { url } of [origin, secureOrigin]) {
          expect(await python(proxyUrl, url)).toMatchObject({ code: 0, out: endingWith('a page') });
        }
      }
    });

    test('names the 407 of a wrong password', async () => {
      for (const { url } of [origin, secureOrigin]) {
        expect((await python(wrong, url)).err).toMatch(/407:? Proxy Authentication Required/);
      }
    });
  });

  describeWith(['pip3', 'python3'], 'pip', () => {
    const MAKE_WHEEL = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as wheel:
    wheel.writestr('demo-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: demo\\nVersion: 1.0\\n')
    wheel.writestr('demo-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr('demo-1.0.dist-info/RECORD', '')
`;
    beforeAll(async () => {
      mkdirSync(path.join(served, 'simple/demo'), { recursive: true });
      await succeed('python3', ['-c', MAKE_WHEEL, path.join(served, 'demo-1.0-py3-none-any.whl')]);
      writeFileSync(path.join(served, 'simple/demo/index.html'), '<a href="/demo-1.0-py3-none-any.whl">demo-1.0-py3-none-any.whl</a>');
      const files = serveFiles(served);
      serve = (request, response) => {
        if (request.url?.endsWith('/')) request.url += 'index.html';
        files(request, response);
      };
    });

    function pip(proxyUrl: string, index: WebOrigin, into: string): Promise<Ended> {
      const words = ['download', '--no-deps', '--no-cache-dir', ...PIP_PATIENTLY, '--disable-pip-version-check', '--dest', into, 'demo'];
      const env = { PIP_CONFIG_FILE: '/dev/null', PIP_INDEX_URL: `${index.url}/simple`, PIP_CERT: ca.certFile };
      return through(proxyUrl, 'pip3', words, { env });
    }

    test('downloads over HTTP and through tunnels', async () => {
      for (const [index, name] of [
        [origin, 'plain'],
        [secureOrigin, 'secure'],
      ] as const) {
        const into = path.join(folder, `pip-${name}`);
        expect(await pip(right, index, into)).toMatchObject({ code: 0 });
        expect(readdirSync(into)).toEqual(['demo-1.0-py3-none-any.whl']);
      }
      await expectKnown('alice', '/demo-1.0-py3-none-any.whl');
    });

    test('finds nothing with a wrong password', async () => {
      expect(await pip(wrong, secureOrigin, path.join(folder, 'pip-refused'))).toMatchObject({ code: 1 });
      await proxy.logged(
        ({ method, status, target }) => method === 'CONNECT' && status === 407 && target === `localhost:${secureOrigin.port}`,
      );
    });
  });

  describeWith([], 'Node', () => {
    const node = (proxyUrl: string, script: string) => {
      const env = { NODE_USE_ENV_PROXY: '1', NODE_EXTRA_CA_CERTS: ca.certFile };
      return through(proxyUrl, process.execPath, ['--input-type=module', '--eval', script], { env });
    };
    const fetching = (url: string) => `const { status } = await fetch('${url}/page'); console.log(status);`;
    const getting = (url: string, scheme: string) => `import { get } from 'node:${scheme}';
      get('${url}/page', (response) => console.log(response.resume().statusCode));`;
    beforeAll(() => {
      serve = serveFiles(served);
    });

    test('fetches over HTTP and through a tunnel', async () => {
      for (const { url } of [origin, secureOrigin]) {
        expect(await node(right, fetching(url))).toMatchObject({ code: 0, out: endingWith('200\n') });
      }
    });

    test('node:http and node:https do too', async () => {
      expect(await node(right, getting(origin.url, 'http'))).toMatchObject({ out: endingWith('200\n') });
      expect(await node(right, getting(secureOrigin.url, 'https'))).toMatchObject({ out: endingWith('200\n') });
    });

    test('gets a 407 for a wrong password; fetch fails with it, as its standard says', async () => {
      expect(await node(wrong, getting(origin.url, 'http'))).toMatchObject({ out: endingWith('407\n') });
      expect(await node(wrong, fetching(origin.url))).toMatchObject({ code: 1, err: expect.stringContaining('fetch failed') });
      expect(await node(wrong, fetching(secureOrigin.url))).toMatchObject({ code: 1, err: expect.stringContaining('407') });
    });
  });

  describeWith(['chromium'], 'Chromium', () => {
    test('asks once, and shows pages over HTTP and through a tunnel', async () => {
      serve = serveFiles(served);
      const browser = await launchChromium(proxy.url, { username: 'alice', password: PASSWORD });
      try {
        const page = await browser.newPage({ ignoreHTTPSErrors: true });
        for (const { url } of [origin, secureOrigin]) {
          expect((await page.goto(`${url}/page.html`))?.status()).toBe(200);
          expect(await page.title()).toBe('a page');
        }
        await expectKnown('alice', '/page.html');
      } finally {
        await browser.close();
      }
    });

    test('shows the page of the proxy for a wrong password', async () => {
      const browser = await launchChromium(proxy.url, { username: 'alice', password: `${PASSWORD}!` });
      try {
        const page = await browser.newPage();
        expect((await page.goto(`${origin.url}/page.html`))?.status()).toBe(407);
        expect(await page.textContent('h1')).toBe('Your credentials were not accepted');
        proxy.heard(await page.content());
      } finally {
        await browser.close();
      }
    });
  });
});

function endingWith(text: string): unknown {
  return expect.toSatisfy((bytes: Buffer) => bytes.toString().endsWith(text), `ends with ${text}`);
}

/** What is refused stays so; what is slow may take its time. */
const PIP_PATIENTLY = ['--retries', '0', '--timeout', '120'];
/** curl's exit codes. */
const HTTP_ERROR = 22;
const CONNECT_FAILED = 56;
