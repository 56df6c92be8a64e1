// npm through tunnels that the proxy opens: what was installed from a registry over HTTPS is installed again from the cache alone, with the registry gone.
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { inBothVersions } from '../support/both-versions.ts';
import { cacheIn, expectOnlyHits } from '../support/cached-proxy.ts';
import { startDualOrigin } from '../support/dual-origin.ts';
import { type PackedPackage, serveRegistry } from '../support/npm-registry.ts';
import { writeOpeningFiles } from '../support/opening-process.ts';
import { describeWith, type Ended, run, succeed } from '../support/programs.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';

describeWith(['npm', 'openssl'], 'npm, through opened tunnels', () => {
  const folder = temporaryFolder(afterAll);
  const content = randomBytes(400_000);
  const dependencies: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    first: { '@scope/second': '^1.0.0', third: '1.0.0' },
    '@scope/second': {},
    third: {},
  };
  const names = Object.keys(dependencies);
  const packages: PackedPackage[] = [];

  beforeAll(async () => {
    for (const name of names) packages.push(await pack(name));
  });

  async function pack(name: string): Promise<PackedPackage> {
    const source = path.join(folder, name);
    mkdirSync(source, { recursive: true });
    writeFileSync(path.join(source, 'package.json'), JSON.stringify({ name, version: '1.0.0', dependencies: dependencies[name] }));
    writeFileSync(path.join(source, 'content'), content);
    const env = { npm_config_cache: path.join(folder, 'cache') };
    await succeed('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: source, env });
    const tarball = path.join(folder, `${name.replace('@', '').replace('/', '-')}-1.0.0.tgz`);
    return { name, version: '1.0.0', dependencies: dependencies[name]!, tarball };
  }

  /** A machine on which npm has fetched nothing yet. @param roots  what it believes besides what Node does */
  function machine(proxyUrl: string, registry: string, roots: string) {
    const home = temporaryFolder(onTestFinished);
    const project = path.join(home, 'project');
    const lock = path.join(project, 'package-lock.json');
    mkdirSync(project);
    writeFileSync(path.join(project, 'package.json'), '{ "private": true, "dependencies": { "first": "1.0.0" } }');
    const env = {
      HOME: home,
      NODE_EXTRA_CA_CERTS: roots,
      npm_config_cache: path.join(home, 'cache'),
      npm_config_https_proxy: proxyUrl,
      npm_config_registry: registry,
      npm_config_audit: 'false',
      npm_config_fund: 'false',
      npm_config_update_notifier: 'false',
      npm_config_fetch_retries: '0',
    };
    return {
      lock,
      npm: (...words: string[]): Promise<Ended> => run('npm', words, { cwd: project, env }),
      expectInstalled: () => {
        for (const name of names)
          expect(readFileSync(path.join(project, 'node_modules', name, 'content')).equals(content), name).toBe(true);
      },
    };
  }

  test('npm ci installs from the cache while the proxy is offline and the registry gone; without trust it says so', async () => {
    const ca = createTemporaryCa(folder);
    const { words, authorityFile } = writeOpeningFiles(folder, ca);
    const home = cacheIn(temporaryFolder(onTestFinished));
    const registry = serveRegistry(packages, 'https');
    const origin = await startDualOrigin(ca, (request, response) => {
      // As the public registry has it.
      const tag = `"${createHash('sha256').update(request.url).digest('hex')}"`;
      response.setHeader('ETag', tag);
      response.setHeader('Vary', 'Accept-Encoding, Accept');
      response.setHeader('Cache-Control', request.url.endsWith('.tgz') ? 'public, immutable, max-age=31557600' : 'public, max-age=300');
      inBothVersions(registry)(request, response);
    });
    const online = await home.start(...words);
    const stranger = await machine(online.url, origin.url, ca.certFile).npm('install');
    expect(stranger.code).not.toBe(0);
    expect(stranger.err).toMatch(/UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT|SELF_SIGNED_CERT_IN_CHAIN/);
    expect(origin.versions).toEqual([]);
    const first = machine(online.url, origin.url, authorityFile);
    expect(await first.npm('install')).toMatchObject({ code: 0 });
    first.expectInstalled();
    await online.stop();
    await origin.close();

    const offline = await home.start('--offline', ...words);
    const second = machine(offline.url, origin.url, authorityFile);
    writeFileSync(second.lock, readFileSync(first.lock));
    expect(await second.npm('ci')).toMatchObject({ code: 0 });
    second.expectInstalled();
    const log = await offline.stop();
    const inside = log.filter(({ method }) => method !== 'CONNECT');
    expect(inside).toHaveLength(names.length);
    expectOnlyHits(inside);
  });
});
