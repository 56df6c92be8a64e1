import { describe, expect, it } from 'vitest';
import { ProxyError } from '../../../src/errors/proxy-error.ts';
import {
  authenticatesConnection,
  expectsContinue,
  forwardRequestFields,
  forwardResponseFields,
  isLoop,
  isPersistent,
  maxForwards,
  requestedUpgrade,
} from '../../../src/http/forwarding.ts';
import type { Fields, HttpVersion } from '../../../src/http/message.ts';

const DATE = 'Sun, 06 Nov 1994 08:49:37 GMT';

describe('forwardRequestFields', () => {
  it('keeps what goes to the origin, in its order and spelling, duplicates too', () => {
    const list = [
      'Accept: */*',
      'cookie: a=1',
      'COOKIE: b=2',
      'Authorization: Basic eA==',
      'X-Empty:',
      'Cache-Control: no-cache',
      'Expect: 100-continue',
    ];
    expect(forwarded(...list)).toEqual([...list, 'Via: 1.1 us']);
  });

  it.each([
    ['Connection: close'],
    ['Proxy-Connection: keep-alive'],
    ['Keep-Alive: timeout=5'],
    ['TE: trailers'],
    ['Trailer: X'],
    ['Transfer-Encoding: chunked'],
    ['Content-Length: 5'],
    ['Upgrade: h2c'],
    ['Proxy-Authorization: Basic eA=='],
    ['Proxy-Authenticate: Basic'],
    ['Proxy-Authentication-Info: x'],
    ['Host: b.example'],
    ['X-Forwarded-For: 192.0.2.1'],
    ['X-Forwarded-Host: b.example'],
    ['X-Forwarded-Proto: https'],
    ['Forwarded: for=192.0.2.1'],
    ['Max-Forwards: 3'],
  ])('drops %s, in any case and on any number of lines (RFC 9110 §7.6.1)', (line) => {
    const value = line.slice(line.indexOf(':'));
    const name = line.slice(0, line.indexOf(':'));
    expect(forwarded(line, `${name.toUpperCase()}${value}`, 'X: 1', `${name.toLowerCase()}${value}`)).toEqual(['X: 1', 'Via: 1.1 us']);
  });

  it.each([
    ['one field', ['Connection: X-Secret', 'X-Secret: 1', 'X: 1']],
    ['a field before the nomination', ['X-Secret: 1', 'Connection: x-secret', 'X: 1']],
    ['several in one line', ['Connection: close, X-Secret ,\tx-other', 'X-Other: 1', 'X-SECRET: 1', 'X: 1']],
    ['over two lines', ['Connection: x-other', 'connection: X-Secret', 'X-Other: 1', 'x-secret: 1', 'X: 1']],
    ['empty members', ['Connection: ,, x-secret,,', 'X-Secret: 1', 'X: 1']],
    ['beside keep-alive', ['Connection: keep-alive, x-secret', 'X-Secret: 1', 'X: 1', 'Keep-Alive: 3']],
    ['by Proxy-Connection', ['Proxy-Connection: x-secret', 'X-Secret: 1', 'X: 1']],
    ['every line of it', ['Connection: x-secret', 'X-Secret: 1', 'X: 1', 'x-secret: 2']],
  ])('drops fields that Connection nominates: %s (RFC 9110 §7.6.1)', (_, lines) => {
    expect(forwarded(...lines)).toEqual(['X: 1', 'Via: 1.1 us']);
  });

  it('a nominated Via loses what came, and never ours', () => {
    expect(forwarded('Via: 1.0 before', 'Connection: via, host, content-length, connection')).toEqual(['Via: 1.1 us']);
  });

  it('keeps fields whose names only look alike', () => {
    const list = [
      'Connections: x',
      'Proxy-Connectio: x',
      'T: 1',
      'Hosts: x',
      'Upgrade-Insecure-Requests: 1',
      'TEe: x',
      `X-${'a'.repeat(40)}: 1`,
    ];
    expect(forwarded(...list)).toEqual([...list, 'Via: 1.1 us']);
  });

  it('appends Via behind the others, with the version the message came in (RFC 9110 §7.6.3)', () => {
    expect(forwarded('Via: 1.1 before')).toEqual(['Via: 1.1 before', 'Via: 1.1 us']);
    expect(spelled(forwardRequestFields(fields('X: 1'), '1.0', 'us'))).toEqual(['X: 1', 'Via: 1.0 us']);
  });
});

describe('forwardResponseFields', () => {
  it('drops hop-by-hop fields and what asks for proxy credentials, and appends Via', () => {
    const kept = [
      'Date: x',
      'Set-Cookie: a',
      'set-cookie: b',
      'WWW-Authenticate: Basic',
      'X-Forwarded-For: 1',
      'Forwarded: x',
      'Proxy-Status: o',
    ];
    const dropped = [
      'Proxy-Authenticate: Basic',
      'Proxy-Authentication-Info: x',
      'Connection: x-hop',
      'X-Hop: 1',
      'Keep-Alive: 5',
      'Trailer: y',
    ];
    const framing = ['Content-Length: 5', 'Transfer-Encoding: chunked', 'Upgrade: h2'];
    expect(spelled(forwardResponseFields(fields(...dropped, ...kept, ...framing), '1.1', 'us', () => DATE))).toEqual([
      ...kept,
      'Via: 1.1 us',
    ]);
  });

  it('adds Date when the origin sent none, or had it taken away (RFC 9110 §6.6.1)', () => {
    expect(spelled(forwardResponseFields([], '1.0', 'us', () => DATE))).toEqual([`Date: ${DATE}`, 'Via: 1.0 us']);
    expect(spelled(forwardResponseFields(fields('Connection: date', 'Date: x'), '1.1', 'us', () => DATE))).toEqual([
      `Date: ${DATE}`,
      'Via: 1.1 us',
    ]);
  });

  it('asks the clock only then', () => {
    const broken = (): string => {
      throw new Error('nobody needs the time');
    };
    expect(spelled(forwardResponseFields(fields('date: x'), '1.1', 'us', broken))).toEqual(['date: x', 'Via: 1.1 us']);
  });
});

it.each<[string, string[], boolean]>([
  ['no Via', ['X: us'], false],
  ['others alone', ['Via: 1.1 other, 1.0 another'], false],
  ['us alone', ['Via: 1.1 us'], true],
  ['us in the middle', ['via: 1.0 a, 1.1 us (comment), 1.1 b'], true],
  ['us on a later line', ['Via: 1.1 a', 'VIA: HTTP/1.1  us'], true],
  ['us as a part of a name', ['Via: 1.1 us-east, 1.1 us.example'], false],
  ['us as a comment', ['Via: 1.1 a (us)'], false],
  ['us in place of the protocol', ['Via: us 1.1'], false],
])('a loop is a Via that names us: %s (RFC 9110 §7.6.3)', (_, lines, expected) => {
  expect(isLoop(fields(...lines), 'us')).toBe(expected);
});

it.each<[string, string[], number | null]>([
  ['OPTIONS', ['Max-Forwards: 0'], 0],
  ['TRACE', ['max-forwards: 10'], 10],
  ['TRACE', [], null],
  ['GET', ['Max-Forwards: 0'], null],
  ['options', ['Max-Forwards: 0'], null],
  ['TRACE', ['Max-Forwards: -1'], null],
  ['TRACE', ['Max-Forwards: 1.5'], null],
  ['TRACE', ['Max-Forwards: 0x1'], null],
  ['TRACE', ['Max-Forwards:'], null],
  ['TRACE', ['Max-Forwards: 99999999999'], null],
])('Max-Forwards of %s with %j is %j (RFC 9110 §7.6.2)', (method, lines, expected) => {
  expect(maxForwards(method, fields(...lines))).toBe(expected);
});

it.each<[string, string[], 'websocket' | null]>([
  ['WebSocket', ['Connection: Upgrade', 'Upgrade: websocket'], 'websocket'],
  ['WebSocket in another case, beside keep-alive', ['connection: keep-alive, uPGRADE', 'upgrade: WebSocket'], 'websocket'],
  ['not nominated by Connection', ['Connection: keep-alive', 'Upgrade: websocket'], null],
  ['nominated only', ['Connection: upgrade'], null],
  ['h2c', ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA'], null],
  ['several protocols', ['Connection: upgrade', 'Upgrade: websocket, h2c'], null],
  ['several over two lines', ['Connection: upgrade', 'Upgrade: websocket', 'Upgrade: TLS/1.0'], null],
  ['WebSocket with a version', ['Connection: upgrade', 'Upgrade: websocket/13'], null],
  ['WebSocket with a no-break space', ['Connection: upgrade', 'Upgrade: \xa0websocket'], null],
])('an upgrade that is passed on: %s (RFC 9110 §7.8)', (_, lines, expected) => {
  expect(requestedUpgrade(fields(...lines))).toBe(expected);
});

it.each<[HttpVersion, string[], boolean]>([
  ['1.1', [], true],
  ['1.1', ['Connection: close'], false],
  ['1.1', ['connection: CLOSE'], false],
  ['1.1', ['Connection: keep-alive'], true],
  ['1.1', ['Connection: x, close'], false],
  ['1.1', ['Connection: x', 'Connection: close'], false],
  ['1.1', ['Connection: keep-alive', 'Connection: close'], false],
  ['1.1', ['Connection: close', 'Connection: keep-alive'], false],
  ['1.1', ['Connection: closed'], true],
  ['1.1', ['Connection:'], true],
  ['1.1', ['Proxy-Connection: close'], false],
  ['1.0', [], false],
  ['1.0', ['Connection: keep-alive'], true],
  ['1.0', ['Connection: x, Keep-Alive'], true],
  ['1.0', ['Proxy-Connection: Keep-Alive'], true],
  ['1.0', ['Connection: keep-alive, close'], false],
  ['1.0', ['Connection: x'], false],
])('HTTP/%s with %j keeps the connection: %j (RFC 9112 §9.3)', (version, lines, expected) => {
  expect(isPersistent(version, fields(...lines))).toBe(expected);
});

describe('expectsContinue (RFC 9110 §10.1.1)', () => {
  it.each<[HttpVersion, string[], boolean]>([
    ['1.1', [], false],
    ['1.1', ['Expect: 100-continue'], true],
    ['1.1', ['EXPECT: 100-Continue'], true],
    ['1.1', ['Expect: ,100-continue ,'], true],
    ['1.0', ['Expect: 100-continue'], false],
  ])('HTTP/%s with %j: %j', (version, lines, expected) => {
    expect(expectsContinue(version, fields(...lines))).toBe(expected);
  });

  it.each([
    ['Expect:'],
    ['Expect: 200-ok'],
    ['Expect: 100-continue, 100-continue'],
    ['Expect: 100-continue, x'],
    ['Expect: 100-continue;q=1'],
    ['Expect: "100-continue"'],
    ['Expect: 100 continue'],
    ['Expect: \xa0100-continue'],
  ])('refuses %j with 417', (line) => {
    let thrown: unknown;
    try {
      expectsContinue('1.1', fields(line));
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ProxyError);
    expect(thrown).toMatchObject({ code: 'http_request_error', status: 417 });
  });
});

describe('connections that speak for one user (RFC 4559 §6)', () => {
  it.each([
    [['Authorization: NTLM TlRMTVNTUAAB'], [], true],
    [['authorization: negotiate YII='], [], true],
    [[], ['WWW-Authenticate: Basic realm="a"', 'www-authenticate: NTLM'], true],
    [[], ['WWW-Authenticate: Negotiate'], true],
    [['Authorization: Basic bmVnb3RpYXRl'], ['WWW-Authenticate: Bearer'], false],
    [['Authorization: NTLMish x'], [], false],
    [[], [], false],
  ] as const)('%j answered with %j: %s', (request, response, expected) => {
    expect(authenticatesConnection(fields(...request), fields(...response))).toBe(expected);
  });
});

function forwarded(...lines: string[]): string[] {
  return spelled(forwardRequestFields(fields(...lines), '1.1', 'us'));
}

/** As the reader makes them: blanks around the value are gone, and only those. */
function fields(...lines: string[]): Fields {
  return lines.map((line) => {
    const colon = line.indexOf(':');
    return { name: line.slice(0, colon), value: line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '') };
  });
}

function spelled(list: Fields): string[] {
  return list.map(({ name, value }) => (value === '' ? `${name}:` : `${name}: ${value}`));
}
