// The adapter against the package whose API it has, where a connection becomes something else: WebSockets and CONNECT. Where the two differ both outcomes are
// stated; the table of those is src/adapters/README.md.
import { once } from 'node:events';
import http from 'node:http';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { compare, type MitmOrigin, play, type Scene, type Setting, startMitmOrigin } from '../support/mitm-proxies.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';

const folder = temporaryFolder(afterAll);
let setting: Setting;
let origin: MitmOrigin;
let secure: MitmOrigin;

beforeAll(async () => {
  const ca = createTemporaryCa(folder);
  setting = { ca, folder };
  origin = await startMitmOrigin();
  secure = await startMitmOrigin(undefined, ca.issue('localhost'));
  for (const { server } of [origin, secure]) {
    const sockets = new WebSocketServer({ server, handleProtocols: (protocols) => [...protocols][0] ?? false });
    sockets.on('connection', (socket, { url }) => {
      if (url === '/closes') socket.close(4001, 'enough');
      if (url === '/vanishes') socket.terminate();
      socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    });
  }
});

afterAll(() => {
  for (const each of [origin, secure]) each.close();
});

beforeEach(() => {
  // The package writes down what fails, and what it starts.
  for (const method of ['error', 'debug', 'info'] as const) vi.spyOn(console, method).mockImplementation(() => {});
});

/** In the tunnel of a CONNECT, as browsers open them. */
async function open(scene: Scene, to: MitmOrigin, path = '/', protocols: string[] = []): Promise<WebSocket> {
  const isSecure = to === secure;
  const host = `${isSecure ? 'localhost' : '127.0.0.1'}:${to.port}`;
  const socket = isSecure ? await scene.openTls(host) : await openTunnel(scene, host);
  const client = new WebSocket(`${isSecure ? 'wss' : 'ws'}://${host}${path}`, protocols, { createConnection: () => socket });
  onTestFinished(() => client.terminate());
  return client;
}

async function openTunnel({ port }: Scene, target: string): Promise<import('node:net').Socket> {
  const connect = http.request({ host: '127.0.0.1', port, method: 'CONNECT', path: target, headers: { host: target } }).end();
  const [, socket] = await once(connect, 'connect');
  return socket;
}

/** Sends each, and waits for what comes back. */
async function echoes(client: WebSocket, ...messages: readonly (string | Buffer)[]): Promise<unknown[]> {
  if (client.readyState !== WebSocket.OPEN) await once(client, 'open');
  const heard = [];
  for (const message of messages) {
    client.send(message);
    const [data, isBinary] = await once(client, 'message');
    heard.push([String(data), isBinary]);
  }
  return heard;
}

async function closed(client: WebSocket): Promise<unknown[]> {
  const [code, reason] = await once(client, 'close');
  return [code, String(reason)];
}

test('shows and changes messages of a WebSocket, text and binary, each way', async () => {
  for (const to of [origin, secure]) {
    const { theirs, ours } = await compare(setting, async (scene) => {
      const { proxy, notes } = scene;
      proxy.onWebSocketConnection((ctx, done) => {
        notes.push(['connection', ctx.clientToProxyWebSocket.upgradeReq.url, ctx.isSSL, typeof ctx.uuid]);
        return done();
      });
      proxy.onWebSocketFrame((_ctx, type, fromServer, data, flags, done) => {
        notes.push([type, fromServer, String(data), flags]);
        return done(null, Buffer.from(`${data}${fromServer ? '<' : '>'}`), flags);
      });
      proxy.onWebSocketSend((_ctx, message, flags, done) => done(null, Buffer.from(`${message}s`), flags));
      proxy.onWebSocketMessage((_ctx, message, flags, done) => done(null, Buffer.from(`${message}m`), flags));
      const client = await open(scene, to, '/a?b');
      const heard = await echoes(client, 'text', Buffer.from('bin'), 'x'.repeat(200), 'y'.repeat(70_000));
      client.close(4000, 'done');
      return [heard.map((each) => [String((each as [string])[0]).slice(-8)]), notes.length, notes.slice(0, 4), await closed(client)];
    });
    expect(ours).toEqual(theirs);
    expect(ours[0]).toMatchObject([['text>s<m'], ['bin>s<m'], ['xxxx>s<m'], ['yyyy>s<m']]);
  }
});

test('tells who closes a WebSocket, with which code, and closes the other end with it', async () => {
  const { theirs, ours } = await compare(setting, async (scene) => {
    const { proxy, notes } = scene;
    const told = Promise.withResolvers<void>();
    proxy.onWebSocketClose((ctx, code, reason, done) => {
      notes.push([ctx.closedByServer, ctx.closedByClient, code, String(reason)]);
      if (notes.length === 2) told.resolve();
      return done(null, code, reason);
    });
    const byServer = await closed(await open(scene, origin, '/closes'));
    const client = await open(scene, origin);
    await echoes(client, 'one');
    client.close(4002, 'client');
    const byClient = await closed(client);
    await told.promise;
    return [byServer, byClient, notes];
  });
  expect(ours).toEqual(theirs);
  expect(ours[2]).toEqual([
    [true, false, 4001, 'enough'],
    [false, true, 4002, 'client'],
  ]);
});

test('tells of an error that a handler calls back with', async () => {
  const { theirs, ours } = await compare(setting, async (scene) => {
    const { proxy, notes } = scene;
    const told = Promise.withResolvers<void>();
    proxy.onWebSocketError((_ctx, error) => {
      notes.push(error.message);
      told.resolve();
    });
    proxy.onWebSocketSend((_ctx, _message, _flags, done) => done(new Error('not this one')));
    const client = await open(scene, origin);
    await once(client, 'open');
    client.send('lost');
    await told.promise;
    return notes;
  });
  expect([theirs, ours]).toEqual([['not this one'], ['not this one']]);
});

test('a ping is answered once, by the other end: the package answers it, and passes on what the other end answers', async () => {
  const pings = await compare(setting, async (scene) => {
    scene.proxy.onWebSocketFrame((_ctx, type, fromServer, data, flags, done) => {
      scene.notes.push([type, fromServer, String(data)]);
      return done(null, data, flags);
    });
    const client = await open(scene, origin);
    await once(client, 'open');
    const pongs: string[] = [];
    client.on('pong', (data) => pongs.push(String(data)));
    client.ping('p');
    // What comes behind the pong of the origin comes after it.
    await echoes(client, 'end');
    return [pongs, scene.notes.slice(0, 2)];
  });
  expect(pings.theirs[0]).toEqual(['p', 'p']);
  expect(pings.ours).toEqual([
    ['p'],
    [
      ['ping', false, 'p'],
      ['message', false, 'end'],
    ],
  ]);
});

test('gives the client what the origin says to its handshake: the package says 101 before it knows', async () => {
  const refusing = await startMitmOrigin((_request, response) => response.writeHead(403).end('no'));
  refusing.server.on('upgrade', (_request, socket) => socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno'));
  onTestFinished(() => refusing.close());
  const { theirs, ours } = await compare(setting, async (scene) => {
    scene.proxy.onWebSocketError((_ctx, error) => scene.notes.push(error.message));
    const client = await open(scene, refusing, '/', ['chat']);
    const outcome = await Promise.race([
      once(client, 'open').then(() => `open ${client.protocol}`),
      once(client, 'unexpected-response').then(([, response]) => response.statusCode),
    ]);
    return outcome;
  });
  expect([theirs, ours]).toEqual(['open chat', 403]);
});

test('passes a WebSocket as it is where nobody looks into it, with its extensions', async () => {
  const compressing = await startMitmOrigin();
  new WebSocketServer({ server: compressing.server, perMessageDeflate: { threshold: 0 } }).on('connection', (socket) =>
    socket.on('message', (data) => socket.send(data)),
  );
  onTestFinished(() => compressing.close());
  const extensions = await play('adapter', setting, async (scene) => {
    const client = await open(scene, compressing);
    await echoes(client, 'compressed');
    return client.extensions;
  });
  expect(extensions).toContain('permessage-deflate');
});

test('passes a CONNECT that a handler has called back for, and opens it', async () => {
  const { theirs, ours } = await compare(setting, async ({ proxy, notes, fetch }) => {
    proxy.onConnect((request, socket, head, done) => {
      notes.push([request.method, request.url, request.headers.host, typeof socket.write, head.length]);
      done();
    });
    return [await fetch(`${secure.url}/x`), notes];
  });
  expect(ours).toEqual(theirs);
});

test('lets a handler refuse a CONNECT on its own', async () => {
  const { theirs, ours } = await compare(setting, async ({ proxy, port }) => {
    proxy.onConnect((_request, socket) => socket.end('HTTP/1.1 403 Not today\r\nX-Why: because\r\nContent-Length: 2\r\n\r\nno'));
    const connect = http.request({ host: '127.0.0.1', port, method: 'CONNECT', path: 'localhost:443', headers: { host: 'localhost:443' } });
    const [response, socket, head] = await once(connect.end(), 'connect');
    socket.destroy();
    return [response.statusCode, response.statusMessage, response.headers, String(head)];
  });
  expect(ours).toEqual(theirs);
  expect(ours).toMatchObject([403, 'Not today', { 'x-why': 'because' }, 'no']);
});

test('lets a handler tunnel a CONNECT itself: the client meets the origin, not us', async () => {
  const { theirs, ours } = await compare(setting, async (scene) => {
    scene.proxy.onConnect((request, socket) => {
      const [host, port] = request.url!.split(':');
      const upstream = connectTcp({ host: host!, port: Number(port), allowHalfOpen: true }, () => {
        upstream.on('finish', () => socket.destroy());
        socket.on('close', () => upstream.end());
        socket.write('HTTP/1.1 200 OK\r\n\r\n', 'utf-8', () => {
          upstream.pipe(socket);
          socket.pipe(upstream);
        });
      });
      upstream.on('error', () => socket.destroy());
    });
    const raw = await openTunnel(scene, `localhost:${secure.port}`);
    const socket = connectTls({ socket: raw, servername: 'localhost', ca: setting.ca.cert });
    await once(socket, 'secureConnect');
    socket.write('GET /through HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    let text = '';
    for await (const chunk of socket) text += chunk;
    return [text.split('\r\n')[0], text.endsWith('hello')];
  });
  expect(ours).toEqual(theirs);
  expect(ours).toEqual(['HTTP/1.1 200 OK', true]);
});

test('answers a CONNECT that a handler has called back with an error for: the package lets the client wait', async () => {
  const seen = await play('adapter', setting, async ({ proxy, port, notes }) => {
    proxy.onError((ctx, error, kind) => notes.push([ctx, error.message, kind]));
    proxy.onConnect((_request, _socket, _head, done) => done(new Error('not there')));
    const connect = http.request({ host: '127.0.0.1', port, method: 'CONNECT', path: 'localhost:443', headers: { host: 'localhost:443' } });
    const [response, socket] = await once(connect.end(), 'connect');
    socket.destroy();
    return [response.statusCode, notes];
  });
  expect(seen).toEqual([403, [[null, 'not there', 'ON_CONNECT_ERROR']]]);
});
