// What no careful client sends is refused before anything leaves for an origin, and the connection closes: two readers could have read it
// differently (RFC 9112 §11.2). Every row is one request; behind each stands a second one, which must never be answered.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Origin, startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';
import { startTestProxy, type TestProxy } from '../support/start-proxy.ts';

let origin: Origin;
let proxy: TestProxy;
beforeAll(async () => {
  origin = await startOrigin((_, reply) => reply.response({ body: 'x' }));
  proxy = await startTestProxy({ viaName: 'sally' });
});
afterAll(async () => {
  await proxy.close();
  await origin.close();
});

/** Sends octets in which `{o}` stands for the origin's URL, and expects one refusal and the end. Nothing may reach the origin. */
async function expectRefused(octets: string, status: number): Promise<void> {
  const before = origin.accepted;
  using client = await connectRaw(proxy);
  await client.send(octets.replaceAll('{o}', origin.url));
  const response = await client.readLastResponse();
  expect(response.status).toBe(status);
  expect(response.head).toMatch(/Proxy-Status: sally;error=http_request_error;/);
  expect(response.head).toMatch(/Connection: close\r\n/);
  expect(origin.accepted).toBe(before);
}

/** The same, but content may have begun to flow: then the origin's request must never become complete. */
async function expectNeverComplete(octets: string, status: number): Promise<void> {
  const before = origin.requests.length;
  using client = await connectRaw(proxy);
  await client.send(octets.replaceAll('{o}', origin.url));
  expect((await client.readLastResponse()).status).toBe(status);
  expect(origin.requests).toHaveLength(before);
}

const SMUGGLED = 'GET {o}/smuggled HTTP/1.1\r\nHost: x\r\n\r\n';

describe('framing (RFC 9112 §6)', () => {
  it.each<[string, string, number]>([
    ['a length and a coding', 'Content-Length: 4\r\nTransfer-Encoding: chunked', 400],
    ['a coding and a length', 'Transfer-Encoding: chunked\r\nContent-Length: 4', 400],
    ['two unlike lengths', 'Content-Length: 4\r\nContent-Length: 5', 400],
    ['two like lengths', 'Content-Length: 4\r\nContent-Length: 4', 400],
    ['a list of lengths', 'Content-Length: 4, 4', 400],
    ['a length with a sign', 'Content-Length: +4', 400],
    ['a negative length', 'Content-Length: -4', 400],
    ['a hexadecimal length', 'Content-Length: 0x4', 400],
    ['a length with an underscore', 'Content-Length: 1_0', 400],
    ['a length with a fraction', 'Content-Length: 4.0', 400],
    ['an empty length', 'Content-Length:', 400],
    ['a length that overflows', 'Content-Length: 18446744073709551620', 400],
    ['a length in other digits', 'Content-Length: \xb2', 400],
    ['an unknown coding', 'Transfer-Encoding: cow', 400],
    ['a coding before chunked', 'Transfer-Encoding: gzip, chunked', 501],
    ['chunked twice', 'Transfer-Encoding: chunked, chunked', 400],
    ['chunked twice on two lines', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', 400],
    ['chunked and identity', 'Transfer-Encoding: chunked, identity', 400],
    ['identity', 'Transfer-Encoding: identity', 400],
    ['a quoted coding', 'Transfer-Encoding: "chunked"', 400],
    ['chunked with a parameter', 'Transfer-Encoding: chunked;a=b', 400],
    ['chunked with a vertical tab', 'Transfer-Encoding: \x0bchunked', 400],
    ['chunked with a no-break space', 'Transfer-Encoding: \xa0chunked', 400],
    ['an empty coding', 'Transfer-Encoding:', 400],
  ])('%s', async (_, fields, status) => {
    await expectRefused(`POST {o}/ HTTP/1.1\r\nHost: x\r\n${fields}\r\n\r\n0\r\n\r\n${SMUGGLED}`, status);
  });

  it('a coding in HTTP/1.0', async () => {
    await expectRefused(`POST {o}/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n0\r\n\r\n${SMUGGLED}`, 400);
  });
});

describe('chunks (RFC 9112 §7.1)', () => {
  it.each([
    ['a size with a prefix', '0x2\r\nhi\r\n0\r\n\r\n'],
    ['a size with a sign', '+2\r\nhi\r\n0\r\n\r\n'],
    ['a negative size', '-2\r\nhi\r\n0\r\n\r\n'],
    ['a blank before the size', ' 2\r\nhi\r\n0\r\n\r\n'],
    ['a blank behind the size', '2 \r\nhi\r\n0\r\n\r\n'],
    ['an underscore', '0_2\r\nhi\r\n0\r\n\r\n'],
    ['no size', '\r\nhi\r\n0\r\n\r\n'],
    ['a size that overflows', '10000000000000002\r\nhi\r\n0\r\n\r\n'],
    ['LF for CRLF', '2\nhi\n0\n\n'],
    ['LF behind the size', '2\nhi\r\n0\r\n\r\n'],
    ['CR alone behind the size', '2\rhi\r\n0\r\n\r\n'],
    ['more than announced', '2\r\nhi!\r\n0\r\n\r\n'],
    ['less than announced', '5\r\nhi\r\n0\r\n\r\n'],
    ['LF in an extension', '2;a\n\r\nhi\r\n0\r\n\r\n'],
    ['CR in an extension', '2;a\rb\r\nhi\r\n0\r\n\r\n'],
    ['a quoted extension', '2;a="\r\n"\r\nhi\r\n0\r\n\r\n'],
    ['an endless extension', `2;${'a'.repeat(5_000)}\r\nhi\r\n0\r\n\r\n`],
    ['a folded trailer', '2\r\nhi\r\n0\r\nX: a\r\n b\r\n\r\n'],
    ['a trailer without colon', '2\r\nhi\r\n0\r\nX\r\n\r\n'],
  ])('%s', async (_, content) => {
    await expectNeverComplete(`POST {o}/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${content}${SMUGGLED}`, 400);
  });

  it('that hide a request in a trailer section do not send it', async () => {
    using client = await connectRaw(proxy);
    await client.send(
      `POST ${origin.url}/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\nHost: evil\r\nTransfer-Encoding: gzip\r\n\r\n`,
    );
    expect((await client.readResponse()).status).toBe(200);
    expect(origin.requests.at(-1)).toMatchObject({ trailers: [], body: Buffer.alloc(0) });
  });
});

describe('fields (RFC 9112 §5)', () => {
  it.each([
    ['a blank before the colon', 'X : y'],
    ['a tab before the colon', 'X\t: y'],
    ['an empty name', ': y'],
    ['a name with a bad octet', 'X@: y'],
    ['a name with an octet above ASCII', 'X\xe4: y'],
    ['a name with NUL', 'X\0: y'],
    ['no colon', 'Xy'],
    ['a folded line', 'X: y\r\n z'],
    ['a line folded with a tab', 'X: y\r\n\tz'],
    ['CR in a value', 'X: a\rb'],
    ['CR at the end of a value', 'X: a\r\r\nY: b'],
    ['LF in a value', 'X: a\nY: b'],
    ['NUL in a value', 'X: a\0b'],
    ['another control character in a value', 'X: a\x01b'],
    ['DEL in a value', 'X: a\x7fb'],
  ])('%s', async (_, line) => {
    await expectRefused(`GET {o}/ HTTP/1.1\r\nHost: x\r\n${line}\r\n\r\n${SMUGGLED}`, 400);
  });

  it('a blank before the first field', async () => {
    await expectRefused(`GET {o}/ HTTP/1.1\r\n Host: x\r\n\r\n${SMUGGLED}`, 400);
  });
  it('LF alone at the ends of all lines', async () => {
    await expectRefused('GET {o}/ HTTP/1.1\nHost: x\n\n', 400);
  });
});

describe('request lines (RFC 9112 §3)', () => {
  it.each<[string, string, number]>([
    ['two blanks before the target', 'GET  {o}/ HTTP/1.1', 400],
    ['two blanks behind the target', 'GET {o}/  HTTP/1.1', 400],
    ['a tab for a blank', 'GET\t{o}/ HTTP/1.1', 400],
    ['a blank in the target', 'GET {o}/a b HTTP/1.1', 400],
    ['a form feed in the target', 'GET {o}/a\x0cb HTTP/1.1', 400],
    ['a blank in front', ' GET {o}/ HTTP/1.1', 400],
    ['a blank at the end', 'GET {o}/ HTTP/1.1 ', 400],
    ['no version', 'GET {o}/', 400],
    ['a method that is no token', 'GE(T {o}/ HTTP/1.1', 400],
    ['HTTP/2.0', 'GET {o}/ HTTP/2.0', 505],
    ['HTTP/1.2', 'GET {o}/ HTTP/1.2', 505],
    ['HTTP/0.9', 'GET {o}/ HTTP/0.9', 505],
    ['HTTP/1.10', 'GET {o}/ HTTP/1.10', 400],
    ['a version in small letters', 'GET {o}/ http/1.1', 400],
    ['CR in the middle', 'GET {o}/\rX HTTP/1.1', 400],
    ['NUL', 'GET {o}/\0 HTTP/1.1', 400],
  ])('%s', async (_, line, status) => {
    await expectRefused(`${line}\r\nHost: x\r\n\r\n${SMUGGLED}`, status);
  });

  it('three empty lines before a request', async () => {
    await expectRefused(`\r\n\r\n\r\n${SMUGGLED}`, 400);
  });
});

describe('targets that no proxy can serve are answered 400 and go nowhere', () => {
  it.each([
    ['"*" of GET', 'GET * HTTP/1.1'],
    ['a fragment', 'GET {o}/a#b HTTP/1.1'],
    ['no host', 'GET http:///a HTTP/1.1'],
    ['one slash', 'GET http:/a HTTP/1.1'],
    ['port 0', 'GET http://127.0.0.1:0/ HTTP/1.1'],
    ['a port over 65535', 'GET http://127.0.0.1:65616/ HTTP/1.1'],
    ['a port with a sign', 'GET http://127.0.0.1:+80/ HTTP/1.1'],
    ['a port that is no number', 'GET http://127.0.0.1:http/ HTTP/1.1'],
    ['user information', 'GET http://user:secret@127.0.0.1/ HTTP/1.1'],
    ['an empty user', 'GET http://@127.0.0.1/ HTTP/1.1'],
    ['ftp:', 'GET ftp://127.0.0.1/ HTTP/1.1'],
    ['file:', 'GET file:///etc/passwd HTTP/1.1'],
    ['javascript:', 'GET javascript:alert(1) HTTP/1.1'],
    ['a percent code in the host', 'GET http://127.0.0.%31/ HTTP/1.1'],
    ['a backslash in the host', 'GET http://127.0.0.1\\@evil.example/ HTTP/1.1'],
    ['a zone', 'GET http://[fe80::1%25eth0]/ HTTP/1.1'],
    ['brackets around a name', 'GET http://[localhost]/ HTTP/1.1'],
    ['the authority-form', 'GET 127.0.0.1:80 HTTP/1.1'],
  ])('%s', async (_, line) => {
    const before = origin.accepted;
    using client = await connectRaw(proxy);
    await client.send(`${line}\r\nHost: ${origin.authority}\r\n\r\n${SMUGGLED}`.replaceAll('{o}', origin.url));
    const response = await client.readLastResponse();
    expect(response.status).toBe(400);
    expect(response.raw.toString('latin1')).not.toContain('secret');
    expect(origin.accepted).toBe(before);
  });
});

describe('another protocol on this port is answered at once and harms nobody', () => {
  it.each<[string, string, number]>([
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
    ['SOCKS 5', '\x05\x01\x00', 400],
    ['SOCKS 4', '\x04\x01\x00\x50\x7f\x00\x00\x01\x00', 400],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 505],
    ['the PROXY protocol', 'PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET {o}/ HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['the PROXY protocol in binary', '\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c', 400],
    ['SSH', 'SSH-2.0-OpenSSH_9.2\r\n\r\n', 400],
    ['zeros', '\0\0\0\0', 400],
  ])('%s', async (_, octets, status) => {
    await expectRefused(octets, status);
  });
});
