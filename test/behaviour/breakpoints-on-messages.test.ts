// Messages of a WebSocket that a person holds, edits and drops, between a real client and a real server that would have compressed them.
import { once } from 'node:events';
import { createServer } from 'node:https';
import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { RecordedMessage } from '../../src/flows/recorded.ts';
import { openSession } from '../support/http2-in-tunnels.ts';
import { type RewritingProxy, startRewritingProxy } from '../support/rewriting-proxy.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { frame } from '../support/websocket-frames.ts';

interface Held {
  readonly number: number;
  readonly at: string;
  readonly direction: string;
  readonly isText: boolean;
  readonly content: string;
  readonly hasContent: boolean;
}

const folder = temporaryFolder(afterAll);
const ca = createTemporaryCa(folder);
let rewriting: RewritingProxy;
let origin: WebSocketServer;
let host: string;
/** What the server heard, and `closed` when it was closed. */
let heard: string[] = [];

beforeAll(async () => {
  rewriting = await startRewritingProxy(folder, ca, '');
  origin = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: { threshold: 0 } });
  await once(origin, 'listening');
  host = `127.0.0.1:${(origin.address() as { port: number }).port}`;
  origin.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => {
      heard.push(isBinary ? `${(data as Buffer).length} octets` : String(data));
      socket.send(isBinary ? data : `re: ${data}`, { binary: isBinary });
    });
    socket.on('close', (code) => heard.push(`closed ${code}`));
  });
});
afterAll(async () => {
  await rewriting?.proxy.close();
  origin.close();
});
beforeEach(() => {
  heard = [];
});

/** A client, and what it hears. */
async function open(at = '/held'): Promise<{ readonly socket: WebSocket; readonly got: string[]; next(): Promise<void> }> {
  const socket = new WebSocket(`ws://${host}${at}`, {
    createConnection: () => connect(rewriting.proxy.port, '127.0.0.1'),
    finishRequest(request) {
      request.path = `http://${host}${at}`;
      request.end();
    },
  });
  const got: string[] = [];
  let wake = Promise.withResolvers<void>();
  socket.on('message', (data, isBinary) => {
    got.push(isBinary ? `${(data as Buffer).length} octets` : String(data));
    wake.resolve();
  });
  await once(socket, 'open');
  const next = async (): Promise<void> => {
    await wake.promise;
    wake = Promise.withResolvers();
  };
  return { socket, got, next };
}

/** Once the server has heard it. */
async function hears(what: string): Promise<void> {
  while (!heard.includes(what)) await new Promise((resolve) => setImmediate(resolve));
}

function breakAtMessages(filter: string): Promise<unknown> {
  return rewriting.api('PUT', '/api/breakpoints', [{ filter, at: 'message', isOn: true }]);
}

async function held(): Promise<Held> {
  for (;;) {
    const { held: all } = await rewriting.api<{ held: Held[] }>('GET', '/api/breakpoints/held');
    if (all[0] !== undefined) return all[0];
  }
}

function release({ number }: Held, action: string, content?: string): Promise<unknown> {
  const edited = content === undefined ? {} : { edited: { content: Buffer.from(content).toString('base64') } };
  return rewriting.api('POST', `/api/breakpoints/held/${number}`, { action, ...edited });
}

test('each message waits, in order, and goes on as it was or as it was edited', async () => {
  await breakAtMessages('path:/held');
  const { socket, got, next } = await open();
  expect(socket.extensions).toBe('');
  socket.send('one');
  socket.send('two');
  let waiting = await held();
  expect(waiting).toMatchObject({ at: 'message', direction: 'from-client', isText: true, content: Buffer.from('one').toString('base64') });
  expect(heard).toEqual([]);
  await release(waiting, 'continue');
  waiting = await held();
  expect(Buffer.from(waiting.content, 'base64').toString()).toBe('two');
  await release(waiting, 'continue', 'zw\u00f6lf');
  const answers: string[] = [];
  for (let i = 0; i < 2; i += 1) {
    waiting = await held();
    answers.push(`${waiting.direction} ${Buffer.from(waiting.content, 'base64')}`);
    await release(waiting, 'continue', i === 0 ? 'edited' : undefined);
    await next();
  }
  expect(heard).toEqual(['one', 'zw\u00f6lf']);
  expect(answers).toEqual(['to-client re: one', 'to-client re: zw\u00f6lf']);
  expect(got).toEqual(['edited', 're: zw\u00f6lf']);
  socket.close();
  await hears('closed 1005');
});

test('a message is dropped, and the close behind it waits for those before', async () => {
  await breakAtMessages('path:/held');
  const { socket } = await open('/held/dropped');
  socket.send('dropped');
  socket.send('last');
  socket.close(4000);
  await release(await held(), 'drop');
  const last = await held();
  expect(heard).toEqual([]);
  await release(last, 'continue');
  await release(await held(), 'continue');
  await hears('closed 4000');
  expect(heard).toEqual(['last', 'closed 4000']);
  const { facts } = await rewriting.recorded('/held/dropped');
  expect(facts.changes.map(({ stage, what }) => `${stage}: ${what}`)).toContain('message: dropped a message');
});

test('pings pass while a message is held; large messages and many of them pass whole', async () => {
  await breakAtMessages('path:/large');
  const { socket, got, next } = await open('/large');
  socket.send(Buffer.alloc(3_000_000, 1));
  const large = await held();
  expect([large.isText, large.hasContent, large.content]).toEqual([false, false, '']);
  socket.ping();
  await once(socket, 'pong');
  await rewriting.api('PUT', '/api/breakpoints', []);
  await release(large, 'continue');
  await next();
  for (let i = 0; i < 200; i += 1) socket.send(Buffer.alloc(10_000, i));
  while (got.length < 201) await next();
  expect(new Set(got)).toEqual(new Set(['3000000 octets', '10000 octets']));
  socket.close();
  await hears('closed 1005');
});

test('of all messages, those that the filter finds its text in are held, by who sent them', async () => {
  await breakAtMessages('path:/held ~bs "re: hold"');
  const { socket, got, next } = await open();
  socket.send('pass');
  await next();
  socket.send('hold');
  const waiting = await held();
  expect([waiting.direction, Buffer.from(waiting.content, 'base64').toString()]).toEqual(['to-client', 're: hold']);
  await release(waiting, 'continue', 'held');
  await next();
  expect(got).toEqual(['re: pass', 'held']);
  socket.close();
  await hears('closed 1005');
});

test('messages are held of a WebSocket that was open before anybody wanted to, compressed and in the middle of their order', async () => {
  await rewriting.api('PUT', '/api/breakpoints', []);
  const { socket, got, next } = await open('/held/open');
  expect(socket.extensions).toBe('permessage-deflate');
  // What comes later refers to it.
  const common = 'a text that both ends remember, so that it is said once '.repeat(20);
  socket.send(`${common}1`);
  await next();
  await breakAtMessages('path:/held/open');
  socket.send(`${common}2`);
  let waiting = await held();
  expect([waiting.direction, Buffer.from(waiting.content, 'base64').toString()]).toEqual(['from-client', `${common}2`]);
  await release(waiting, 'continue', `${common}edited`);
  waiting = await held();
  expect(waiting.direction).toBe('to-client');
  await release(waiting, 'continue');
  await next();
  socket.send('dropped');
  await release(await held(), 'drop');
  await rewriting.api('PUT', '/api/breakpoints', []);
  socket.send(`${common}3`);
  await next();
  expect(heard).toEqual([`${common}1`, `${common}edited`, `${common}3`]);
  expect(got).toEqual([`re: ${common}1`, `re: ${common}edited`, `re: ${common}3`]);
  socket.close(4001);
  await hears('closed 4001');
  const { facts, summary } = await rewriting.recorded('/held/open');
  expect(summary).toMatchObject({ outcome: 'tunnelled', error: null });
  expect(facts.changes.map(({ what }) => what)).toEqual(['edited a message', 'dropped a message']);
  const { messages } = await rewriting.api<{ messages: RecordedMessage[] }>('GET', `/api/exchanges/${summary.id}/messages`);
  const told = messages.map(({ number, direction, preview, fate }) => {
    const text = Buffer.from(preview, 'base64').toString().replace(common, '');
    return `${number} ${direction} ${text}${fate === undefined ? '' : `, ${fate.how}: ${fate.of}`}`;
  });
  expect(told).toEqual([
    ...['1 from-client 1', '2 to-client re: 1', '3 from-client 2', '4 from-client edited, edited: 3', '5 to-client re: edited'],
    ...[
      '6 from-client dropped',
      '7 from-client dropped, dropped: 6',
      '8 from-client 3',
      '9 to-client re: 3',
      '10 from-client ',
      '11 to-client ',
    ],
  ]);
});

test('what is under way when a breakpoint is set passes whole, and the next message is held', async () => {
  await rewriting.api('PUT', '/api/breakpoints', []);
  const { socket, got, next } = await open('/held/parts');
  const stream = (socket as unknown as { _socket: import('node:net').Socket })._socket;
  // A text in two frames, of which the second comes in two pieces: "hello", masked with zeros.
  stream.write(Buffer.from([0x01, 0x82, 0, 0, 0, 0, 0x68, 0x65]));
  stream.write(Buffer.from([0x80, 0x83, 0, 0, 0, 0, 0x6c]));
  await rewriting.api('GET', '/api/breakpoints');
  await breakAtMessages('path:/held/parts ~bq next');
  stream.write(Buffer.concat([Buffer.from([0x6c, 0x6f]), Buffer.from([0x81, 0x84, 0, 0, 0, 0]), Buffer.from('next')]));
  await next();
  const waiting = await held();
  expect([waiting.direction, Buffer.from(waiting.content, 'base64').toString(), heard]).toEqual(['from-client', 'next', ['hello']]);
  await release(waiting, 'continue');
  await next();
  expect(got).toEqual(['re: hello', 're: next']);
  socket.terminate();
});

test('messages of a WebSocket over HTTP/2 (RFC 8441) are held as well, once it is open', async () => {
  const server = createServer(ca.issue('localhost'));
  const secure = new WebSocketServer({ server });
  secure.on('connection', (socket) => socket.on('message', (data) => socket.send(`re: ${data}`)));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const session = await openSession(rewriting.proxy, `localhost:${(server.address() as { port: number }).port}`);
  await rewriting.api('PUT', '/api/breakpoints', []);
  const stream = session.request(
    { ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/held/h2', 'sec-websocket-version': '13' },
    { endStream: false },
  );
  await once(stream, 'response');
  let got = Buffer.alloc(0);
  stream.on('data', (bytes: Buffer) => (got = Buffer.concat([got, bytes])));
  const say = (payload: string): void => void stream.write(frame({ opcode: 1, payload, key: [1, 2, 3, 4] }));
  say('one');
  await expect.poll(() => got.toString()).toContain('re: one');
  await breakAtMessages('path:/held/h2 ~bq two');
  say('two');
  await release(await held(), 'continue', 'three');
  await expect.poll(() => got.toString()).toContain('re: three');
  stream.destroy();
  secure.close();
  server.close();
});

test('a client that leaves takes its messages along', async () => {
  await breakAtMessages('path:/held');
  const { socket } = await open();
  socket.send('left');
  await held();
  socket.terminate();
  while ((await rewriting.api<{ held: Held[] }>('GET', '/api/breakpoints/held')).held.length > 0);
  await hears('closed 1006');
  expect(heard).toEqual(['closed 1006']);
});

test('a handshake that is edited into another request is no handshake any more', async () => {
  await rewriting.api('PUT', '/api/breakpoints', [{ filter: 'path:/other', at: 'request', isOn: true }]);
  const socket = new WebSocket(`ws://${host}/other`, {
    createConnection: () => connect(rewriting.proxy.port, '127.0.0.1'),
    finishRequest(request) {
      request.path = `http://${host}/other`;
      request.end();
    },
  });
  const refused = once(socket, 'unexpected-response');
  await rewriting.api('POST', `/api/breakpoints/held/${(await held()).number}`, { action: 'continue', edited: { method: 'POST' } });
  const [, response] = await refused;
  // As the server answers what asks for no upgrade.
  expect(response.statusCode).toBe(426);
  socket.on('error', () => {});
  socket.terminate();
});

test('text that is none is refused, and others than those that fit keep their compression', async () => {
  await breakAtMessages('path:/held');
  const { socket: other } = await open('/other');
  expect(other.extensions).toBe('permessage-deflate');
  other.close();
  await hears('closed 1005');
  const { socket } = await open();
  socket.send('text');
  const { number } = await held();
  const { status } = await rewriting.tryApi('POST', `/api/breakpoints/held/${number}`, { action: 'continue', edited: { content: '/w==' } });
  expect(status).toBe(400);
  expect((await rewriting.tryApi('POST', `/api/breakpoints/held/${number}`, { action: 'answer' })).status).toBe(400);
  socket.terminate();
});
