// npm through the proxy: an installation from a registry, over HTTP and through tunnels, with npm's own integrity check on every package.
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type PackedPackage, serveRegistry } from '../support/npm-registry.ts';
import { describeWith, run, succeed } from '../support/programs.ts';
import { type ProxyProcess, runProxy } from '../support/run-proxy.ts';
import { createTemporaryCa, type TemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

describeWith(['npm', 'openssl'], 'npm', () => {
  const folder = temporaryFolder(afterAll);
  const content = randomBytes(500_000);
  let ca: TemporaryCa;
  let proxy: ProxyProcess;
  let origin: WebOrigin;
  let secureOrigin: WebOrigin;

  beforeAll(async () => {
    ca = createTemporaryCa(folder);
    // A chain of names, one of them scoped: its document is asked for with an encoded slash.
    const packages = [
      await pack('first', { '@scope/second': '^1.0.0' }),
      await pack('@scope/second', { third: '1.0.0' }),
      await pack('third', {}),
    ];
    origin = await startWebOrigin(serveRegistry(packages, 'http'));
    secureOrigin = await startWebOrigin(serveRegistry(packages, 'https'), ca.issue('localhost'));
    proxy = await runProxy();
  });
  afterAll(async () => {
    await proxy.stop();
    await Promise.all([origin.close(), secureOrigin.close()]);
  });

  async function pack(name: string, dependencies: Record<string, string>): Promise<PackedPackage> {
    const source = path.join(folder, 'sources', name);
    mkdirSync(source, { recursive: true });
    writeFileSync(path.join(source, 'package.json'), JSON.stringify({ name, version: '1.0.0', dependencies }));
    writeFileSync(path.join(source, 'content'), content);
    await succeed('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: source, env: settings() });
    const tarball = path.join(folder, `${name.replace('@', '').replace('/', '-')}-1.0.0.tgz`);
    return { name, version: '1.0.0', dependencies, tarball };
  }

  /** Only what is said here counts: no configuration of this user or machine, and a cache of its own. */
  function settings(): Record<string, string> {
    return {
      HOME: folder,
      npm_config_userconfig: path.join(folder, 'no-user-npmrc'),
      npm_config_globalconfig: path.join(folder, 'no-global-npmrc'),
      npm_config_cache: path.join(folder, 'cache'),
      npm_config_audit: 'false',
      npm_config_fund: 'false',
      npm_config_update_notifier: 'false',
      npm_config_fetch_retries: '0',
    };
  }

  function install(name: string, project: string, registry: string) {
    const cwd = path.join(folder, project);
    mkdirSync(cwd);
    writeFileSync(path.join(cwd, 'package.json'), '{ "private": true }');
    const proxies = { npm_config_proxy: proxy.url, npm_config_https_proxy: proxy.url, npm_config_cafile: ca.certFile };
    const env = { ...settings(), ...proxies, npm_config_registry: registry, npm_config_cache: path.join(folder, `cache-${project}`) };
    return run('npm', ['install', name], { cwd, env });
  }

  function expectInstalled(project: string): void {
    for (const name of ['first', '@scope/second', 'third']) {
      expect(readFileSync(path.join(folder, project, 'node_modules', name, 'content')).equals(content), name).toBe(true);
    }
  }

  test('installs a package and what it depends on', async () => {
    expect(await install('first', 'plain', origin.url)).toMatchObject({ code: 0 });
    expectInstalled('plain');
    expect(origin.requests.filter(({ headers }) => headers.via !== undefined)).toHaveLength(6);
    expect(origin.requests.map(({ url }) => url)).toContain('/@scope%2fsecond');
  });

  test('installs over HTTPS, through tunnels', async () => {
    expect(await install('first', 'secure', secureOrigin.url)).toMatchObject({ code: 0 });
    expectInstalled('secure');
    await proxy.logged(({ method, target }) => method === 'CONNECT' && target === `localhost:${secureOrigin.port}`);
  });

  test('a package that is not there is E404, not an error of the proxy', async () => {
    const { code, err } = await install('missing', 'missing', origin.url);
    expect(code).not.toBe(0);
    expect(err).toContain('E404');
  });
});
