// Exchanges that a person holds, edits, drops or answers, as a client and an origin see it: over HTTP/1.1, and over HTTP/2 inside an opened tunnel.
import type { RequestListener } from 'node:http';
import type { ClientHttp2Session } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { inBothVersions } from '../support/both-versions.ts';
import { type DualOrigin, startDualOrigin } from '../support/dual-origin.ts';
import { ask, openSession } from '../support/http2-in-tunnels.ts';
import { connectRaw } from '../support/raw-client.ts';
import { type Answer, fetchThrough, type RewritingProxy, startRewritingProxy } from '../support/rewriting-proxy.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

interface Held {
  readonly number: number;
  readonly at: string;
  readonly exchangeId: number;
  readonly method: string;
  readonly url: string;
  readonly status: number | null;
  readonly fields: [string, string][];
  readonly content: string;
  readonly hasContent: boolean;
}

const folder = temporaryFolder(afterAll);
const ca = createTemporaryCa(folder);
let plain: WebOrigin;
let secure: DualOrigin;
let rewriting: RewritingProxy;
let session: ClientHttp2Session | null = null;
/** What origins were asked, in order. */
const seen: { readonly url: string; readonly method: string; readonly content: string; readonly fields: Record<string, unknown> }[] = [];

const answer: RequestListener = (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (bytes: Buffer) => chunks.push(bytes));
  request.on('end', () => {
    seen.push({ url: request.url ?? '', method: request.method ?? '', content: Buffer.concat(chunks).toString(), fields: request.headers });
    if (request.url === '/trailers') {
      response.addTrailers({ 'grpc-status': '0' });
      response.end('message');
      return;
    }
    response.setHeader('Content-Encoding', 'gzip');
    response.setHeader('X-Origin', 'yes');
    response.end(
      request.url === '/large' ? gzipSync(Buffer.alloc(3_000_000, Math.random().toString())) : gzipSync(`answer to ${request.url}`),
    );
  });
};

beforeAll(async () => {
  plain = await startWebOrigin(answer);
  secure = await startDualOrigin(ca, inBothVersions(answer));
  rewriting = await startRewritingProxy(folder, ca, '', {
    policyRules: '  - deny: { path: /denied }\n',
  });
});
afterAll(async () => {
  await rewriting?.proxy.close();
  await Promise.all([plain.close(), secure.close()]);
});

type Ask = (path: string, request?: { method?: string; headers?: Record<string, string>; content?: string }) => Promise<Answer>;

const overHttp1: Ask = (at, request) => fetchThrough(rewriting.proxy, `${plain.url}${at}`, request);
const overHttp2: Ask = async (at, { method = 'GET', headers = {}, content } = {}) => {
  if (session === null || session.destroyed) session = await openSession(rewriting.proxy, `localhost:${secure.port}`);
  const { headers: answered, content: octets } = await ask(
    session,
    { ':method': method, ':path': at, ...headers },
    content === undefined ? undefined : Buffer.from(content),
  );
  return { status: Number(answered[':status']), headers: answered, content: octets };
};

function breakAt(at: 'request' | 'response', filter: string): Promise<unknown> {
  return rewriting.api('PUT', '/api/breakpoints', [{ filter, at, isOn: true }]);
}

/** The next one that is held; waits for it. */
async function held(): Promise<Held> {
  for (;;) {
    const { held: all } = await rewriting.api<{ held: Held[] }>('GET', '/api/breakpoints/held');
    if (all[0] !== undefined) return all[0];
  }
}

async function nothingHeld(): Promise<void> {
  while ((await rewriting.api<{ held: Held[] }>('GET', '/api/breakpoints/held')).held.length > 0);
}

function release({ number }: Held, action: string, edited?: object): Promise<unknown> {
  return rewriting.api('POST', `/api/breakpoints/held/${number}`, { action, ...(edited !== undefined && { edited }) });
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

describe.each<[string, string, Ask]>([
  ['HTTP/1.1', '1', overHttp1],
  ['HTTP/2 in an opened tunnel', '2', overHttp2],
])('over %s', (_, version, asks) => {
  test('a request goes on as it was', async () => {
    await breakAt('request', 'path:/as-it-was');
    const before = seen.length;
    const answered = asks('/as-it-was', { method: 'POST', content: 'content', headers: { 'x-mine': '1' } });
    const waiting = await held();
    expect(waiting).toMatchObject({ at: 'request', method: 'POST', content: base64('content'), hasContent: true });
    expect(waiting.url).toMatch(/^https?:\/\/(?:127\.0\.0\.1|localhost):\d+\/as-it-was$/);
    expect(waiting.fields.map(([name, value]) => `${name.toLowerCase()}: ${value}`)).toContain('x-mine: 1');
    expect(seen.length).toBe(before);
    await release(waiting, 'continue');
    expect((await answered).status).toBe(200);
    expect(seen.at(-1)).toMatchObject({ url: '/as-it-was', method: 'POST', content: 'content' });
  });

  test('a request goes on as it was edited, and is judged so', async () => {
    await breakAt('request', 'path:/edit');
    let answered = asks(`/edit/${version}`);
    let waiting = await held();
    const url = waiting.url.replace(/\/edit\/./, '/edited');
    await release(waiting, 'continue', { method: 'PUT', url, fields: [['X-Edited', 'yes']], content: base64('new') });
    expect((await answered).status).toBe(200);
    expect(seen.at(-1)).toMatchObject({ url: '/edited', method: 'PUT', content: 'new', fields: { 'x-edited': 'yes' } });
    const { facts, summary } = await rewriting.recorded(`/edit/${version}`);
    expect(summary.touched).toEqual(['breakpoint']);
    expect(facts.changes.map(({ what }) => what)).toEqual(['held', 'edited']);

    answered = asks(`/edit/${version}/denied`);
    waiting = await held();
    await release(waiting, 'continue', { url: waiting.url.replace(/\/edit\/.*/, '/denied') });
    expect((await answered).status).toBe(403);
  });

  test('a request is answered in the place of the origin', async () => {
    await breakAt('request', 'path:/answer');
    const before = seen.length;
    const answered = asks('/answer');
    await release(await held(), 'answer', { status: 418, fields: [['Content-Type', 'text/plain']], content: base64('short and stout') });
    const { status, headers, content } = await answered;
    expect([status, headers['content-type'], content.toString()]).toEqual([418, 'text/plain', 'short and stout']);
    expect(seen.length).toBe(before);
  });

  test('a request, and a response, is dropped', async () => {
    for (const at of ['request', 'response'] as const) {
      await breakAt(at, 'path:/drop');
      const answered = asks(`/drop/${at}/${version}`);
      answered.catch(() => {});
      await release(await held(), 'drop');
      await expect(answered).rejects.toThrow();
      const { summary, facts } = await rewriting.recorded(`/drop/${at}/${version}`);
      expect([summary.error, facts.changes.at(-1)?.what]).toEqual(['connection_terminated', 'dropped']);
    }
  });

  test('a response is shown without its coding; as it was it goes on with it, and edited without', async () => {
    await breakAt('response', 'path:/response');
    let answered = asks('/response');
    let waiting = await held();
    expect(waiting).toMatchObject({ at: 'response', status: 200, content: base64('answer to /response') });
    await release(waiting, 'continue');
    expect((await answered).headers['content-encoding']).toBe('gzip');

    answered = asks('/response');
    waiting = await held();
    const fields = [...waiting.fields.filter(([name]) => name.toLowerCase() !== 'x-origin'), ['X-Edited', 'yes']];
    await release(waiting, 'continue', { status: 201, fields, content: waiting.content });
    let { status, headers, content } = await answered;
    expect([status, headers['x-origin'], headers['x-edited'], headers['content-encoding']]).toEqual([201, undefined, 'yes', 'gzip']);

    answered = asks('/response');
    waiting = await held();
    await release(waiting, 'continue', { fields: waiting.fields, content: base64('edited') });
    ({ status, headers, content } = await answered);
    expect([status, headers['content-encoding'], headers['content-length'], content.toString()]).toEqual([200, undefined, '6', 'edited']);

    answered = asks('/response');
    await release(await held(), 'continue', { status: 204 });
    ({ status, content } = await answered);
    expect([status, content.length]).toEqual([204, 0]);
  });

  test('content that is too much to be shown passes as it is', async () => {
    await breakAt('request', 'path:/large');
    const answered = asks('/large', { method: 'POST', content: 'x'.repeat(400_000) });
    const waiting = await held();
    expect([waiting.hasContent, waiting.content]).toEqual([false, '']);
    await release(waiting, 'continue', { fields: [['X-Edited', 'yes']], content: '' });
    expect((await answered).status).toBe(200);
    expect(seen.at(-1)).toMatchObject({ fields: { 'x-edited': 'yes' } });
    expect(seen.at(-1)!.content.length).toBe(400_000);
  });
});

test('trailers stay behind content that was held (RFC 9110 §6.5)', async () => {
  await breakAt('response', 'path:/trailers');
  session = await openSession(rewriting.proxy, `localhost:${secure.port}`);
  const answered = ask(session, { ':path': '/trailers', te: 'trailers' });
  await release(await held(), 'continue');
  const { content, trailers } = await answered;
  expect([content.toString(), trailers['grpc-status']]).toEqual(['message', '0']);
});

test('a client that leaves takes what is held along', async () => {
  await breakAt('request', 'path:/leave');
  const client = await connectRaw({ port: rewriting.proxy.port });
  await client.send(`GET ${plain.url}/leave HTTP/1.1\r\nHost: x\r\n\r\n`);
  const waiting = await held();
  client.destroy();
  await nothingHeld();
  expect((await rewriting.tryApi('POST', `/api/breakpoints/held/${waiting.number}`, { action: 'continue' })).status).toBe(404);
  expect((await rewriting.recorded('/leave')).summary.outcome).toBe('aborted');
});

test('what cannot be is refused with its reason, and what is held stays held', async () => {
  const { tryApi } = rewriting;
  expect((await tryApi('PUT', '/api/breakpoints', [{ filter: 'host:(', at: 'request' }])).value['error']).toMatch(/^filter, column \d+: /);
  await breakAt('request', 'path:/refuse');
  const answered = overHttp1('/refuse');
  const waiting = await held();
  const post = async (content: object) => (await tryApi('POST', `/api/breakpoints/held/${waiting.number}`, content)).status;
  expect(await post({ action: 'continue', edited: { url: 'ftp://x/' } })).toBe(400);
  expect(await post({ action: 'continue', edited: { method: 'CONNECT' } })).toBe(400);
  expect(await post({ action: 'continue', edited: { fields: [['X', 'a\r\nb: c']] } })).toBe(400);
  expect(await post({ action: 'answer', edited: { status: 101 } })).toBe(400);
  await release(waiting, 'continue');
  expect((await answered).status).toBe(200);
});

test('pages are told of what is held, and of breakpoints that nobody has any more nothing is', async () => {
  const page = new WebSocket(`ws+unix:${rewriting.proxy.running.adminSocket}:/api/live`);
  const told: { readonly type: string; readonly held?: readonly Held[] }[] = [];
  const hasHeld = Promise.withResolvers<void>();
  page.on('message', (data) => {
    told.push(JSON.parse(String(data)));
    if (told.at(-1)?.held?.length === 1) hasHeld.resolve();
  });
  await new Promise((resolve, reject) => page.once('open', resolve).once('error', reject));
  await breakAt('request', 'path:/told');
  const answered = overHttp1('/told');
  await hasHeld.promise;
  await release(await held(), 'continue');
  await answered;
  await rewriting.api('PUT', '/api/breakpoints', []);
  expect((await overHttp1('/told')).status).toBe(200);
  page.terminate();
});
