// Most of what is refused here never gets past nghttp2 (test/conformance/rfc9113-streams.test.ts); here the rules stand on their own.
import { describe, expect, test } from 'vitest';
import { ProxyError } from '../../../src/errors/proxy-error.ts';
import type { FieldList } from '../../../src/http/field-list.ts';
import { parseTarget } from '../../../src/http/target.ts';
import { readRequestHead, readTrailers, responseFieldList } from '../../../src/listeners/http2-fields.ts';
import { LISTENER_DEFAULTS } from '../../../src/listeners/listener.ts';

const GET = [':method', 'GET', ':scheme', 'https', ':authority', 'origin.test', ':path', '/a?b'];

function readHead(list: FieldList): ReturnType<typeof readRequestHead> {
  return readRequestHead(list, LISTENER_DEFAULTS);
}

function changed(name: string, value: string): string[] {
  return GET.map((text, i) => (i % 2 === 1 && GET[i - 1] === name ? value : text));
}

test('makes the absolute-form of a request, and keeps its fields in order (RFC 9113 §8.3.1)', () => {
  const { head, contentLength, isWebSocket } = readHead([
    ...GET,
    'x-a',
    '1',
    'cookie',
    'a=b',
    'x-a',
    '2',
    'cookie',
    'c=d',
    'cookie',
    'e=f',
    'content-length',
    '12',
  ]);
  expect(head).toEqual({
    method: 'GET',
    target: 'https://origin.test/a?b',
    version: '2',
    fields: [
      { name: 'x-a', value: '1' },
      { name: 'cookie', value: 'a=b; c=d; e=f' },
      { name: 'x-a', value: '2' },
      { name: 'content-length', value: '12' },
    ],
  });
  expect({ contentLength, isWebSocket }).toEqual({ contentLength: 12, isWebSocket: false });
});

describe('refuses what could be taken for another request', () => {
  test.for<[string, string[]]>([
    ['a scheme that is a whole URI', changed(':scheme', 'https://evil.test/?')],
    ['an upper-case scheme', changed(':scheme', 'HTTPS')],
    ['an authority that brings a path', changed(':authority', 'evil.test/')],
    ['an authority that brings a query', changed(':authority', 'evil.test?')],
    ['an authority that brings a fragment', changed(':authority', 'evil.test#')],
    ['an empty authority', changed(':authority', '')],
    ['a path that goes on with the authority', changed(':path', '.evil.test/')],
    ['a path that makes the authority user information', changed(':path', '@evil.test/')],
    ['an empty path', changed(':path', '')],
    ['an asterisk for GET', changed(':path', '*')],
    ['a line end in the path', changed(':path', '/\r\nx: y')],
    ['a line end in a value', [...GET, 'x-a', '1\r\nx-b: 2']],
    ['NUL in a value', [...GET, 'x-a', '\0']],
    ['a blank in a name', [...GET, 'x a', '1']],
    ['an empty name', [...GET, '', '1']],
    ['another Host', [...GET, 'host', 'evil.test']],
    ['two Hosts', [...GET, 'host', 'origin.test', 'host', 'origin.test']],
    ['an authority twice', [...GET, ':authority', 'origin.test']],
    ['a pseudo-header field behind a field', [...GET, 'x-a', '1', ':protocol', 'websocket']],
    ['an unknown pseudo-header field', [...GET, ':proto__', 'x']],
    ['Connection', [...GET, 'connection', 'close']],
    ['TE for more than trailers', [...GET, 'te', 'trailers, gzip']],
    ['a Content-Length that is a list', [...GET, 'content-length', '1, 1']],
    ['two Content-Lengths', [...GET, 'content-length', '1', 'content-length', '1']],
    ['a protocol without CONNECT', [...GET, ':protocol', 'websocket']],
  ])('%s', ([, list]) => {
    expect(() => readHead(list)).toThrow(expect.objectContaining({ code: 'http_request_error', status: 400 }));
  });
});

test('reads any list to a target of the absolute-form on the authority it names, or refuses it', () => {
  const parts = [
    '',
    'https',
    'http',
    'origin.test',
    '/',
    '?',
    '#',
    '@',
    ':',
    '//',
    '\\',
    '*',
    '.',
    '%2f',
    '[::1]',
    '8443',
    ' ',
    '\t',
    '\0',
    'é',
  ];
  let seed = 7;
  const any = (): string => {
    seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff;
    return parts[(seed >>> 8) % parts.length]!;
  };
  let read = 0;
  for (let i = 0; i < 20_000; i += 1) {
    const authority = any() + any() + any();
    const path = any() + any() + any();
    try {
      const { head } = readHead([':method', 'GET', ':scheme', 'https', ':authority', authority, ':path', path]);
      expect(head.target).toBe(`https://${authority}${path}`);
      const target = parseTarget('GET', head.target);
      if (target.form !== 'absolute-form') expect.unreachable();
      // Nothing of the path was read as authority, and nothing of the authority as path.
      expect(target.pathAndQuery.length).toBeGreaterThanOrEqual(path.length);
      read += 1;
    } catch (error) {
      if (!(error instanceof ProxyError)) throw error;
    }
  }
  expect(read).toBeGreaterThan(10);
});

test('takes a WebSocket for the upgrade that means the same (RFC 8441 §5)', () => {
  const { head, isWebSocket } = readHead([':method', 'CONNECT', ':protocol', 'websocket', ...GET.slice(2), 'sec-websocket-version', '13']);
  expect(isWebSocket).toBe(true);
  expect(head).toEqual({
    method: 'GET',
    target: 'https://origin.test/a?b',
    version: '2',
    fields: [
      { name: 'sec-websocket-version', value: '13' },
      { name: 'Connection', value: 'Upgrade' },
      { name: 'Upgrade', value: 'websocket' },
    ],
  });
});

test('leaves a CONNECT to whoever refuses it', () => {
  expect(readHead([':method', 'CONNECT', ':authority', 'origin.test:443']).head).toMatchObject({
    method: 'CONNECT',
    target: 'origin.test:443',
  });
});

test('makes the list of a response out of prepared lines and fields, without those of a connection', () => {
  const fields = [
    { name: 'Set-Cookie', value: 'a=1' },
    { name: 'Connection', value: 'close' },
    { name: 'Set-Cookie', value: 'b=2' },
  ];
  expect(responseFieldList(200, fields, 'ETag: "a: b"\r\nKeep-Alive: 5\r\nX-Empty: \r\n', 7)).toEqual([
    ':status',
    '200',
    'etag',
    '"a: b"',
    'x-empty',
    '',
    'set-cookie',
    'a=1',
    'set-cookie',
    'b=2',
    'content-length',
    '7',
  ]);
});

test('says 500 for a status that HTTP does not have (RFC 9110 §15)', () => {
  expect(responseFieldList(720, [], undefined, null)).toEqual([':status', '500']);
});

test.each([
  [['a=1', 'b=2'], 'a=1; b=2'],
  [['a=1', ''], 'a=1'],
  [['', 'b=2', '', 'c'], 'b=2; c'],
])('puts the pieces of a cookie together: %j (RFC 9113 §8.2.3)', (pieces, whole) => {
  const { head } = readHead([...GET, ...pieces.flatMap((piece) => ['cookie', piece])]);
  expect(head.fields).toEqual([{ name: 'cookie', value: whole }]);
});

test('reads trailers, but for those with characters that no field may have', () => {
  const trailers = readTrailers(['grpc-status', '0', 'x-bin', 'AA==', 'x-bad', 'a\r\nb', 'x bad', 'c']);
  expect(trailers).toEqual([
    { name: 'grpc-status', value: '0' },
    { name: 'x-bin', value: 'AA==' },
  ]);
});
