import { describe, expect, it } from 'vitest';
import { NO_RESPONSE_DIRECTIVES, type ResponseDirectives } from '../../../../src/cache/rules/cache-control.ts';
import { controlOf } from '../../../../src/cache/rules/targeted.ts';
import { fieldsOf } from './fields-of.ts';

const CDN = ['cdn-cache-control'];
const OURS_THEN_CDN = ['sallyport-cache-control', 'cdn-cache-control'];

describe('controlOf (RFC 9213 §2.2)', () => {
  it.each<[string, string[], readonly string[], string, Partial<ResponseDirectives>]>([
    [
      'Cache-Control when no field is configured',
      ['CDN-Cache-Control: max-age=9', 'Cache-Control: max-age=1'],
      [],
      'Cache-Control',
      { maxAge: 1 },
    ],
    ['Cache-Control when no targeted field is there', ['Cache-Control: max-age=1'], CDN, 'Cache-Control', { maxAge: 1 }],
    ['Cache-Control when there is none', [], CDN, 'Cache-Control', {}],
    ['a targeted field alone', ['CDN-Cache-Control: max-age=9', 'Cache-Control: no-store'], CDN, CDN[0]!, { maxAge: 9 }],
    [
      'the first configured one',
      ['CDN-Cache-Control: max-age=9', 'Sallyport-Cache-Control: max-age=5'],
      OURS_THEN_CDN,
      OURS_THEN_CDN[0]!,
      { maxAge: 5 },
    ],
    [
      'the next one when the first is empty',
      ['Sallyport-Cache-Control:', 'CDN-Cache-Control: max-age=9'],
      OURS_THEN_CDN,
      CDN[0]!,
      { maxAge: 9 },
    ],
    [
      'the next one when the first is malformed',
      ['Sallyport-Cache-Control: a,', 'CDN-Cache-Control: no-store'],
      OURS_THEN_CDN,
      CDN[0]!,
      { noStore: true },
    ],
    [
      'Cache-Control when all are malformed',
      ['CDN-Cache-Control: max-age=9, &', 'Cache-Control: max-age=1'],
      CDN,
      'Cache-Control',
      { maxAge: 1 },
    ],
    [
      'Cache-Control for a key in capitals',
      ['CDN-Cache-Control: MaX-aGe=9', 'Cache-Control: max-age=1'],
      CDN,
      'Cache-Control',
      { maxAge: 1 },
    ],
    ['all lines of it', ['CDN-Cache-Control: max-age=9', 'CDN-Cache-Control: private'], CDN, CDN[0]!, { maxAge: 9, isPrivate: true }],
    ['a field that says nothing of caching', ['CDN-Cache-Control: foo', 'Cache-Control: max-age=1'], CDN, CDN[0]!, {}],
  ])('obeys %s', (_, lines, targeted, from, expected) => {
    expect(controlOf(fieldsOf(...lines), targeted)).toEqual({ from, directives: { ...NO_RESPONSE_DIRECTIVES, ...expected } });
  });

  it.each<[string, Partial<ResponseDirectives>]>([
    [
      'max-age=60, must-revalidate, no-store, no-cache, private',
      { maxAge: 60, mustRevalidate: true, noStore: true, noCache: true, isPrivate: true },
    ],
    [
      's-maxage=5, public, proxy-revalidate, must-understand, immutable, stale-while-revalidate=1, stale-if-error=2',
      {
        sMaxAge: 5,
        isPublic: true,
        proxyRevalidate: true,
        mustUnderstand: true,
        isImmutable: true,
        staleWhileRevalidate: 1,
        staleIfError: 2,
      },
    ],
    ['max-age="10000"', {}],
    ['max-age=10000.0', {}],
    ['max-age', {}],
    ['max-age=a', {}],
    ['max-age=(1)', {}],
    ['max-age=0', { maxAge: 0 }],
    ['max-age=-1', { maxAge: 'invalid' }],
    ['max-age=99999999999', { maxAge: 2 ** 31 }],
    ['max-age=1, max-age=2', { maxAge: 2 }],
    ['max-age=60;ext=1', { maxAge: 60 }],
    ['no-store=?0', {}],
    ['no-store=1', {}],
    ['no-cache="a, B"', { noCache: ['a', 'b'] }],
    ['private=Set-Cookie', { isPrivate: ['set-cookie'] }],
    ['no-cache=""', { noCache: true }],
    ['no-cache=1', {}],
    ['private=?0', {}],
    ['stale-if-error=-1', {}],
  ])('reads %j by the types of its members (§2.1)', (value, expected) => {
    const { directives } = controlOf(fieldsOf(`CDN-Cache-Control: ${value}`), CDN);
    expect(directives).toEqual({ ...NO_RESPONSE_DIRECTIVES, ...expected });
  });
});
