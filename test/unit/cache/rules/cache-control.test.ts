import { describe, expect, it } from 'vitest';
import {
  fieldNames,
  NO_REQUEST_DIRECTIVES,
  NO_RESPONSE_DIRECTIVES,
  type RequestDirectives,
  type ResponseDirectives,
  requestDirectives,
  responseDirectives,
} from '../../../../src/cache/rules/cache-control.ts';
import { fieldsOf } from './fields-of.ts';

describe('responseDirectives', () => {
  it.each<[string, string[], Partial<ResponseDirectives>]>([
    ['a lifetime', ['max-age=3600'], { maxAge: 3600 }],
    ['a lifetime for shared caches', ['s-maxage=60'], { sMaxAge: 60 }],
    ['names in any case (RFC 9111 §5.2)', ['MaX-aGe=60, No-StOrE, No-CaChE'], { maxAge: 60, noStore: true, noCache: true }],
    [
      'every directive that is defined',
      ['public, must-revalidate, proxy-revalidate, must-understand, immutable, stale-while-revalidate=5, stale-if-error=6'],
      {
        isPublic: true,
        mustRevalidate: true,
        proxyRevalidate: true,
        mustUnderstand: true,
        isImmutable: true,
        staleWhileRevalidate: 5,
        staleIfError: 6,
      },
    ],
    ['nothing in directives that nobody knows (RFC 9111 §5.2.3)', ['foo, bar=1, baz="no-store"'], {}],
    ['all lines as one list (RFC 9110 §5.3)', ['max-age=60', 'no-store'], { maxAge: 60, noStore: true }],
    ['blanks and empty members around them', [' ,, max-age=60 ,\t, public ,'], { maxAge: 60, isPublic: true }],
    ['no directive inside a quoted string, before the real one', ['extension="max-age=3600", max-age=1'], { maxAge: 1 }],
    ['no directive inside a quoted string, after the real one', ['max-age=1, extension="max-age=3600"'], { maxAge: 1 }],
    ['no directive after a comma in a quoted string', ['extension="x, max-age=3600, public"'], {}],
    ['no end of a quoted string at an escaped quotation mark', ['extension="x\\", no-store, \\"", max-age=1'], { maxAge: 1 }],
    ['an argument in quotation marks (RFC 9111 §5.2)', ['max-age="60"'], { maxAge: 60 }],
    ['an argument in quotation marks and escaped', ['max-age="6\\0"'], { maxAge: 60 }],
    ['leading zeros', ['max-age=003600'], { maxAge: 3600 }],
    ['zero', ['max-age=0'], { maxAge: 0 }],
    ['the first of two that differ, on one line (RFC 9111 §4.2.1)', ['max-age=1800, max-age=1'], { maxAge: 1800 }],
    ['the first of two that differ, on two lines', ['max-age=1', 'max-age=1800'], { maxAge: 1 }],
    ['the first of two, even if it is invalid', ['max-age=x, max-age=1800'], { maxAge: 'invalid' }],
    ['2^31 - 1', ['max-age=2147483647'], { maxAge: 2_147_483_647 }],
    ['2^31', ['max-age=2147483648'], { maxAge: 2 ** 31 }],
    ['2^31 for all that is larger (RFC 9111 §1.2.2)', ['max-age=2147483649, s-maxage=99999999999'], { maxAge: 2 ** 31, sMaxAge: 2 ** 31 }],
    ['2^31 for more digits than a number has', [`max-age=${'9'.repeat(400)}`], { maxAge: 2 ** 31 }],
  ])('reads %s', (_, lines, expected) => {
    const fields = fieldsOf(...lines.map((line) => `Cache-Control: ${line}`));
    expect(responseDirectives(fields)).toEqual({ ...NO_RESPONSE_DIRECTIVES, ...expected });
  });

  it.each([
    ...['max-age=-1', "max-age='60'", 'max-age=60.0', 'max-age=60.5', 'max-age=a60', 'max-age=60a', 'max-age=6 0', 'max-age', 'max-age='],
    ...['max-age =60', 'max-age= 60', 'max-age = 60', 'max-age=""', 'max-age="6"0', 'max-age="60" x', 'max-age="60', 'max-age=60; x'],
    ...['max-age 60', '@max-age=60', '"max-age=60"', 'max-age=\u0666', 'max-age=+60', 'max-age=0x3c', 'max-age=1e3', 'max-age=\xa060'],
  ])('takes %j for an invalid lifetime (RFC 9111 §4.2.1)', (value) => {
    expect(responseDirectives(fieldsOf(`Cache-Control: ${value}`))).toEqual({ ...NO_RESPONSE_DIRECTIVES, maxAge: 'invalid' });
  });

  it.each([
    ...['no-store=1', 'no-store=', 'no-store="x"', 'no-store; max-age=60', 'no-store max-age=60', ';no-store', '"no-store"', 'no-store"'],
    ...[
      'x="never closed, no-store',
      'x="\\", no-store',
      'a"b, no-store',
      'max-age=60, NO-STORE',
      'no-store, max-age=60',
      'x=" , y=z, no-store',
    ],
  ])('sees the no-store in %j: what forbids counts with whatever stands beside it', (value) => {
    expect(responseDirectives(fieldsOf(`Cache-Control: ${value}`)).noStore).toBe(true);
  });

  it.each([
    'public=1',
    'public=',
    'public x',
    '@public',
    'x="never closed, public',
    'immutable=1',
    'must-understand="x"',
    'stale-if-error=x',
    'stale-while-revalidate',
    'stale-if-error=-1',
  ])('allows nothing by %j: what allows counts only as it is defined', (value) => {
    expect(responseDirectives(fieldsOf(`Cache-Control: ${value}`))).toEqual(NO_RESPONSE_DIRECTIVES);
  });

  it('believes no lifetime after a quoted string that does not end', () => {
    expect(responseDirectives(fieldsOf('Cache-Control: x="y, max-age=60')).maxAge).toBe('invalid');
    expect(responseDirectives(fieldsOf('Cache-Control: x="y', 'Cache-Control: max-age=60')).maxAge).toBe(60);
  });

  it.each<[string, boolean | string[]]>([
    ['no-cache', true],
    ['no-cache="Set-Cookie"', ['set-cookie']],
    ['no-cache="a, B ,,c"', ['a', 'b', 'c']],
    ['no-cache=a', ['a']],
    ['no-cache="a", no-cache="b"', ['a', 'b']],
    ['no-cache="a", no-cache', true],
    ['no-cache, no-cache="a"', true],
    ['no-cache=""', true],
    ['no-cache="a b"', true],
    ['no-cache="a', true],
    ['no-cache = "a"', true],
    ['no-cache="a"; x', true],
  ])('reads what %j is about (RFC 9111 §5.2.2.4), and private alike (§5.2.2.7)', (value, expected) => {
    expect(responseDirectives(fieldsOf(`Cache-Control: ${value}`)).noCache).toEqual(expected);
    expect(responseDirectives(fieldsOf(`Cache-Control: ${value.replaceAll('no-cache', 'private')}`)).isPrivate).toEqual(expected);
  });

  it('finds nothing in a response without Cache-Control, nor in its Pragma (RFC 9111 §5.4), and makes nothing then', () => {
    expect(responseDirectives(fieldsOf('Pragma: no-cache', 'Expires: 0'))).toBe(NO_RESPONSE_DIRECTIVES);
    expect(responseDirectives([])).toBe(NO_RESPONSE_DIRECTIVES);
  });
});

describe('requestDirectives (RFC 9111 §5.2.1)', () => {
  it.each<[string[], Partial<RequestDirectives>]>([
    [['Cache-Control: max-age=0'], { maxAge: 0 }],
    [['Cache-Control: max-stale'], { maxStale: 'any' }],
    [['Cache-Control: max-stale=60'], { maxStale: 60 }],
    [['Cache-Control: max-stale=x'], {}],
    [['Cache-Control: min-fresh=5'], { minFresh: 5 }],
    [['Cache-Control: No-Cache, no-store'], { noCache: true, noStore: true }],
    [['cache-control: only-if-cached', 'CACHE-CONTROL: stale-if-error=9'], { onlyIfCached: true, staleIfError: 9 }],
    [['Cache-Control: max-age=99999999999'], { maxAge: 2 ** 31 }],
    [['Cache-Control: max-age=x, min-fresh'], {}],
    [['Cache-Control: max-age="5"'], { maxAge: 5 }],
    [['Cache-Control: unknown, x="no-cache"'], {}],
  ])('reads %j', (lines, expected) => {
    expect(requestDirectives(fieldsOf(...lines))).toEqual({ ...NO_REQUEST_DIRECTIVES, ...expected });
  });

  it.each<[string[], boolean]>([
    [['Pragma: no-cache'], true],
    [['pragma: x, No-Cache'], true],
    [['Pragma: x', 'Pragma: no-cache'], true],
    [['Pragma: unrecognised'], false],
    [['Pragma: "no-cache"'], false],
    [['Pragma: no-cache', 'Cache-Control: max-age=60'], false],
    [['Cache-Control: unknown', 'Pragma: no-cache'], false],
  ])('lets Pragma count only where there is no Cache-Control (RFC 9111 §5.4): %j', (lines, expected) => {
    expect(requestDirectives(fieldsOf(...lines)).noCache).toBe(expected);
  });

  it('makes nothing for a request that asks nothing', () => {
    expect(requestDirectives(fieldsOf('Host: a', 'Accept-Encodin: x', 'Accept: */*'))).toBe(NO_REQUEST_DIRECTIVES);
    expect(Object.isFrozen(NO_REQUEST_DIRECTIVES)).toBe(true);
    for (const none of [NO_REQUEST_DIRECTIVES, NO_RESPONSE_DIRECTIVES]) expect(Object.values(none).filter((value) => value)).toEqual([]);
  });
});

it.each<[string, string[] | null]>([
  ['A, b', ['a', 'b']],
  ['', null],
  [',', null],
  ['a b', null],
  ['a, "b"', null],
])('takes %j for the names %j', (list, names) => {
  expect(fieldNames(list)).toEqual(names);
});
