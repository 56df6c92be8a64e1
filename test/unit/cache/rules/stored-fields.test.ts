import { describe, expect, it } from 'vitest';
import { responseDirectives } from '../../../../src/cache/rules/cache-control.ts';
import { storedFields } from '../../../../src/cache/rules/stored-fields.ts';
import { fieldsOf } from './fields-of.ts';

function kept(...lines: readonly string[]): string[] {
  const fields = fieldsOf(...lines);
  return storedFields(fields, responseDirectives(fields)).map(({ name, value }) => `${name}: ${value}`);
}

describe('storedFields (RFC 9111 §3.1)', () => {
  it.each([
    ...['Connection: x', 'Keep-Alive: timeout=5', 'Proxy-Connection: keep-alive', 'TE: trailers', 'Transfer-Encoding: foo', 'Upgrade: h2c'],
    ...['Trailer: X', 'Proxy-Authenticate: Basic', 'Proxy-Authentication-Info: a', 'Proxy-Authorization: b', 'KEEP-ALIVE: a', 'te: b'],
  ])('leaves out %s', (line) => {
    expect(kept('A: 1', line, 'B: 2')).toEqual(['A: 1', 'B: 2']);
  });

  it.each([
    ...[
      'Test-Header: x',
      'Content-Foo: y',
      'Content-Range: bytes 0-1/2',
      'Content-Encoding: foo',
      'Clear-Site-Data: "cache"',
      'Content-Length: 9',
    ],
    ...[
      'Set-Cookie: a=b',
      'Via: 1.1 a',
      'Cache-Status: b; hit',
      'CDN-Cache-Control: foo',
      'Content-MD5: a',
      'Age: 5',
      'Public-Key-Pins: a',
    ],
    ...[
      'WWW-Authenticate: Basic',
      'Warning: 110',
      'Pragma: no-cache',
      'X-Empty: ',
      'Alt-Svc: h2=":443"',
      'Strict-Transport-Security: max-age=1',
    ],
  ])('keeps %s', (line) => {
    expect(kept('A: 1', line)).toEqual(['A: 1', line]);
  });

  it('keeps order, case, duplicates and the very fields', () => {
    const fields = [
      { name: 'X', value: '1', line: 'X: 1\r\n' },
      { name: 'x', value: '1' },
      { name: 'Set-Cookie', value: 'a' },
      { name: 'Set-Cookie', value: 'b' },
    ];
    const stored = storedFields(fields, responseDirectives(fields));
    expect(stored).toEqual(fields);
    expect(stored[0]).toBe(fields[0]);
  });

  it.each([
    ['the fields that Connection lists', ['Connection: a, B', 'Connection: close', 'A: 1', 'b: 2', 'C: 3'], ['C: 3']],
    ['those of Proxy-Connection, as forwarding does', ['Proxy-Connection: a', 'A: 1', 'C: 3'], ['C: 3']],
    [
      'those of no-cache (§5.2.2.4)',
      ['Cache-Control: no-cache="a, b"', 'A: 1', 'b: 2', 'C: 3'],
      ['Cache-Control: no-cache="a, b"', 'C: 3'],
    ],
    [
      'those of private (§5.2.2.7)',
      ['Cache-Control: private="Set-Cookie"', 'set-cookie: a', 'C: 3'],
      ['Cache-Control: private="Set-Cookie"', 'C: 3'],
    ],
    ['none for no-cache alone', ['Cache-Control: no-cache', 'A: 1'], ['Cache-Control: no-cache', 'A: 1']],
    ['none that an option of Connection only resembles', ['Connection: close, ab', 'A: 1'], ['A: 1']],
  ])('leaves out %s', (_, lines, expected) => {
    expect(kept(...lines)).toEqual(expected);
  });

  it('keeps what caching depends on, whoever names it: without it the response could be reused where it must not be (RFC 9110 §7.6.1)', () => {
    const lines = [
      'Cache-Control: max-age=1',
      'Vary: Foo',
      'Age: 5',
      'Date: x',
      'Expires: 0',
      'ETag: "a"',
      'Last-Modified: x',
      'Content-Encoding: gzip',
      'Content-Range: x',
    ];
    expect(
      kept('Connection: cache-control, vary, age, date, expires, etag, last-modified, content-encoding, content-range', ...lines),
    ).toEqual(lines);
    expect(kept('Cache-Control: private="vary, cache-control"', 'Vary: Foo')).toEqual([
      'Cache-Control: private="vary, cache-control"',
      'Vary: Foo',
    ]);
  });
});
