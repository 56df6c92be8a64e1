import { describe, expect, it } from 'vitest';
import { type CacheRecord, createCacheRecord } from '../../../src/cache/cache-record.ts';
import { cacheStatus } from '../../../src/cache/cache-status.ts';
import type { Reuse } from '../../../src/cache/rules/reuse.ts';
import { judged, requestOf, storedOf } from './rules/stored-of.ts';

const FRESH = judged(requestOf(''), [storedOf('Cache-Control: max-age=60')], 1);
const STALE = judged(requestOf(''), [storedOf('Cache-Control: max-age=60')], 61);
const BEHIND = judged(requestOf(''), [storedOf('Cache-Control: max-age=60, stale-while-revalidate=9')], 61);
const NOT_THERE = judged(requestOf(''), [], 1);

function miss(why: Extract<Reuse, { kind: 'miss' }>['why']): Reuse {
  return { kind: 'miss', why, variants: 0 };
}

describe('our member of Cache-Status (RFC 9211 §2)', () => {
  it.each<[string, Partial<CacheRecord>, string]>([
    ['a hit, with the freshness that is left', { outcome: 'hit', reuse: FRESH, ttlSeconds: 59 }, 'cache;hit;ttl=59'],
    ['a stale hit has a negative ttl', { outcome: 'hit', reuse: BEHIND, ttlSeconds: -1 }, 'cache;hit;ttl=-1;detail=stale-while-revalidate'],
    [
      'a hit and a forward exclude each other',
      { outcome: 'hit', reuse: FRESH, isCollapsed: true, storing: 'stored-explicit' },
      'cache;hit',
    ],
    [
      'nothing stored, and stored now',
      { reuse: NOT_THERE, storing: 'stored-explicit', ttlSeconds: 60 },
      'cache;fwd=uri-miss;ttl=60;stored',
    ],
    ['nothing stored, and not stored', { reuse: NOT_THERE, storing: 'no-store' }, 'cache;fwd=uri-miss;detail=no-store'],
    ['another variant', { reuse: miss('vary-miss') }, 'cache;fwd=vary-miss'],
    ['another method', { reuse: miss('method') }, 'cache;fwd=method'],
    ['what the request asks', { reuse: miss('request-no-store') }, 'cache;fwd=request;detail=request-no-store'],
    ['a rule', { reuse: miss('bypass'), storing: 'policy-bypass' }, 'cache;fwd=bypass;detail=policy-bypass'],
    ['a cache that nobody asked', {}, 'cache;fwd=bypass'],
    ['validated', { outcome: 'validated', reuse: STALE, forwardStatus: 304, ttlSeconds: 60 }, 'cache;fwd=stale;fwd-status=304;ttl=60'],
    [
      'stale in place of an error',
      { outcome: 'stale', reuse: STALE, forwardStatus: 503, ttlSeconds: -1 },
      'cache;fwd=stale;fwd-status=503;ttl=-1;detail=stale-if-error',
    ],
    ['stale in place of no answer', { outcome: 'stale', reuse: STALE }, 'cache;fwd=stale;detail=origin-unreachable'],
    ['somebody else had asked', { reuse: NOT_THERE, isCollapsed: true }, 'cache;fwd=uri-miss;collapsed'],
    [
      'the rest of a part',
      { reuse: miss('partial'), forwardStatus: 206, storing: 'stored-partial' },
      'cache;fwd=partial;fwd-status=206;stored',
    ],
    ['nothing fits, and nobody is asked', { outcome: 'none', reuse: miss('only-if-cached') }, 'cache;detail=only-if-cached'],
  ])('%s', (_, members, expected) => {
    expect(cacheStatus('cache', { ...createCacheRecord('http://example.com/'), ...members }, false)).toBe(expected);
  });

  it('says the same of what was forwarded each time, and under every name', () => {
    const record: CacheRecord = { ...createCacheRecord('http://a.test/'), reuse: NOT_THERE, storing: 'stored-explicit', ttlSeconds: 60 };
    for (const ttlSeconds of [60, 0, 7])
      expect(cacheStatus('one', { ...record, ttlSeconds }, false)).toBe(`one;fwd=uri-miss;ttl=${ttlSeconds};stored`);
    expect(cacheStatus('one', { ...record, ttlSeconds: null }, false)).toBe('one;fwd=uri-miss;stored');
    expect(cacheStatus('a ";ttl=0"', record, false)).toBe('"a \\";ttl=0\\"";fwd=uri-miss;ttl=60;stored');
    expect(cacheStatus('one', { ...record, reuse: STALE }, false)).toBe('one;fwd=stale;ttl=60;stored');
    expect(cacheStatus('one', record, true)).toBe('one;fwd=uri-miss;ttl=60;stored;key="http://a.test/"');
  });

  it('says the same of a hit under every name it is asked for', () => {
    const record: CacheRecord = { ...createCacheRecord('http://a.test/'), outcome: 'hit', reuse: FRESH, ttlSeconds: 59 };
    expect(cacheStatus('one', record, false)).toBe('one;hit;ttl=59');
    expect(cacheStatus('my "cache"', record, false)).toBe('"my \\"cache\\"";hit;ttl=59');
    expect(cacheStatus('one', { ...record, ttlSeconds: 0 }, false)).toBe('one;hit;ttl=0');
    expect(cacheStatus('one', record, true)).toBe('one;hit;ttl=59;key="http://a.test/"');
  });

  it('has the key where it is asked for, and a name that is no token as a string', () => {
    const record = { ...createCacheRecord('http://example.com/ user="ada"'), reuse: NOT_THERE };
    expect(cacheStatus('my cache', record, true)).toBe('"my cache";fwd=uri-miss;key="http://example.com/ user=\\"ada\\""');
  });
});
