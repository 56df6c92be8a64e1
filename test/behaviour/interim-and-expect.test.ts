// Interim responses and expectations (RFC 9110 §10.1.1, §15.2): what the origin says in between reaches the client at once and in order.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { conversation, lines, type Step } from '../support/conversation.ts';
import { startTestProxy, type TestProxy } from '../support/start-proxy.ts';
import { valuesOf } from '../support/strict-message.ts';

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startTestProxy({ viaName: 'sally' });
});
afterAll(() => proxy.close());

const GET = 'GET http://{origin}/ HTTP/1.1\r\nHost: {origin}\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 2\r\n\r\nok';
const SEES_OK: Step = { 'client sees': /^HTTP\/1\.1 200 OK\r\n[\s\S]*ok$/ };

describe('interim responses', () => {
  it('reach the client one by one, with their fields but without those of the hop', async () => {
    await conversation(proxy, [
      { 'client sends': GET },
      { 'origin sees': /^GET/ },
      { 'origin sends': 'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nConnection: x-hop\r\nX-Hop: 1\r\nlink: </b>\r\n\r\n' },
      { 'client sees': 'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nlink: </b>\r\n\r\n' },
      { 'origin sends': 'HTTP/1.1 102 Processing\r\n\r\n' },
      { 'client sees': 'HTTP/1.1 102 Processing\r\n\r\n' },
      { 'origin sends': OK },
      SEES_OK,
    ]);
  });

  it('that come in one packet with the answer stay in order', async () => {
    await conversation(proxy, [
      { 'client sends': GET },
      { 'origin sees': /^GET/ },
      { 'origin sends': `HTTP/1.1 103 One\r\n\r\nHTTP/1.1 103 Two\r\n\r\n${OK}` },
      { 'client sees': 'HTTP/1.1 103 One\r\n\r\nHTTP/1.1 103 Two\r\n\r\nHTTP/1.1 200 OK\r\n' },
      { 'client sees': 'Date: x\r\nVia: 1.1 sally\r\nContent-Length: 2\r\n\r\nok' },
    ]);
  });

  it('are kept from a client of HTTP/1.0 (RFC 9110 §15.2)', async () => {
    await conversation(proxy, [
      { 'client sends': GET.replace('1.1', '1.0') },
      { 'origin sees': /^GET/ },
      { 'origin sends': `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n${OK}` },
      SEES_OK,
    ]);
  });

  it('count as octets to the client', async () => {
    const index = proxy.flows.length;
    await conversation(proxy, [
      { 'client sends': GET },
      { 'origin sees': /^GET/ },
      { 'origin sends': `HTTP/1.1 103 One\r\n\r\n${OK}` },
      { 'client sees': 'HTTP/1.1 103 One\r\n\r\nHTTP/1.1 200 OK\r\nDate: x\r\nVia: 1.1 sally\r\nContent-Length: 2\r\n\r\nok' },
    ]);
    expect((await proxy.flow(index)).bytesToClient).toBe(20 + 65);
  });

  it('without end are answered 502', async () => {
    await conversation(proxy, [
      { 'client sends': GET },
      { 'origin sees': /^GET/ },
      { 'origin sends': 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(17) },
      ...Array.from({ length: 16 }, (): Step => ({ 'client sees': /^HTTP\/1\.1 103/ })),
      { 'client sees': /^HTTP\/1\.1 502 Bad Gateway[\s\S]*;error=http_protocol_error/ },
      'origin sees the end',
    ]);
  });
});

describe('Expect: 100-continue', () => {
  const HEAD = lines`
    POST http://{origin}/ HTTP/1.1
    Host: {origin}
    Expect: 100-Continue
    Content-Length: 5

    `;
  const SENT = lines`
    POST / HTTP/1.1
    Host: {origin}
    Expect: 100-Continue
    Via: 1.1 sally
    Content-Length: 5

    `;

  it('goes to the origin, its 100 to the client, and only then the content', async () => {
    await conversation(proxy, [
      { 'client sends': HEAD },
      { 'origin sees': SENT },
      { 'origin sends': 'HTTP/1.1 100 Continue\r\nX-Extra: dropped\r\n\r\n' },
      { 'client sees': 'HTTP/1.1 100 Continue\r\n\r\n' },
      { 'client sends': 'hello' },
      { 'origin sees': 'hello' },
      { 'origin sends': OK },
      SEES_OK,
    ]);
  });

  it.each([
    ['417', 'HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n'],
    ['413', 'HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n'],
  ])('the %s of an origin that does not want the content ends both connections', async (status, refusal) => {
    await conversation(proxy, [
      { 'client sends': HEAD },
      { 'origin sees': SENT },
      { 'origin sends': refusal },
      {
        'client sees': (response) => {
          expect(response.status).toBe(Number(status));
          expect(valuesOf(response.fields, 'connection')).toEqual(['close']);
        },
      },
      'origin sees the end',
      'client sees the end',
    ]);
  });

  it('a client that does not wait is served as well', async () => {
    await conversation(proxy, [
      { 'client sends': `${HEAD}hello` },
      { 'origin sees': `${SENT}hello` },
      { 'origin sends': `HTTP/1.1 100 Continue\r\n\r\n${OK}` },
      { 'client sees': 'HTTP/1.1 100 Continue\r\n\r\n' },
      SEES_OK,
    ]);
  });

  it('of a client of HTTP/1.0 is ignored and not passed on', async () => {
    await conversation(proxy, [
      { 'client sends': `${HEAD.replace('1.1', '1.0')}hello` },
      {
        'origin sees': (request) => {
          expect(valuesOf(request.fields, 'expect')).toEqual([]);
          expect(request.body.toString()).toBe('hello');
        },
      },
      { 'origin sends': OK },
      SEES_OK,
    ]);
  });

  it('the answer to the one after a refusal is not taken for it', async () => {
    const again: Step[] = [{ 'client sends': GET }, { 'origin sees': /^GET/ }, { 'origin sends': OK }, SEES_OK];
    await conversation(proxy, [
      { 'client sends': `${HEAD}hello` },
      { 'origin sees': `${SENT}hello` },
      { 'origin sends': 'HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n' },
      { 'client sees': /^HTTP\/1\.1 417/ },
      ...again,
    ]);
  });
});

it.each(['cake', '100-continue, cake', '100-continue, 100-continue', '100-continue;a=b', '"100-continue"'])(
  'Expect: %s is answered 417 and goes nowhere',
  async (expectation) => {
    await conversation(proxy, [
      { 'client sends': `GET http://{origin}/ HTTP/1.1\r\nHost: {origin}\r\nExpect: ${expectation}\r\n\r\n` },
      { 'client sees': /^HTTP\/1\.1 417 Expectation Failed\r\n[\s\S]*Proxy-Status: sally;error=http_request_error/ },
      'origin is never connected to',
    ]);
  },
);

describe('an early final answer', () => {
  it('reaches the client while it still sends, and ends both connections', async () => {
    await conversation(proxy, [
      { 'client sends': 'POST http://{origin}/ HTTP/1.1\r\nHost: {origin}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n' },
      { 'origin sees': 'POST / HTTP/1.1\r\nHost: {origin}\r\nVia: 1.1 sally\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n' },
      { 'origin sends': 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno' },
      {
        'client sees': (response) => {
          expect(response).toMatchObject({ status: 403, body: Buffer.from('no') });
          expect(valuesOf(response.fields, 'connection')).toEqual(['close']);
        },
      },
      'origin sees the end',
      { 'client sends': '5\r\nworld\r\n0\r\n\r\n' },
      'client sees the end',
    ]);
  });

  it('whose content goes on does not stop the upload', async () => {
    await conversation(proxy, [
      { 'client sends': 'POST http://{origin}/ HTTP/1.1\r\nHost: {origin}\r\nContent-Length: 4\r\n\r\nab' },
      { 'origin sees': 'POST / HTTP/1.1\r\nHost: {origin}\r\nVia: 1.1 sally\r\nContent-Length: 4\r\n\r\nab' },
      { 'origin sends': 'HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 4\r\n\r\nAB' },
      { 'client sees': 'HTTP/1.1 200 OK\r\nDate: x\r\nVia: 1.1 sally\r\nContent-Length: 4\r\nConnection: close\r\n\r\nAB' },
      { 'client sends': 'cd' },
      { 'origin sees': 'cd' },
      { 'origin sends': 'CD' },
      { 'client sees': 'CD' },
      'client sees the end',
    ]);
  });
});
