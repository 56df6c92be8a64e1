// The admin API over its real sockets, asked by curl and by the client that the commands use.
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { AdminServer } from '../../src/admin/admin-server.ts';
import { answerQuestion } from '../../src/admin/answer-question.ts';
import type { Asked } from '../../src/admin/answers.ts';
import { PageFiles } from '../../src/admin/page-files.ts';
import { remoteCache } from '../../src/admin/remote-cache.ts';
import { type CacheAdmin, createCacheAdmin, WrongQuestion } from '../../src/cache/cache-admin.ts';
import { MEMORY_STORE_DEFAULTS } from '../../src/cache/options.ts';
import { CACHE_RULE_DEFAULTS } from '../../src/cache/rules/options.ts';
import { MemoryStore } from '../../src/cache/stores/memory.ts';
import { describeWith, succeed } from '../support/programs.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { contentOf, keep, sample } from '../unit/cache/stores/store-contract.ts';

interface Opened {
  readonly admin: AdminServer;
  readonly folder: string;
  readonly store: MemoryStore;
  readonly reports: readonly string[];
}

async function openAdmin(stateFolder = temporaryFolder(onTestFinished), isOn = true): Promise<Opened> {
  const store = new MemoryStore(MEMORY_STORE_DEFAULTS);
  for (const key of ['http://a.test/', 'http://a.test/x', 'http://b.test/']) {
    const stored = sample({ key, tags: key.endsWith('x') ? ['x'] : [] });
    await keep(store, stored, contentOf(stored));
  }
  const now = () => sample().responseTimeMs + 60_000;
  const cache = createCacheAdmin({
    store,
    rules: CACHE_RULE_DEFAULTS,
    now,
    lastVerdict: () => null,
    answers: null,
    mode: { offline: false, staleOk: false },
    outdateAll: null,
    termsOf: null,
    verify: null,
  });
  const reports: string[] = [];
  const report = (line: string) => void reports.push(line);
  const page = new PageFiles(path.join(stateFolder, 'page'));
  const answer = (asked: Asked) => answerQuestion(asked, isOn ? cache : null);
  const live = (socket: WebSocket) => socket.send('hello');
  const admin = await AdminServer.open({ stateFolder, processId: 4_711, answer, live, page, report });
  onTestFinished(async () => {
    await admin.close();
    await store.close();
  });
  return { admin, folder: path.join(stateFolder, 'running'), store, reports };
}

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const value of values) found.push(value);
  return found;
}

describe('the Unix socket', () => {
  test('is for its user alone, and goes with the process', async () => {
    const { admin, folder } = await openAdmin();
    expect(admin.socket).toBe(path.join(folder, '4711.sock'));
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(admin.socket).mode & 0o777).toBe(0o600);
    await admin.close();
    expect(existsSync(admin.socket)).toBe(false);
  });

  test('takes the place of one that a dead process has left, in a folder that it tightens', async () => {
    const stateFolder = temporaryFolder(onTestFinished);
    const folder = path.join(stateFolder, 'running');
    mkdirSync(folder, { mode: 0o755 });
    writeFileSync(path.join(folder, '4711.sock'), '');
    const { admin } = await openAdmin(stateFolder);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(await remoteCache(admin.socket).stats()).toMatchObject({ entries: 3 });
  });

  test('lies in a short folder of its own where the path would be too long for a socket', async () => {
    const { admin } = await openAdmin(path.join(temporaryFolder(onTestFinished), 'a'.repeat(100)));
    expect(Buffer.byteLength(admin.socket)).toBeLessThan(104);
    const own = path.dirname(admin.socket);
    expect(statSync(own).mode & 0o777).toBe(0o700);
    expect(await remoteCache(admin.socket).stats()).toMatchObject({ entries: 3 });
    await admin.close();
    expect(existsSync(own)).toBe(false);
  });

  test('answers the commands as a store at hand would', async () => {
    const { admin, store } = await openAdmin();
    const cache: CacheAdmin = remoteCache(admin.socket);
    expect(await cache.stats()).toEqual({ ...store.stats(), answers: null });
    expect((await all(cache.list('http://a.test/*'))).map(({ url }) => url).sort()).toEqual(['http://a.test/', 'http://a.test/x']);
    expect(await all(cache.list('http://none.test/*'))).toEqual([]);
    expect(await cache.show('http://a.test/x', null)).toMatchObject([
      { tags: ['x'], isFresh: true, ageSeconds: 60, fields: [{ name: 'Date' }, {}] },
    ]);
    const { lines: why } = await cache.why({
      method: 'GET',
      url: 'http://a.test/x',
      fields: [{ name: 'Cache-Control', value: 'no-cache' }],
      user: null,
    });
    expect(why.join()).toContain('RFC 9111 §5.2.1.4');
    expect(await all(cache.verify())).toEqual([{ checked: 3, contentBytes: 3_000, damaged: 0, gone: 0 }]);
    expect(await cache.purge({ kind: 'tag', tag: 'x' })).toBe(1);
    expect(await cache.purge({ kind: 'url', url: 'http://a.test/x' })).toBe(0);
    expect(await cache.purge({ kind: 'pattern', pattern: '*a.test*' })).toBe(1);
    expect(await cache.purge({ kind: 'all' })).toBe(1);
    expect(store.stats().entries).toBe(0);
  });

  test('says what is wrong with a question, and when there is nobody to answer it', async () => {
    const { admin } = await openAdmin();
    const cache = remoteCache(admin.socket);
    await expect(cache.show('a.test', null)).rejects.toThrow(WrongQuestion);
    await admin.close();
    await expect(cache.stats()).rejects.toMatchObject({ kind: 'unavailable', problems: [expect.stringContaining('Is it still running?')] });
  });

  test('says that the cache is off', async () => {
    const { admin } = await openAdmin(undefined, false);
    await expect(remoteCache(admin.socket).stats()).rejects.toMatchObject({
      kind: 'unavailable',
      problems: [expect.stringContaining('cache is off')],
    });
  });
});

describeWith(['curl'], 'curl', () => {
  const curl = async (socket: string, ...words: string[]) => {
    const out = await succeed('curl', ['-sS', '--unix-socket', socket, '-w', '\n%{http_code}', ...words]);
    const lines = out.toString('utf8').trimEnd().split('\n');
    return {
      status: Number(lines.at(-1)),
      values: lines
        .slice(0, -1)
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    };
  };
  const json = (content: string) => ['-H', 'Content-Type: application/json', '-d', content];

  test('asks everything in JSON, with members in snake_case', async () => {
    const { socket } = (await openAdmin()).admin;
    expect(await curl(socket, 'http://admin/cache/stats')).toMatchObject({ status: 200, values: [{ entries: 3, damaged: 0 }] });
    const listed = await curl(socket, 'http://admin/cache/entries?pattern=http://a.test/x');
    expect(listed.values).toMatchObject([{ url: 'http://a.test/x', is_fresh: true, age_seconds: 60, selected_by: [] }]);
    expect((await curl(socket, 'http://admin/cache/entry?url=http://a.test/x')).values).toMatchObject([
      { entries: [{ is_complete: true }] },
    ]);
    expect((await curl(socket, 'http://admin/cache/why', ...json('{"url":"http://a.test/x"}'))).values[0]).toMatchObject({
      lines: [expect.any(String), expect.any(String), expect.any(String)],
    });
    expect((await curl(socket, 'http://admin/cache/verify', ...json('{}'))).values).toMatchObject([{ checked: 3, content_bytes: 3_000 }]);
    expect((await curl(socket, 'http://admin/cache/purge', ...json('{"all":true}'))).values).toEqual([{ purged: 3 }]);
  });

  test.each<[string, readonly string[], number, string]>([
    ['another path', ['http://admin/cache'], 404, 'There is nothing at /cache'],
    ['a purge by GET', ['http://admin/cache/purge'], 405, '/cache/purge takes POST'],
    ['a form', ['http://admin/cache/purge', '-d', 'all=true'], 415, 'Questions are JSON'],
    ['a page of a browser', ['http://admin/cache/stats', '-H', 'Origin: http://evil.test'], 403, 'No page in a browser'],
    ['a page without an origin', ['http://admin/cache/stats', '-H', 'Sec-Fetch-Site: same-origin'], 403, 'No page in a browser'],
    ['what is no JSON', ['http://admin/cache/purge', ...json('{')], 400, 'not JSON'],
    ['a purge of nothing', ['http://admin/cache/purge', ...json('{}')], 400, 'expected one of "url"'],
    ['a purge of two things', ['http://admin/cache/purge', ...json('{"all":true,"tag":"a"}')], 400, 'expected one of "url"'],
    ['an unknown member', ['http://admin/cache/why', ...json('{"url":"http://a.test/","uri":1}')], 400, 'uri'],
    [
      'a field that is none',
      ['http://admin/cache/why', ...json('{"url":"http://a.test/","fields":[{"name":"a b","value":""}]}')],
      400,
      'name of a field',
    ],
    ['a URL that is none', ['http://admin/cache/why', ...json('{"url":"a.test"}')], 400, 'not an absolute URI'],
    ['too much', ['http://admin/cache/purge', ...json(`{"url":"${'a'.repeat(100_000)}"}`)], 413, '65536 octets'],
  ])('%s is refused', async (_what, words, status, message) => {
    const { admin, store, reports } = await openAdmin();
    const { status: found, values } = await curl(admin.socket, ...words);
    expect({ status: found, values }).toEqual({ status, values: [{ error: expect.stringContaining(message) }] });
    expect(store.stats().entries).toBe(3);
    expect(reports).toEqual([]);
  });
});

describe('over TCP', () => {
  async function listeningAdmin() {
    const opened = await openAdmin();
    await opened.admin.listenOn({ host: '127.0.0.1', port: 0 });
    const bound = opened.admin.bound!;
    const tokenFile = path.join(opened.folder, '4711.token');
    return { ...opened, bound, tokenFile, token: readFileSync(tokenFile, 'utf8').trim() };
  }

  function statusOf(port: number, headers: Readonly<Record<string, string>>): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      const asked = request({ host: '127.0.0.1', port, path: '/cache/stats', headers, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      asked.once('error', reject);
      asked.end();
    });
  }

  test('it wants the token, which lies in a file for its user alone', async () => {
    const { bound, token, tokenFile } = await listeningAdmin();
    expect(statSync(tokenFile).mode & 0o777).toBe(0o600);
    expect(Buffer.from(token, 'base64url')).toHaveLength(32);
    const host = `127.0.0.1:${bound.port}`;
    expect(await statusOf(bound.port, { host, authorization: `Bearer ${token}` })).toBe(200);
    expect(await statusOf(bound.port, { host, authorization: `bearer ${token}` })).toBe(200);
    for (const authorization of [`Bearer ${token}x`, `Bearer ${token.slice(1)}`, `Basic ${token}`, 'Bearer ', token])
      expect(await statusOf(bound.port, { host, authorization })).toBe(401);
    expect(await statusOf(bound.port, { host })).toBe(401);
  });

  test('a name that was made to lead here is no Host of it, token or not (DNS rebinding)', async () => {
    const { bound, token } = await listeningAdmin();
    const authorization = `Bearer ${token}`;
    for (const host of ['evil.test', `evil.test:${bound.port}`, '127.0.0.1', `127.0.0.1:${bound.port + 1}`])
      expect(await statusOf(bound.port, { host, authorization })).toBe(421);
    expect(await statusOf(bound.port, { host: `localhost:${bound.port}`, authorization })).toBe(200);
    expect(await statusOf(bound.port, { host: `localhost:${bound.port}`, authorization, origin: 'null' })).toBe(403);
  });

  test('it moves with the settings, and its token goes with it', async () => {
    const { admin, bound, tokenFile, token } = await listeningAdmin();
    await admin.listenOn({ host: '127.0.0.1', port: 0 });
    expect(admin.bound).toEqual(bound);
    await expect(admin.listenOn({ host: '192.0.2.1', port: 1 })).rejects.toMatchObject({ kind: 'unavailable' });
    expect(admin.bound).toEqual(bound);
    expect(readFileSync(tokenFile, 'utf8').trim()).toBe(token);
    await admin.listenOn(null);
    expect(admin.bound).toBeNull();
    expect(existsSync(tokenFile)).toBe(false);
    await expect(statusOf(bound.port, {})).rejects.toThrow('ECONNREFUSED');
  });
});

/** What a page shows with each question, out of the answer to its sign-in. */
async function proofIn(signedIn: Response): Promise<{ readonly cookie: string; readonly 'x-sallyport-key': string }> {
  const { key } = (await signedIn.json()) as { readonly key: string };
  return { cookie: signedIn.headers.get('set-cookie')!.split(';')[0]!, 'x-sallyport-key': key };
}

describe('the page of the inspector', () => {
  async function servingPage() {
    const stateFolder = temporaryFolder(onTestFinished);
    mkdirSync(path.join(stateFolder, 'page', 'assets'), { recursive: true });
    writeFileSync(path.join(stateFolder, 'page', 'index.html'), '<!doctype html><title>Page</title>');
    writeFileSync(path.join(stateFolder, 'page', 'assets', 'a-1.js'), 'void 0;');
    writeFileSync(path.join(stateFolder, 'secret.txt'), 'secret');
    const { admin, reports } = await openAdmin(stateFolder);
    await admin.listenOn({ host: '127.0.0.1', port: 0 });
    const url = `http://127.0.0.1:${admin.bound!.port}`;
    const signIn = (code: string, headers: Readonly<Record<string, string>> = {}) =>
      fetch(`${url}/api/sign-in`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', origin: url, 'sec-fetch-site': 'same-origin', ...headers },
        body: JSON.stringify({ code }),
      });
    const code = () => new URL(admin.newLink()!).hash.replace('#open=', '');
    const proof = async () => proofIn(await signIn(code()));
    return { admin, url, signIn, code, proof, reports };
  }

  test('its files are for everybody, may do nothing but talk to where they came from, and there are no others', async () => {
    const { url } = await servingPage();
    const page = await fetch(`${url}/`);
    expect([page.status, page.headers.get('content-type'), await page.text()]).toEqual([
      200,
      'text/html; charset=utf-8',
      '<!doctype html><title>Page</title>',
    ]);
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self';.*frame-ancestors 'none'/);
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    expect(page.headers.get('referrer-policy')).toBe('no-referrer');
    const script = await fetch(`${url}/assets/a-1.js`);
    expect([script.status, script.headers.get('cache-control')]).toEqual([200, 'public, max-age=31536000, immutable']);
    for (const other of ['/secret.txt', '/..%2fsecret.txt', '/assets/..%2f..%2fsecret.txt', '/%2e%2e/secret.txt', '/index.html%00'])
      expect((await fetch(url + other)).status).toBe(401);
  });

  test("a link signs in once; the cookie is the page's alone", async () => {
    const { admin, url, signIn, code } = await servingPage();
    const once = code();
    const signedIn = await signIn(once);
    const setCookie = signedIn.headers.get('set-cookie')!;
    expect(setCookie).toMatch(new RegExp(`^sallyport-${admin.bound!.port}=[\\w-]{43}; Path=/; HttpOnly; SameSite=Strict$`));
    expect((await signIn(once)).status).toBe(401);
    expect((await signIn('x')).status).toBe(401);
    const proof = await proofIn(signedIn);
    expect((await fetch(`${url}/cache/stats`, { headers: proof })).status).toBe(200);
    expect((await fetch(`${url}/cache/stats`, { headers: { ...proof, cookie: `${proof.cookie}x` } })).status).toBe(401);
    expect((await fetch(`${url}/cache/stats`, { headers: { ...proof, 'x-sallyport-key': 'none' } })).status).toBe(401);
    expect((await fetch(`${url}/cache/stats`, { headers: { cookie: proof.cookie } })).status).toBe(401);
    expect((await fetch(`${url}/cache/stats`)).status).toBe(401);
    const out = await fetch(`${url}/api/sign-out`, {
      method: 'POST',
      headers: { ...proof, origin: url, 'content-type': 'application/json' },
    });
    expect(out.status).toBe(200);
    expect((await fetch(`${url}/cache/stats`, { headers: proof })).status).toBe(401);
  });

  test.each<[string, string, Readonly<Record<string, string>>, number]>([
    ['another page asks', 'GET', { origin: 'http://evil.test' }, 403],
    ['a page of another port asks', 'GET', { origin: 'http://127.0.0.1:1' }, 403],
    ['a page of another site asks without an origin', 'GET', { 'sec-fetch-site': 'cross-site' }, 403],
    ['a link in another site is followed', 'GET', { 'sec-fetch-site': 'none' }, 403],
    ['a change names no origin', 'POST', { 'content-type': 'application/json' }, 403],
    ['a change comes as a form', 'POST', { 'content-type': 'text/plain', origin: 'SELF' }, 415],
    ['a name was made to lead here', 'GET', { host: 'evil.test' }, 421],
  ])('the cookie is no use where %s', async (_what, method, headers, status) => {
    const { url, proof, admin } = await servingPage();
    const sent = { ...headers, ...(await proof()), ...(headers['origin'] === 'SELF' && { origin: url }) };
    const found = await new Promise((resolve, reject) => {
      const path = method === 'GET' ? '/cache/stats' : '/cache/purge';
      const asked = request({ host: '127.0.0.1', port: admin.bound!.port, method, path, headers: sent, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      asked.once('error', reject);
      asked.end(method === 'GET' ? undefined : '{"all":true}');
    });
    expect(found).toBe(status);
  });

  test('nobody signs in from another page, nor begins a WebSocket there', async () => {
    const { admin, url, signIn, code, proof } = await servingPage();
    expect((await signIn(code(), { origin: 'http://evil.test' })).status).toBe(403);
    expect((await signIn(code(), { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    const own = await proof();
    const began = (headers: Readonly<Record<string, string>>) =>
      new Promise((resolve) => {
        const socket = new WebSocket(`${url.replace('http', 'ws')}/api/live`, { headers });
        socket.on('message', (data) => {
          resolve(String(data));
          socket.terminate();
        });
        socket.on('error', (error) => resolve(error.message));
      });
    expect(await began({ ...own, origin: url })).toBe('hello');
    expect(await began({ ...own })).toContain('403');
    expect(await began({ ...own, origin: 'http://evil.test' })).toContain('403');
    expect(await began({ origin: url })).toContain('401');
    const token = readFileSync(path.join(path.dirname(admin.socket), '4711.token'), 'utf8').trim();
    expect(await began({ authorization: `Bearer ${token}` })).toBe('hello');
  });

  test('whoever has the socket is given new links', async () => {
    const { admin, signIn } = await servingPage();
    const asked = { method: 'POST', socketPath: admin.socket, path: '/api/links', headers: { 'content-type': 'application/json' } };
    const answer = await new Promise<string>((resolve, reject) => {
      const posted = request(asked, async (response) => resolve(Buffer.concat(await response.toArray()).toString()));
      posted.once('error', reject);
      posted.end('{}');
    });
    const { link } = JSON.parse(answer) as { readonly link: string };
    expect((await signIn(new URL(link).hash.replace('#open=', ''))).status).toBe(200);
  });

  test('takes another port where the usual one is taken', async () => {
    const { admin } = await servingPage();
    const other = await openAdmin();
    await expect(other.admin.listenOn(admin.bound)).rejects.toMatchObject({ kind: 'unavailable' });
    await other.admin.listenOn({ ...admin.bound!, isAnyPortFine: true });
    expect(other.admin.bound!.port).not.toBe(admin.bound!.port);
  });
});
