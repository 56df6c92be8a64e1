// A WebSocket of a client of HTTP/2 on a stream towards the origin (RFC 8441), where the origin takes them on a session that is open; over HTTP/1.1 else.
import { createHash } from 'node:crypto';
import { type ClientHttp2Session, type ClientHttp2Stream, constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { addAbortSignal, type Duplex } from 'node:stream';
import { afterAll, describe, expect, test } from 'vitest';
import { type DualOrigin, startDualOrigin } from '../support/dual-origin.ts';
import { ask, openSession } from '../support/http2-in-tunnels.ts';
import { type OpeningProxy, startOpeningProxy } from '../support/opened-tunnels.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';

const folder = temporaryFolder(afterAll);
const ca = createTemporaryCa(folder);

type OnConnect = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

const echo: OnConnect = (stream) => {
  stream.respond({ ':status': 200, 'sec-websocket-protocol': 'chat' });
  stream.pipe(stream);
};

interface Chat {
  readonly origin: DualOrigin;
  /** Handshakes that came as an extended CONNECT, and those of HTTP/1.1. */
  readonly connects: IncomingHttpHeaders[];
  upgrades: number;
}

/** Takes WebSockets in both versions of HTTP. */
async function startChat(onConnect: OnConnect, settings = { enableConnectProtocol: true }): Promise<Chat & AsyncDisposable> {
  const origin = await startDualOrigin(ca, null, { settings });
  const chat = { origin, connects: [] as IncomingHttpHeaders[], upgrades: 0, [Symbol.asyncDispose]: () => origin.close() };
  origin.server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on('error', () => {});
    if (headers[':method'] !== 'CONNECT') {
      stream.respond({ ':status': 200 });
      stream.end('beside it');
      return;
    }
    chat.connects.push(headers);
    onConnect(stream, headers);
  });
  origin.server.on('upgrade', (request: { headers: IncomingHttpHeaders }, socket: Duplex) => {
    chat.upgrades += 1;
    const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
    socket.on('error', () => {});
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept.digest('base64')}\r\n\r\n`,
    );
    socket.pipe(socket);
  });
  return chat;
}

/** A client's session, with one of ours to the origin open unless it shall not be. */
async function meet(proxy: OpeningProxy, { origin }: Chat, isOriginMet = true): Promise<ClientHttp2Session> {
  const session = await openSession(proxy, `localhost:${origin.port}`);
  if (session.remoteSettings.enableConnectProtocol !== true) await new Promise((resolve) => session.once('remoteSettings', resolve));
  if (isOriginMet) expect((await ask(session, { ':path': '/' })).content.toString()).toBe('beside it');
  return session;
}

async function openWebSocket(session: ClientHttp2Session): Promise<{ stream: ClientHttp2Stream; head: IncomingHttpHeaders }> {
  const fields = { ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/chat?room=1', 'sec-websocket-version': '13' };
  const stream = session.request({ ...fields, 'sec-websocket-protocol': 'chat' }, { endStream: false });
  stream.on('error', () => {});
  const head = await new Promise<IncomingHttpHeaders>((resolve) => stream.once('response', resolve));
  return { stream, head };
}

async function echoed(stream: ClientHttp2Stream, content: Buffer): Promise<boolean> {
  stream.end(content);
  return Buffer.concat((await stream.toArray()) as Buffer[]).equals(content);
}

/** With CANCEL. `close` would send END_STREAM first. */
function reset(stream: Duplex): void {
  addAbortSignal(AbortSignal.abort(), stream);
}

const CONTENT = Buffer.alloc(3 * 1024 * 1024, 'frames, masked or not; ');

describe('where the origin takes WebSockets on streams', () => {
  test('one goes over the session that is open, octet by octet, and ends in order', async () => {
    await using chat = await startChat(echo);
    await using proxy = await startOpeningProxy(folder, ca);
    const session = await meet(proxy, chat);
    const { stream, head } = await openWebSocket(session);
    expect(head).toMatchObject({ ':status': 200, 'sec-websocket-protocol': 'chat' });
    expect(await echoed(stream, CONTENT)).toBe(true);
    expect(chat.connects[0]).toMatchObject({ ':protocol': 'websocket', ':path': '/chat?room=1', 'sec-websocket-version': '13' });
    expect(chat.connects[0]).not.toHaveProperty('sec-websocket-key');
    expect([chat.upgrades, chat.origin.accepted]).toEqual([0, 1]);
    const flow = await proxy.flow(1);
    expect(flow).toMatchObject({ status: 101, upstreamProtocol: '2', reusedConnection: true, outcome: 'tunnelled' });
    expect(flow.bytesToClient).toBeGreaterThan(CONTENT.length);
  });

  test('requests go on beside it on the same session, and after it', async () => {
    await using chat = await startChat(echo);
    await using proxy = await startOpeningProxy(folder, ca);
    const session = await meet(proxy, chat);
    const { stream } = await openWebSocket(session);
    await Promise.all(Array.from({ length: 10 }, () => ask(session, { ':path': '/' })));
    expect(await echoed(stream, Buffer.from('still there'))).toBe(true);
    await ask(session, { ':path': '/' });
    expect(chat.origin.accepted).toBe(1);
  });

  test('a client that resets its stream resets that of the origin (CANCEL), and an origin that does, the client\u2019s', async () => {
    const seen: number[] = [];
    const { promise: second, resolve } = Promise.withResolvers<ServerHttp2Stream>();
    await using chat = await startChat((stream) => {
      stream.respond({ ':status': 200 });
      stream.on('data', () => {});
      stream.on('end', () => stream.rstCode === 0 && !stream.aborted && seen.push(-1));
      stream.on('close', () => seen.push(stream.rstCode));
      if (chat.connects.length === 2) resolve(stream);
    });
    await using proxy = await startOpeningProxy(folder, ca);
    const session = await meet(proxy, chat);
    const { stream } = await openWebSocket(session);
    reset(stream);
    while (seen.length === 0) await new Promise((next) => setTimeout(next, 5));
    expect(seen).toEqual([constants.NGHTTP2_CANCEL]);
    const other = await openWebSocket(session);
    const closed = new Promise((next) => other.stream.once('close', next));
    reset(await second);
    await closed;
    expect(other.stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
    expect((await ask(session, { ':path': '/' })).headers[':status']).toBe(200);
  });

  test('a refusal is the origin\u2019s own, with its content', async () => {
    await using chat = await startChat((stream) => {
      stream.respond({ ':status': 403 });
      stream.end('not you');
    });
    await using proxy = await startOpeningProxy(folder, ca);
    const { stream, head } = await openWebSocket(await meet(proxy, chat));
    expect(head[':status']).toBe(403);
    expect(String((await stream.toArray())[0])).toBe('not you');
    expect(chat.upgrades).toBe(0);
  });

  test.each<[string, number, number, number]>([
    ['as not acted on goes over HTTP/1.1 instead (RFC 9113 §8.7)', constants.NGHTTP2_REFUSED_STREAM, 200, 1],
    ['in favour of HTTP/1.1 goes over that (RFC 9113 §7)', constants.NGHTTP2_HTTP_1_1_REQUIRED, 200, 1],
    ['with an error fails, and is not sent again', constants.NGHTTP2_INTERNAL_ERROR, 502, 0],
    ['without an error fails, and is not sent again', constants.NGHTTP2_NO_ERROR, 502, 0],
  ])('one that is reset %s', async (_, code, status, upgrades) => {
    await using chat = await startChat((stream) => stream.close(code));
    await using proxy = await startOpeningProxy(folder, ca);
    const session = await meet(proxy, chat);
    const { stream, head } = await openWebSocket(session);
    expect([head[':status'], chat.upgrades, chat.connects.length]).toEqual([status, upgrades, 1]);
    reset(stream);
    expect((await proxy.flow(1)).upstreamProtocol).toBe(upgrades === 1 ? '1.1' : '2');
    expect((await ask(session, { ':path': '/' })).headers[':status']).toBe(200);
  });

  test('they leave half of the streams to requests', async () => {
    const settings = { enableConnectProtocol: true, maxConcurrentStreams: 4 };
    await using chat = await startChat(echo, settings);
    await using proxy = await startOpeningProxy(folder, ca);
    const session = await meet(proxy, chat);
    for (let i = 0; i < 4; i += 1) expect((await openWebSocket(session)).head[':status']).toBe(200);
    expect([chat.connects.length, chat.upgrades]).toEqual([2, 2]);
    expect((await ask(session, { ':path': '/' })).headers[':status']).toBe(200);
  });
});

describe('over HTTP/1.1 goes a WebSocket', () => {
  test('whose origin does not take them on streams', async () => {
    await using chat = await startChat(echo, { enableConnectProtocol: false });
    await using proxy = await startOpeningProxy(folder, ca);
    const { stream, head } = await openWebSocket(await meet(proxy, chat));
    expect([head[':status'], chat.upgrades, chat.connects.length]).toEqual([200, 1, 0]);
    expect(await echoed(stream, CONTENT)).toBe(true);
  });

  test('that comes before any session is open: no connection is made to find out', async () => {
    await using chat = await startChat(echo);
    await using proxy = await startOpeningProxy(folder, ca);
    const { head } = await openWebSocket(await meet(proxy, chat, false));
    expect([head[':status'], chat.upgrades, chat.connects.length]).toEqual([200, 1, 0]);
  });
});
