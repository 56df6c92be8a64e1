// What no careful origin sends: before its head has gone on it becomes a 502, after that the client is broken off. None of it reaches the next
// request, whoever sends that (RFC 9112 §6.3, §11.1).
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRawServer } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';
import { startTestProxy, type TestProxy } from '../support/start-proxy.ts';

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startTestProxy({ viaName: 'sally', upstream: { headBytes: 4_000, fieldCount: 20 } });
});
afterAll(() => proxy.close());

/** An origin that answers every connection's first request with these octets, and hears when its connection ends. */
async function startAnswering(octets: string) {
  const ended = Promise.withResolvers<unknown>();
  const server = await startRawServer(async (connection) => {
    ended.resolve(connection.closed);
    await connection.readUntil('\r\n\r\n');
    await connection.send(octets);
  });
  return Object.assign(server, { ended: ended.promise });
}

describe('an answer that cannot be read is a 502, and its connection ends', () => {
  it.each<[string, string, string]>([
    [
      'a length and a coding',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
      'http_protocol_error',
    ],
    ['two unlike lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!', 'http_protocol_error'],
    ['a length with a sign', 'HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nhi', 'http_protocol_error'],
    ['an empty length', 'HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\nhi', 'http_protocol_error'],
    ['an unknown coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: cow\r\n\r\nhi', 'http_response_transfer_coding'],
    ['gzip before chunked', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n', 'http_response_transfer_coding'],
    ['a coding in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 'http_protocol_error'],
    ['no HTTP at all', '<html>hello</html>\r\n\r\n', 'http_protocol_error'],
    ['HTTP/0.9', 'hello\r\n\r\n', 'http_protocol_error'],
    ['ICY', 'ICY 200 OK\r\n\r\n', 'http_protocol_error'],
    ['SSH', 'SSH-2.0-OpenSSH_9.2\r\n\r\n', 'http_protocol_error'],
    ['TLS', '\x15\x03\x01\0\x02\x02\x46', 'http_protocol_error'],
    ['HTTP/2.0', 'HTTP/2.0 200 OK\r\n\r\n', 'http_protocol_error'],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n', 'http_protocol_error'],
    ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n', 'http_protocol_error'],
    ['a status below 100', 'HTTP/1.1 099 No\r\n\r\n', 'http_protocol_error'],
    ['CR in the reason', 'HTTP/1.1 200 O\rK\r\n\r\n', 'http_protocol_error'],
    ['CR in a value', 'HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\n\r\n', 'http_protocol_error'],
    ['LF in a value', 'HTTP/1.1 200 OK\r\nX: a\nSet-Cookie: b\r\n\r\n', 'http_protocol_error'],
    ['NUL in a value', 'HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n', 'http_protocol_error'],
    ['a blank before the colon', 'HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nhi', 'http_protocol_error'],
    ['a bad name', 'HTTP/1.1 200 OK\r\nX Y: z\r\n\r\n', 'http_protocol_error'],
    ['a folded line', 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n', 'http_protocol_error'],
    ['a blank before the first field', 'HTTP/1.1 200 OK\r\n X: a\r\n\r\n', 'http_protocol_error'],
    ['LF alone', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n', 'http_protocol_error'],
    ['an empty line in front', '\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 'http_protocol_error'],
    ['a huge field', `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(5_000)}\r\n\r\n`, 'http_response_header_section_size'],
    ['a head without end', `HTTP/1.1 200 OK\r\n${'X: a\r\n'.repeat(1_000)}`, 'http_response_header_section_size'],
    ['too many fields', `HTTP/1.1 200 OK\r\n${'X: a\r\n'.repeat(21)}\r\n`, 'http_response_header_section_size'],
    ['a huge interim answer', `HTTP/1.1 103 X\r\nX: ${'a'.repeat(5_000)}\r\n\r\n`, 'http_response_header_section_size'],
    [
      '407',
      'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n',
      'http_protocol_error',
    ],
  ])('%s', async (_, octets, code) => {
    await using origin = await startAnswering(octets);
    using client = await connectRaw(proxy);
    await client.send(`GET ${origin.url}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
    const response = await client.readResponse();
    expect(response.status).toBe(502);
    expect(response.head).toContain(`Proxy-Status: sally;error=${code};`);
    expect(response.head.toLowerCase()).not.toMatch(/set-cookie|proxy-authenticate/);
    await origin.ended;
  });
});

describe('content that cannot be read breaks the client off', () => {
  it.each([
    ['a chunk longer than announced', '2\r\nhi!\r\n0\r\n\r\n'],
    ['a chunk without size', '2\r\nhi\r\n\r\n'],
    ['a size that overflows', 'ffffffffffffffff\r\nhi'],
    ['LF for CRLF', '2\nhi\n0\n\n'],
    ['a bad trailer', '2\r\nhi\r\n0\r\nX : y\r\n\r\n'],
    ['an endless trailer section', `2\r\nhi\r\n0\r\nX: ${'a'.repeat(20_000)}`],
    ['an endless extension', `2;${'a'.repeat(5_000)}`],
  ])('%s', async (_, chunks) => {
    await using origin = await startAnswering(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`);
    using client = await connectRaw(proxy);
    const index = proxy.flows.length;
    await client.send(`GET ${origin.url}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
    const ending = await client.closed;
    const flow = await proxy.flow(index);
    // What arrived in one piece with the head may still be answered as a whole: with an error.
    if (flow.status === 200) expect(ending).toEqual({ hadReset: true });
    expect(client.unread.toString('latin1')).not.toContain('0\r\n\r\n');
    expect(flow.outcome).toBe('failed');
    await origin.ended;
  });
});

describe('harmless oddities are passed on, written anew', () => {
  it.each<[string, string, number, string]>([
    ['the same length twice', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi', 200, 'hi'],
    ['no reason', 'HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi', 200, 'hi'],
    ['chunked in capitals', 'HTTP/1.1 200 OK\r\nTRANSFER-ENCODING: CHUNKED\r\n\r\n2\r\nhi\r\n0\r\n\r\n', 200, 'hi'],
    [
      'dates, ages and ranges that are none',
      'HTTP/1.1 200 OK\r\nDate: never\r\nAge: -1\r\nExpires: 0\r\nVary: ,,\r\nContent-Range: x\r\nContent-Length: 2\r\n\r\nhi',
      200,
      'hi',
    ],
  ])('%s', async (_, octets, status, body) => {
    await using origin = await startAnswering(octets);
    using client = await connectRaw(proxy);
    await client.send(`GET ${origin.url}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
    const response = await client.readResponse();
    expect([response.status, response.body.toString()]).toEqual([status, body]);
  });
});
