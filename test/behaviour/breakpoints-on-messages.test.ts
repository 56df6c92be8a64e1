// Messages of a WebSocket that a person holds, edits and drops, between a real client and a real server that would have compressed them.
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { type RewritingProxy, startRewritingProxy } from '../support/rewriting-proxy.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';

interface Held {
  readonly number: number;
  readonly at: string;
  readonly direction: string;
  readonly isText: boolean;
  readonly content: string;
  readonly hasContent: boolean;
}

const folder = temporaryFolder(afterAll);
let rewriting: RewritingProxy;
let origin: WebSocketServer;
let host: string;
/** What the server heard, and `closed` when it was closed. */
let heard: string[] = [];

beforeAll(async () => {
  rewriting = await startRewritingProxy(folder, createTemporaryCa(folder), '');
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
