// The cache inside opened tunnels: what was stored for one version of HTTP answers the other, with ranges, validation, variants, and many who ask at
// once (RFC 9111).
import type { IncomingHttpHeaders } from 'node:http2';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { inMemory } from '../support/cached.ts';
import { type DualOrigin, startDualOrigin } from '../support/dual-origin.ts';
import { ask, openSession } from '../support/http2-in-tunnels.ts';
import { type OpeningProxy, openTunnel, startOpeningProxy } from '../support/opened-tunnels.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';

const folder = temporaryFolder(afterAll);
const ca = createTemporaryCa(folder);
const CONTENT = Buffer.alloc(100_000, 'content of a page; ');

interface Got {
  readonly status: number;
  /** Names in lower case. */
  readonly fields: Readonly<Record<string, string | undefined>>;
  readonly content: Buffer;
}
/** One request by a client that speaks this version alone. */
type Fetch = (path: string, fields?: Readonly<Record<string, string>>) => Promise<Got>;

async function clients(proxy: OpeningProxy, origin: DualOrigin): Promise<{ readonly http1: Fetch; readonly http2: Fetch }> {
  const authority = `localhost:${origin.port}`;
  const connection = await openTunnel(proxy, authority);
  onTestFinished(() => connection.destroy());
  const session = await openSession(proxy, authority);
  return {
    async http1(path, fields = {}) {
      const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
      await connection.send(`GET ${path} HTTP/1.1\r\nHost: ${authority}\r\n${lines.join('')}\r\n`);
      const { status, fields: received, body } = await connection.readResponse();
      return { status, fields: Object.fromEntries(received.map(([name, value]) => [name.toLowerCase(), value])), content: body };
    },
    async http2(path, fields = {}) {
      const { headers, content } = await ask(session, { ':path': path, ...fields });
      return { status: Number(headers[':status']), fields: plain(headers), content };
    },
  };
}

function plain(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

/** A page that stays fresh, or, as `/stale`, has to be validated each time; as `/by-language`, one for each language. */
function startSite(): Promise<DualOrigin> {
  return startDualOrigin(ca, ({ url, headers }, response) => {
    response.setHeader('ETag', '"one"');
    response.setHeader('Cache-Control', url === '/stale' ? 'no-cache' : 'max-age=3600');
    if (url === '/by-language') response.setHeader('Vary', 'Accept-Language');
    if (headers['if-none-match'] === '"one"') {
      response.statusCode = 304;
      response.end();
    } else response.end(url === '/by-language' ? (headers['accept-language'] ?? '') : CONTENT);
  });
}

function startProxy(): Promise<OpeningProxy> {
  return startOpeningProxy(folder, ca, { config: { viaName: 'sally', cache: inMemory() } });
}

const ORDERS = [
  ['http1', 'http2'],
  ['http2', 'http1'],
] as const;

test.each(ORDERS)('what was stored for %s answers %s, and a range of it', async (first, second) => {
  await using origin = await startSite();
  await using proxy = await startProxy();
  const fetch = await clients(proxy, origin);
  expect((await fetch[first]('/page')).content.equals(CONTENT)).toBe(true);
  const hit = await fetch[second]('/page');
  expect(hit.content.equals(CONTENT)).toBe(true);
  expect(hit.fields['cache-status']).toMatch(/^sally;hit/);
  expect(hit.fields['age']).toMatch(/^\d+$/);
  const part = await fetch[second]('/page', { range: 'bytes=1000-1999' });
  expect(part).toMatchObject({ status: 206, fields: { 'content-range': `bytes 1000-1999/${CONTENT.length}` } });
  expect(part.content.equals(CONTENT.subarray(1000, 2000))).toBe(true);
  expect((await fetch[second]('/page', { range: 'bytes=100000-' })).status).toBe(416);
  expect(origin.versions).toHaveLength(1);
});

test.each(ORDERS)('%s is told 304 by what was stored for %s (RFC 9111 §4.3.2)', async (first, second) => {
  await using origin = await startSite();
  await using proxy = await startProxy();
  const fetch = await clients(proxy, origin);
  await fetch[second]('/page');
  const validated = await fetch[first]('/page', { 'if-none-match': '"one"' });
  expect(validated).toMatchObject({ status: 304, fields: { etag: '"one"' } });
  expect(validated.content).toHaveLength(0);
  expect((await fetch[first]('/page', { 'if-none-match': '"another"' })).content.equals(CONTENT)).toBe(true);
  expect(origin.versions).toHaveLength(1);
});

test.each(ORDERS)('what was stored for %s is validated for %s, and its content not sent again (RFC 9111 §4.3.1)', async (first, second) => {
  await using origin = await startSite();
  await using proxy = await startProxy();
  const fetch = await clients(proxy, origin);
  await fetch[first]('/stale');
  const { status, content } = await fetch[second]('/stale');
  expect({ status, isSame: content.equals(CONTENT) }).toEqual({ status: 200, isSame: true });
  expect(origin.versions).toHaveLength(2);
  const validation = proxy.flows.find(({ cache }) => cache?.outcome === 'validated');
  expect(validation).toMatchObject({ version: second === 'http2' ? '2' : '1.1', connectId: expect.any(Number) });
});

test('a variant is chosen by its fields, whichever version of HTTP they came in (RFC 9111 §4.1)', async () => {
  await using origin = await startSite();
  await using proxy = await startProxy();
  const { http1, http2 } = await clients(proxy, origin);
  const languages = ['de', 'en'];
  for (const language of languages) await http1('/by-language', { 'Accept-Language': language });
  for (const language of languages) {
    const { content, fields } = await http2('/by-language', { 'accept-language': language });
    expect(content.toString()).toBe(language);
    expect(fields['cache-status']).toMatch(/^sally;hit/);
  }
  expect((await http2('/by-language', { 'accept-language': 'fr' })).content.toString()).toBe('fr');
  expect(origin.versions).toHaveLength(3);
});

test('thirty who ask at once, over both versions, are one request to the origin', async () => {
  const held = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  await using origin = await startDualOrigin(ca, async (_, response) => {
    asked.resolve();
    await held.promise;
    response.setHeader('Cache-Control', 'max-age=3600');
    response.end(CONTENT);
  });
  await using proxy = await startProxy();
  const connections = await Promise.all(Array.from({ length: 3 }, () => clients(proxy, origin)));
  const first = connections[0]!.http2('/page');
  await asked.promise;
  const others = connections.flatMap(({ http1, http2 }) => [http1('/page'), ...Array.from({ length: 9 }, () => http2('/page'))]);
  // Answered behind them on each connection, so that they have been read.
  await Promise.all(connections.map(({ http2 }) => http2('/other', { 'cache-control': 'only-if-cached' })));
  held.resolve();
  const answers = await Promise.all([first, ...others]);
  expect(answers.filter(({ content }) => !content.equals(CONTENT))).toEqual([]);
  expect(origin.versions).toEqual(['2.0']);
  expect(answers.filter(({ fields }) => fields['cache-status']?.includes('collapsed')).length).toBeGreaterThan(20);
});

test('a client that leaves does not take from the others what it asked for first', async () => {
  const held = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  await using origin = await startDualOrigin(ca, async (_, response) => {
    asked.resolve();
    await held.promise;
    response.setHeader('Cache-Control', 'max-age=3600');
    response.end(CONTENT);
  });
  await using proxy = await startProxy();
  const session = await openSession(proxy, `localhost:${origin.port}`);
  const leaving = session.request({ ':path': '/page' });
  leaving.on('error', () => {});
  await asked.promise;
  const staying = ask(session, { ':path': '/page' });
  await ask(session, { ':path': '/other', 'cache-control': 'only-if-cached' });
  leaving.destroy();
  await proxy.flow(1);
  held.resolve();
  expect((await staying).content.equals(CONTENT)).toBe(true);
  expect(origin.versions).toHaveLength(1);
});
