// A WebSocket on a stream of HTTP/2 (RFC 8441) through the whole proxy, to an origin that speaks HTTP/1.1: what is beside it on the connection goes on.
import { createHash } from 'node:crypto';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants, type IncomingHttpHeaders } from 'node:http2';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { connectThrough, type OpeningProxy, startOpeningProxy } from '../support/opened-tunnels.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';

const folder = temporaryFolder(afterAll);
const ca = createTemporaryCa(folder);

/** Echoes what comes over a WebSocket on `/chat`, and refuses any other. */
async function startChat(): Promise<{ authority: string; ended: Promise<void> }> {
  const { key, cert } = ca.issue('localhost');
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const server = createServer({ key, cert }, (_, response) => response.end('beside it'));
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.on('error', () => {}).on('close', () => open.delete(socket));
  });
  server.on('upgrade', (request, socket) => {
    socket.on('error', () => {}).on('close', resolve);
    if (request.url !== '/chat') {
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno');
      return;
    }
    const accept = createHash('sha1')
      .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    socket.pipe(socket);
  });
  await new Promise<void>((listening) => server.listen({ host: '127.0.0.1', port: 0 }, listening));
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return { authority: `localhost:${(server.address() as AddressInfo).port}`, ended };
}

async function openSession(proxy: OpeningProxy, authority: string): Promise<ClientHttp2Session> {
  const client = await connectThrough(proxy, authority);
  const socket = connectTls({ socket: client.release(), ca: proxy.authority, servername: 'localhost', ALPNProtocols: ['h2'] });
  const session = connect(`https://${authority}`, { createConnection: () => socket });
  session.on('error', () => {});
  onTestFinished(() => session.destroy());
  await new Promise((resolve) => session.once('remoteSettings', resolve));
  return session;
}

async function openWebSocket(session: ClientHttp2Session, path: string): Promise<{ stream: ClientHttp2Stream; head: IncomingHttpHeaders }> {
  const stream = session.request(
    { ':method': 'CONNECT', ':protocol': 'websocket', ':path': path, 'sec-websocket-version': '13' },
    { endStream: false },
  );
  stream.on('error', () => {});
  const head = await new Promise<IncomingHttpHeaders>((resolve) => stream.once('response', resolve));
  return { stream, head };
}

test('is relayed octet by octet, with requests beside it', async () => {
  const { authority } = await startChat();
  await using proxy = await startOpeningProxy(folder, ca);
  const session = await openSession(proxy, authority);
  const { stream, head } = await openWebSocket(session, '/chat');
  expect(head[':status']).toBe(200);
  const beside = session.request({ ':path': '/' });
  expect(String((await beside.toArray())[0])).toBe('beside it');
  const content = Buffer.alloc(2 * 1024 * 1024, 'frames, masked or not; ');
  stream.end(content);
  expect(Buffer.concat((await stream.toArray()) as Buffer[]).equals(content)).toBe(true);
});

test('ends at the origin when the client resets the stream', async () => {
  const { authority, ended } = await startChat();
  await using proxy = await startOpeningProxy(folder, ca);
  const session = await openSession(proxy, authority);
  const { stream } = await openWebSocket(session, '/chat');
  stream.close(constants.NGHTTP2_CANCEL);
  await ended;
});

test('ends in order, although the client had nothing more to say before it was answered', async () => {
  const { authority, ended } = await startChat();
  await using proxy = await startOpeningProxy(folder, ca);
  const session = await openSession(proxy, authority);
  const stream = session.request({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/chat' }, { endStream: false });
  stream.end();
  expect(await stream.toArray()).toEqual([]);
  expect(stream.rstCode).toBe(constants.NGHTTP2_NO_ERROR);
  await ended;
});

test('is refused as the origin refuses it', async () => {
  const { authority } = await startChat();
  await using proxy = await startOpeningProxy(folder, ca);
  const session = await openSession(proxy, authority);
  const { stream, head } = await openWebSocket(session, '/private');
  expect(head[':status']).toBe(403);
  expect(String((await stream.toArray())[0])).toBe('no');
});
