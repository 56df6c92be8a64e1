// The admin API of a proxy that runs: it knows the cache and the policy of the moment, and nothing that comes through the proxy gets to it.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { remoteCache } from '../../src/admin/remote-cache.ts';
import { CACHE_DEFAULTS, MEMORY_STORE_DEFAULTS } from '../../src/cache/options.ts';
import { run } from '../support/programs.ts';
import { startTestProxy, type TestConfig, testConfig } from '../support/start-proxy.ts';
import { temporaryFile, temporaryFolder } from '../support/temp-files.ts';

const cache = { memory: MEMORY_STORE_DEFAULTS, disk: null, isDiskRequired: false, ...CACHE_DEFAULTS };

async function start(overrides: TestConfig = {}) {
  const stateFolder = temporaryFolder(onTestFinished);
  const config = { stateFolder, cache, ...overrides };
  const proxy = await startTestProxy(config);
  onTestFinished(() => proxy.close());
  return { proxy, stateFolder, config, admin: remoteCache(proxy.running.adminSocket!) };
}

/** An origin that counts requests, and says of each path how it may be stored; of `/broken` it says nothing. */
async function origin(): Promise<{ readonly url: string; requests: number }> {
  const server = createServer((request, response) => {
    counted.requests += 1;
    if (request.url === '/broken') return void request.socket.destroy();
    response.setHeader('Cache-Control', request.url === '/private' ? 'private, max-age=60' : 'max-age=60');
    response.setHeader('Surrogate-Key', 'all odd');
    response.end('content');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const counted = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests: 0 };
  return counted;
}

/** @returns the status, and the content */
async function get(proxyUrl: string, url: string): Promise<string> {
  const { out } = await run('curl', ['-s', '--noproxy', '', '--proxy', proxyUrl, '-w', ' %{http_code}', url]);
  return out.toString('utf8');
}

test('the octets of our own page for a failure are content of nobody', async () => {
  const { proxy, admin } = await start();
  const site = await origin();
  expect(await get(proxy.url, `${site.url}/broken`)).toMatch(/ 502$/);
  expect((await admin.stats()).answers).toMatchObject({ forwarded: 1, bytes: 0, bytesReused: 0 });
});

test('what was stored for one client is listed, explained and purged', async () => {
  const { proxy, admin } = await start();
  const site = await origin();
  const url = `${site.url}/a`;
  for (let i = 0; i < 2; i += 1) expect(await get(proxy.url, url)).toBe('content 200');
  expect(site.requests).toBe(1);
  expect(await admin.show(url, null)).toMatchObject([{ status: 200, tags: ['all', 'odd'], isFresh: true }]);
  const { lines: why } = await admin.why({ method: 'GET', url, fields: [], user: null });
  expect(why).toEqual(
    expect.arrayContaining(['reused: it is fresh (RFC 9111 §4.2)', expect.stringMatching(/^policy: allowed by the default/)]),
  );
  const { answers } = await admin.stats();
  expect(answers).toMatchObject({ hits: 1, forwarded: 1, validated: 0, collapsed: 0, stale: 0, unanswered: 0 });
  // Of content alone: the same twice, once from the origin.
  expect([answers!.bytes, answers!.bytesReused]).toEqual([14, 7]);
  expect(await admin.purge({ kind: 'tag', tag: 'odd' })).toBe(1);
  await get(proxy.url, url);
  expect(site.requests).toBe(2);
});

test('what a 304 gave another tag is purged by that', async () => {
  const { proxy, admin } = await start();
  let asked = 0;
  const server = createServer((request, response) => {
    asked += 1;
    response.setHeader('Cache-Control', 'max-age=60').setHeader('Surrogate-Key', `tag${asked}`).setHeader('ETag', '"a"');
    if (asked === 1) response.setHeader('Age', '70');
    response.statusCode = request.headers['if-none-match'] === '"a"' ? 304 : 200;
    response.end(response.statusCode === 200 ? 'content' : undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  for (let i = 0; i < 2; i += 1) expect(await get(proxy.url, url)).toBe('content 200');
  expect(await admin.purge({ kind: 'tag', tag: 'tag1' })).toBe(0);
  expect(await admin.purge({ kind: 'tag', tag: 'tag2' })).toBe(1);
});

test('what was not stored is remembered with the reason', async () => {
  const { proxy, admin } = await start();
  const site = await origin();
  const url = `${site.url}/private`;
  await get(proxy.url, url);
  const { lines: why } = await admin.why({ method: 'GET', url, fields: [], user: null });
  expect(why.join('\n')).toMatch(/last response: 200, \d s ago; not stored: it is private/);
  // From the very response, which says already how long it lives.
  expect(why.at(-1)).toBe(
    'smallest change at the origin: remove private; lifetime 60 s from max-age then lets it answer, if it is the same for everybody',
  );
});

test.each(['purge', 'reload'] as const)('what was on its way before a %s is not taken for newer than it is', async (what) => {
  const { proxy, admin, config } = await start();
  const [arrived, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let asked = 0;
  const server = createServer((request, response) => {
    if (request.method === 'POST') {
      response.end();
      return;
    }
    asked += 1;
    response.setHeader('Cache-Control', 'max-age=60');
    if (asked > 1) {
      response.end('new');
      return;
    }
    arrived.resolve();
    void goOn.promise.then(() => response.end('old'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const first = get(proxy.url, url);
  await arrived.promise;
  if (what === 'purge') await admin.purge({ kind: 'pattern', pattern: '*' });
  else {
    await proxy.running.reload(testConfig(config));
    await run('curl', ['-s', '--noproxy', '', '--proxy', proxy.url, '-d', 'x', url]);
  }
  goOn.resolve();
  expect(await first).toBe('old 200');
  expect(await get(proxy.url, url)).toBe('new 200');
});

test('after a reload it knows the new policy, and the cache that is off', async () => {
  const { proxy, admin, config } = await start();
  const policyFile = temporaryFile(
    onTestFinished,
    'p.yaml',
    'version: 1\ndefault: deny\nrules:\n  - { allow: { host: a.test }, cache: bypass }\n',
  );
  await proxy.running.reload(testConfig({ ...config, policyFile }));
  const { lines: why } = await admin.why({ method: 'GET', url: 'http://a.test/', fields: [], user: null });
  expect(why.join('\n')).toContain('policy: allowed by the rule at p.yaml:4');
  await proxy.running.reload(testConfig({ ...config, cache: null }));
  await expect(admin.stats()).rejects.toMatchObject({ problems: [expect.stringContaining('cache is off')] });
});

test('its address is one of the own sockets: no request through the proxy gets there, with the token neither', async () => {
  const { proxy, stateFolder, config } = await start({ admin: { host: '127.0.0.1', port: 0 } });
  const { origin: address } = new URL(proxy.running.newInspectorLink()!);
  const token = readFileSync(path.join(stateFolder, 'running', `${process.pid}.token`), 'utf8').trim();
  const url = `${address}/cache/stats`;
  expect(await get(proxy.url, url)).toMatch(/is this proxy itself[\s\S]* 502$/);
  const { out } = await run('curl', ['-s', '-o', '/dev/null', '-w', '%{http_code}', '-H', `Authorization: Bearer ${token}`, url]);
  expect(out.toString()).toBe('200');
  await proxy.running.reload(testConfig({ ...config, admin: null }));
  await expect(fetch(url)).rejects.toThrow();
});

test('an address without a folder for its token does not start', async () => {
  await expect(startTestProxy({ stateFolder: null, admin: { host: '127.0.0.1', port: 0 } })).rejects.toMatchObject({ kind: 'config' });
});
