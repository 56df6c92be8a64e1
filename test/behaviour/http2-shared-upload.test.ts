// What uploads on one session of HTTP/2 do to each other: nghttp2 sends the content of one after that of the other while the window of the connection
// is what holds them up, so large ones are kept apart from other content.
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type Body, type BodySink, BytesBody, FULL, NO_FIELDS } from '../../src/http/message.ts';
import { type AskingUpstream, createAskingUpstream, failureOf } from '../support/asking-upstream.ts';
import { type StreamHandler, startStreamOrigin } from '../support/stream-origin.ts';
import { createTemporaryCa, type TemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';

const LENGTH = 128 * 1024;

let ca: TemporaryCa;
let upstream: AskingUpstream;

beforeAll(() => {
  ca = createTemporaryCa(temporaryFolder(afterAll));
});

afterEach(() => upstream.close());

/** Answers when all has come, with the port of the connection that it came by; what is sent to /kept waits unread. */
const answer: StreamHandler = (stream, headers) => {
  if (headers[':path'] === '/kept') return;
  stream.resume();
  stream.on('end', () => {
    if (stream.closed) return;
    stream.respond({ ':status': 200 });
    stream.end(String(stream.session?.socket?.remotePort));
  });
};

/** More than a window, and its end when a test says so. */
class LongUpload implements Body {
  readonly length: number | null;
  readonly begun = Promise.withResolvers<void>();
  #sink: BodySink | null = null;
  isCancelled = false;

  constructor(length: number | null) {
    this.length = length;
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    sink.write(Buffer.alloc(LENGTH - 1));
    this.begun.resolve();
  }

  resume(): void {}

  cancel(): void {
    this.isCancelled = true;
  }

  end(): void {
    if (this.#sink!.write(Buffer.alloc(1)) !== FULL) this.#sink!.end(NO_FIELDS);
    else this.resume = () => this.#sink!.end(NO_FIELDS);
  }
}

const post = (body: Body, path = '/') => ({ method: 'POST', body, path });
const small = () => post(new BytesBody(Buffer.from('small')));

it.each([LENGTH, null])('a large one (announced: %s) has a session without other content, and what has none shares it', async (length) => {
  upstream = createAskingUpstream(ca);
  await using origin = await startStreamOrigin(ca, answer);
  const portOf = async (asked: Parameters<AskingUpstream['ask']>[1]) => (await upstream.ask(origin.port, asked)).content.toString();
  const first = await portOf({});
  const upload = new LongUpload(length);
  const uploaded = portOf(post(upload));
  await upload.begun.promise;
  const beside = await portOf(small());
  expect(beside).not.toBe(first);
  expect(await portOf({})).toBe(first);
  expect(await portOf(small())).toBe(beside);
  upload.end();
  expect(await uploaded).toBe(first);
  expect(await portOf(small())).toBe(first);
  expect(origin.accepted).toBe(2);
});

it('as many as there may be sessions have one each, and others share the one that has the fewest', async () => {
  upstream = createAskingUpstream(ca);
  await using origin = await startStreamOrigin(ca, answer);
  const uploads: LongUpload[] = [];
  const ports: Promise<string>[] = [];
  for (let rounds = 0; rounds < 2; rounds += 1) {
    const begun = Array.from({ length: 8 }, () => new LongUpload(LENGTH));
    ports.push(...begun.map(async (upload) => (await upstream.ask(origin.port, post(upload))).content.toString()));
    await Promise.all(begun.map((upload) => upload.begun.promise));
    uploads.push(...begun);
  }
  for (const upload of uploads) upload.end();
  const used = Map.groupBy(await Promise.all(ports), (port) => port);
  expect([...used.values()].map(({ length }) => length)).toEqual(Array.from({ length: 8 }, () => 2));
  expect(origin.accepted).toBe(8);
});

it('where the origin takes no more connections other content shares the session all the same', async () => {
  upstream = createAskingUpstream(ca);
  await using origin = await startStreamOrigin(ca, answer);
  await upstream.ask(origin.port);
  origin.takeNoMore();
  const uploads = [new LongUpload(LENGTH), new LongUpload(LENGTH)];
  const uploaded = uploads.map((upload) => upstream.ask(origin.port, post(upload)));
  await Promise.all(uploads.map((upload) => upload.begun.promise));
  const answers = [upstream.ask(origin.port, small()), upstream.ask(origin.port, small())];
  for (const upload of uploads) upload.end();
  const heads = await Promise.all([...uploaded, ...answers]);
  expect(heads.map(({ head }) => head.status)).toEqual([200, 200, 200, 200]);
});

it("one that is given up stands in nobody's way any more", async () => {
  upstream = createAskingUpstream(ca, { writeTimeoutMs: 100 });
  await using origin = await startStreamOrigin(ca, answer);
  await upstream.ask(origin.port);
  const upload = new LongUpload(LENGTH);
  expect(await failureOf(upstream.ask(origin.port, post(upload, '/kept')))).toBe('connection_write_timeout');
  expect(upload.isCancelled).toBe(true);
  await upstream.ask(origin.port, small());
  expect(origin.accepted).toBe(1);
});
