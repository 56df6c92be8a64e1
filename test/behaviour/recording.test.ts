// What is kept of everything that passes, from the client's first octet to the store's disk: one proxy, one of each kind of exchange, and what the session
// says of them once the proxy has been closed.
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { RECORD_DEFAULTS } from '../../src/flows/options.ts';
import type { RecordedExchange, RecordedMessage } from '../../src/flows/recorded.ts';
import { openFlowStore } from '../../src/flows/store/flow-store.ts';
import { fetchVia, inMemory, requestFor } from '../support/cached.ts';
import { ask, openSession } from '../support/http2-in-tunnels.ts';
import { type OpeningProxy, openTunnel, startOpeningProxy } from '../support/opened-tunnels.ts';
import { connectRaw } from '../support/raw-client.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

interface Kept {
  readonly exchange: RecordedExchange;
  readonly request: string | null;
  readonly response: string | null;
  readonly messages: readonly RecordedMessage[];
}

const folder = temporaryFolder(afterAll);
const ca = createTemporaryCa(folder);
const kept: Kept[] = [];
let origin: WebOrigin;
let secure: WebOrigin;

beforeAll(async () => {
  origin = await startWebOrigin(answer);
  secure = await startWebOrigin((_, response) => response.end('inside'), ca.issue('localhost'));
  new WebSocketServer({ server: origin.server }).on('connection', (socket) => socket.on('message', (data) => socket.send(`${data}!`)));
});
afterAll(() => Promise.all([origin.close(), secure.close()]));

it('disturbs nothing of what passes, and has all of it on the disk when the proxy has been closed', async () => {
  const proxy = await startOpeningProxy(folder, ca, {
    rules: `  - name: Inside\n    intercept: { host: localhost, port: ${secure.port} }\n  - name: Loopback\n    allow: { host: 127.0.0.1 }\n`,
    config: { stateFolder: folder, record: { ...RECORD_DEFAULTS, bodyLimit: 1_024 }, cache: inMemory() },
  });
  await letPass(proxy);
  await letTunnelsPass(proxy);
  await proxy.close();
  expect(proxy.reports.filter((line) => !line.startsWith('made a certificate authority'))).toEqual([]);
  await readSession();
  expect(kept.map(({ exchange }) => exchange.facts.connectionId > 0)).toEqual(proxy.flows.map(() => true));
}, 180_000);

it('keeps a request as it came and as it went, and the answer as it came and as it was delivered', () => {
  const { exchange, response } = find('/plain');
  const host = ['Host', `127.0.0.1:${origin.port}`];
  expect(exchange.summary).toMatchObject({
    state: 'done',
    kind: 'exchange',
    outcome: 'forwarded',
    status: 200,
    decision: 'allow',
    rule: 'Loopback',
  });
  expect(exchange.request).toEqual({
    ...{ method: 'GET', target: `${origin.url}/plain`, version: '1.1' },
    fields: [host, ['X-Mine', 'yes'], ['Proxy-Authorization', expect.stringContaining('masked')]],
  });
  expect(exchange.sent).toEqual({
    ...{ method: 'GET', target: '/plain', version: '1.1' },
    fields: [host, ['X-Mine', 'yes'], ['Via', expect.stringMatching(/^1\.1 sallyport/)]],
  });
  const names = (message: { readonly fields: RecordedExchange['request']['fields'] } | null) => message?.fields.map(([name]) => name);
  expect(names(exchange.received)).toEqual(['Cache-Control', 'Content-Type', 'Content-Length', 'Date', 'Connection', 'Keep-Alive']);
  expect(names(exchange.response)).toEqual(['Cache-Control', 'Content-Type', 'Date', 'Via', 'Cache-Status', 'Content-Length']);
  expect(exchange.responseContent).toMatchObject({ length: 5, kept: 5, isComplete: true, digest: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect(exchange.facts.decision).toMatchObject({ line: 7, question: { host: '127.0.0.1', pathAndQuery: '/plain' } });
  expect(response).toBe('hello');
});

it('keeps the answer from the cache with the reason, and that no origin was asked', () => {
  const [, { exchange, response }] = kept.filter(({ exchange }) => exchange.summary.path === '/plain') as [Kept, Kept];
  expect(exchange.summary).toMatchObject({ outcome: 'reused', cache: 'hit', status: 200, responseBytes: 5 });
  expect(exchange).toMatchObject({ sent: null, received: null, facts: { cache: { outcome: 'hit', reuseWhy: 'fresh' } } });
  // The sum of RFC 9111 §4.2.3, with what it was made of.
  const { stored } = exchange.facts.cache!;
  expect(stored).toMatchObject({ lifetimeFrom: 'max-age', controlledBy: 'Cache-Control', ageValueSeconds: 0, apparentAgeSeconds: 0 });
  expect(stored!.ageSeconds).toBe(Number(exchange.response!.fields.find(([name]) => name === 'Age')?.[1]));
  expect(kept.find(({ exchange: { summary } }) => summary.cache === 'forwarded')!.exchange.facts.cache!.stored).toBeNull();
  expect(exchange.response!.fields.map(([name]) => name)).toEqual(
    expect.arrayContaining(['Cache-Control', 'Content-Type', 'Age', 'Cache-Status', 'Content-Length']),
  );
  expect(response).toBe('hello');
});

it('keeps the beginning of what is larger than the limit, both ways, and its whole length', () => {
  const { exchange, request, response } = find('/large');
  expect(exchange.requestContent).toMatchObject({ length: 3_000, kept: 1_024, isComplete: true });
  expect(exchange.responseContent).toMatchObject({ length: 50_000, kept: 1_024, isComplete: true });
  expect([request, response]).toEqual(['q'.repeat(1_024), 'a'.repeat(1_024)]);
});

it('keeps denials and errors with the pages that told of them', () => {
  const denied = find('', 'denied.example');
  expect(denied.exchange).toMatchObject({ summary: { outcome: 'denied', decision: 'deny', rule: null, status: 403 }, sent: null });
  expect(denied.response).toContain('denied.example');
  const failed = kept.find(({ exchange }) => exchange.summary.error === 'connection_refused')!;
  expect(failed.exchange).toMatchObject({ summary: { outcome: 'failed', status: 502 }, response: { status: 502 }, received: null });
  const unreadable = kept.find(({ exchange }) => exchange.summary.status === 400)!;
  expect(unreadable.exchange.summary).toMatchObject({ scheme: '', host: '', path: '', error: 'http_request_error' });
});

it('keeps an exchange that its client gave up', () => {
  const { exchange } = find('/never');
  expect(exchange).toMatchObject({ summary: { outcome: 'aborted', status: 0, totalMs: expect.any(Number) }, response: null });
  expect(exchange.sent?.target).toBe('/never');
});

it('keeps messages of a WebSocket, both ways', () => {
  const { exchange, messages } = find('/chat');
  expect(exchange.summary).toMatchObject({ kind: 'websocket', status: 101, messages: 4 });
  expect(
    messages.map(({ number, direction, kind, preview }) => [number, direction, kind, Buffer.from(preview, 'base64').toString()]),
  ).toEqual([
    [1, 'from-client', 'text', 'hello'],
    [2, 'to-client', 'text', 'hello!'],
    [3, 'from-client', 'close', 'bye'],
    [4, 'to-client', 'close', 'bye'],
  ]);
});

it('keeps server-sent events one by one, and the stream', () => {
  const { exchange, messages, response } = find('/events');
  expect(exchange.summary).toMatchObject({ kind: 'exchange', contentType: 'text/event-stream', messages: 2 });
  expect(messages.map(({ kind, preview }) => [kind, Buffer.from(preview, 'base64').toString()])).toEqual([
    ['sse', 'data: one\n'],
    ['sse', 'data: two\n'],
  ]);
  expect(response).toBe('data: one\n\ndata: two\n\n');
});

it('keeps a tunnel that passed with its octets, and one that was opened with what was inside', () => {
  const passed = find('', '127.0.0.1');
  expect(passed.exchange).toMatchObject({
    summary: { kind: 'tunnel', scheme: 'tunnel', outcome: 'tunnelled' },
    response: { status: 200 },
    sent: null,
  });
  expect(passed.exchange.summary.responseBytes).toBeGreaterThan(100);
  const opened = find('', 'localhost');
  expect(opened.exchange.summary).toMatchObject({ kind: 'tunnel', outcome: 'opened', interception: 'opened', rule: 'Inside' });
  const inside = find('/one');
  expect(inside.exchange.summary).toMatchObject({ scheme: 'https', host: 'localhost', connectId: opened.exchange.summary.id, status: 200 });
  expect(inside.exchange.facts.originTls?.certificate.subject).toContain('localhost');
  expect(inside.response).toBe('inside');
});

it('keeps exchanges of HTTP/2', () => {
  const { exchange, request, response } = find('/two');
  expect(exchange).toMatchObject({
    summary: { version: '2', method: 'POST' },
    request: { version: '2' },
    response: { version: '2', status: 200 },
  });
  expect([request, response]).toEqual(['from a stream', 'inside']);
});

function answer(...[request, response]: Parameters<Parameters<typeof startWebOrigin>[0]>): void {
  switch (request.url) {
    case '/plain':
      response.writeHead(200, { 'Cache-Control': 'max-age=60', 'Content-Type': 'text/plain', 'Content-Length': '5' }).end('hello');
      return;
    case '/large':
      request.resume().on('end', () => response.end('a'.repeat(50_000)));
      return;
    case '/events':
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write('data: one\n\n');
      response.end('data: two\n\n');
      return;
    case '/never':
      return;
    default:
      response.writeHead(404).end();
  }
}

async function letPass(proxy: OpeningProxy): Promise<void> {
  const { url, port } = origin;
  await fetchVia(proxy, `${url}/plain`, {
    fields: [
      ['X-Mine', 'yes'],
      ['Proxy-Authorization', 'Basic c2VjcmV0'],
    ],
  });
  await fetchVia(proxy, `${url}/plain`);
  await fetchVia(proxy, `${url}/large`, { method: 'POST', body: 'q'.repeat(3_000) });
  await fetchVia(proxy, `${url}/events`);
  await fetchVia(proxy, 'http://denied.example/');
  await fetchVia(proxy, 'http://127.0.0.1:1/refused');
  using unreadable = await connectRaw({ port: proxy.port });
  await unreadable.send('GET \x01 HTTP/1.1\r\n\r\n');
  await unreadable.readResponse();

  const given = origin.requests.length;
  const client = await connectRaw({ port: proxy.port });
  await client.send(requestFor(`${url}/never`));
  await expect.poll(() => origin.requests.length).toBe(given + 1);
  client.reset();
  await expect.poll(() => proxy.flows.filter(({ outcome }) => outcome === 'aborted').length).toBe(1);

  const socket = new WebSocket(`ws://127.0.0.1:${port}/chat`, {
    createConnection: () => connect(proxy.port, '127.0.0.1'),
    finishRequest(request) {
      request.path = `${url}/chat`;
      request.end();
    },
  });
  await once(socket, 'open');
  socket.send('hello');
  await once(socket, 'message');
  socket.close(1000, 'bye');
  await once(socket, 'close');
}

async function letTunnelsPass(proxy: OpeningProxy): Promise<void> {
  using tunnel = await connectRaw({ port: proxy.port });
  await tunnel.send(`CONNECT 127.0.0.1:${origin.port} HTTP/1.1\r\nHost: 127.0.0.1:${origin.port}\r\n\r\n`);
  await tunnel.readResponse('CONNECT');
  await tunnel.send('GET /plain HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  await tunnel.readResponse();
  tunnel.end();
  await tunnel.closed;
  const authority = `localhost:${secure.port}`;
  using opened = await openTunnel(proxy, authority);
  await opened.send(`GET /one HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
  await opened.readResponse();
  const session = await openSession(proxy, authority);
  await ask(session, { ':method': 'POST', ':path': '/two' }, Buffer.from('from a stream'));
}

async function readSession(): Promise<void> {
  const { session, maxBytes, maxAgeMs } = RECORD_DEFAULTS;
  const store = await openFlowStore({ folder: `${folder}/sessions`, session, maxBytes, maxAgeMs }, () => {});
  const listed = await store.ask({ kind: 'list', filter: '', order: 'id', offset: 0, limit: 100 });
  if ('problem' in listed) throw new Error(listed.problem.message);
  for (const { id } of listed.rows) {
    const text = async (of: 'request' | 'response'): Promise<string | null> => {
      const content = await store.ask({ kind: 'content', id, of });
      return content === null ? null : Buffer.from(content.bytes).toString();
    };
    const exchange = await store.ask({ kind: 'exchange', id });
    const { messages } = await store.ask({ kind: 'messages', id, after: 0, limit: 100 });
    kept.push({ exchange: exchange!, request: await text('request'), response: await text('response'), messages });
  }
  await store.close();
}

/** The first of this path, or of this host without one. */
function find(path: string, host?: string): Kept {
  const found = kept.find(({ exchange: { summary } }) =>
    host === undefined ? summary.path === path : summary.host === host && (summary.kind === 'tunnel' || host === 'denied.example'),
  );
  if (found === undefined) throw new Error(`nothing is kept of ${path}${host ?? ''}`);
  return found;
}
