import { expect, test } from 'vitest';
import { type Http2Request, readResponseHead, readTrailers, requestFieldList, switchedHead } from '../../../src/upstream/http2-fields.ts';

const GET: Http2Request = {
  method: 'GET',
  target: '/a',
  host: 'example.com',
  fields: [],
  body: null,
  onInterim: () => {},
  wantsTrailers: false,
  isWebSocket: false,
};
const PSEUDO = [':scheme', 'https', ':authority', 'example.com', ':path', '/a'];

test('pseudo-header fields come first and are ours (RFC 9113 §8.3.1)', () => {
  const fields = [{ name: 'X-One', value: '1' }];
  expect(requestFieldList({ ...GET, fields }, 0)).toEqual([':method', 'GET', ...PSEUDO, 'x-one', '1']);
});

test.each([
  'Connection',
  'Keep-Alive',
  'Proxy-Connection',
  'Transfer-Encoding',
  'Upgrade',
  'HTTP2-Settings',
  'Host',
  'TE',
  'Content-Length',
])('%s is never sent as it came (RFC 9113 §8.2.2)', (name) => {
  expect(requestFieldList({ ...GET, fields: [{ name, value: 'x' }] }, 0)).toEqual([':method', 'GET', ...PSEUDO]);
});

test.each([
  ['GET', 0, []],
  ['POST', 0, ['content-length', '0']],
  ['GET', 3, ['content-length', '3']],
  ['POST', null, []],
])('%s with content of %s octets says %j', (method, length, said) => {
  expect(requestFieldList({ ...GET, method }, length)).toEqual([':method', method, ...PSEUDO, ...said]);
});

test('trailers are asked for where the client takes them', () => {
  expect(requestFieldList({ ...GET, wantsTrailers: true }, 0).slice(-2)).toEqual(['te', 'trailers']);
});

test('a head keeps the order of its fields, and what came twice', () => {
  const raw = [':status', '200', 'set-cookie', 'a', 'x', '1', 'set-cookie', 'b'];
  expect(readResponseHead(raw, 1_000, 'origin')).toEqual({
    status: 200,
    reason: '',
    version: '2',
    fields: [
      { name: 'set-cookie', value: 'a' },
      { name: 'x', value: '1' },
      { name: 'set-cookie', value: 'b' },
    ],
  });
});

test.each([
  ['no status', ['x', 'y'], 'http_protocol_error'],
  ['a status below 100', [':status', '099'], 'http_protocol_error'],
  ['more octets than are allowed', [':status', '200', 'x', 'y'.repeat(100)], 'http_response_header_section_size'],
])('a head with %s is refused', (_, raw, code) => {
  expect(() => readResponseHead(raw, 100, 'origin')).toThrow(expect.objectContaining({ code }));
});

test('trailers have a bound of their own', () => {
  expect(readTrailers(['a', 'b'], 2, 'origin')).toEqual([{ name: 'a', value: 'b' }]);
  expect(() => readTrailers(['a', 'bc'], 2, 'origin')).toThrow(expect.objectContaining({ code: 'http_response_trailer_section_size' }));
});

test("a WebSocket's handshake becomes an extended CONNECT, and its answer a 101 with the proof (RFC 8441 §5, RFC 6455 §1.3)", () => {
  const fields = [
    { name: 'Sec-WebSocket-Key', value: 'dGhlIHNhbXBsZSBub25jZQ==' },
    { name: 'Sec-WebSocket-Version', value: '13' },
    { name: 'Connection', value: 'Upgrade' },
    { name: 'Upgrade', value: 'websocket' },
  ];
  const request = { ...GET, fields, isWebSocket: true };
  const protocol = [':protocol', 'websocket'];
  expect(requestFieldList(request, 0)).toEqual([':method', 'CONNECT', ...PSEUDO, ...protocol, 'sec-websocket-version', '13']);
  const answered = [
    { name: 'sec-websocket-accept', value: 'not this' },
    { name: 'sec-websocket-protocol', value: 'chat' },
  ];
  expect(switchedHead({ status: 200, reason: '', version: '2', fields: answered }, request)).toMatchObject({
    status: 101,
    fields: [answered[1], { name: 'sec-websocket-accept', value: 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=' }],
  });
});
