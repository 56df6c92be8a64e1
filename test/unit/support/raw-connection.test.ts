// The support itself, where a mistake would let a wrong proxy pass: octets, waits, endings.
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { startOrigin, startRawServer } from '../../support/origin.ts';
import { connectRaw } from '../../support/raw-client.ts';
import { RawConnection } from '../../support/raw-connection.ts';
import { temporaryFolder } from '../../support/temp-files.ts';
import { blocks, digest, expectedContent, startEcho, startSink, startSource } from '../../support/tunnel-servers.ts';

test('a wait that fails says what it waited for and what had arrived', async () => {
  await using server = await startRawServer((connection) => connection.send('HTTP/1.1 200 OK\r\nA: \x07'));
  using client = await connectRaw({ port: server.port, timeoutMs: 50 });
  await expect.poll(() => client.unread.length).toBe(21);
  await expect(client.readUntil('\r\n\r\n')).rejects.toThrow(
    'waited 50 ms for "\\r\\n\\r\\n"; had 21 octets:\nHTTP/1.1 200 OK\\r\\n\nA: \\x07',
  );
});

test('a FIN and a RST are told apart', async () => {
  await using server = await startRawServer(async (connection) => {
    if ((await connection.readExactly(1)).toString() === 'r') connection.reset();
    else connection.end();
  });
  using ended = await connectRaw({ port: server.port });
  await ended.send('e');
  expect(await ended.closed).toEqual({ hadReset: false });
  expect(await ended.readToEnd()).toHaveLength(0);
  using broken = await connectRaw({ port: server.port });
  await broken.send('r');
  expect(await broken.closed).toEqual({ hadReset: true });
  await expect(broken.readToEnd()).rejects.toThrow('reset');
});

test('our direction stays open after the other has ended, until we end it', async () => {
  const { promise: heard, resolve } = Promise.withResolvers<string>();
  await using server = await startRawServer(async (connection) => {
    connection.end();
    resolve((await connection.readToEnd()).toString());
  });
  using client = await connectRaw({ port: server.port });
  await client.closed;
  await client.send('still here');
  client.end();
  expect(await heard).toBe('still here');
});

test('a client that pauses makes the sender wait', async () => {
  const content = Buffer.alloc(32 * 1024 * 1024);
  const { promise: sent, resolve } = Promise.withResolvers<void>();
  await using server = await startRawServer(async (connection) => {
    await connection.readExactly(1);
    await connection.send(content);
    connection.end();
    resolve();
  });
  using client = await connectRaw({ port: server.port });
  client.pause();
  await client.send('x');
  // A few MiB fit into the kernel's buffers on loopback; the rest has to stay on the other side.
  expect(await Promise.race([sent, delay(200, 'still sending')])).toBe('still sending');
  client.resume();
  expect(await client.readToEnd()).toHaveLength(content.length);
});

test('an echo, a source and a sink agree on content by length and checksum', async () => {
  const length = 200_001;
  await using echo = await startEcho();
  await using source = await startSource(length);
  await using sink = await startSink();

  using echoed = await connectRaw({ port: echo.port });
  await echoed.send('once');
  echoed.end();
  expect((await echoed.readToEnd()).toString()).toBe('once');

  using download = await connectRaw({ port: source.port });
  const received = await digest(download.release());
  expect(received).toEqual(expectedContent(length));

  using upload = await connectRaw({ port: sink.port });
  for (const bytes of blocks(length)) await upload.send(bytes);
  upload.end();
  expect((await upload.readToEnd()).toString()).toBe(`${length} ${received.sha256}\n`);
  expect(sink.received).toEqual([received]);
});

test('an origin keeps what it was asked, octet by octet, and answers pipelined requests in order', async () => {
  const origin = await startOrigin((request, reply) =>
    reply.response({ body: request.target, chunked: request.target === '/b', trailers: [['X', 'y']] }),
  );
  onTestFinished(() => origin.close());
  using client = await connectRaw({ port: origin.port });
  const a = 'POST /a HTTP/1.1\r\nhost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: 1\r\n\r\n';
  await client.send(`${a}GET /b HTTP/1.1\r\nHost: x\r\n\r\nHEAD /c HTTP/1.1\r\nHost: x\r\n\r\n`);
  expect((await client.readResponse()).body.toString()).toBe('/a');
  expect(await client.readResponse()).toMatchObject({ body: Buffer.from('/b'), framing: 'chunked', trailers: [['X', 'y']] });
  expect(await client.readResponse('HEAD')).toMatchObject({ fields: [['Content-Length', '2']], framing: 'none' });
  expect(origin.requests[0]).toMatchObject({
    method: 'POST',
    target: '/a',
    body: Buffer.from('abc'),
    trailers: [['T', '1']],
    raw: Buffer.from(a),
  });
  expect(origin).toMatchObject({ accepted: 1, brokenOff: 0, refused: [] });
  expect(origin.requests).toHaveLength(3);
});

test('an origin answers 100 before it reads the content of a request that expects it (RFC 9110 §10.1.1)', async () => {
  await using origin = await startOrigin((request, reply) => reply.response({ body: request.body }));
  using client = await connectRaw({ port: origin.port });
  await client.send('PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n');
  expect((await client.readAnyResponse()).status).toBe(100);
  await client.send('hi');
  expect((await client.readResponse()).body.toString()).toBe('hi');
});

test('an origin that was sent what it refuses cannot be closed quietly', async () => {
  const origin = await startOrigin((_, reply) => reply.response({}));
  using client = await connectRaw({ port: origin.port });
  await client.send('GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n');
  expect((await client.readLastResponse()).status).toBe(400);
  await expect(origin.close()).rejects.toThrow('more than one framing field');
});

test('a request that breaks off is counted, not refused', async () => {
  await using origin = await startOrigin((_, reply) => reply.response({}));
  using client = await connectRaw({ port: origin.port });
  await client.send('PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhi');
  client.end();
  await client.closed;
  expect(origin).toMatchObject({ brokenOff: 1, refused: [], requests: [] });
});

test('octets that trickle in over a unix socket are one response', async () => {
  const path = `${temporaryFolder(onTestFinished)}/origin.sock`;
  const server = createServer((socket) => new RawConnection(socket, 5_000).sendSlowly('HTTP/1.1 204 No Content\r\n\r\n', 1, 1));
  await new Promise<void>((listening) => server.listen(path, listening));
  onTestFinished(() => void server.close());
  using client = await connectRaw({ path });
  expect(await client.readResponse()).toMatchObject({ status: 204, reason: 'No Content', fields: [], framing: 'none' });
});
