// Framing and persistence towards peers of both versions (RFC 9112 §6, §9), read off the wire on both sides.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { conversation, lines, type Step } from '../support/conversation.ts';
import { startTestProxy, type TestProxy } from '../support/start-proxy.ts';
import { valuesOf } from '../support/strict-message.ts';

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startTestProxy({ viaName: 'sally' });
});
afterAll(() => proxy.close());

function asks(version: string, ...fieldLines: string[]): Step[] {
  const fields = fieldLines.map((line) => `${line}\r\n`).join('');
  return [
    { 'client sends': `GET http://{origin}/ HTTP/${version}\r\nHost: {origin}\r\n${fields}\r\n` },
    { 'origin sees': /^GET \/ HTTP\/1\.1\r\n/ },
  ];
}

const HI = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi';
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n';

describe('how long the client stays connected (§9.3)', () => {
  it.each([
    ['HTTP/1.1', []],
    ['HTTP/1.1 with keep-alive', ['Connection: keep-alive']],
  ])('%s: for the next request', async (_, fields) => {
    const round: Step[] = [
      ...asks('1.1', ...fields),
      { 'origin sends': HI },
      { 'client sees': (response) => expect(valuesOf(response.fields, 'connection')).toEqual([]) },
    ];
    await conversation(proxy, [...round, ...round]);
  });

  it.each([
    ['HTTP/1.1 with close', '1.1', ['Connection: x, Close']],
    ['HTTP/1.0', '1.0', []],
    ['HTTP/1.0 with keep-alive, which it may not ask of a proxy', '1.0', ['Connection: keep-alive', 'Proxy-Connection: keep-alive']],
  ])('%s: no longer', async (_, version, fields) => {
    await conversation(proxy, [
      ...asks(version, ...fields),
      { 'origin sends': HI },
      { 'client sees': (response) => expect(valuesOf(response.fields, 'connection')).toEqual(['close']) },
      'client sees the end',
    ]);
  });

  it.each([
    ['says close', HI.replace('OK', 'OK\r\nConnection: close')],
    ['speaks HTTP/1.0 and does not say keep-alive', HI.replace('1.1', '1.0')],
  ])('an origin that %s is not asked twice on a connection, and the client does not notice', async (_, response) => {
    const [ask, see] = asks('1.1') as [Step, Step];
    const answer: Step[] = [
      { 'origin sends': response },
      { 'client sees': (seen) => expect(valuesOf(seen.fields, 'connection')).toEqual([]) },
      'origin sees the end',
    ];
    await conversation(proxy, [ask, see, ...answer, ask, 'origin is connected to again', see, ...answer]);
  });

  it('the end of an HTTP/1.0 origin is the end of its answer', async () => {
    await conversation(proxy, [
      ...asks('1.1'),
      { 'origin sends': 'HTTP/1.0 200 OK\r\n\r\nhi' },
      'origin ends',
      { 'client sees': (response) => expect(response).toMatchObject({ framing: 'chunked', body: Buffer.from('hi') }) },
    ]);
  });

  it('an HTTP/1.0 origin that says keep-alive is', async () => {
    const round: Step[] = [
      ...asks('1.1'),
      { 'origin sends': 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi' },
      { 'client sees': /hi$/ },
    ];
    await conversation(proxy, [...round, ...round]);
  });
});

describe('content of unknown length (§6.3)', () => {
  it('is chunked for a client of HTTP/1.1', async () => {
    await conversation(proxy, [
      ...asks('1.1'),
      { 'origin sends': CHUNKED },
      {
        'client sees': lines`
      HTTP/1.1 200 OK
      Date: {any}
      Via: 1.1 sally
      Transfer-Encoding: chunked

      2
      hi
      0

      `,
      },
    ]);
  });

  it.each([
    ['chunked', CHUNKED],
    ['ended by the close', 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhi'],
  ])('%s: ends with the connection for a client of HTTP/1.0', async (_, response) => {
    await conversation(proxy, [
      ...asks('1.0', 'Connection: keep-alive'),
      { 'origin sends': response },
      'origin ends',
      {
        'client sees': (seen) => {
          expect(seen).toMatchObject({ framing: 'close', body: Buffer.from('hi') });
          expect(valuesOf(seen.fields, 'connection')).toEqual(['close']);
        },
      },
    ]);
  });

  it('an empty one ends at once', async () => {
    await conversation(proxy, [
      ...asks('1.1'),
      { 'origin sends': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n' },
      { 'client sees': (response) => expect(response).toMatchObject({ framing: 'chunked', body: Buffer.alloc(0) }) },
    ]);
  });

  it('trailers are dropped, both ways (RFC 9110 §6.5.1)', async () => {
    await conversation(proxy, [
      {
        'client sends': lines`
        POST http://{origin}/ HTTP/1.1
        Host: {origin}
        Transfer-Encoding: chunked
        Trailer: Proxy-Authorization

        2
        hi
        0
        Proxy-Authorization: Basic c2VjcmV0

        `,
      },
      {
        'origin sees': (request) => {
          expect(request).toMatchObject({ framing: 'chunked', body: Buffer.from('hi'), trailers: [] });
          expect(request.raw.toString()).not.toContain('c2VjcmV0');
        },
      },
      { 'origin sends': CHUNKED.replace('0\r\n\r\n', '0\r\nSet-Cookie: a=b\r\n\r\n') },
      { 'client sees': (response) => expect(response).toMatchObject({ body: Buffer.from('hi'), trailers: [] }) },
    ]);
  });
});

describe('responses without content (RFC 9110 §6.4.1)', () => {
  it.each([
    ['a length', 'Content-Length: 1234', ['1234'], []],
    ['the chunked coding', 'Transfer-Encoding: chunked', [], []],
    ['nothing', 'X: y', [], []],
  ])('HEAD that announces %s leaves the connections usable', async (_, announced, length, coding) => {
    const round: Step[] = [
      { 'client sends': 'HEAD http://{origin}/ HTTP/1.1\r\nHost: {origin}\r\n\r\n' },
      { 'origin sees': /^HEAD \/ HTTP/ },
      { 'origin sends': `HTTP/1.1 200 OK\r\n${announced}\r\n\r\n` },
      {
        'client sees': (response) => {
          expect(valuesOf(response.fields, 'content-length')).toEqual(length);
          expect(valuesOf(response.fields, 'transfer-encoding')).toEqual(coding);
        },
      },
    ];
    await conversation(proxy, [...round, ...round, ...asks('1.1'), { 'origin sends': HI }, { 'client sees': /hi$/ }]);
  });

  it.each([
    ['204', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n'],
    ['204 that announces a length', 'GET', 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n'],
    ['204 to HEAD that announces a length', 'HEAD', 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n'],
    ['204 that announces chunks', 'GET', 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['304', 'GET', 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n'],
    ['304 that announces a length', 'GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n'],
  ])('%s leaves the connections usable', async (_, method, response) => {
    const round: Step[] = [
      { 'client sends': `${method} http://{origin}/ HTTP/1.1\r\nHost: {origin}\r\n\r\n` },
      { 'origin sees': /./ },
      { 'origin sends': response },
      { 'client sees': (seen) => expect(seen).toMatchObject({ framing: 'none', status: Number(response.slice(9, 12)) }) },
    ];
    await conversation(proxy, [...round, ...round]);
  });
});

describe('request content (§6.3)', () => {
  it.each([
    ['POST without content says so', 'POST', '', ['0']],
    ['GET without content says nothing', 'GET', '', []],
    ['GET with an empty one says nothing', 'GET', 'Content-Length: 0\r\n', []],
  ])('%s', async (_, method, fieldLine, length) => {
    await conversation(proxy, [
      { 'client sends': `${method} http://{origin}/ HTTP/1.1\r\nHost: {origin}\r\n${fieldLine}\r\n` },
      { 'origin sees': (request) => expect(valuesOf(request.fields, 'content-length')).toEqual(length) },
      { 'origin sends': HI },
      { 'client sees': /hi$/ },
    ]);
  });

  it.each(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE'])('of %s is framed and goes on', async (method) => {
    await conversation(proxy, [
      { 'client sends': `${method} http://{origin}/a HTTP/1.1\r\nHost: {origin}\r\nContent-Length: 5\r\n\r\nhello` },
      { 'origin sees': (request) => expect(request).toMatchObject({ framing: 'length', body: Buffer.from('hello') }) },
      { 'origin sends': HI.replace(/hi$/, method === 'HEAD' ? '' : 'hi') },
      { 'client sees': /^HTTP\/1\.1 200/ },
    ]);
  });

  it('in chunks with extensions goes on in plain chunks', async () => {
    await conversation(proxy, [
      {
        'client sends': lines`
        POST http://{origin}/ HTTP/1.1
        Host: {origin}
        Transfer-Encoding: Chunked

        2;a=b
        hi
        003
         yo
        000

        `,
      },
      { 'origin sees': (request) => expect(request).toMatchObject({ framing: 'chunked', body: Buffer.from('hi yo') }) },
      { 'origin sends': HI },
      { 'client sees': /hi$/ },
    ]);
  });
});
