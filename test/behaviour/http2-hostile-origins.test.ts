// What origins do in HTTP/2 that they should not, frame by frame: it ends that one exchange or that one session, in bounded memory, and the
// proxy goes on.
import type { TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { ProxyError } from '../../src/errors/proxy-error.ts';
import { type Body, type BodySink, TAKEN, type Taken } from '../../src/http/message.ts';
import { type AskingUpstream, createAskingUpstream, failureOf, readWhole } from '../support/asking-upstream.ts';
import {
  ACK,
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  fieldBlock,
  frame,
  GOAWAY,
  goAway,
  HEADERS,
  headers,
  PING,
  PUSH_PROMISE,
  RST_STREAM,
  rstStream,
  SETTINGS,
  startFrameOrigin,
  WINDOW_UPDATE,
} from '../support/frame-origin.ts';
import { createTemporaryCa, type TemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';

let ca: TemporaryCa;
let upstream: AskingUpstream;

beforeAll(() => {
  ca = createTemporaryCa(temporaryFolder(afterAll));
});

beforeEach(() => {
  upstream = createAskingUpstream(ca, { responseTimeoutMs: 3_000, gapTimeoutMs: 3_000, interimResponses: 4 });
});

afterEach(() => upstream.close());

const STATUS_200 = [':status', '200'] as const;
const END = END_HEADERS | END_STREAM;
const ok = (stream: number): Buffer => headers(stream, END, STATUS_200);
const begun = (stream: number, ...fields: [string, string][]): Buffer => headers(stream, END_HEADERS, STATUS_200, ...fields);

type Frames = (stream: number) => readonly Buffer[];

describe('an answer is not believed', () => {
  it.each<[string, Frames, string]>([
    ['with a connection-specific field (§8.2.2)', (s) => [headers(s, END, STATUS_200, ['connection', 'close'])], 'http_protocol_error'],
    ['with Transfer-Encoding', (s) => [headers(s, END, STATUS_200, ['transfer-encoding', 'chunked'])], 'http_protocol_error'],
    ['with upper case in a name (§8.2.1)', (s) => [headers(s, END, STATUS_200, ['X-Up', '1'])], 'http_protocol_error'],
    ['without a status (§8.3.2)', (s) => [headers(s, END, ['server', 'x'])], 'http_protocol_error'],
    ['with a status of two digits', (s) => [headers(s, END, [':status', '20'])], 'http_protocol_error'],
    ['with a status below 100', (s) => [headers(s, END, [':status', '099'])], 'http_protocol_error'],
    ['with two statuses', (s) => [headers(s, END, STATUS_200, STATUS_200)], 'http_protocol_error'],
    ['with 101 (§8.6)', (s) => [headers(s, END_HEADERS, [':status', '101'])], 'http_protocol_error'],
    ['with a pseudo-header field of requests', (s) => [headers(s, END, STATUS_200, [':path', '/'])], 'http_protocol_error'],
    ['with a signed length', (s) => [begun(s, ['content-length', '+3']), frame(DATA, END_STREAM, s, 'abc')], 'http_protocol_error'],
    [
      'with two lengths',
      (s) => [begun(s, ['content-length', '3'], ['content-length', '3']), frame(DATA, END_STREAM, s, 'abc')],
      'http_protocol_error',
    ],
    ['with a length and nothing behind it', (s) => [headers(s, END, STATUS_200, ['content-length', '3'])], 'http_protocol_error'],
    ['with more field lines than are allowed', (s) => [headers(s, END, STATUS_200, ...many(250))], 'http_protocol_error'],
    [
      'with more interim responses than are allowed',
      (s) => [...Array(6)].map(() => headers(s, END_HEADERS, [':status', '103'])),
      'http_protocol_error',
    ],
    ['whose only response is interim', (s) => [headers(s, END, [':status', '103'])], 'http_protocol_error'],
    ['that is no HTTP/2', () => [Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')], 'connection_terminated'],
  ])('%s', async (_, frames, failure) => {
    await using origin = await startFrameOrigin(ca, (socket, stream) => socket.write(Buffer.concat(frames(stream))));
    // One that may not be sent again, so that it is asked once.
    expect(await failureOf(upstream.ask(origin.port, { method: 'POST' }))).toBe(failure);
  });

  it('with a head of more octets than are allowed', async () => {
    await using origin = await startFrameOrigin(ca, (socket, stream) => {
      const block = fieldBlock(STATUS_200, ...many(190, 120));
      const pieces = [block.subarray(0, 16_000), block.subarray(16_000)];
      socket.write(Buffer.concat([frame(HEADERS, END_STREAM, stream, pieces[0]!), frame(CONTINUATION, END_HEADERS, stream, pieces[1]!)]));
    });
    upstream.close();
    upstream = createAskingUpstream(ca, { headBytes: 8 * 1024 });
    expect(await failureOf(upstream.ask(origin.port))).toMatch(/^http_(response_header_section_size|protocol_error)$/);
  });

  it('in fields whose values have line ends or NUL, which are left out (§8.2.1)', async () => {
    await using origin = await startFrameOrigin(ca, (socket, stream) =>
      socket.write(headers(stream, END, STATUS_200, ['x-a', 'a\r\nset-cookie: b'], ['x-b', 'a\0b'], ['x-c', ' a'], ['x-d', '\xe9'])),
    );
    expect((await upstream.ask(origin.port)).head.fields).toEqual([{ name: 'x-d', value: '\xe9' }]);
  });
});

describe('content is not taken for whole', () => {
  it.each<[string, Frames]>([
    ['that is reset', (s) => [begun(s), frame(DATA, 0, s, 'abc'), rstStream(s, 8)]],
    ['that is reset with NO_ERROR in place of its end (§8.1)', (s) => [begun(s), frame(DATA, 0, s, 'abc'), rstStream(s, 0)]],
    ['that is shorter than announced', (s) => [begun(s, ['content-length', '9']), frame(DATA, END_STREAM, s, 'abc')]],
    ['that is longer than announced', (s) => [begun(s, ['content-length', '1']), frame(DATA, END_STREAM, s, 'abc')]],
    ['behind which the session ends', (s) => [begun(s), frame(DATA, 0, s, 'abc'), goAway(s, 2)]],
    ['with a second head', (s) => [begun(s), frame(DATA, 0, s, 'abc'), ok(s)]],
    ['with trailers that do not end it', (s) => [begun(s), headers(s, END_HEADERS, ['x-sum', '1']), frame(DATA, END_STREAM, s, 'abc')]],
  ])('%s', async (_, frames) => {
    await using origin = await startFrameOrigin(ca, (socket, stream) => socket.write(Buffer.concat(frames(stream))));
    expect(await failureOf(upstream.ask(origin.port))).toBe('http_response_incomplete');
  });

  it.each<[string, (socket: TLSSocket) => void]>([
    ['the connection is closed in order', (socket) => socket.end()],
    ['the connection breaks', (socket) => socket.destroy()],
  ])('when %s in the middle of it', async (_, end) => {
    await using origin = await startFrameOrigin(ca, (socket, stream) => {
      socket.write(Buffer.concat([begun(stream), frame(DATA, 0, stream, 'abc')]), () => end(socket));
    });
    expect(await failureOf(upstream.ask(origin.port))).toMatch(/^(http_response_incomplete|connection_terminated)$/);
  });

  it('but is whole where all that was announced has come, and a reset behind it', async () => {
    await using origin = await startFrameOrigin(ca, (socket, stream) =>
      socket.write(Buffer.concat([begun(stream, ['content-length', '3']), frame(DATA, 0, stream, 'abc'), rstStream(stream, 0)])),
    );
    expect((await upstream.ask(origin.port)).content.toString()).toBe('abc');
  });
});

describe('a session does not survive, and the next exchange does', () => {
  it.each<[string, Frames]>([
    [
      'CONTINUATION without end (§10.5)',
      (s) => [
        frame(HEADERS, 0, s, fieldBlock(STATUS_200)),
        ...[...Array(100)].map(() => frame(CONTINUATION, 0, s, fieldBlock(['a', 'b']))),
      ],
    ],
    [
      'PUSH_PROMISE, which was switched off (§8.4)',
      (s) => [frame(PUSH_PROMISE, END_HEADERS, s, Buffer.concat([Buffer.from([0, 0, 0, 2]), fieldBlock([':method', 'GET'])]))],
    ],
    ['a window above 2^31-1 (§6.9.1)', () => [...Array(2)].map(() => frame(WINDOW_UPDATE, 0, 0, Buffer.from([0x7f, 0xff, 0xff, 0xff])))],
    ['a frame larger than allowed (§4.2)', (s) => [frame(DATA, 0, s, Buffer.alloc(64 * 1024))]],
    ['content beyond every window (§6.9)', (s) => [begun(s), ...[...Array(400)].map(() => frame(DATA, 0, s, Buffer.alloc(16_000)))]],
    ['a frame for a stream that nobody has opened (§5.1)', () => [frame(DATA, 0, 99, 'x')]],
    ['an acknowledgement that nobody asked for, with content', () => [frame(SETTINGS, ACK, 0, 'x')]],
  ])('%s', async (_, frames) => {
    await using origin = await startFrameOrigin(ca, (socket, stream, request) => {
      socket.write(request === 1 ? Buffer.concat(frames(stream)) : ok(stream));
    });
    const { response } = await upstream.forward(origin.port, { method: 'POST' }).catch(() => ({ response: null }));
    // Nobody reads the content, if there is any: windows are not given back.
    // The GOAWAY before it may be lost: whoever breaks a connection off discards what the other end has not read yet.
    await until(() => origin.ended > 0);
    response?.body?.cancel();
    expect((await upstream.ask(origin.port)).head.status).toBe(200);
    expect(origin.accepted).toBe(2);
  });
});

describe('a session is not overrun', () => {
  it.each<[string, () => Buffer]>([
    ['SETTINGS', () => frame(SETTINGS, 0, 0)],
    ['PING', () => frame(PING, 0, 0, Buffer.alloc(8))],
    ['empty DATA', () => frame(DATA, 0, 1)],
    ['WINDOW_UPDATE', () => frame(WINDOW_UPDATE, 0, 0, Buffer.from([0, 0, 0, 1]))],
    ['frames of an unknown type', () => frame(77, 0, 0, 'xx')],
  ])('by 100,000 frames: %s', async (_, one) => {
    await using origin = await startFrameOrigin(ca, (socket, stream, request) => {
      if (request === 1) {
        socket.write(begun(stream));
        socket.pause();
        for (let i = 0; i < 100; i += 1) socket.write(Buffer.concat(Array.from({ length: 1_000 }, one)));
        socket.resume();
        socket.write(frame(DATA, END_STREAM, stream, 'end'));
      } else socket.write(ok(stream));
    });
    const before = process.memoryUsage().rss;
    await failureOf(upstream.ask(origin.port));
    expect((await upstream.ask(origin.port)).head.status).toBe(200);
    expect(process.memoryUsage().rss - before).toBeLessThan(96 * 1024 * 1024);
  });

  it('by resets: each costs one request, and the session goes on', async () => {
    await using origin = await startFrameOrigin(ca, (socket, stream, request) =>
      socket.write(request <= 300 ? rstStream(stream, 2) : ok(stream)),
    );
    const failures = await Promise.all(Array.from({ length: 300 }, () => failureOf(upstream.ask(origin.port))));
    expect(new Set(failures)).toEqual(new Set(['connection_terminated']));
    expect((await upstream.ask(origin.port)).head.status).toBe(200);
    expect(origin.frames.filter(([type]) => type === HEADERS)).toHaveLength(301);
  });

  it('by refusals: a request is sent six times and no more', async () => {
    await using origin = await startFrameOrigin(ca, (socket, stream) => socket.write(rstStream(stream, 7)));
    expect(await failureOf(upstream.ask(origin.port))).toBe('connection_terminated');
    expect(origin.frames.filter(([type]) => type === HEADERS)).toHaveLength(6);
  });
});

describe('a request whose trailers are awaited', () => {
  it.each<[string, Frames]>([
    ['is answered too early', (s) => [headers(s, END, [':status', '413'])]],
    ['is answered too early, and the session ends', (s) => [headers(s, END, [':status', '413']), goAway(9, 2)]],
    ['is reset', (s) => [rstStream(s, 2)]],
    ['is reset without an error', (s) => [rstStream(s, 0)]],
    ['is answered wrongly', (s) => [headers(s, END_HEADERS, ['connection', 'close'])]],
    ['loses its session', () => [goAway(9, 2)]],
    ['loses its session to garbage', () => [Buffer.alloc(200, 255)]],
  ])('and which %s harms nobody else', async (_, frames) => {
    await using origin = await startFrameOrigin(ca, (socket, stream, request) =>
      socket.write(request === 1 ? Buffer.concat(frames(stream)) : ok(stream)),
    );
    await failureOf(upstream.ask(origin.port, { method: 'POST', body: new Endless() }));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect((await upstream.ask(origin.port)).head.status).toBe(200);
  });
});

it.each<[string, (socket: TLSSocket, stream: number) => void]>([
  ['closes the connection', (socket) => socket.end()],
  ['breaks it', (socket) => socket.destroy()],
  [
    'answers with content, and closes the connection',
    (socket, stream) => socket.end(Buffer.concat([begun(stream), frame(DATA, 0, stream, 'abc')])),
  ],
  [
    'answers with content that nobody wants',
    (socket, stream) => socket.write(Buffer.concat([begun(stream), frame(DATA, 0, stream, 'abc')])),
  ],
])('an origin that %s while trailers are awaited harms nobody else', async (_, act) => {
  await using origin = await startFrameOrigin(ca, (socket, stream, request) =>
    request === 1 ? act(socket, stream) : socket.write(ok(stream)),
  );
  const { response } = await upstream.forward(origin.port, { method: 'POST', body: new Endless() }).catch(() => ({ response: null }));
  const cancelled = (): Taken => {
    response?.body?.cancel();
    return TAKEN;
  };
  response?.body?.start({ write: cancelled, end: () => {}, fail: () => {} });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect((await upstream.ask(origin.port)).head.status).toBe(200);
});

it('a session is not kept for a stream that its origin has ended, and whose answer nobody began to read', async () => {
  const asking = createAskingUpstream(ca, { idleTimeoutMs: 50 });
  onTestFinished(() => asking.close());
  await using origin = await startFrameOrigin(ca, (socket, stream) =>
    socket.write(Buffer.concat([begun(stream), frame(DATA, END_STREAM, stream, 'abc'), rstStream(stream, 0)])),
  );
  const { response } = await asking.forward(origin.port, { method: 'POST', body: new Endless() });
  await new Promise((resolve) => setTimeout(resolve, 20));
  response.body?.cancel();
  await until(() => origin.frames.some(([type]) => type === GOAWAY));
});

it('an origin that wants HTTP/1.1 and does not speak it is asked in HTTP/2 again', async () => {
  await using origin = await startFrameOrigin(ca, (socket, stream, request) =>
    socket.write(request === 1 ? rstStream(stream, 13) : ok(stream)),
  );
  expect(await failureOf(upstream.ask(origin.port))).toBe('tls_alert_received');
  expect((await upstream.ask(origin.port)).head).toMatchObject({ status: 200, version: '2' });
});

it('content that is empty ends, although nobody has read of it before its end came', async () => {
  await using origin = await startFrameOrigin(ca, (socket, stream) =>
    socket.write(Buffer.concat([begun(stream), frame(DATA, 0, stream), headers(stream, END, ['x-sum', '0'])])),
  );
  const { response } = await upstream.forward(origin.port);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await readWhole(response.body)).toEqual({ content: Buffer.alloc(0), trailers: [{ name: 'x-sum', value: '0' }] });
});

it.each([null, 100])('a request of length %s that breaks off is reset, not ended', async (length) => {
  await using origin = await startFrameOrigin(ca, () => {});
  const body = new Endless(length);
  const answered = failureOf(upstream.ask(origin.port, { method: 'POST', body }));
  await until(() => origin.frames.length > 0);

  body.sink?.fail(new ProxyError('http_request_error', 'It broke off.'));
  expect(await answered).toBe('http_request_error');
  await until(() => origin.frames.some(([type]) => type === RST_STREAM));
  expect(origin.frames.some(([type, flags]) => type === DATA && (flags & END_STREAM) !== 0)).toBe(false);
});

/** Content that begins and does not end. */
class Endless implements Body {
  readonly length: number | null;
  sink: BodySink | null = null;
  constructor(length: number | null = null) {
    this.length = length;
  }
  start(sink: BodySink): void {
    this.sink = sink;
    sink.write(Buffer.from('begin'));
  }
  resume(): void {}
  cancel(): void {}
}

function many(count: number, length = 1): [string, string][] {
  return Array.from({ length: count }, (_, i) => [`x-${i}`, 'v'.repeat(length)]);
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}
