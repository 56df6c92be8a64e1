// The bounds on what a client may send and hold (RFC 9110 §15.5.15, RFC 6585 §5): on the line it passes, one over it is refused.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Origin, startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';
import { startTestProxy, type TestProxy } from '../support/start-proxy.ts';

let origin: Origin;
let proxy: TestProxy;
beforeAll(async () => {
  origin = await startOrigin((_, reply) => reply.response({ body: 'x' }));
  proxy = await startTestProxy({
    viaName: 'sally',
    listener: { headBytes: 2_000, targetBytes: 1_000, fieldCount: 10 },
    upstream: { headBytes: 2_000, fieldCount: 10 },
  });
});
afterAll(async () => {
  await proxy.close();
  await origin.close();
});

function targetOf(length: number): string {
  return `${origin.url}/`.padEnd(length, 'a');
}

/** A request whose head, empty line included, has so many octets. */
function headOf(length: number): string {
  const start = `GET ${origin.url}/ HTTP/1.1\r\nHost: x\r\nX: `;
  return `${start.padEnd(length - 4, 'a')}\r\n\r\n`;
}

describe('a request', () => {
  it.each([
    ['a target of the most octets', () => `GET ${targetOf(1_000)} HTTP/1.1\r\nHost: x\r\n\r\n`],
    ['a head of the most octets', () => headOf(2_000)],
    ['the most fields', () => `GET ${origin.url}/ HTTP/1.1\r\nHost: x\r\n${'X: y\r\n'.repeat(9)}\r\n`],
  ])('with %s passes', async (_, request) => {
    using client = await connectRaw(proxy);
    await client.send(request());
    expect((await client.readResponse()).status).toBe(200);
  });

  it.each([
    ['a target of one more', 414, () => `GET ${targetOf(1_001)} HTTP/1.1\r\nHost: x\r\n\r\n`],
    ['a head of one more', 431, () => headOf(2_001)],
    ['a head without end', 431, () => `GET ${origin.url}/ HTTP/1.1\r\nX: ${'a'.repeat(10_000)}`],
    ['one field more', 431, () => `GET ${origin.url}/ HTTP/1.1\r\nHost: x\r\n${'X: y\r\n'.repeat(10)}\r\n`],
    [
      'a trailer section without end',
      431,
      () => `POST ${origin.url}/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ${'a'.repeat(20_000)}`,
    ],
  ])('with %s is refused: %i', async (_, status, request) => {
    const before = origin.requests.length;
    using client = await connectRaw(proxy);
    await client.send(request());
    const response = await client.readLastResponse();
    expect(response.status).toBe(status);
    expect(response.head).toContain('Proxy-Status: sally;error=http_request_error');
    expect(origin.requests).toHaveLength(before);
  });
});

describe('connections', () => {
  it('over the limit in all are answered 503 and closed, and room is made by closing one', async () => {
    await using small = await startTestProxy({ viaName: 'sally', listener: { connections: 2 } });
    using first = await connectRaw(small);
    using _second = await connectRaw(small);
    using third = await connectRaw(small);
    const response = await third.readLastResponse();
    expect(response.status).toBe(503);
    expect(response.head).toMatch(/Retry-After: \d+\r\n[\s\S]*;error=connection_limit_reached/);
    third.destroy();
    first.end();
    await first.closed;
    using fourth = await connectRaw(small);
    await fourth.send(`GET ${origin.url}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
    expect((await fourth.readResponse()).status).toBe(200);
  });

  it('over the limit of one client are answered 503', async () => {
    await using small = await startTestProxy({ listener: { connectionsPerClient: 1 } });
    using first = await connectRaw(small);
    using second = await connectRaw(small);
    expect((await second.readLastResponse()).body.toString()).toContain('127.0.0.1 has 1 connections open');
    await first.send(`GET ${origin.url}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
    expect((await first.readResponse()).status).toBe(200);
  });
});

describe('tunnels', () => {
  it('over the limit are answered 503, other requests are not, and room is made by ending one', async () => {
    await using small = await startTestProxy({ viaName: 'sally', listener: { tunnels: 1 } });
    const ask = `CONNECT ${origin.authority} HTTP/1.1\r\nHost: ${origin.authority}\r\n\r\n`;
    using first = await connectRaw(small);
    await first.send(ask);
    expect((await first.readResponse('CONNECT')).status).toBe(200);
    using second = await connectRaw(small);
    await second.send(ask);
    const refused = await second.readLastResponse('CONNECT');
    expect([refused.status, refused.head]).toEqual([
      503,
      expect.stringMatching(/Retry-After: \d+\r\n[\s\S]*;error=connection_limit_reached/),
    ]);
    expect(await small.flow(0)).toMatchObject({ method: 'CONNECT', target: origin.authority, status: 503, outcome: 'failed' });
    using third = await connectRaw(small);
    await third.send(`GET ${origin.url}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
    expect((await third.readResponse()).status).toBe(200);
    first.destroy();
    expect(await small.flow(2)).toMatchObject({ outcome: 'tunnelled' });
    await third.send(ask);
    expect((await third.readResponse('CONNECT')).status).toBe(200);
  });
});
