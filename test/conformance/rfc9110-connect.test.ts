// RFC 9110 §9.3.6 and RFC 9112 §3.2.3: what a CONNECT is, and what its answer may hold.
import { describe, expect } from 'vitest';
import { startRawServer } from '../support/origin.ts';
import { connectRaw, type FinalResponse } from '../support/raw-client.ts';
import type { TestProxy } from '../support/start-proxy.ts';
import { valuesOf } from '../support/strict-message.ts';
import { test } from '../support/tunnel-test.ts';
import { closedPort, connectText, failure } from '../support/tunnels.ts';

describe('the target is an authority and nothing else (RFC 9112 §3.2.3)', () => {
  test.for([
    ['no port (RFC 9110 §9.3.6 asks for 400)', 'shop.example'],
    ['an empty port', 'shop.example:'],
    ['port 0', 'shop.example:0'],
    ['a port above 65535', 'shop.example:65536'],
    ['a port that wraps around to 443', 'shop.example:65979'],
    ['a signed port', 'shop.example:+443'],
    ['a port in hexadecimal', 'shop.example:0x1bb'],
    ['no host', ':443'],
    ['a path', 'shop.example:443/'],
    ['a query', 'shop.example:443?q'],
    ['a fragment', 'shop.example:443#f'],
    ['user information (§4.2.4)', 'user:pw@shop.example:443'],
    ['absolute-form', 'http://shop.example:443/'],
    ['origin-form', '/'],
    ['asterisk-form', '*'],
    ['IPv6 without brackets', '::1:443'],
    ['IPv6 with a zone', '[fe80::1%25eth0]:443'],
    ['something else in brackets', '[shop.example]:443'],
    ['an open bracket', '[::1:443'],
    ['percent-encoding', 'sh%6fp.example:443'],
    ['__proto__', '__proto__:443:x'],
    ['two ports', 'shop.example:443:443'],
    ['a list', 'shop.example:443,other.example:443'],
  ] as const)('%s is 400', async ([, target], { proxy }) => {
    expect(failure(await last(proxy, connectText(target)))).toEqual({ status: 400, error: 'http_request_error' });
    expect(proxy.flows[0]).toMatchObject({ route: null, upstreamAddress: null });
  });

  test('the answer repeats no user information', async ({ proxy }) => {
    expect((await last(proxy, connectText('me:s3cret@shop.example:443'))).raw.toString()).not.toContain('s3cret');
    expect(JSON.stringify(proxy.flows)).not.toContain('s3cret');
  });
});

describe('the request has no content (RFC 9110 §9.3.6)', () => {
  test.for([
    'Content-Length: 5',
    'Transfer-Encoding: chunked',
    'Content-Length: 0\r\nTransfer-Encoding: chunked',
    'Content-Length: 0, 0, 5',
  ])('%s is 400, and what follows is not relayed', async (framing, { proxy, echo }) => {
    const request = `CONNECT ${echo.authority} HTTP/1.1\r\nHost: ${echo.authority}\r\n${framing}\r\n\r\nhello`;
    expect(failure(await last(proxy, request))).toEqual({ status: 400, error: 'http_request_error' });
    expect(echo.accepted).toBe(0);
  });

  test('a length of nothing is no content', async ({ proxy, echo }) => {
    const response = await first(proxy, `CONNECT ${echo.authority} HTTP/1.1\r\nHost: ${echo.authority}\r\nContent-Length: 0\r\n\r\n`);
    expect(response.status).toBe(200);
  });
});

describe('the answer', () => {
  test('2xx has neither Content-Length nor Transfer-Encoding (RFC 9110 §9.3.6), and nothing that ends the connection', async ({
    proxy,
    echo,
  }) => {
    const response = await first(proxy, connectText(echo.authority));
    expect(response.status).toBe(200);
    for (const name of ['content-length', 'transfer-encoding', 'connection']) expect(valuesOf(response.fields, name), name).toEqual([]);
  });

  test('any other has framing, content and Proxy-Status like every answer of the proxy’s own (RFC 9209)', async ({ proxy }) => {
    const response = await last(proxy, connectText(`127.0.0.1:${await closedPort()}`));
    expect(response.framing).toBe('length');
    expect(response.body.length).toBeGreaterThan(0);
    expect(failure(response)).toEqual({ status: 502, error: 'connection_refused' });
    expect(valuesOf(response.fields, 'cache-control')).toEqual(['no-store']);
  });

  test('any other closes the connection (RFC 9931)', async ({ proxy }) => {
    const response = await last(proxy, connectText(`127.0.0.1:${await closedPort()}`));
    expect(valuesOf(response.fields, 'connection')).toEqual(['close']);
  });
});

describe('after it', () => {
  test('octets are relayed as they are, whatever they look like', async ({ proxy }) => {
    await using origin = await startRawServer(async (connection) => {
      const heard = await connection.readUntil('\0end');
      await connection.send(heard);
    });
    using client = await connectRaw(proxy);
    await client.send(connectText(origin.authority));
    await client.readResponse('CONNECT');
    const octets = 'GET http://x/ HTTP/1.1\r\nHost: x\r\nVia: 1.1 y\r\n\r\n\xff\n\r\n\0end';
    await client.send(octets);
    expect((await client.readExactly(octets.length)).toString('latin1')).toBe(octets);
  });

  test('the method is case-sensitive: `connect` is no CONNECT (RFC 9110 §9.1)', async ({ proxy, echo }) => {
    const response = await first(proxy, connectText(echo.authority).replace('CONNECT', 'connect'));
    expect(response.status).toBe(400);
    expect(echo.accepted).toBe(0);
  });
});

async function last(proxy: TestProxy, request: string): Promise<FinalResponse> {
  using client = await connectRaw(proxy);
  await client.send(request);
  return await client.readLastResponse('CONNECT');
}

async function first(proxy: TestProxy, request: string): Promise<FinalResponse> {
  using client = await connectRaw(proxy);
  await client.send(request);
  return await client.readResponse('CONNECT');
}
