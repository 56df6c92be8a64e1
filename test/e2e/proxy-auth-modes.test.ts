// When the proxy asks who somebody is: always, where a rule wants to know, or never on one of its listeners; and a token in the place of a password.
import { mkdirSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type AskingProxy, PASSWORD, startAskingProxy } from '../support/asking-proxy.ts';
import { launchChromium } from '../support/launch-chromium.ts';
import { serveRegistry } from '../support/npm-registry.ts';
import { describeWith, type Ended, run, succeed } from '../support/programs.ts';
import type { LogLine } from '../support/run-proxy.ts';
import { createTemporaryCa, type TemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

const POLICY = `version: 1
default: allow
connect_ports: any
rules:
  - name: Releases
    allow: { path: /releases/*, claim: { repository: corp/app, ref: ["refs/tags/v*"] } }
  - name: Releases by others
    deny: { path: /releases/* }
  - name: People
    allow: { host: [127.0.0.1, localhost], path: /private/*, user: "*" }
  - name: Nobody else
    deny: { path: /private/* }
  - name: Tunnels of people
    allow: { host: localhost, scheme: tunnel, user: "*" }
`;
/** Of a job of a CI system, as its OIDC token has them. */
const JOB = { sub: 'repo:corp/app:ref:refs/tags/v1.2.0', repository: 'corp/app', ref: 'refs/tags/v1.2.0', workflow: 'release' };

describeWith(['htpasswd', 'openssl', 'curl'], 'a proxy that asks who somebody is', () => {
  const folder = temporaryFolder(afterAll);
  let serve: RequestListener = (request, response) => response.setHeader('Content-Type', 'text/html').end(`<title>${request.url}</title>`);
  let ca: TemporaryCa;
  let origin: WebOrigin;
  let secureOrigin: WebOrigin;
  let strict: AskingProxy;
  let lenient: AskingProxy;

  beforeAll(async () => {
    ca = createTemporaryCa(folder);
    origin = await startWebOrigin((request, response) => serve(request, response));
    secureOrigin = await startWebOrigin((request, response) => serve(request, response), ca.issue('localhost'));
    const users = { alice: PASSWORD };
    const listen = `
  - { address: 127.0.0.1:0, name: asking }
  - { address: 127.0.0.1:0, name: kiosk, auth: never }
  - { address: 127.0.0.1:0, name: relaxed, auth: by-policy }`;
    strict = await startAskingProxy({ folder: subfolder('strict'), users, listen, policy: POLICY });
    lenient = await startAskingProxy({ folder: subfolder('lenient'), users, policy: POLICY, require: 'by-policy' });
  });
  afterAll(async () => {
    for (const proxy of [strict, lenient]) {
      await proxy.stop();
      proxy.expectNoLeak(origin, secureOrigin);
    }
    await Promise.all([origin.close(), secureOrigin.close()]);
  });
  afterEach(() => {
    for (const proxy of [strict, lenient]) proxy.expectNoLeak(origin, secureOrigin);
  });

  function subfolder(name: string): string {
    mkdirSync(path.join(folder, name));
    return path.join(folder, name);
  }

  async function curl(proxyUrl: string, ...words: string[]): Promise<Ended> {
    const quiet = [
      '--disable',
      '--silent',
      '--show-error',
      '--cacert',
      ca.certFile,
      '--output',
      '-',
      '--write-out',
      '\n%{http_code} %{http_connect}',
    ];
    const ended = await run('curl', ['--proxy', proxyUrl, ...quiet, ...words]);
    for (const proxy of [strict, lenient]) proxy.heard(ended.out, ended.err);
    return ended;
  }

  /** The status of the answer, and of the answer to CONNECT where there was one. */
  async function statuses(proxyUrl: string, ...words: string[]): Promise<string> {
    return (await curl(proxyUrl, ...words)).out.toString().split('\n').at(-1)!;
  }

  describeWith([], 'takes a token as the password of the user jwt,', () => {
    test('whose claims decide', async () => {
      const proxyUrl = strict.urlFor('jwt', await strict.token(JOB));
      expect(await statuses(proxyUrl, `${origin.url}/releases/1`)).toBe('200 000');
      expect(await strict.logged(({ target }) => target.endsWith('/releases/1'))).toMatchObject({ user: JOB.sub, status: 200 });
      const branch = strict.urlFor('jwt', await strict.token({ ...JOB, ref: 'refs/heads/main' }));
      expect(await statuses(branch, `${origin.url}/releases/2`)).toBe('403 000');
      expect(await statuses(branch, `${secureOrigin.url}/`)).toBe('200 200');
    });

    test('or as a Bearer token', async () => {
      const token = await strict.token(JOB);
      expect(await statuses(strict.url, '--proxy-header', `Proxy-Authorization: Bearer ${token}`, `${origin.url}/releases/3`)).toBe(
        '200 000',
      );
    });

    test('and refuses one that has expired or was meant for somebody else, with the reason', async () => {
      for (const [claims, reason] of [
        [{ ...JOB, exp: 1_000_000_000 }, 'the token has expired'],
        [{ ...JOB, aud: 'another' }, 'the token is for another audience'],
      ] as const) {
        const { out } = await curl(strict.urlFor('jwt', await strict.token(claims)), '--include', `${origin.url}/releases/4`);
        expect(out.toString()).toMatch(new RegExp(`^HTTP/1\\.1 407 [\\s\\S]*details="${reason}"[\\s\\S]*\n407 000$`, 'i'));
      }
    });
  });

  describeWith(['npm'], 'npm with a token,', () => {
    test('installs over HTTP and through tunnels', async () => {
      const settings = {
        HOME: folder,
        npm_config_userconfig: path.join(folder, 'no-user-npmrc'),
        npm_config_globalconfig: path.join(folder, 'no-global-npmrc'),
        npm_config_cache: path.join(folder, 'cache'),
        npm_config_cafile: ca.certFile,
        npm_config_audit: 'false',
        npm_config_update_notifier: 'false',
      };
      const cwd = subfolder('package');
      writeFileSync(path.join(cwd, 'package.json'), JSON.stringify({ name: 'first', version: '1.0.0' }));
      await succeed('npm', ['pack', '--silent'], { cwd, env: settings });
      const before = serve;
      serve = serveRegistry([{ name: 'first', version: '1.0.0', dependencies: {}, tarball: path.join(cwd, 'first-1.0.0.tgz') }], 'http');
      const proxyUrl = strict.urlFor('jwt', await strict.token(JOB));
      for (const registry of [origin, secureOrigin]) {
        const env = { ...settings, npm_config_proxy: proxyUrl, npm_config_https_proxy: proxyUrl, npm_config_registry: registry.url };
        const ended = await run('npm', ['view', 'first', 'version', '--prefer-online'], { cwd: folder, env });
        strict.heard(ended.out, ended.err);
        expect([ended.code, ended.out.toString()]).toEqual([0, '1.0.0\n']);
      }
      serve = before;
      for (const wanted of [`${origin.url}/first`, `localhost:${secureOrigin.port}`]) {
        await strict.logged(({ user, target }) => user === JOB.sub && target === wanted);
      }
    });
  });

  describeWith([], 'by policy', () => {
    test('lets a page pass that needs nobody, and answers 407 only where a rule wants to know', async () => {
      expect(await statuses(lenient.url, `${origin.url}/public`)).toBe('200 000');
      expect(await statuses(lenient.url, `${origin.url}/private/1`)).toBe('407 000');
      expect(await statuses(lenient.url, '-U', `alice:${PASSWORD}`, `${origin.url}/private/2`)).toBe('200 000');
      expect(await statuses(lenient.url, '--proxy-anyauth', '-U', `alice:${PASSWORD}`, `${origin.url}/private/3`)).toBe('200 000');
      expect(await lenient.logged(({ target }) => target.endsWith('/public'))).toMatchObject({ user: null, status: 200 });
      await lenient.logged(({ target, status, user }) => target.endsWith('/private/3') && status === 200 && user === 'alice');
    });

    test('asks for a tunnel, too, and a program that waits to be asked comes back with its answer', async () => {
      expect(await statuses(lenient.url, `${secureOrigin.url}/`)).toBe('000 407');
      expect(await statuses(lenient.url, '--proxy-anyauth', '-U', `alice:${PASSWORD}`, `${secureOrigin.url}/`)).toBe('200 200');
    });

    test('refuses wrong credentials where nobody asked for any', async () => {
      expect(await statuses(lenient.urlFor('alice', 'guess'), `${origin.url}/public`)).toBe('407 000');
    });
  });

  describeWith(['chromium'], 'Chromium', () => {
    test('is asked where a rule wants to know, and not before', async () => {
      const browser = await launchChromium(lenient.url, { username: 'alice', password: PASSWORD });
      try {
        const page = await browser.newPage({ ignoreHTTPSErrors: true });
        for (const url of [`${origin.url}/public/chromium`, `${origin.url}/private/chromium`, `${secureOrigin.url}/chromium`]) {
          expect((await page.goto(url))?.status()).toBe(200);
        }
      } finally {
        await browser.close();
      }
      expect(await lenient.logged(({ target }) => target.endsWith('/public/chromium'))).toMatchObject({ user: null, status: 200 });
      await expect.poll(() => linesOf(lenient, '/private/chromium').map(({ status }) => status)).toEqual([407, 200]);
    });
  });

  describeWith([], 'on a listener of its own', () => {
    test('never asks, takes no notice of credentials, and a rule that asks for somebody finds nobody', async () => {
      const kiosk = strict.listening[1]!;
      expect(await statuses(strict.url, `${origin.url}/public`)).toBe('407 000');
      expect(await statuses(kiosk, `${origin.url}/kiosk`)).toBe('200 000');
      expect(await statuses(strict.urlFor('alice', 'guess', 1), `${origin.url}/kiosk`)).toBe('200 000');
      expect(await statuses(strict.urlFor('alice', PASSWORD, 1), `${origin.url}/private/kiosk`)).toBe('403 000');
      expect(await statuses(kiosk, `${secureOrigin.url}/`)).toBe('200 200');
      await expect.poll(() => linesOf(strict, 'kiosk').map(({ user }) => user)).toEqual([null, null, null]);
    });

    test('asks by policy beside one that always asks', async () => {
      const relaxed = strict.listening[2]!;
      expect(await statuses(relaxed, `${origin.url}/public`)).toBe('200 000');
      expect(await statuses(relaxed, `${origin.url}/private/1`)).toBe('407 000');
      expect(await statuses(strict.urlFor('alice', PASSWORD, 2), `${origin.url}/private/1`)).toBe('200 000');
    });
  });
});

/** Lines of the log; it is written in batches, so they come a moment later. */
function linesOf({ log }: AskingProxy, end: string): readonly LogLine[] {
  return log.filter(({ target }) => target.endsWith(end));
}
