// Towards origins in HTTP/2, with Node's server on the other end. What origins do that they should not is in http2-hostile-origins.test.ts.
import { once } from 'node:events';
import { constants, type ServerHttp2Stream } from 'node:http2';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Body, type BodySink, BytesBody, type Fields, FULL, NO_FIELDS, TAKEN } from '../../src/http/message.ts';
import { Cancellation } from '../../src/net/cancellation.ts';
import { type Asked, type AskingUpstream, createAskingUpstream, failureOf, readWhole } from '../support/asking-upstream.ts';
import { standstill } from '../support/standstill.ts';
import { type StreamHandler, startStreamOrigin } from '../support/stream-origin.ts';
import { createTemporaryCa, type TemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startTlsOrigin } from '../support/tls-origin.ts';

let ca: TemporaryCa;
let upstream: AskingUpstream;
const opened: AskingUpstream[] = [];

beforeAll(() => {
  ca = createTemporaryCa(temporaryFolder(afterAll));
});

afterEach(() => {
  for (const each of opened.splice(0)) each.close();
});

function start(options: Parameters<typeof createAskingUpstream>[1] = {}): void {
  upstream = createAskingUpstream(ca, options);
  opened.push(upstream);
}

const ok: StreamHandler = (stream) => {
  stream.respond({ ':status': 200, 'content-type': 'text/plain' });
  stream.end('ok');
};

/** Content of unknown length that a test sends piece by piece. */
class Pieces implements Body {
  readonly length = null;
  sink: BodySink | null = null;
  resumes = 0;
  isCancelled = false;
  readonly #onStart: (sink: BodySink) => void;
  constructor(onStart: (sink: BodySink) => void = () => {}) {
    this.#onStart = onStart;
  }
  start(sink: BodySink): void {
    this.sink = sink;
    this.#onStart(sink);
  }
  resume(): void {
    this.resumes += 1;
  }
  cancel(): void {
    this.isCancelled = true;
  }
}

describe('a request', () => {
  it('goes out with pseudo-header fields of ours, in lower case and without connection-specific fields (RFC 9113 §8.2, §8.3)', async () => {
    start();
    let seen: readonly string[] = [];
    await using origin = await startStreamOrigin(ca, (stream, _, raw) => {
      seen = raw;
      stream.respond({ ':status': 200 }, { endStream: true });
    });
    const fields: Fields = [
      { name: 'X-One', value: 'a\u00e9' },
      { name: 'Connection', value: 'x-one' },
      { name: 'Cookie', value: 'a=1' },
      { name: 'Cookie', value: 'b=2' },
      { name: 'User-Agent', value: 'first' },
      { name: 'User-Agent', value: 'second' },
    ];
    await upstream.ask(origin.port, { path: '/a?b', fields, wantsTrailers: true });
    expect(seen).toEqual([
      ...[':method', 'GET', ':scheme', 'https', ':authority', `localhost:${origin.port}`, ':path', '/a?b'],
      ...['x-one', 'a\u00e9', 'cookie', 'a=1', 'cookie', 'b=2', 'user-agent', 'first', 'user-agent', 'second', 'te', 'trailers'],
    ]);
  });

  it('of unknown length sends its trailers, without those that route or authenticate (RFC 9110 §6.5.1)', async () => {
    start();
    await using origin = await startStreamOrigin(ca, (stream) => {
      const parts: Buffer[] = [];
      let trailers: object = {};
      stream.on('data', (bytes: Buffer) => parts.push(bytes));
      stream.on('trailers', (fields) => {
        trailers = { ...fields };
      });
      stream.on('end', () => {
        stream.respond({ ':status': 200 });
        stream.end(JSON.stringify([Buffer.concat(parts).toString(), trailers]));
      });
    });
    const body = new Pieces((sink) => {
      sink.write(Buffer.from('one '));
      sink.write(Buffer.from('two'));
      sink.end([
        { name: 'X-Sum', value: '1' },
        { name: 'x-sum', value: '2' },
        { name: 'Authorization', value: 'Basic eDp5' },
      ]);
    });
    const { content } = await upstream.ask(origin.port, { method: 'POST', body });
    expect(JSON.parse(content.toString())).toEqual(['one two', { 'x-sum': '1, 2' }]);
  });

  it('is not overtaken by the GOAWAY of a session that a reload closes in the same turn', async () => {
    start();
    await using origin = await startStreamOrigin(ca, (stream) => {
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    });
    await upstream.ask(origin.port);
    const body = new Pieces((sink) => {
      upstream.pool.close();
      sink.write(Buffer.from('sent all the same'));
      sink.end(NO_FIELDS);
    });
    const { content, facts } = await upstream.ask(origin.port, { method: 'POST', body });
    expect([content.toString(), facts.reusedConnection]).toEqual(['sent all the same', true]);
  });

  it('of known length says so, and one without content that could have had some says 0', async () => {
    start();
    const lengths: unknown[] = [];
    await using origin = await startStreamOrigin(ca, (stream, headers) => {
      lengths.push(headers['content-length']);
      stream.resume();
      stream.on('end', () => stream.respond({ ':status': 204 }, { endStream: true }));
    });
    await upstream.ask(origin.port, { method: 'PUT', body: new BytesBody(Buffer.from('12345')) });
    await upstream.ask(origin.port, { method: 'POST' });
    await upstream.ask(origin.port);
    expect(lengths).toEqual(['5', '0', undefined]);
  });

  it('that breaks off resets its stream, and no other', async () => {
    start();
    const codes: number[] = [];
    await using origin = await startStreamOrigin(ca, (stream, headers) => {
      if (headers[':path'] === '/') ok(stream, headers, []);
      else stream.on('close', () => codes.push(stream.rstCode));
    });
    const cancellation = new Cancellation();
    await upstream.ask(origin.port);
    const left = upstream.forward(origin.port, { path: '/never', cancellation });
    await until(() => origin.streams === 2);
    cancellation.cancel();
    expect(await failureOf(left)).toBe('connection_terminated');
    await until(() => codes.length === 1);
    expect(codes).toEqual([constants.NGHTTP2_CANCEL]);
    expect((await upstream.ask(origin.port)).content.toString()).toBe('ok');
    expect(origin.accepted).toBe(1);
  });
});

describe('a response', () => {
  it('comes with its interim responses, its content and its trailers, filtered', async () => {
    start();
    await using origin = await startStreamOrigin(ca, (stream) => {
      stream.additionalHeaders({ ':status': 103, link: '</a>' });
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'set-cookie': 'a=b', host: 'x' }));
      stream.end('content');
    });
    const interim: number[] = [];
    const whole = await upstream.ask(origin.port, { onInterim: ({ status }) => interim.push(status) });
    expect(interim).toEqual([103]);
    expect(whole.head).toMatchObject({ status: 200, version: '2' });
    expect(whole.content.toString()).toBe('content');
    expect(whole.trailers).toEqual([{ name: 'grpc-status', value: '0' }]);
    expect(whole.facts).toMatchObject({ upstreamProtocol: '2', reusedConnection: false, upstreamAddress: '127.0.0.1' });
  });

  it('to HEAD, and 204 and 304, have no content, whatever length they announce', async () => {
    start();
    await using origin = await startStreamOrigin(ca, (stream, headers) => {
      stream.respond({ ':status': Number(headers[':path']?.slice(1)), 'content-length': 7 }, { endStream: true });
    });
    const { response } = await upstream.forward(origin.port, { method: 'HEAD', path: '/200' });
    expect([response.body, response.head.fields.find(({ name }) => name === 'content-length')?.value]).toEqual([null, '7']);
    expect((await upstream.forward(origin.port, { path: '/304' })).response.body).toBeNull();
  });

  it('flows while the request does, both ways (gRPC, bidirectional)', async () => {
    start();
    await using origin = await startStreamOrigin(ca, (stream) => {
      stream.respond({ ':status': 200 });
      stream.on('data', (bytes: Buffer) => stream.write(`echo ${bytes}`));
      stream.on('end', () => stream.end());
    });
    const body = new Pieces();
    const { response } = await upstream.forward(origin.port, { method: 'POST', body });
    const heard: string[] = [];
    const ended = new Promise<void>((resolve, reject) => {
      response.body?.start({
        write(bytes) {
          heard.push(bytes.toString());
          if (heard.length < 3) body.sink?.write(Buffer.from(String(heard.length + 1)));
          else body.sink?.end(NO_FIELDS);
          return TAKEN;
        },
        end: () => resolve(),
        fail: reject,
      });
    });
    body.sink?.write(Buffer.from('1'));
    await ended;
    expect(heard).toEqual(['echo 1', 'echo 2', 'echo 3']);
  });

  it('that is over before the request ends the request', async () => {
    start();
    await using origin = await startStreamOrigin(ca, (stream) => stream.respond({ ':status': 413 }, { endStream: true }));
    const body = new Pieces((sink) => sink.write(Buffer.from('begin')));
    const { head } = await upstream.ask(origin.port, { method: 'POST', body });
    await until(() => body.isCancelled);
    expect(head.status).toBe(413);
  });

  it('of 407 is no answer that an origin may give (RFC 9110 §15.5.8)', async () => {
    start();
    await using origin = await startStreamOrigin(ca, (stream) => stream.respond({ ':status': 407 }, { endStream: true }));
    expect(await failureOf(upstream.ask(origin.port))).toBe('http_protocol_error');
  });
});

describe('content is not taken faster than it is passed on', () => {
  it('64 MiB to a client that reads nothing stay with the origin, but for the window of the stream', async () => {
    start();
    let written = 0;
    await using origin = await startStreamOrigin(ca, (stream) => {
      stream.respond({ ':status': 200 });
      written = 0;
      pour(stream, 64, (bytes) => {
        written += bytes;
      });
    });
    const { response } = await upstream.forward(origin.port);
    let received = 0;
    let isSlow = true;
    const ended = new Promise<void>((resolve, reject) => {
      response.body?.start({
        write(bytes) {
          received += bytes.length;
          return isSlow ? FULL : TAKEN;
        },
        end: () => resolve(),
        fail: reject,
      });
    });
    await standstill(() => written);
    expect(written).toBeLessThan(4 * MIB);
    expect(received).toBeLessThan(MIB);
    isSlow = false;
    response.body?.resume();
    await ended;
    expect(received).toBe(64 * MIB);
  });

  it('clients that read nothing, as many as there are, hold nobody else up on their session', async () => {
    start();
    let written = 0;
    await using origin = await startStreamOrigin(ca, (stream, headers) => {
      if (headers[':path'] === '/small') return ok(stream, headers, []);
      stream.respond({ ':status': 200 });
      pour(stream, 8, (bytes) => {
        written += bytes;
      });
    });
    const slow = await Promise.all(Array.from({ length: 40 }, () => upstream.forward(origin.port)));
    for (const { response } of slow) response.body?.start({ write: () => FULL, end: () => {}, fail: () => {} });
    await standstill(() => written);
    const { content, facts } = await upstream.ask(origin.port, { path: '/small' });
    expect([content.toString(), facts.reusedConnection, origin.accepted]).toEqual(['ok', true, 1]);
    // What waits at the origin's end is counted, too: its own buffers, and those of the system.
    expect(written).toBeLessThan(24 * MIB);
  });

  it('an upload waits for an origin that does not read', async () => {
    start();
    let reading: ServerHttp2Stream | null = null;
    await using origin = await startStreamOrigin(ca, (stream) => {
      reading = stream;
      stream.pause();
    });
    let isFull = false;
    let sent = 0;
    const more = (sink: BodySink): void => {
      isFull = false;
      while (!isFull && sent < 16 * MIB) {
        isFull = sink.write(Buffer.alloc(64 * 1024)) === FULL;
        sent += 64 * 1024;
      }
      if (!isFull) sink.end(NO_FIELDS);
    };
    const body = new Pieces(more);
    body.resume = () => more(body.sink!);
    const answered = upstream.ask(origin.port, { method: 'POST', body });
    await until(() => reading !== null && isFull);
    expect(sent).toBeLessThan(2 * MIB);
    let received = 0;
    reading!.on('data', (bytes: Buffer) => {
      received += bytes.length;
    });
    reading!.on('end', () => reading!.respond({ ':status': 200 }, { endStream: true }));
    reading!.resume();
    await answered;
    expect(received).toBe(16 * MIB);
  });

  it('what came whole is delivered, although its session has ended since', async () => {
    start();
    await using origin = await startStreamOrigin(ca, (stream) => {
      stream.respond({ ':status': 200 });
      stream.end(Buffer.alloc(300 * 1024, 'x'));
    });
    const { response } = await upstream.forward(origin.port);
    let received = 0;
    let isSlow = true;
    const ended = new Promise<void>((resolve, reject) => {
      response.body?.start({
        write(bytes) {
          received += bytes.length;
          return isSlow ? FULL : TAKEN;
        },
        end: () => resolve(),
        fail: reject,
      });
    });
    await upstream.ask(origin.port);
    const [session] = origin.sessions;
    session?.destroy();
    await until(() => origin.sessions.size === 0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    isSlow = false;
    response.body?.resume();
    await ended;
    expect(received).toBe(300 * 1024);
  });
});

describe('a session', () => {
  it('is shared by exchanges at the same time, and made once for those that come first together', async () => {
    start();
    await using origin = await startStreamOrigin(ca, ok);
    const answers = await Promise.all(Array.from({ length: 20 }, () => upstream.ask(origin.port)));
    expect(answers.map(({ content }) => content.toString())).toEqual(Array.from({ length: 20 }, () => 'ok'));
    expect(origin.accepted).toBe(1);
    expect(answers.filter(({ facts }) => facts.reusedConnection)).toHaveLength(19);
  });

  it('takes as many streams as the origin allows; others go on another, or wait', async () => {
    start();
    let open = 0;
    let most = 0;
    await using origin = await startStreamOrigin(
      ca,
      (stream, headers) => {
        open += 1;
        most = Math.max(most, open);
        setTimeout(() => ok(stream, headers, []), 20);
        stream.on('close', () => {
          open -= 1;
        });
      },
      { settings: { maxConcurrentStreams: 2 } },
    );
    await upstream.ask(origin.port);
    await Promise.all(Array.from({ length: 40 }, () => upstream.ask(origin.port)));
    expect(origin.accepted).toBeGreaterThan(1);
    expect(origin.accepted).toBeLessThanOrEqual(8);
    expect(most).toBeLessThanOrEqual(16);
  });

  it('is replaced by another as often as the origin ends it, whoever waits for a place', async () => {
    start();
    const settings = { maxConcurrentStreams: 5 };
    await using origin = await startStreamOrigin(
      ca,
      (stream, headers) => {
        if ((stream.id ?? 0) >= 61) stream.session?.close();
        setTimeout(() => stream.destroyed || ok(stream, headers, []), 1);
      },
      { settings },
    );
    const answers = await Promise.all(Array.from({ length: 150 }, () => upstream.ask(origin.port)));
    expect(answers.every(({ content }) => content.toString() === 'ok')).toBe(true);
    expect(origin.accepted).toBeGreaterThan(4);
  });

  it('that says GOAWAY finishes what it has, and the next exchange has another (RFC 9113 §6.8)', async () => {
    start();
    let finish: (() => void) | null = null;
    await using origin = await startStreamOrigin(ca, (stream, headers) => {
      if (headers[':path'] === '/') return ok(stream, headers, []);
      stream.respond({ ':status': 200 });
      stream.write('begin ');
      finish = () => stream.end('end');
      stream.session?.goaway(constants.NGHTTP2_NO_ERROR, stream.id!);
    });
    const { response } = await upstream.forward(origin.port, { path: '/slow' });
    const content = readWhole(response.body);
    const next = await upstream.ask(origin.port);
    expect([next.content.toString(), next.facts.reusedConnection, origin.accepted]).toEqual(['ok', false, 2]);
    finish!();
    expect((await content).content.toString()).toBe('begin end');
  });

  it.each(['GET', 'POST'])('sends a %s again that the origin refused unseen (RFC 9113 §8.7)', async (method) => {
    start();
    let refusals = 0;
    await using origin = await startStreamOrigin(ca, (stream, headers) => {
      refusals += 1;
      if (refusals > 1) ok(stream, headers, []);
      else stream.close(constants.NGHTTP2_REFUSED_STREAM);
    });
    expect((await upstream.ask(origin.port, { method })).content.toString()).toBe('ok');
    expect(refusals).toBe(2);
  });

  it('is given fewer streams once its origin has asked for calm, and what that cost is asked for again', async () => {
    start();
    const open = new Map<unknown, number>();
    let calls = 0;
    await using origin = await startStreamOrigin(ca, (stream, headers) => {
      const { session } = stream;
      const count = (open.get(session) ?? 0) + 1;
      open.set(session, count);
      stream.once('close', () => open.set(session, open.get(session)! - 1));
      // Streams end here later than they end there.
      if (count > 6) {
        calls += 1;
        stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      } else setImmediate(() => ok(stream, headers, []));
    });
    const answers = await Promise.all(Array.from({ length: 20 }, () => upstream.ask(origin.port)));
    expect(answers.map(({ content }) => content.toString())).toEqual(Array(20).fill('ok'));
    expect(calls).toBeGreaterThan(0);
  });

  it.each([
    ['GET', 'none', 2],
    ['POST', 'connection_terminated', 1],
  ])('that breaks under a %s on a kept session: %s', async (method, failure, streams) => {
    start();
    let seen = 0;
    await using origin = await startStreamOrigin(ca, (stream, headers) => {
      if (headers[':path'] === '/first') return ok(stream, headers, []);
      seen += 1;
      if (seen === 1) stream.session?.socket.destroy();
      else ok(stream, headers, []);
    });
    await upstream.ask(origin.port, { path: '/first' });
    expect(await failureOf(upstream.ask(origin.port, { method }))).toBe(failure);
    expect(seen).toBe(streams);
  });

  it('that dies takes all its exchanges with it', async () => {
    start();
    await using origin = await startStreamOrigin(ca, (stream, headers) => {
      if (headers[':path'] === '/begun') stream.respond({ ':status': 200 });
    });
    const begun = await upstream.forward(origin.port, { path: '/begun' });
    const content = failureOf(readWhole(begun.response.body));
    const waiting = failureOf(upstream.ask(origin.port, { method: 'POST' }));
    await until(() => origin.streams === 2);
    for (const session of origin.sessions) session.socket.destroy();
    expect(await Promise.all([content, waiting])).toEqual(['http_response_incomplete', 'connection_terminated']);
  });

  it('is not for a request whose address is another, and is judged for each', async () => {
    start();
    await using origin = await startStreamOrigin(ca, ok);
    await upstream.ask(origin.port);
    expect(await failureOf(upstream.ask(origin.port, { onlyAddress: '127.0.0.9' }))).not.toBe('none');
    expect((await upstream.ask(origin.port, { onlyAddress: '127.0.0.1' })).facts.reusedConnection).toBe(true);
  });

  it('ends when nobody has used it for a while', async () => {
    start({ idleTimeoutMs: 200 });
    await using origin = await startStreamOrigin(ca, ok);
    await upstream.ask(origin.port);
    await until(() => origin.sessions.size === 0);
    await upstream.ask(origin.port);
    expect(origin.accepted).toBe(2);
  });

  it('ends with the pool, once what is on it is over', async () => {
    start();
    let finish: (() => void) | null = null;
    await using origin = await startStreamOrigin(ca, (stream) => {
      stream.respond({ ':status': 200 });
      stream.write('begin ');
      finish = () => stream.end('end');
    });
    const { response } = await upstream.forward(origin.port);
    upstream.pool.close();
    const content = readWhole(response.body);
    finish!();
    expect((await content).content.toString()).toBe('begin end');
    await until(() => origin.sessions.size === 0);
  });
});

describe('an origin that does not speak HTTP/2', () => {
  it('is spoken to in HTTP/1.1 on the connection that showed it, and nobody waits for it again', async () => {
    start();
    await using origin = await startTlsOrigin(ca, (_, response) => response.end('one'));
    const answers = await Promise.all(Array.from({ length: 5 }, () => upstream.ask(origin.port)));
    expect(answers.map(({ facts, content }) => [facts.upstreamProtocol, content.toString()])).toEqual(Array(5).fill(['1.1', 'one']));
    expect((await upstream.ask(origin.port)).facts.reusedConnection).toBe(true);
    expect(origin.accepted).toBeLessThanOrEqual(5);
  });

  it('is found out by one connection, and its failure told to all who waited', async () => {
    start();
    const { port } = await startStreamOrigin(ca, ok).then(async (origin) => {
      await origin[Symbol.asyncDispose]();
      return origin;
    });
    const failures = await Promise.all(Array.from({ length: 5 }, () => failureOf(upstream.ask(port))));
    expect(failures).toEqual(Array(5).fill('connection_refused'));
  });
});

it.each<[string, Asked]>([
  ['the client speaks HTTP/1.1', { alpn: 'http/1.1' }],
  ['something is to be upgraded', { fields: [{ name: 'Upgrade', value: 'websocket' }] }],
  ['the request authenticates its connection (RFC 4559 §6)', { fields: [{ name: 'Authorization', value: 'Negotiate YII=' }] }],
])('an origin that speaks both is spoken to in HTTP/1.1 where %s', async (_, asked) => {
  start();
  await using origin = await startStreamOrigin(ca, ok, { allowHTTP1: true });
  const { facts, content } = await upstream.ask(origin.port, asked);
  expect([facts.upstreamProtocol, content.toString()]).toEqual(['1.1', 'by http/1.1']);
});

it('an origin that wants HTTP/1.1 for one request has it for all from then on (RFC 9113 §7)', async () => {
  start();
  await using origin = await startStreamOrigin(ca, (stream) => stream.close(constants.NGHTTP2_HTTP_1_1_REQUIRED), { allowHTTP1: true });
  expect((await upstream.ask(origin.port)).facts.upstreamProtocol).toBe('1.1');
});

describe('time limits end one stream', () => {
  it.each<[string, Partial<Record<'responseTimeoutMs' | 'gapTimeoutMs', number>>, StreamHandler, string]>([
    ['without an answer', { responseTimeoutMs: 200 }, () => {}, 'http_response_timeout'],
    ['in the middle of content', { gapTimeoutMs: 200 }, (stream) => stream.respond({ ':status': 200 }), 'connection_read_timeout'],
  ])('%s', async (_, options, silent, failure) => {
    start(options);
    await using origin = await startStreamOrigin(ca, (stream, headers) =>
      headers[':path'] === '/' ? ok(stream, headers, []) : silent(stream, headers, []),
    );
    expect(await failureOf(upstream.ask(origin.port, { path: '/silent' }))).toBe(failure);
    expect((await upstream.ask(origin.port)).facts.reusedConnection).toBe(true);
  });

  it('whose request the origin does not read', async () => {
    start({ writeTimeoutMs: 200 });
    await using origin = await startStreamOrigin(ca, (stream) => stream.pause());
    const body = new Pieces((sink) => {
      while (sink.write(Buffer.alloc(64 * 1024)) !== FULL);
    });
    // Node's buffer drains into the window once; what is refused is what comes behind it.
    body.resume = () => {
      while (body.sink?.write(Buffer.alloc(64 * 1024)) !== FULL);
    };
    expect(await failureOf(upstream.ask(origin.port, { method: 'POST', body }))).toBe('connection_write_timeout');
  });
});

it('a session that has been silent is asked for a sign of life before it is used again', async () => {
  start();
  await using origin = await startStreamOrigin(ca, ok);
  await upstream.ask(origin.port);
  const [session] = origin.sessions;
  // For a request that cannot be repeated a second of silence is long.
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  const pinged = once(session!, 'ping');
  expect((await upstream.ask(origin.port, { method: 'POST' })).facts.reusedConnection).toBe(true);
  await pinged;
});

/** Writes MiBs as fast as the stream takes them. */
function pour(stream: ServerHttp2Stream, mebibytes: number, count: (bytes: number) => void): void {
  const piece = Buffer.alloc(64 * 1024, 'x');
  let left = mebibytes * 16;
  const more = (): void => {
    while (left > 0) {
      left -= 1;
      count(piece.length);
      if (!stream.write(piece)) return void stream.once('drain', more);
    }
    stream.end();
  };
  more();
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const MIB = 1024 * 1024;
