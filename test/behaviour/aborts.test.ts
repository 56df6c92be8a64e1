// Who leaves in the middle takes the other side along: a client ends the request upstream, an origin's broken answer never looks complete.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startFullServer } from '../support/full-server.ts';
import { startOrigin, startRawServer } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';
import type { RawConnection } from '../support/raw-connection.ts';
import { startTestProxy, type TestProxy } from '../support/start-proxy.ts';
import { blocks } from '../support/tunnel-servers.ts';

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startTestProxy();
});
afterAll(() => proxy.close());

/** An origin that hands out its connections. */
async function startSilentOrigin() {
  const accepted = Promise.withResolvers<RawConnection>();
  const server = await startRawServer((connection) => accepted.resolve(connection));
  return Object.assign(server, { connection: accepted.promise });
}

describe('a client that leaves', () => {
  it('while the name is resolved', async () => {
    const silentDns = createSocket('udp4').bind(0, '127.0.0.1');
    await once(silentDns, 'listening');
    const asked = once(silentDns, 'message');
    await using own = await startTestProxy({ resolver: { servers: [`127.0.0.1:${silentDns.address().port}`], hostsFile: '' } });
    using client = await connectRaw(own);
    await client.send('GET http://slow.example/ HTTP/1.1\r\nHost: x\r\n\r\n');
    await asked;
    client.destroy();
    expect(await own.flow(0)).toMatchObject({ outcome: 'aborted', status: 0 });
    silentDns.close();
  });

  it('while its connection is made', async () => {
    using full = await startFullServer();
    const index = proxy.flows.length;
    using client = await connectRaw(proxy);
    await client.send(`GET ${full.url}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
    client.end();
    await client.closed;
    expect(await proxy.flow(index)).toMatchObject({ outcome: 'aborted', status: 0 });
  });

  it.each(['ends', 'resets'])('and %s while the origin thinks ends the request there', async (how) => {
    await using origin = await startSilentOrigin();
    const index = proxy.flows.length;
    using client = await connectRaw(proxy);
    await client.send(`GET ${origin.url}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
    const connection = await origin.connection;
    await connection.readUntil('\r\n\r\n');
    if (how === 'ends') client.end();
    else client.reset();
    await connection.closed;
    const flow = await proxy.flow(index);
    await client.closed;
    expect(flow).toMatchObject({ outcome: 'aborted', status: 0, error: null });
  });

  it('after its upload, which met back-pressure, is missed at once', async () => {
    await using origin = await startSilentOrigin();
    const index = proxy.flows.length;
    const length = 16 * 1024 * 1024;
    using client = await connectRaw(proxy);
    await client.send(`POST ${origin.url}/ HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n`);
    const connection = await origin.connection;
    connection.pause();
    const sent = Promise.all([...blocks(length)].map((block) => client.send(block)));
    await new Promise((resolve) => setTimeout(resolve, 200)); // until every buffer on the way is full
    connection.resume();
    await sent;
    await connection.readUntil('\r\n\r\n');
    await connection.readExactly(length);
    client.reset();
    await connection.closed;
    expect((await proxy.flow(index)).outcome).toBe('aborted');
  });

  it('in the middle of its content ends the request, which then is not complete', async () => {
    await using origin = await startSilentOrigin();
    const index = proxy.flows.length;
    using client = await connectRaw(proxy);
    await client.send(`POST ${origin.url}/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`);
    const connection = await origin.connection;
    await connection.readUntil('hello');
    client.end();
    await connection.closed;
    expect(connection.unread.toString()).not.toContain('0\r\n\r\n');
    expect(await proxy.flow(index)).toMatchObject({ outcome: 'aborted' });
  });

  it('in the middle of the answer ends the answer', async () => {
    await using origin = await startSilentOrigin();
    const index = proxy.flows.length;
    using client = await connectRaw(proxy);
    await client.send(`GET ${origin.url}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
    const connection = await origin.connection;
    await connection.send('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbeginning');
    await client.readUntil('beginning');
    client.destroy();
    await connection.closed;
    expect(await proxy.flow(index)).toMatchObject({ outcome: 'aborted', status: 200 });
  });

  it('without reading on ends an answer that waits for it', async () => {
    await using origin = await startOrigin((_, reply) => reply.response({ body: Buffer.alloc(32 * 1024 * 1024) }));
    const index = proxy.flows.length;
    using client = await connectRaw(proxy);
    client.pause();
    await client.send(`GET ${origin.url}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
    await new Promise((resolve) => setTimeout(resolve, 200)); // until every buffer on the way is full
    client.reset();
    expect(await proxy.flow(index)).toMatchObject({ outcome: 'aborted', status: 200 });
  });
});

describe('an origin that breaks off', () => {
  const length = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf';
  const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n';
  const untilClose = 'HTTP/1.1 200 OK\r\n\r\nhalf';
  it.each([
    ['by length, with FIN', '1.1', length, 'ends'],
    ['by length, with RST', '1.1', length, 'resets'],
    ['chunked, with FIN', '1.1', chunked, 'ends'],
    ['chunked, with RST', '1.1', chunked, 'resets'],
    ['in the middle of a chunk', '1.1', `${chunked}8\r\nha`, 'ends'],
    ['by a chunk that is none', '1.1', `${chunked}xyz\r\n`, 'says no more'],
    ['until the close, with RST', '1.1', untilClose, 'resets'],
    ['by length, to HTTP/1.0', '1.0', length, 'ends'],
    ['chunked, to HTTP/1.0', '1.0', chunked, 'ends'],
    ['until the close, with RST, to HTTP/1.0', '1.0', untilClose, 'resets'],
  ])('%s breaks the client off, too', async (_, version, answer, how) => {
    await using origin = await startRawServer(async (connection) => {
      await connection.readUntil('\r\n\r\n');
      await connection.send(answer);
      await seen.promise;
      if (how === 'ends') connection.end();
      else if (how === 'resets') connection.reset();
    });
    const seen = Promise.withResolvers<void>();
    const index = proxy.flows.length;
    using client = await connectRaw(proxy);
    await client.send(`GET ${origin.url}/ HTTP/${version}\r\nHost: x\r\n\r\n`);
    if (how !== 'says no more') await client.readUntil('half');
    seen.resolve();
    expect(await client.closed).toEqual({ hadReset: true });
    const flow = await proxy.flow(index);
    expect(flow).toMatchObject({ outcome: 'failed', status: 200 });
    expect(flow.error?.code).toMatch(/^http_(?:response_incomplete|protocol_error)$/);
  });

  it.each([
    ['by RST before it answers', '', 'resets', 'connection_terminated'],
    ['by FIN before it answers', '', 'ends', 'connection_terminated'],
    ['in the head of its answer', 'HTTP/1.1 200 OK\r\nContent-', 'ends', 'http_response_incomplete'],
    ['after an interim answer', 'HTTP/1.1 103 Early Hints\r\n\r\n', 'ends', 'http_response_incomplete'],
  ])('%s is answered 502', async (_, text, how, code) => {
    await using origin = await startRawServer(async (connection) => {
      await connection.readUntil('\r\n\r\n');
      await connection.send(text);
      if (how === 'ends') connection.end();
      else connection.reset();
    });
    using client = await connectRaw(proxy);
    await client.send(`GET ${origin.url}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
    const response = await client.readResponse();
    expect(response.status).toBe(502);
    expect(response.head).toContain(`;error=${code};`);
  });
});

it('a port where nobody listens is answered 502 connection_refused', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  using client = await connectRaw(proxy);
  await client.send(`GET http://127.0.0.1:${port}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
  const response = await client.readResponse();
  expect(response.status).toBe(502);
  expect(response.head).toContain(';error=connection_refused;');
});
