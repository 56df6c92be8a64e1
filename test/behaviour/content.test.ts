// Content both ways: every octet, as it comes, and never more of it in memory than is on its way.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { conversation, type Step } from '../support/conversation.ts';
import { startOrigin, startRawServer } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';
import type { RawConnection } from '../support/raw-connection.ts';
import { standstill } from '../support/standstill.ts';
import { startTestProxy, type TestProxy } from '../support/start-proxy.ts';
import { blocks, expectedContent } from '../support/tunnel-servers.ts';

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startTestProxy({ viaName: 'sally' });
});
afterAll(() => proxy.close());

const LENGTH = 64 * 1024 * 1024;
/** More than what the buffers of kernel and proxy hold for one direction, which a reader that stands still must not exceed. */
const HELD_AT_MOST = 32 * 1024 * 1024;

describe('64 MiB', () => {
  it('of an answer by length arrive octet by octet', async () => {
    await using origin = await startRawServer(async (connection) => {
      await connection.readUntil('\r\n\r\n');
      await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${LENGTH}\r\n\r\n`);
      for (const block of blocks(LENGTH)) await connection.send(block);
    });
    using client = await connectRaw(proxy);
    const content = digestAfterHead(client);
    await client.send(`GET ${origin.url}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    expect(await content).toEqual(expectedContent(LENGTH));
  });

  it('of a request by length arrive octet by octet', async () => {
    const digested = Promise.withResolvers<string>();
    await using origin = await startRawServer(async (connection) => {
      await connection.readUntil('\r\n\r\n');
      const hash = createHash('sha256');
      for (let left = LENGTH; left > 0; ) {
        const bytes = await connection.readUntil((unread) => (unread.length === 0 ? -1 : unread.length));
        hash.update(bytes);
        left -= bytes.length;
      }
      digested.resolve(hash.digest('hex'));
      await connection.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    });
    using client = await connectRaw({ ...proxy, timeoutMs: 20_000 });
    await client.send(`POST ${origin.url}/ HTTP/1.1\r\nHost: x\r\nContent-Length: ${LENGTH}\r\n\r\n`);
    for (const block of blocks(LENGTH)) await client.send(block);
    expect((await client.readResponse()).status).toBe(200);
    expect(await digested.promise).toBe(expectedContent(LENGTH).sha256);
  });
});

/** Length and checksum of what follows the next head, until that many octets have come or the connection ends. */
async function digestAfterHead(connection: RawConnection, enough = Number.POSITIVE_INFINITY): Promise<{ length: number; sha256: string }> {
  await connection.readUntil('\r\n\r\n');
  const hash = createHash('sha256');
  let length = 0;
  while (length < enough && (await connection.hasMore())) {
    const bytes = await connection.readUntil((unread) => unread.length);
    hash.update(bytes);
    length += bytes.length;
  }
  return { length, sha256: hash.digest('hex') };
}

it('a megabyte arrives octet by octet in chunks of every size, both ways', async () => {
  const content = Buffer.concat([...blocks(1024 * 1024 + 17)]);
  const chunks: Buffer[] = [];
  for (let start = 0, size = 1; start < content.length; start += size, size = (size * 3) % 40_009 || 1) {
    const chunk = content.subarray(start, start + size);
    chunks.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'));
  }
  chunks.push(Buffer.from('0\r\n\r\n'));
  const framed = Buffer.concat(chunks);
  await using origin = await startOrigin(async (request, reply) => {
    expect(request).toMatchObject({ framing: 'chunked', trailers: [] });
    expect(request.body.equals(content)).toBe(true);
    await reply.raw(Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'), framed]));
  });
  using client = await connectRaw(proxy);
  await client.send(`POST ${origin.url}/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`);
  await client.send(framed);
  expect((await client.readResponse()).body.equals(content)).toBe(true);
});

it('octets that come one at a time are passed on one at a time, both ways', async () => {
  const steps: Step[] = [
    { 'client sends': 'POST http://{origin}/ HTTP/1.1\r\nHost: {origin}\r\nContent-Length: 5\r\n\r\n' },
    { 'origin sees': 'POST / HTTP/1.1\r\nHost: {origin}\r\nVia: 1.1 sally\r\nContent-Length: 5\r\n\r\n' },
  ];
  for (const octet of 'hello') steps.push({ 'client sends': octet }, { 'origin sees': octet });
  steps.push(
    { 'origin sends': 'HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 5\r\n\r\n' },
    { 'client sees': 'HTTP/1.1 200 OK\r\nDate: x\r\nVia: 1.1 sally\r\nContent-Length: 5\r\n\r\n' },
  );
  for (const octet of 'world') steps.push({ 'origin sends': octet }, { 'client sees': octet });
  await conversation(proxy, steps);
});

it('server-sent events arrive one by one, without waiting for each other', async () => {
  const steps: Step[] = [
    { 'client sends': 'GET http://{origin}/events HTTP/1.1\r\nHost: {origin}\r\nAccept: text/event-stream\r\n\r\n' },
    { 'origin sees': /^GET \/events / },
    { 'origin sends': 'HTTP/1.1 200 OK\r\nDate: x\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n' },
    {
      'client sees':
        'HTTP/1.1 200 OK\r\nDate: x\r\nContent-Type: text/event-stream\r\nVia: 1.1 sally\r\nTransfer-Encoding: chunked\r\n\r\n',
    },
  ];
  for (let n = 1; n < 10; n += 1) steps.push({ 'origin sends': `9\r\ndata: ${n}\n\n\r\n` }, { 'client sees': `9\r\ndata: ${n}\n\n\r\n` });
  steps.push({ 'origin sends': '0\r\n\r\n' }, { 'client sees': '0\r\n\r\n' });
  await conversation(proxy, steps);
});

describe('back-pressure', () => {
  it('of a client that stands still reaches the origin', async () => {
    let sent = 0;
    await using origin = await startRawServer(async (connection) => {
      await connection.readUntil('\r\n\r\n');
      await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${LENGTH}\r\n\r\n`);
      for (const block of blocks(LENGTH)) {
        await connection.send(block);
        sent += block.length;
      }
    });
    using client = await connectRaw(proxy);
    client.pause();
    await client.send(`GET ${origin.url}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    await standstill(() => sent);
    expect(sent).toBeGreaterThan(0);
    expect(sent).toBeLessThan(HELD_AT_MOST);
    const content = digestAfterHead(client);
    client.resume();
    expect(await content).toEqual(expectedContent(LENGTH));
  });

  it('of an origin that stands still reaches the client', async () => {
    const accepted = Promise.withResolvers<RawConnection>();
    await using origin = await startRawServer((connection) => {
      connection.pause();
      accepted.resolve(connection);
    });
    using client = await connectRaw(proxy);
    let sent = 0;
    const sending = (async () => {
      await client.send(`POST ${origin.url}/ HTTP/1.1\r\nHost: x\r\nContent-Length: ${LENGTH}\r\n\r\n`);
      for (const block of blocks(LENGTH)) {
        await client.send(block);
        sent += block.length;
      }
    })();
    const connection = await accepted.promise;
    await standstill(() => sent);
    expect(sent).toBeGreaterThan(0);
    expect(sent).toBeLessThan(HELD_AT_MOST);
    const content = digestAfterHead(connection, LENGTH);
    connection.resume();
    await sending;
    // The client stays until then: one that ends its direction before the answer counts as gone.
    expect(await content).toEqual(expectedContent(LENGTH));
  });
});
