// What a proxy changes in a message on its way, and what it leaves alone (RFC 9110 §7.6, RFC 9112 §3.2), read off the wire on both sides.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { conversation, lines } from '../support/conversation.ts';
import { startTestProxy, type TestProxy } from '../support/start-proxy.ts';
import { type RawRequest, type RawResponse, valuesOf } from '../support/strict-message.ts';

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startTestProxy({ viaName: 'sally' });
});
afterAll(() => proxy.close());

const OK = lines`
  HTTP/1.1 200 OK
  Date: Sun, 06 Nov 1994 08:49:37 GMT
  Content-Length: 2

  hi`;

/** One exchange: the request as the origin saw it, the response as the client did. */
async function exchange(request: string, response = OK): Promise<{ request: RawRequest; response: RawResponse }> {
  let seen: RawRequest | undefined;
  let answered: RawResponse | undefined;
  await conversation(proxy, [
    { 'client sends': request },
    { 'origin sees': (each) => (seen = each) },
    { 'origin sends': response },
    { 'client sees': (each) => (answered = each) },
  ]);
  return { request: seen!, response: answered! };
}

/** The names of the fields that the origin saw, for a GET with these field lines besides Host. */
async function namesSent(...fieldLines: string[]): Promise<string[]> {
  const { request } = await exchange(
    `GET http://{origin}/ HTTP/1.1\r\nHost: {origin}\r\n${fieldLines.map((line) => `${line}\r\n`).join('')}\r\n`,
  );
  return request.fields.map(([name]) => name);
}

/** The field lines that the client saw, for a response with these. */
async function linesReceived(...fieldLines: string[]): Promise<string[]> {
  const head = `HTTP/1.1 200 OK\r\nDate: x\r\n${fieldLines.map((line) => `${line}\r\n`).join('')}Content-Length: 2\r\n\r\nhi`;
  const { response } = await exchange('GET http://{origin}/ HTTP/1.1\r\nHost: {origin}\r\n\r\n', head);
  return response.fields.map(([name, value]) => `${name}: ${value}`);
}

describe('request target and Host', () => {
  it('sends the origin-form, with Host made from the target and Via added (RFC 9112 §3.2.1, RFC 9110 §7.6.3)', async () => {
    await conversation(proxy, [
      {
        'client sends': lines`
        GET http://{origin}/a/b?c=d&e HTTP/1.1
        Host: {origin}

        `,
      },
      {
        'origin sees': lines`
        GET /a/b?c=d&e HTTP/1.1
        Host: {origin}
        Via: 1.1 sally

        `,
      },
      { 'origin sends': OK },
      {
        'client sees': lines`
        HTTP/1.1 200 OK
        Date: Sun, 06 Nov 1994 08:49:37 GMT
        Via: 1.1 sally
        Content-Length: 2

        hi`,
      },
    ]);
  });

  it.each([
    ['no path', 'http://{origin}', '/'],
    ['a query without path', 'http://{origin}?a=b', '/?a=b'],
    ['an empty query', 'http://{origin}/a?', '/a?'],
    ['a scheme in capitals', 'HTTP://{origin}/a', '/a'],
    ['dot segments and percent codes as they are', 'http://{origin}/a/../%7eb//c%2f', '/a/../%7eb//c%2f'],
  ])('%s', async (_, target, sent) => {
    const { request } = await exchange(`GET ${target} HTTP/1.1\r\nHost: {origin}\r\n\r\n`);
    expect(request.target).toBe(sent);
  });

  it('percent-encodes octets that no URI may hold', async () => {
    const { request } = await exchange('GET http://{origin}/caf\xe9 HTTP/1.1\r\nHost: {origin}\r\n\r\n');
    expect(request.target).toBe('/caf%E9');
  });

  it.each([
    ['unlike the target', ['Host: elsewhere.example']],
    ['with user information', ['Host: user:password@elsewhere.example']],
    ['empty', ['Host:']],
  ])('Host %s: the target counts (RFC 9112 §3.2.2)', async (_, hosts) => {
    const { request } = await exchange(`GET http://{origin}/ HTTP/1.1\r\n${hosts.join('\r\n')}\r\n\r\n`);
    expect(valuesOf(request.fields, 'host')).toEqual([expect.stringMatching(/^127\.0\.0\.1:\d+$/)]);
    expect(request.raw.toString('latin1')).not.toContain('elsewhere');
  });

  it.each([
    ['twice', 'HTTP/1.1', 'Host: {origin}\r\nhost: {origin}\r\n'],
    ['on no line of HTTP/1.1', 'HTTP/1.1', ''],
  ])('Host %s is refused (RFC 9112 §3.2)', async (_, version, hosts) => {
    await conversation(proxy, [
      { 'client sends': `GET http://{origin}/ ${version}\r\n${hosts}\r\n` },
      { 'client sees': /^HTTP\/1\.1 400 Bad Request\r\n/ },
      'origin is never connected to',
    ]);
  });
});

describe('fields that end at this hop (RFC 9110 §7.6.1)', () => {
  it('are removed from requests, whatever their case', async () => {
    expect(
      await namesSent(
        'Connection: close',
        'PROXY-CONNECTION: keep-alive',
        'keep-alive: timeout=5',
        'Te: trailers',
        'Trailer: X',
        'UPGRADE: h2c',
        'HTTP2-Settings: AAAA',
      ),
    ).toEqual(['Host', 'HTTP2-Settings', 'Via']);
  });

  it('are removed from responses, whatever their case', async () => {
    expect(
      await linesReceived(
        'Connection: close, x-a',
        'X-A: 1',
        'KEEP-ALIVE: timeout=5',
        'Trailer: X',
        'upgrade: h2c',
        'Proxy-Connection: close',
        'X-B: 2',
      ),
    ).toEqual(['Date: x', 'X-B: 2', 'Via: 1.1 sally', 'Content-Length: 2']);
  });

  it('are removed when Connection names them, over several lines and in any case', async () => {
    expect(
      await namesSent('X-One: 1', 'CONNECTION: x-ONE ,close', 'x-two: 2', 'X-Three: 3', 'connection:\tX-Three', 'Connection: X-TWO,,'),
    ).toEqual(['Host', 'Via']);
  });

  it('cannot strip what the proxy adds', async () => {
    const { request, response } = await exchange(
      'POST http://{origin}/ HTTP/1.1\r\nHost: {origin}\r\nConnection: Host, Via, Content-Length\r\nContent-Length: 2\r\n\r\nhi',
      'HTTP/1.1 200 OK\r\nConnection: Via, Date, Content-Length\r\nDate: x\r\nContent-Length: 2\r\n\r\nhi',
    );
    expect(request.fields.map(([name]) => name)).toEqual(['Host', 'Via', 'Content-Length']);
    expect(request.body.toString()).toBe('hi');
    expect(response.fields.map(([name]) => name)).toEqual(['Date', 'Via', 'Content-Length']);
    expect(response.body.toString()).toBe('hi');
  });
});

describe('what says who the client is', () => {
  it('proxy credentials never leave (RFC 9110 §11.7)', async () => {
    const { request } = await exchange(
      'GET http://{origin}/ HTTP/1.1\r\nHost: {origin}\r\nProxy-Authorization: Basic c2VjcmV0\r\nproxy-authorization: Basic c2VjcmV0\r\n\r\n',
    );
    expect(request.raw.toString('latin1')).not.toMatch(/proxy-auth|c2VjcmV0/i);
  });

  it('credentials for the origin go on (RFC 9110 §11.6.2)', async () => {
    expect(await namesSent('Authorization: Basic c2VjcmV0', 'Cookie: a=b')).toEqual(['Host', 'Authorization', 'Cookie', 'Via']);
  });

  it('an origin cannot ask for proxy credentials, nor promise to know whose connection this is (RFC 4559 §6)', async () => {
    expect(
      await linesReceived(
        'Proxy-Authenticate: Basic realm="x"',
        'proxy-authentication-info: a=b',
        'Proxy-Support: Session-Based-Authentication',
      ),
    ).toEqual(['Date: x', 'Via: 1.1 sally', 'Content-Length: 2']);
  });

  it('forwarding fields that a client made up are dropped, and nothing is put in their place', async () => {
    expect(
      await namesSent('X-Forwarded-For: 10.0.0.1', 'Forwarded: for=10.0.0.1', 'X-FORWARDED-HOST: a', 'X-Forwarded-Proto: https'),
    ).toEqual(['Host', 'Via']);
  });
});

describe('Via (RFC 9110 §7.6.3)', () => {
  it('is appended to what stands there already, both ways', async () => {
    const { request, response } = await exchange(
      'GET http://{origin}/ HTTP/1.1\r\nHost: {origin}\r\nVia: 1.0 fred, 1.1 p.example\r\n\r\n',
      'HTTP/1.1 200 OK\r\nVia: 1.1 back\r\nContent-Length: 2\r\n\r\nhi',
    );
    expect(valuesOf(request.fields, 'via')).toEqual(['1.0 fred, 1.1 p.example', '1.1 sally']);
    expect(valuesOf(response.fields, 'via')).toEqual(['1.1 back', '1.1 sally']);
  });

  it('tells the version that was received', async () => {
    const { request, response } = await exchange('GET http://{origin}/ HTTP/1.0\r\n\r\n', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi');
    expect(valuesOf(request.fields, 'via')).toEqual(['1.0 sally']);
    expect(valuesOf(response.fields, 'via')).toEqual(['1.0 sally']);
    expect([request.version, response.version]).toEqual(['1.1', '1.1']);
  });

  it('of a request that has been here before stops it', async () => {
    await conversation(proxy, [
      {
        'client sends': lines`
        GET http://{origin}/ HTTP/1.1
        Host: {origin}
        Via: 1.1 other (1.1 sally), 1.1 sally

        `,
      },
      { 'client sees': /^HTTP\/1\.1 502 Bad Gateway\r\n[\s\S]*Proxy-Status: sally;error=proxy_loop_detected/ },
      'origin is never connected to',
    ]);
  });

  it('of a proxy with a similar name does not', async () => {
    expect(await namesSent('Via: 1.1 sally2, 1.1 notsally (1.1 sally)')).toEqual(['Host', 'Via', 'Via']);
  });
});

describe('everything else', () => {
  it('keeps case, order, duplicates and octets of fields', async () => {
    const kept = ['X-b: 1', 'x-A:   2 \t', 'X-b: 3', 'Empty:', 'Cookie: a="b, c"', 'Octets: caf\xe9 \x80\xff', 'aCCept: */*'];
    const expected = ['X-b: 1', 'x-A: 2', 'X-b: 3', 'Empty: ', 'Cookie: a="b, c"', 'Octets: caf\xe9 \x80\xff', 'aCCept: */*'];
    const { request } = await exchange(`GET http://{origin}/ HTTP/1.1\r\nhOST: {origin}\r\n${kept.join('\r\n')}\r\n\r\n`);
    expect(request.fields.slice(1, -1).map(([name, value]) => `${name}: ${value}`)).toEqual(expected);
    expect((await linesReceived(...kept)).slice(1, -2)).toEqual(expected);
  });

  it.each(['PROPFIND', 'BREW', 'get', 'M-SEARCH'])('the method %s goes on as it is', async (method) => {
    const { request } = await exchange(`${method} http://{origin}/ HTTP/1.1\r\nHost: {origin}\r\n\r\n`);
    expect(request.method).toBe(method);
  });

  it.each(['Not \xc4 Phrase', ''])('the reason phrase "%s" goes on as it is', async (reason) => {
    const { response } = await exchange(
      'GET http://{origin}/ HTTP/1.1\r\nHost: {origin}\r\n\r\n',
      `HTTP/1.1 404 ${reason}\r\nContent-Length: 0\r\n\r\n`,
    );
    expect([response.status, response.reason]).toEqual([404, reason]);
  });

  it('Date is added to a response without one (RFC 9110 §6.6.1)', async () => {
    const { response } = await exchange(
      'GET http://{origin}/ HTTP/1.1\r\nHost: {origin}\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    );
    const [date] = valuesOf(response.fields, 'date');
    expect(Math.abs(Date.parse(date!) - Date.now())).toBeLessThan(10_000);
    expect(date).toMatch(/^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/);
  });
});

describe('OPTIONS, TRACE and Max-Forwards (RFC 9110 §7.6.2)', () => {
  it('asks the whole server when OPTIONS has no path (RFC 9112 §3.2.4)', async () => {
    const { request } = await exchange('OPTIONS http://{origin} HTTP/1.1\r\nHost: {origin}\r\n\r\n');
    expect(request.target).toBe('*');
  });

  it.each(['OPTIONS', 'TRACE'])('counts Max-Forwards of %s down', async (method) => {
    const { request } = await exchange(`${method} http://{origin}/ HTTP/1.1\r\nHost: {origin}\r\nMax-Forwards: 10\r\n\r\n`);
    expect(valuesOf(request.fields, 'max-forwards')).toEqual(['9']);
  });

  it('answers OPTIONS itself when Max-Forwards is used up', async () => {
    await conversation(proxy, [
      { 'client sends': 'OPTIONS http://{origin} HTTP/1.1\r\nHost: {origin}\r\nMax-Forwards: 0\r\n\r\n' },
      { 'client sees': (response) => expect(response).toMatchObject({ status: 200, framing: 'length', body: Buffer.alloc(0) }) },
      'origin is never connected to',
    ]);
  });

  it('answers TRACE itself when Max-Forwards is used up, without credentials (RFC 9110 §9.3.8)', async () => {
    await conversation(proxy, [
      {
        'client sends': lines`
        TRACE http://{origin}/a HTTP/1.1
        Host: {origin}
        Max-Forwards: 0
        Authorization: Basic c2VjcmV0
        PROXY-Authorization: Basic c2VjcmV0
        cookie: session=c2VjcmV0
        X-Kept: yes

        `,
      },
      {
        'client sees': (response) => {
          expect(valuesOf(response.fields, 'content-type')).toEqual(['message/http']);
          expect(response.body.toString('latin1')).toMatch(
            /^TRACE http:\/\/127\.0\.0\.1:\d+\/a HTTP\/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\nMax-Forwards: 0\r\nX-Kept: yes\r\n\r\n$/,
          );
        },
      },
      'origin is never connected to',
    ]);
  });
});
