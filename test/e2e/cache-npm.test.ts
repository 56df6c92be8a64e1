// npm from the cache: what one machine has installed another one installs although the registry is gone, with an empty cache of npm's own and npm's
// check of every package's integrity.
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import path from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { cacheIn, expectOnlyHits } from '../support/cached-proxy.ts';
import { type PackedPackage, serveRegistry } from '../support/npm-registry.ts';
import { describeWith, type Ended, run, succeed } from '../support/programs.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin } from '../support/web-origin.ts';

describeWith(['npm'], 'npm, from the cache', () => {
  const sources = temporaryFolder(afterAll);
  const content = randomBytes(400_000);
  const names = ['first', '@scope/second', 'third'];
  let respond: RequestListener;

  beforeAll(async () => {
    const packages = [
      await pack('first', { '@scope/second': '^1.0.0', third: '1.0.0' }),
      await pack('@scope/second', {}),
      await pack('third', {}),
    ];
    respond = asPublished(serveRegistry(packages, 'http'));
  });

  async function pack(name: string, dependencies: Record<string, string>): Promise<PackedPackage> {
    const source = path.join(sources, name);
    mkdirSync(source, { recursive: true });
    writeFileSync(path.join(source, 'package.json'), JSON.stringify({ name, version: '1.0.0', dependencies }));
    writeFileSync(path.join(source, 'content'), content);
    await succeed('npm', ['pack', '--silent', '--pack-destination', sources], {
      cwd: source,
      env: { npm_config_cache: path.join(sources, 'cache') },
    });
    const tarball = path.join(sources, `${name.replace('@', '').replace('/', '-')}-1.0.0.tgz`);
    return { name, version: '1.0.0', dependencies, tarball };
  }

  /** A machine on which npm has fetched nothing yet. */
  function machine(proxyUrl: string, registry: string) {
    const folder = temporaryFolder(onTestFinished);
    const project = path.join(folder, 'project');
    const lock = path.join(project, 'package-lock.json');
    mkdirSync(project);
    writeFileSync(path.join(project, 'package.json'), '{ "private": true, "dependencies": { "first": "1.0.0" } }');
    const env = {
      HOME: folder,
      npm_config_cache: path.join(folder, 'cache'),
      npm_config_proxy: proxyUrl,
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

  test('installs while the registry is gone, with a lock file and without, and says what nobody has fetched', async () => {
    const home = cacheIn(temporaryFolder(onTestFinished));
    const origin = await startWebOrigin(respond);
    const online = await home.start();
    const first = machine(online.url, origin.url);
    expect(await first.npm('install')).toMatchObject({ code: 0 });
    first.expectInstalled();
    await online.stop();
    await origin.close();

    const offline = await home.start('--offline');
    const second = machine(offline.url, origin.url);
    writeFileSync(second.lock, readFileSync(first.lock));
    expect(await second.npm('ci')).toMatchObject({ code: 0 });
    second.expectInstalled();
    const third = machine(offline.url, origin.url);
    expect(await third.npm('install')).toMatchObject({ code: 0 });
    third.expectInstalled();
    expect(await third.npm('install', 'fourth')).toMatchObject({ code: 1, err: expect.stringContaining('E504') });
    const log = await offline.stop();
    const missing = log.filter(({ target }) => target.endsWith('/fourth'));
    expect(missing).toMatchObject([{ status: 504, cache: 'none', cache_why: 'uri-miss', upstream: null }]);
    expect(log.length - missing.length).toBe(names.length + 2 * names.length);
    expectOnlyHits(log.filter((line) => !missing.includes(line)));
  });

  test('a machine that asks whether what it has still holds (If-None-Match) hears so from the cache (RFC 9111 §4.3.2)', async () => {
    const home = cacheIn(temporaryFolder(onTestFinished));
    const origin = await startWebOrigin(respond);
    const proxy = await home.start();
    const only = machine(proxy.url, origin.url);
    expect(await only.npm('install')).toMatchObject({ code: 0 });
    await origin.close();
    rmSync(only.lock);
    rmSync(path.join(only.lock, '../node_modules'), { recursive: true });
    expect(await only.npm('install', '--prefer-online')).toMatchObject({ code: 0 });
    only.expectInstalled();
    const again = (await proxy.stop()).slice(2 * names.length);
    expect(again.map(({ status }) => status)).toEqual([...names, ...names].map(() => 304));
    expectOnlyHits(again);
  });
});

/** As the public registry has it: a document holds for five minutes and can be validated, a tarball never changes. */
function asPublished(respond: RequestListener): RequestListener {
  return (request, response) => {
    const tag = `"${createHash('sha256')
      .update(request.url ?? '')
      .digest('hex')}"`;
    response.setHeader('ETag', tag);
    response.setHeader('Vary', 'Accept-Encoding, Accept');
    response.setHeader('Cache-Control', request.url?.endsWith('.tgz') ? 'public, immutable, max-age=31557600' : 'public, max-age=300');
    if (request.headers['if-none-match'] === tag) response.writeHead(304).end();
    else respond(request, response);
  };
}
