// Connections of HTTP/2 inside of opened tunnels, against node:http2's own client and curl: streams, windows both ways, trailers, interim responses,
// WebSockets (RFC 8441), and how a connection ends.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { promisify } from 'node:util';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import type { Incoming } from '../../src/exchange/exchange.ts';
import { fieldValue } from '../../src/http/fields.ts';
import { type Body, type BodySink, BytesBody, FULL, NO_FIELDS, TAKEN } from '../../src/http/message.ts';
import { CODES, data, FLAGS, FrameClient, headers, TYPES, windowUpdate } from '../support/frame-client.ts';
import { answer, type OpenedConnections, openConnections } from '../support/opened-connections.ts';
import { read } from '../support/read-body.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';

const ca = createTemporaryCa(temporaryFolder(afterAll));
const leaf = ca.issue('origin.test', 'localhost');

const GET = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', 'origin.test'],
  [':path', '/'],
] as const;
const POST = [[':method', 'POST'], ...GET.slice(1)] as const;

function open({ port }: OpenedConnections, options = {}): ClientHttp2Session {
  const session = connect(`https://localhost:${port}`, { ca: ca.cert, ...options });
  session.on('error', () => {});
  onTestFinished(() => session.destroy());
  return session;
}

interface Answered {
  readonly head: IncomingHttpHeaders & { ':status'?: number };
  readonly content: Buffer;
  readonly trailers: IncomingHttpHeaders;
}

async function finish(stream: ClientHttp2Stream): Promise<Answered> {
  let head: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  stream.on('response', (fields) => (head = fields));
  stream.on('trailers', (fields) => (trailers = fields));
  const content: Buffer[] = [];
  for await (const bytes of stream) content.push(bytes as Buffer);
  return { head, content: Buffer.concat(content), trailers };
}

function ask(session: ClientHttp2Session, fields: OutgoingHttpHeaders, content: Buffer | null = null): Promise<Answered> {
  const stream = session.request(fields, { endStream: content === null });
  if (content !== null) stream.end(content);
  return finish(stream);
}

/** Content made as it is asked for. */
class Endless implements Body {
  readonly length: number;
  #left: number;
  #sink: BodySink | null = null;
  /** What its sink has said so far. */
  readonly given: number[] = [];
  isCancelled = false;
  constructor(length: number) {
    this.length = length;
    this.#left = length;
  }
  start(sink: BodySink): void {
    this.#sink = sink;
    this.resume();
  }
  resume(): void {
    while (this.#left > 0 && !this.isCancelled) {
      const bytes = Buffer.alloc(Math.min(this.#left, 64 * 1024), 'e');
      this.#left -= bytes.length;
      this.given.push(bytes.length);
      if (this.#sink!.write(bytes) === FULL) return;
    }
    if (!this.isCancelled) this.#sink!.end(NO_FIELDS);
  }
  cancel(): void {
    this.isCancelled = true;
  }
}

test('answers many requests at once, each with the tunnel that it came out of', async () => {
  await using opened = await openConnections(leaf, (incoming) =>
    answer(incoming, 200, `${incoming.head.target} ${incoming.tunnel?.connectId}`),
  );
  const session = open(opened);
  const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => ask(session, { ':path': `/${i}` })));
  expect(answers.map(({ content }) => content.toString())).toEqual(answers.map((_, i) => `https://localhost:${opened.port}/${i} 1`));
  expect(
    (await opened.flowCount(100)).every(({ status, outcome, connectId }) => status === 200 && outcome === 'answered' && connectId === 1),
  ).toBe(true);
});

test('takes and sends content of many MiB, octet by octet', async () => {
  const content = Buffer.alloc(20 * 1024 * 1024, 'every octet, in its order; ');
  await using opened = await openConnections(leaf, async ({ body, responder }) => {
    const seen = await read(body!);
    responder.respond(200, 'OK', NO_FIELDS, new BytesBody(seen), null);
  });
  const session = open(opened);
  const { head, content: echo } = await ask(session, { ':method': 'PUT' }, content);
  expect(head['content-length']).toBe(String(content.length));
  expect(echo.equals(content)).toBe(true);
  const [flow] = await opened.flowCount(1);
  expect(flow!.bytesFromClient).toBeGreaterThanOrEqual(content.length);
  expect(flow!.bytesFromClient).toBeLessThan(content.length + 500);
});

test('reads content that is empty, although its end came before anybody asked for it', async () => {
  await using opened = await openConnections(leaf, (incoming) => {
    setTimeout(async () => answer(incoming, 200, `${(await read(incoming.body!)).length} octets`), 20);
  });
  const { content } = await ask(open(opened), { ':method': 'POST' }, Buffer.alloc(0));
  expect(content.toString()).toBe('0 octets');
});

test('holds one upload back while nobody has room for it, and no other stream with it', async () => {
  const held = Promise.withResolvers<Incoming>();
  let heldOctets = 0;
  await using opened = await openConnections(leaf, (incoming) => {
    if (incoming.body === null) return answer(incoming, 200, 'passed by');
    let isFirst = true;
    incoming.body.start({
      write(bytes) {
        heldOctets += bytes.length;
        if (!isFirst) return TAKEN;
        isFirst = false;
        held.resolve(incoming);
        return FULL;
      },
      end: () => answer(incoming, 200, 'taken'),
      fail() {},
    });
  });
  const session = open(opened);
  const size = 8 * 1024 * 1024;
  const upload = session.request({ ':method': 'PUT' });
  upload.end(Buffer.alloc(size));
  const incoming = await held.promise;
  const before = heldOctets;
  for (let i = 0; i < 20; i += 1) expect((await ask(session, { ':path': `/${i}` })).content.toString()).toBe('passed by');
  expect(heldOctets).toBe(before);
  expect(upload.bufferSize, 'what has not left the client').toBeGreaterThan(size - 2 * 256 * 1024);
  incoming.body!.resume();
  expect((await finish(upload)).content.toString()).toBe('taken');
  expect(heldOctets).toBe(size);
});

test('holds an answer back while the client does not read it, and goes on from there', async () => {
  const body = new Endless(64 * 1024 * 1024);
  await using opened = await openConnections(leaf, ({ responder }) => responder.respond(200, 'OK', NO_FIELDS, body, null));
  using client = await FrameClient.connect(opened.port, ca.cert);
  await client.send(headers(1, GET));
  let seen = 0;
  while (seen < 65_535) seen += (await client.nextOf(TYPES.data, 1)).payload.length;
  expect(body.given.length, 'pieces given while the window is used up').toBeLessThanOrEqual(3);
  for (let i = 0; i < 8; i += 1) await client.send(windowUpdate(0, 65_535), windowUpdate(1, 65_535));
  while (seen < 9 * 65_535) seen += (await client.nextOf(TYPES.data, 1)).payload.length;
  expect(body.given.length).toBeLessThanOrEqual(13);
  expect(body.isCancelled).toBe(false);
});

test('sends trailers, fields repeated and in order, octets as they are, and the lines that a cache has prepared', async () => {
  await using opened = await openConnections(leaf, ({ responder, flow }) => {
    flow.outcome = 'forwarded';
    const fields = [
      { name: 'Set-Cookie', value: 'a=1' },
      { name: 'X-Name', value: 'caf\xe9' },
      { name: 'Set-Cookie', value: 'b=2' },
      { name: 'Transfer-Encoding', value: 'chunked' },
    ];
    const trailing: Body = {
      length: null,
      start(sink) {
        sink.write(Buffer.from('content'));
        sink.end([
          { name: 'Grpc-Status', value: '0' },
          { name: 'X-A', value: '1' },
          { name: 'X-A', value: '2' },
          { name: 'Content-Length', value: '7' },
        ]);
      },
      resume() {},
      cancel() {},
    };
    responder.respond(200, 'OK', fields, trailing, null, 'Content-Type: text/plain\r\nETag: "a: b"\r\n');
  });
  const session = open(opened);
  const { head, content, trailers } = await ask(session, {});
  expect(content.toString()).toBe('content');
  expect({ ...head }).toMatchObject({ 'content-type': 'text/plain', etag: '"a: b"', 'set-cookie': ['a=1', 'b=2'], 'x-name': 'caf\xe9' });
  expect(Object.keys(head)).not.toContain('transfer-encoding');
  expect({ ...trailers }).toEqual(expect.objectContaining({ 'grpc-status': '0', 'x-a': '1, 2' }));
  expect(Object.keys(trailers)).not.toContain('content-length');
});

test('reads and writes at once, as calls that stream both ways do', async () => {
  await using opened = await openConnections(leaf, ({ body, responder, flow }) => {
    flow.outcome = 'forwarded';
    const echo: Body = {
      length: null,
      start: (sink) =>
        body!.start({
          write: (bytes) => sink.write(Buffer.from(bytes.toString().toUpperCase())),
          end: (trailers) => sink.end(trailers),
          fail: (error) => sink.fail(error),
        }),
      resume: () => body!.resume(),
      cancel: () => body!.cancel(),
    };
    responder.respond(200, 'OK', NO_FIELDS, echo, null);
  });
  const session = open(opened);
  const stream = session.request({ ':method': 'POST', te: 'trailers' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-last': 'word' }));
  let trailers: IncomingHttpHeaders = {};
  stream.on('trailers', (fields) => (trailers = fields));
  const answers = stream[Symbol.asyncIterator]();
  for (const word of ['one', 'two', 'three']) {
    stream.write(word);
    expect(String((await answers.next()).value)).toBe(word.toUpperCase());
  }
  stream.end();
  expect((await answers.next()).done).toBe(true);
  expect(trailers['x-last']).toBe('word');
  expect(await opened.flowCount(1)).toMatchObject([{ outcome: 'forwarded', error: null }]);
});

test.for<[string, number, string, OutgoingHttpHeaders]>([
  ['HEAD', 200, 'HEAD', {}],
  ['204', 204, 'GET', {}],
  ['205', 205, 'GET', {}],
  ['304', 304, 'GET', {}],
])('sends no content with %s', async ([, status, method]) => {
  await using opened = await openConnections(leaf, ({ responder, flow }) => {
    flow.outcome = 'forwarded';
    responder.respond(status, '', [{ name: 'ETag', value: '"a"' }], new BytesBody(Buffer.from('content')), method === 'HEAD' ? 7 : null);
  });
  const session = open(opened);
  const { head, content } = await ask(session, { ':method': method });
  expect({ status: head[':status'], length: head['content-length'], etag: head.etag, content: content.length }).toEqual({
    status,
    length: method === 'HEAD' ? '7' : undefined,
    etag: '"a"',
    content: 0,
  });
  expect(await opened.flowCount(1)).toMatchObject([{ status, outcome: 'forwarded' }]);
});

test('sends 100 and 103 ahead of the answer, and never 101 (RFC 9113 §8.6)', async () => {
  await using opened = await openConnections(leaf, async (incoming) => {
    const { responder } = incoming;
    responder.interim(100, 'Continue', NO_FIELDS);
    responder.interim(101, 'Switching Protocols', NO_FIELDS);
    responder.interim(103, 'Early Hints', [
      { name: 'Link', value: '</a>; rel=preload' },
      { name: 'Link', value: '</b>; rel=preload' },
    ]);
    await read(incoming.body!);
    answer(incoming, 200, 'taken');
  });
  const session = open(opened);
  const stream = session.request({ ':method': 'POST', expect: '100-continue' });
  const interim: unknown[] = [];
  stream.on('headers', (fields) => interim.push([fields[':status'], fields.link]));
  stream.on('continue', () => {
    interim.push('continue');
    stream.end('content');
  });
  expect((await finish(stream)).head[':status']).toBe(200);
  expect(interim).toContain('continue');
  expect(interim).toContainEqual([103, '</a>; rel=preload, </b>; rel=preload']);
  expect(JSON.stringify(interim)).not.toContain('101');
});

test('tells whoever works for it when the client resets a stream, and when it leaves', async () => {
  const begun: Incoming[] = [];
  const both = Promise.withResolvers<void>();
  await using opened = await openConnections(leaf, (incoming) => {
    begun.push(incoming);
    if (begun.length === 2) both.resolve();
  });
  const session = open(opened);
  const stream = session.request({ ':path': '/reset' });
  stream.on('error', () => {});
  const other = session.request({ ':path': '/left' });
  other.on('error', () => {});
  await both.promise;
  stream.close(constants.NGHTTP2_CANCEL);
  await opened.flowCount(1);
  expect(begun.map(({ cancellation }) => cancellation.isCancelled)).toEqual([true, false]);
  session.destroy();
  expect(await opened.flowCount(2)).toMatchObject([{ outcome: 'aborted' }, { outcome: 'aborted' }]);
  expect(begun[1]!.cancellation.isCancelled).toBe(true);
});

test('stops the producer of an answer that the client does not want any more', async () => {
  const body = new Endless(64 * 1024 * 1024);
  await using opened = await openConnections(leaf, ({ responder }) => responder.respond(200, 'OK', NO_FIELDS, body, null));
  const session = open(opened);
  const stream = session.request({});
  stream.on('error', () => {});
  await new Promise((resolve) => stream.once('data', resolve));
  stream.close(constants.NGHTTP2_CANCEL);
  expect(await opened.flowCount(1)).toMatchObject([{ outcome: 'aborted', status: 200 }]);
  expect(body.isCancelled).toBe(true);
});

test('takes a client that ends its side for gone, as with HTTP/1.1', async () => {
  const begun = Promise.withResolvers<Incoming>();
  await using opened = await openConnections(leaf, begun.resolve);
  using client = await FrameClient.connect(opened.port, ca.cert);
  await client.send(headers(1, GET));
  const { cancellation } = await begun.promise;
  client.connection.end();
  expect(await opened.flowCount(1)).toMatchObject([{ outcome: 'aborted' }]);
  expect(cancellation.isCancelled).toBe(true);
});

test('drains: says which streams it answers, answers them, and closes (RFC 9113 §6.8)', async () => {
  const begun = Promise.withResolvers<Incoming>();
  await using opened = await openConnections(leaf, begun.resolve);
  using client = await FrameClient.connect(opened.port, ca.cert);
  await client.send(headers(1, GET));
  const incoming = await begun.promise;
  opened.connections.drain();
  const { payload } = await client.nextOf(TYPES.goaway);
  expect([payload.readUInt32BE(0), payload.readUInt32BE(4)]).toEqual([1, CODES.noError]);
  await client.send(headers(3, GET));
  answer(incoming, 200, 'to the end');
  expect(await client.end(1)).toMatchObject({ kind: 'answered', content: 'to the end' });
  expect(await client.end(3)).toEqual({ kind: 'closed' });
  expect(await opened.flowCount(1)).toMatchObject([{ outcome: 'answered' }]);
});

test('closes a connection that waits when it drains, and lets go of it when room is needed', async () => {
  await using opened = await openConnections(leaf, (incoming) => answer(incoming, 200, 'ok'));
  using draining = await FrameClient.connect(opened.port, ca.cert);
  await draining.send(headers(1, GET));
  await draining.end(1);
  opened.connections.letGoOfIdle();
  await draining.connection.closed;
  using waiting = await FrameClient.connect(opened.port, ca.cert);
  await waiting.send(headers(1, GET));
  await waiting.end(1);
  opened.connections.drain();
  expect((await waiting.nextOf(TYPES.goaway)).payload.readUInt32BE(0)).toBe(1);
  expect(await waiting.end(3)).toEqual({ kind: 'closed' });
});

test('records what was under way when the proxy stops as ended by the proxy', async () => {
  const begun = Promise.withResolvers<Incoming>();
  await using opened = await openConnections(leaf, begun.resolve);
  const session = open(opened);
  const stream = session.request({});
  stream.on('error', () => {});
  await begun.promise;
  opened.connections.stop();
  expect(opened.flows, 'at once: the log is closed soon after').toMatchObject([
    { outcome: 'failed', error: { code: 'connection_terminated' } },
  ]);
  await new Promise((resolve) => stream.once('close', resolve));
  expect(opened.flows).toHaveLength(1);
});

test('says goodbye to a connection that was idle for too long, and to one that never asks', async () => {
  await using opened = await openConnections(leaf, (incoming) => answer(incoming, 200, 'ok'), { idleTimeoutMs: 200, headTimeoutMs: 200 });
  using silent = await FrameClient.connect(opened.port, ca.cert);
  using idle = await FrameClient.connect(opened.port, ca.cert);
  await idle.send(headers(1, GET));
  expect(await idle.end(1)).toMatchObject({ status: 200 });
  for (const [client, lastStream] of [
    [silent, 0],
    [idle, 1],
  ] as const) {
    const { payload } = await client.nextOf(TYPES.goaway);
    expect([payload.readUInt32BE(0), payload.readUInt32BE(4)]).toEqual([lastStream, CODES.noError]);
    expect(await client.end(3)).toEqual({ kind: 'closed' });
  }
});

test('gives up content that comes too slowly (408), and an answer that nobody reads', async () => {
  const limits = { contentMinBytesPerSecond: 1000, contentGraceMs: 300, writeTimeoutMs: 300 };
  await using opened = await openConnections(
    leaf,
    (incoming) => {
      const { body, responder } = incoming;
      if (body === null) responder.respond(200, 'OK', NO_FIELDS, new Endless(1024 * 1024), null);
      else read(body).catch(() => answer(incoming, 408, 'too slow'));
    },
    limits,
  );
  using client = await FrameClient.connect(opened.port, ca.cert);
  await client.send(headers(1, POST, FLAGS.endHeaders), data(1, 'a', 0));
  expect(await client.end(1)).toMatchObject({ status: 408, content: 'too slow' });
  await client.send(headers(3, GET));
  expect(await client.end(3)).toMatchObject({ kind: 'reset', status: 200, code: CODES.cancel });
  expect(await opened.flowCount(2)).toMatchObject([{ status: 408 }, { status: 200, outcome: 'aborted' }]);
});

test('opens a WebSocket as the upgrade that means the same, and relays it (RFC 8441 §5)', async () => {
  const { promise: asked, resolve } = Promise.withResolvers<Incoming>();
  await using opened = await openConnections(leaf, (incoming) => {
    resolve(incoming);
    const key = fieldValue(incoming.head.fields, 'sec-websocket-key') ?? '';
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    const { socket } = incoming.responder.takeOver(101, 'Switching Protocols', [
      { name: 'Sec-WebSocket-Accept', value: accept },
      { name: 'Sec-WebSocket-Protocol', value: 'chat' },
      { name: 'Connection', value: 'Upgrade' },
      { name: 'Upgrade', value: 'websocket' },
    ]);
    socket.on('data', (bytes) => socket.write(bytes));
    socket.on('end', () => socket.end());
  });
  const session = open(opened, { settings: { enablePush: false } });
  await new Promise((resolveSettings) => session.once('remoteSettings', resolveSettings));
  const stream = session.request({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/chat', 'sec-websocket-version': '13' });
  const head = await new Promise<IncomingHttpHeaders>((resolveHead) => stream.once('response', resolveHead));
  expect({ status: head[':status'], protocol: head['sec-websocket-protocol'], accept: head['sec-websocket-accept'] }).toEqual({
    status: 200,
    protocol: 'chat',
    accept: undefined,
  });
  const { method, target, fields } = (await asked).head;
  expect({ method, target, upgrade: fieldValue(fields, 'upgrade'), connection: fieldValue(fields, 'connection') }).toEqual({
    method: 'GET',
    target: `https://localhost:${opened.port}/chat`,
    upgrade: 'websocket',
    connection: 'Upgrade',
  });
  const content = Buffer.alloc(3 * 1024 * 1024, 'frames of a WebSocket; ');
  stream.end(content);
  const echo: Buffer[] = [];
  for await (const bytes of stream) echo.push(bytes as Buffer);
  expect(Buffer.concat(echo).equals(content)).toBe(true);
});

test('does not open a WebSocket for a server that proves nothing', async () => {
  await using opened = await openConnections(
    leaf,
    ({ responder }) => void responder.takeOver(101, '', [{ name: 'Sec-WebSocket-Accept', value: 'x' }]),
  );
  const session = open(opened);
  await new Promise((resolve) => session.once('remoteSettings', resolve));
  const stream = session.request({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/chat' });
  stream.on('error', () => {});
  expect((await finish(stream)).head[':status']).toBe(502);
});

test('hands a CONNECT on as it is: whoever refuses it does so for both protocols', async () => {
  const heads: unknown[] = [];
  await using opened = await openConnections(leaf, (incoming) => {
    heads.push(incoming.head);
    answer(incoming, 405, 'no');
  });
  const session = open(opened);
  const stream = session.request({ ':method': 'CONNECT', ':authority': 'elsewhere.test:443' });
  expect((await finish(stream)).head[':status']).toBe(405);
  expect(heads).toEqual([{ method: 'CONNECT', target: 'elsewhere.test:443', version: '2', fields: [] }]);
});

test('speaks HTTP/2 with curl, up and down', async () => {
  await using opened = await openConnections(leaf, async (incoming) => answer(incoming, 200, `${(await read(incoming.body!)).length}`));
  const run = promisify(execFile);
  const args = [
    '-sS',
    '--http2',
    '--cacert',
    ca.certFile,
    '--data-binary',
    '@-',
    '-w',
    ' %{http_version} %{http_code}',
    `https://localhost:${opened.port}/`,
  ];
  const curl = run('curl', args);
  curl.child.stdin!.end(Buffer.alloc(5_000_000));
  expect((await curl).stdout).toBe('5000000 2 200');
});
