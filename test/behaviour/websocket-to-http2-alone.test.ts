// A WebSocket to an origin that speaks HTTP/2 alone: the handshake of a client of HTTP/1.1 goes out as an extended CONNECT (RFC 8441), where the origin
// takes those. Behind the origin is a WebSocket server of HTTP/1.1, as behind a front end that ends HTTP/2.
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { constants, type IncomingHttpHeaders, type SecureServerOptions, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, createServer, type TLSSocket } from 'node:tls';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { RecordedMessage } from '../../src/flows/recorded.ts';
import { openSession } from '../support/http2-in-tunnels.ts';
import { connectThrough, type OpeningProxy, openTunnel, startOpeningProxy } from '../support/opened-tunnels.ts';
import { startRewritingProxy } from '../support/rewriting-proxy.ts';
import { type StreamOrigin, startStreamOrigin } from '../support/stream-origin.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';

const folder = temporaryFolder(afterAll);
const ca = createTemporaryCa(folder);
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

interface Chat extends AsyncDisposable {
  readonly authority: string;
  readonly origin: StreamOrigin;
  /** Of the extended CONNECTs that came. */
  readonly connects: readonly IncomingHttpHeaders[];
  /** With what code each ended that is over. */
  readonly resets: readonly number[];
}

/** What is said comes back as `re: …`. */
async function startChat(settings: SecureServerOptions['settings'] = { enableConnectProtocol: true }): Promise<Chat> {
  const handleProtocols = (offered: Set<string>) => offered.has('chat') && 'chat';
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: { threshold: 0 }, handleProtocols });
  server.on('connection', (socket) => socket.on('message', (data) => socket.send(`re: ${data}`)));
  await once(server, 'listening');
  const connects: IncomingHttpHeaders[] = [];
  const resets: number[] = [];
  const answer = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void => {
    if (headers[':method'] !== 'CONNECT') {
      stream.respond({ ':status': 200 });
      stream.end('beside it');
      return;
    }
    connects.push(headers);
    stream.once('close', () => resets.push(stream.rstCode));
    joinWithServer(stream, headers, (server.address() as { port: number }).port);
  };
  const origin = await startStreamOrigin(ca, answer, { settings });
  const dispose = async (): Promise<void> => {
    for (const socket of server.clients) socket.terminate();
    server.close();
    await origin[Symbol.asyncDispose]();
  };
  return { authority: `localhost:${origin.port}`, origin, connects, resets, [Symbol.asyncDispose]: dispose };
}

function joinWithServer(stream: ServerHttp2Stream, fields: IncomingHttpHeaders, port: number): void {
  if (fields[':path'] === '/refused') {
    stream.respond({ ':status': 403 });
    stream.end('not you');
    return;
  }
  const own = Object.entries(fields).filter(([name]) => name.startsWith('sec-websocket-'));
  const upgrade = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-key': KEY };
  const asked = request({ host: '127.0.0.1', port, path: fields[':path'], headers: { ...Object.fromEntries(own), ...upgrade } });
  asked.on('upgrade', ({ headers }: IncomingMessage, socket: Duplex) => {
    const { 'sec-websocket-protocol': protocol, 'sec-websocket-extensions': extensions } = headers;
    stream.respond({ ':status': 200, 'sec-websocket-protocol': protocol, 'sec-websocket-extensions': extensions });
    socket.on('error', () => {});
    socket.pipe(stream).pipe(socket);
  });
  asked.end();
}

/** In an opened tunnel, over HTTP/1.1. */
async function begin(proxy: OpeningProxy, authority: string, path: string): Promise<WebSocket & { readonly tcp: Socket }> {
  const tcp = (await connectThrough(proxy, authority)).release();
  const secured = connectTls({ socket: tcp, ca: proxy.authority, servername: 'localhost', ALPNProtocols: ['http/1.1'] });
  await once(secured, 'secureConnect');
  const socket = new WebSocket(`wss://${authority}${path}`, ['other', 'chat'], {
    createConnection: () => secured,
    origin: 'https://page.example',
    headers: { 'X-Hop': 'for the proxy', 'X-End': 'for the origin' },
    finishRequest(asked) {
      asked.setHeader('Connection', 'Upgrade, X-Hop');
      asked.end();
    },
  });
  onTestFinished(() => socket.on('error', () => {}).terminate());
  return Object.assign(socket, { tcp });
}

async function echoOf(socket: WebSocket, text: string): Promise<string> {
  const answer = once(socket, 'message');
  socket.send(text);
  return String((await answer)[0]);
}

async function closed(socket: WebSocket, code: number): Promise<number> {
  const end = once(socket, 'close');
  socket.close(code);
  return (await end)[0] as number;
}

describe('where the origin takes WebSockets on streams', () => {
  test('a client of HTTP/1.1 gets one, with its subprotocol and its compression, and it is on record as any', async () => {
    await using chat = await startChat();
    const { proxy, api, recorded } = await startRewritingProxy(folder, ca, 'version: 1\nrules: []\n');
    await using _ = proxy;
    // It opens only with the right Sec-WebSocket-Accept.
    const socket = await begin(proxy, chat.authority, '/chat?room=1');
    await once(socket, 'open');
    expect([socket.protocol, socket.extensions]).toEqual(['chat', 'permessage-deflate']);
    expect(await echoOf(socket, 'hello')).toBe('re: hello');
    const large = 'frames, compressed and masked; '.repeat(20_000);
    expect((await echoOf(socket, large)) === `re: ${large}`).toBe(true);
    expect(await closed(socket, 4321)).toBe(4321);

    const [connect] = chat.connects;
    expect(connect).toMatchObject({
      ...{ ':protocol': 'websocket', ':scheme': 'https', ':authority': chat.authority, ':path': '/chat?room=1', 'x-end': 'for the origin' },
      ...{ origin: 'https://page.example', 'sec-websocket-version': '13', 'sec-websocket-protocol': 'other,chat' },
      ...{ 'sec-websocket-extensions': expect.stringContaining('permessage-deflate'), via: expect.stringMatching(/^1\.1 sallyport/) },
    });
    for (const name of ['sec-websocket-key', 'connection', 'upgrade', 'x-hop']) expect(connect).not.toHaveProperty(name);

    const exchange = await recorded('/chat?room=1');
    expect(exchange).toMatchObject({
      summary: { kind: 'websocket', status: 101, outcome: 'tunnelled', version: '1.1', messages: 6 },
      facts: { upstreamProtocol: '2', reusedConnection: false },
      response: { status: 101 },
    });
    expect(exchange.sent!.fields).toContainEqual([':protocol', 'websocket']);
    const { messages } = await api<{ messages: RecordedMessage[] }>('GET', `/api/exchanges/${exchange.summary.id}/messages`);
    const told = messages.map(({ direction, kind, preview }) => [direction, kind, Buffer.from(preview, 'base64').toString().slice(0, 9)]);
    expect(told).toEqual([
      ['from-client', 'text', 'hello'],
      ['to-client', 'text', 're: hello'],
      ['from-client', 'text', 'frames, c'],
      ['to-client', 'text', 're: frame'],
      ['from-client', 'close', expect.anything()],
      ['to-client', 'close', expect.anything()],
    ]);
  });

  test('the next goes over the session that is open then, and so do requests', async () => {
    await using chat = await startChat();
    await using proxy = await startOpeningProxy(folder, ca);
    const first = await begin(proxy, chat.authority, '/');
    await once(first, 'open');
    const second = await begin(proxy, chat.authority, '/');
    await once(second, 'open');
    const client = await openTunnel(proxy, chat.authority, { ALPNProtocols: ['http/1.1'] });
    await client.send(`GET / HTTP/1.1\r\nHost: ${chat.authority}\r\n\r\n`);
    expect((await client.readResponse()).body.toString()).toBe('beside it');
    expect([await echoOf(first, 'one'), await echoOf(second, 'two')]).toEqual(['re: one', 're: two']);
    // One was turned down, which no stream has come of.
    expect([chat.origin.accepted, chat.origin.sessions.size]).toEqual([2, 1]);
    expect(await closed(first, 1000)).toBe(1000);
    expect(await echoOf(second, 'still there')).toBe('re: still there');
  });

  test('they leave half of the streams to requests, and go on over another session', async () => {
    await using chat = await startChat({ enableConnectProtocol: true, maxConcurrentStreams: 4 });
    await using proxy = await startOpeningProxy(folder, ca);
    for (const text of ['one', 'two', 'three']) {
      const socket = await begin(proxy, chat.authority, '/');
      await once(socket, 'open');
      expect(await echoOf(socket, text)).toBe(`re: ${text}`);
    }
    expect(chat.origin.sessions.size).toBe(2);
  });

  test('one that is broken off by its client is reset at the origin (CANCEL), and the session stays', async () => {
    await using chat = await startChat();
    await using proxy = await startOpeningProxy(folder, ca);
    const first = await begin(proxy, chat.authority, '/');
    await once(first, 'open');
    first.on('error', () => {}).tcp.resetAndDestroy();
    await expect.poll(() => chat.resets).toEqual([constants.NGHTTP2_CANCEL]);
    const second = await begin(proxy, chat.authority, '/');
    await once(second, 'open');
    expect([await echoOf(second, 'next'), chat.origin.sessions.size]).toEqual(['re: next', 1]);
  });

  test('a refusal is the origin\u2019s own, with its content', async () => {
    await using chat = await startChat();
    await using proxy = await startOpeningProxy(folder, ca);
    const [, response] = await once(await begin(proxy, chat.authority, '/refused'), 'unexpected-response');
    expect([response.statusCode, String((await response.toArray())[0])]).toEqual([403, 'not you']);
  });

  test('a client of HTTP/2 that comes before any session is open gets one, too', async () => {
    await using chat = await startChat();
    await using proxy = await startOpeningProxy(folder, ca);
    const session = await openSession(proxy, chat.authority);
    if (session.remoteSettings.enableConnectProtocol !== true) await once(session, 'remoteSettings');
    const fields = { ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/', 'sec-websocket-version': '13' };
    const stream = session.request({ ...fields, 'sec-websocket-protocol': 'chat' }, { endStream: false });
    const [head] = await once(stream, 'response');
    expect(head).toMatchObject({ ':status': 200, 'sec-websocket-protocol': 'chat' });
    stream.close();
  });

  test.each<[string, string]>([
    ['no key', ''],
    ['a key that is none', 'Sec-WebSocket-Key: short\r\n'],
    ['two keys', `Sec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Key: ${KEY}\r\n`],
  ])('a handshake with %s is refused here: the origin would not see it (RFC 6455 §4.2.1)', async (_, key) => {
    await using chat = await startChat();
    await using proxy = await startOpeningProxy(folder, ca);
    const { status } = await shakeHands(proxy, chat.authority, key);
    expect([status, chat.origin.streams]).toEqual([400, 0]);
  });
});

describe('where it does not', () => {
  test('502 says so, and no connection is made to find that out again', async () => {
    await using chat = await startChat({});
    await using proxy = await startOpeningProxy(folder, ca);
    for (let i = 0; i < 2; i += 1) {
      const refused = await shakeHands(proxy, chat.authority);
      expect(refused.status).toBe(502);
      expect(refused.text).toContain('speaks HTTP/2 alone and takes no WebSockets there: its settings do not have ENABLE_CONNECT_PROTOCOL');
      expect(await proxy.flow(2 * i)).toMatchObject({ error: { code: 'http_upgrade_failed' } });
    }
    expect([chat.origin.accepted, chat.origin.streams]).toEqual([2, 0]);
  });

  test.each<[string, number, string, (socket: TLSSocket) => void]>([
    ['says nothing', 504, 'sent no SETTINGS of HTTP/2 within 300 ms', () => {}],
    ['leaves', 502, 'closed the connection without answering', (socket) => socket.end()],
  ])('nor says so, but %s: %i', async (_, status, words, greet) => {
    await using silent = await startSilent(greet);
    await using proxy = await startOpeningProxy(folder, ca, { config: { upstream: { responseTimeoutMs: 300 } } });
    const failed = await shakeHands(proxy, silent.authority);
    expect(failed.status).toBe(status);
    expect(failed.text).toContain(words);
    await expect.poll(() => silent.open.size, { timeout: 5_000 }).toBe(0);
  });

  test('nor says so, and the client leaves meanwhile: its record ends', async () => {
    const { promise: reached, resolve } = Promise.withResolvers<void>();
    await using silent = await startSilent(() => resolve());
    await using proxy = await startOpeningProxy(folder, ca);
    const socket = await begin(proxy, silent.authority, '/');
    socket.on('error', () => {});
    await reached;
    socket.tcp.resetAndDestroy();
    await expect.poll(() => proxy.flows.map(({ outcome }) => outcome)).toContain('aborted');
  });
});

/** Chooses h2 in its handshake, and never speaks it. */
async function startSilent(greet: (socket: TLSSocket) => void) {
  const open = new Set<TLSSocket>();
  const server = createServer({ ...ca.issue('localhost'), ALPNProtocols: ['h2'] }, (socket) => {
    open.add(socket);
    socket.on('error', () => {}).once('close', () => open.delete(socket));
    socket.resume();
    greet(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const dispose = async (): Promise<void> => {
    for (const socket of open) socket.destroy();
    await new Promise((closed) => server.close(closed));
  };
  return { authority: `localhost:${(server.address() as { port: number }).port}`, open, [Symbol.asyncDispose]: dispose };
}

/** As `ws` would not. */
async function shakeHands(
  proxy: OpeningProxy,
  authority: string,
  key = `Sec-WebSocket-Key: ${KEY}\r\n`,
): Promise<{ readonly status: number; readonly text: string }> {
  using client = await openTunnel(proxy, authority, { ALPNProtocols: ['http/1.1'] });
  const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n';
  await client.send(`GET / HTTP/1.1\r\nHost: ${authority}\r\n${upgrade}${key}\r\n`);
  const { status, body } = await client.readResponse();
  return { status, text: body.toString().replaceAll(/\s+/g, ' ') };
}
