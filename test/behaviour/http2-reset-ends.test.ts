// Answers that an origin ends with a reset (RST_STREAM) instead of END_STREAM, through the whole proxy, frame by frame: what a client can take for the
// end of content is what the origin has said, and nothing that we or Node have put there.
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { inMemory } from '../support/cached.ts';
import { CODES, type FieldList, FrameClient, headers as requestHeaders, type StreamEnd } from '../support/frame-client.ts';
import {
  DATA,
  END_HEADERS,
  type FrameAnswer,
  type FrameOrigin,
  frame,
  headers,
  rstStream,
  startFrameOrigin,
} from '../support/frame-origin.ts';
import { ask, openSession } from '../support/http2-in-tunnels.ts';
import { type OpeningProxy, openTunnel, startOpeningProxy } from '../support/opened-tunnels.ts';
import { ResetError } from '../support/raw-connection.ts';
import { startStreamOrigin } from '../support/stream-origin.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';

const folder = temporaryFolder(afterAll);
const ca = createTemporaryCa(folder);
const CONTENT = 'c'.repeat(40_000);

/** An answer of 40,000 octets and a reset behind it. */
function resetWith(code: number, ...fields: [string, string][]): FrameAnswer {
  return (socket, stream) => {
    const pieces = [CONTENT.slice(0, 16_000), CONTENT.slice(16_000, 32_000), CONTENT.slice(32_000)];
    const frames = pieces.map((piece) => frame(DATA, 0, stream, piece));
    socket.write(Buffer.concat([headers(stream, END_HEADERS, [':status', '200'], ...fields), ...frames, rstStream(stream, code)]));
  };
}

async function openFrames(proxy: OpeningProxy, origin: FrameOrigin): Promise<FrameClient> {
  const connection = await openTunnel(proxy, `localhost:${origin.port}`, { ALPNProtocols: ['h2'] });
  onTestFinished(() => connection.destroy());
  return FrameClient.over(connection);
}

async function askFrames(client: FrameClient, origin: FrameOrigin, stream: number): Promise<StreamEnd> {
  await client.send(requestHeaders(stream, getOf(origin)));
  return client.end(stream);
}

function getOf({ port }: FrameOrigin): FieldList {
  return [
    [':method', 'GET'],
    [':scheme', 'https'],
    [':authority', `localhost:${port}`],
    [':path', '/'],
  ];
}

test('a reset without an error is passed on as one, behind all of the content, and nothing is stored', async () => {
  await using origin = await startFrameOrigin(ca, resetWith(CODES.noError, ['cache-control', 'max-age=3600']));
  await using proxy = await startOpeningProxy(folder, ca, { config: { cache: inMemory() } });
  for (let i = 0; i < 2; i += 1) {
    const end = await askFrames(await openFrames(proxy, origin), origin, 1);
    expect(end).toEqual({ kind: 'reset', code: CODES.noError, status: 200, content: CONTENT });
  }
  expect(origin.frames).toHaveLength(2);
  expect(await proxy.flow(1)).toMatchObject({ outcome: 'failed', error: { code: 'http_response_incomplete' } });
});

test('to a client of HTTP/1.1 that waited for the same, such content broke off', async () => {
  await using origin = await startFrameOrigin(ca, (socket, stream, request) => {
    socket.write(headers(stream, END_HEADERS, [':status', '200'], ['cache-control', 'max-age=3600']));
    void release.promise.then(() => socket.write(Buffer.concat([frame(DATA, 0, stream, 'abc'), rstStream(stream, request === 1 ? 0 : 8)])));
  });
  const release = Promise.withResolvers<void>();
  await using proxy = await startOpeningProxy(folder, ca, { config: { cache: inMemory() } });
  const authority = `localhost:${origin.port}`;
  const client = await openFrames(proxy, origin);
  const byHttp2 = askFrames(client, origin, 1);
  while (origin.frames.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const connection = await openTunnel(proxy, authority);
  onTestFinished(() => connection.destroy());
  await connection.send(`GET / HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
  expect(String(await connection.readUntil('\r\n\r\n'))).toMatch(/^HTTP\/1.1 200[\s\S]*collapsed/);
  release.resolve();
  expect(await byHttp2).toMatchObject({ kind: 'reset', code: CODES.noError, content: 'abc' });
  await expect(connection.readToEnd()).rejects.toThrow(ResetError);
});

test.for<[string, number, FieldList]>([
  ['with an error', CODES.cancel, []],
  ['with an error, short of its length', CODES.cancel, [['content-length', '50000']]],
  ['without an error, short of its length', CODES.noError, [['content-length', '50000']]],
])('content that is reset %s is reset with INTERNAL_ERROR, and has no END_STREAM before that', async ([, code, fields]) => {
  await using origin = await startFrameOrigin(ca, resetWith(code, ...fields.map(([name, value]): [string, string] => [name, value])));
  await using proxy = await startOpeningProxy(folder, ca);
  const end = await askFrames(await openFrames(proxy, origin), origin, 1);
  expect(end).toMatchObject({ kind: 'reset', code: CODES.internalError, status: 200 });
});

test('content behind which the connection ends, in order or not, is never reset without an error', async () => {
  let isInOrder = true;
  await using origin = await startFrameOrigin(ca, (socket, stream) => {
    const begun = Buffer.concat([headers(stream, END_HEADERS, [':status', '200']), frame(DATA, 0, stream, 'abc')]);
    if (isInOrder) socket.end(begun);
    else socket.write(begun, () => socket.destroy());
  });
  await using proxy = await startOpeningProxy(folder, ca);
  const client = await openFrames(proxy, origin);
  for (const stream of [1, 3, 5, 7]) {
    isInOrder = stream < 4;
    expect(await askFrames(client, origin, stream)).toMatchObject({ kind: 'reset', code: CODES.internalError });
  }
});

test('a client that leaves while such an answer is on its way harms nobody', async () => {
  await using origin = await startFrameOrigin(ca, resetWith(CODES.noError));
  await using proxy = await startOpeningProxy(folder, ca);
  for (let i = 0; i < 20; i += 1) {
    const client = await openFrames(proxy, origin);
    await client.send(requestHeaders(1, getOf(origin)));
    if (i % 2 === 0) await client.nextOf(DATA);
    client.connection.destroy();
  }
  expect(await askFrames(await openFrames(proxy, origin), origin, 1)).toMatchObject({ kind: 'reset', content: CONTENT });
});

test('many large answers at once without a length, as Node sends them, all come whole', async () => {
  const content = Buffer.alloc(1_500_000, 'large ');
  await using origin = await startStreamOrigin(ca, (stream) => {
    stream.respond({ ':status': 200 });
    stream.end(content);
  });
  await using proxy = await startOpeningProxy(folder, ca);
  const session = await openSession(proxy, `localhost:${origin.port}`);
  const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => ask(session, { ':path': `/${i}` })));
  expect(answers.filter((answer) => !answer.content.equals(content))).toHaveLength(0);
});
