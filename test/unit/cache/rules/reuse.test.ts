import { describe, expect, it } from 'vitest';
import { requestDirectives } from '../../../../src/cache/rules/cache-control.ts';
import { factsOf } from '../../../../src/cache/rules/freshness.ts';
import { CACHE_RULE_DEFAULTS, NO_OVERRIDES } from '../../../../src/cache/rules/options.ts';
import { judgeReuse, mayServeStale, type OriginFailure, REUSE_REASONS } from '../../../../src/cache/rules/reuse.ts';
import {
  extentOf,
  factsFor,
  fieldsIn,
  HOUR_BEFORE,
  judged,
  requestOf,
  START_DATE,
  START_MS,
  type StoredOptions,
  storedOf,
} from './stored-of.ts';

/** `kind why`, and `behind` where it is validated after the answer. */
function outcome(
  asked: string,
  stored: string,
  seconds: number,
  options: StoredOptions = {},
  changes: Parameters<typeof requestOf>[1] = {},
): string {
  const reuse = judged(requestOf(asked, changes), [storedOf(stored, options)], seconds);
  return `${reuse.kind} ${reuse.why}${reuse.kind === 'hit' && reuse.revalidateBehind ? ' behind' : ''}`;
}

describe('freshness decides', () => {
  it.each<[string, string, number, string]>([
    ['fresh (RFC 9111 §4.2)', 'Cache-Control: max-age=60', 59, 'hit fresh'],
    ['equal is stale (RFC 9111 §4.2)', 'Cache-Control: max-age=60', 60, 'validate stale'],
    ['stale', 'Cache-Control: max-age=60', 61, 'validate stale'],
    ['the Age that it came with counts (RFC 9111 §4.2.3)', 'Cache-Control: max-age=60\nAge: 50', 10, 'validate stale'],
    ['no lifetime at all', 'ETag: "a"', 0, 'validate stale'],
    ['our clock a minute before the receipt', 'Cache-Control: max-age=60', -60, 'hit fresh'],
    ['our clock set back behind the receipt (RFC 9111 §4.2.3)', 'Cache-Control: max-age=60', -61, 'validate clock-set-back'],
    [
      'no-cache is validated at every use (RFC 9111 §5.2.2.4)',
      'Cache-Control: no-cache, max-age=60\nETag: "a"',
      1,
      'validate response-no-cache',
    ],
    ['no-cache about one field leaves the rest', 'Cache-Control: no-cache="set-cookie", max-age=60', 1, 'hit fresh'],
    ['must-revalidate while fresh', 'Cache-Control: must-revalidate, max-age=60', 1, 'hit fresh'],
    ['must-revalidate when stale (RFC 9111 §5.2.2.2)', 'Cache-Control: must-revalidate, max-age=60\nETag: "a"', 61, 'validate stale'],
    ['immutable while fresh (RFC 8246 §2)', 'Cache-Control: immutable, max-age=60', 1, 'hit fresh'],
    ['immutable when stale', 'Cache-Control: immutable, max-age=60', 61, 'validate stale'],
    ['no-store that an update brought (RFC 9111 §5.2.2.5)', 'Cache-Control: no-store, max-age=60', 1, 'validate response-no-store'],
    ['private that an update brought (RFC 9111 §5.2.2.7)', 'Cache-Control: private, max-age=60', 1, 'validate response-no-store'],
    ['no-store under must-understand (RFC 9111 §5.2.2.3)', 'Cache-Control: no-store, must-understand, max-age=60', 1, 'hit fresh'],
  ])('%s: %j after %i s: %s', (_, stored, seconds, expected) => {
    expect(outcome('', stored, seconds)).toBe(expected);
  });

  it('an invalidated one is validated however fresh it is (RFC 9111 §4.4)', () => {
    expect(outcome('', 'Cache-Control: max-age=60', 1, { isInvalidated: true })).toBe('validate invalidated');
    expect(outcome('Cache-Control: max-stale', 'Cache-Control: max-age=60', 90, { isInvalidated: true })).toBe('validate invalidated');
  });
});

describe('stale answers that somebody has allowed', () => {
  it.each<[string, string, string, number, string]>([
    ['max-stale (RFC 9111 §5.2.1.2)', 'Cache-Control: max-stale', 'Cache-Control: max-age=60', 9000, 'hit max-stale'],
    ['max-stale=N, up to N', 'Cache-Control: max-stale=30', 'Cache-Control: max-age=60', 90, 'hit max-stale'],
    ['max-stale, of what was never fresh', 'Cache-Control: max-stale', 'ETag: "a"', 1, 'validate stale'],
    ['max-stale, of what was never fresh and is for everybody', 'Cache-Control: max-stale', 'Cache-Control: public', 1, 'hit max-stale'],
    ['max-stale=N, beyond it', 'Cache-Control: max-stale=30', 'Cache-Control: max-age=60', 91, 'validate stale'],
    ['max-stale with an old response', 'Cache-Control: max-stale=1000', 'Cache-Control: max-age=1500\nAge: 2000', 0, 'hit max-stale'],
    [
      'must-revalidate forbids it (RFC 9111 §4.2.4)',
      'Cache-Control: max-stale',
      'Cache-Control: max-age=60, must-revalidate',
      61,
      'validate stale',
    ],
    ['proxy-revalidate forbids it', 'Cache-Control: max-stale', 'Cache-Control: max-age=60, proxy-revalidate', 61, 'validate stale'],
    ['s-maxage forbids it (RFC 9111 §5.2.2.10)', 'Cache-Control: max-stale', 'Cache-Control: s-maxage=60', 61, 'validate stale'],
    [
      'stale-while-revalidate (RFC 5861 §3)',
      '',
      'Cache-Control: max-age=60, stale-while-revalidate=30',
      90,
      'hit stale-while-revalidate behind',
    ],
    ['... and not beyond it', '', 'Cache-Control: max-age=60, stale-while-revalidate=30', 91, 'validate stale'],
    ['... of nothing is none', '', 'Cache-Control: max-age=60, stale-while-revalidate=0', 60, 'validate stale'],
    ['... not needed while fresh', '', 'Cache-Control: max-age=60, stale-while-revalidate=30', 59, 'hit fresh'],
    ['... forbidden by s-maxage', '', 'Cache-Control: s-maxage=60, stale-while-revalidate=30', 61, 'validate stale'],
    ['... forbidden by must-revalidate', '', 'Cache-Control: max-age=60, must-revalidate, stale-while-revalidate=30', 61, 'validate stale'],
    [
      '... beyond what the client takes',
      'Cache-Control: max-stale=5',
      'Cache-Control: max-age=60, stale-while-revalidate=30',
      70,
      'validate stale',
    ],
    [
      '... beyond the age that the client takes',
      'Cache-Control: max-age=65',
      'Cache-Control: max-age=60, stale-while-revalidate=30',
      70,
      'validate stale',
    ],
    [
      '... not for who wants it fresh',
      'Cache-Control: min-fresh=0',
      'Cache-Control: max-age=60, stale-while-revalidate=30',
      70,
      'validate stale',
    ],
  ])('%s: %j, %j after %i s: %s', (_, asked, stored, seconds, expected) => {
    expect(outcome(asked, stored, seconds)).toBe(expected);
  });
});

describe('what the client asks of the cache (RFC 9111 §5.2.1)', () => {
  const FRESH = 'Cache-Control: max-age=60\nETag: "a"';
  it.each<[string, string, number, string]>([
    ['Cache-Control: no-cache', FRESH, 1, 'validate request-no-cache'],
    ['Cache-Control: no-cache', `${FRESH}\nCache-Control: immutable`, 1, 'validate request-no-cache'],
    ['Pragma: no-cache', FRESH, 1, 'validate request-no-cache'],
    ['Pragma: no-cache\nCache-Control: nothing-to-see-here', FRESH, 1, 'hit fresh'],
    ['Pragma: foo', FRESH, 1, 'hit fresh'],
    ['Cache-Control: no-store', FRESH, 1, 'miss request-no-store'],
    ['Cache-Control: max-age=0', FRESH, 1, 'validate request-max-age'],
    ['Cache-Control: max-age=1', FRESH, 1, 'hit fresh'],
    ['Cache-Control: max-age=1', FRESH, 2, 'validate request-max-age'],
    ['Cache-Control: max-age=600', 'Cache-Control: max-age=3600\nAge: 1800', 0, 'validate request-max-age'],
    ['Cache-Control: min-fresh=59', FRESH, 1, 'hit fresh'],
    ['Cache-Control: min-fresh=60', FRESH, 1, 'validate request-min-fresh'],
    ['Cache-Control: min-fresh=1000', 'Cache-Control: max-age=1500\nAge: 1000', 0, 'validate request-min-fresh'],
    ['Cache-Control: only-if-cached', FRESH, 1, 'hit fresh'],
    ['Cache-Control: only-if-cached', FRESH, 61, 'miss only-if-cached'],
    ['Cache-Control: only-if-cached, max-stale', FRESH, 61, 'hit max-stale'],
    ['If-Match: "a"', FRESH, 1, 'miss request-precondition'],
    ['If-Unmodified-Since: x', FRESH, 1, 'miss request-precondition'],
    ['If-None-Match: "a"', FRESH, 1, 'hit fresh'],
    ['If-None-Match: "a"', FRESH, 61, 'validate stale'],
    ['Cookie: a=b', FRESH, 1, 'hit fresh'],
    ['Authorization: Basic x', FRESH, 1, 'hit fresh'],
  ])('%j, %j after %i s: %s', (asked, stored, seconds, expected) => {
    expect(outcome(asked, stored, seconds)).toBe(expected);
  });

  it('only-if-cached with nothing stored is a miss of its own, which is answered 504 (RFC 9111 §5.2.1.7)', () => {
    expect(judged(requestOf('Cache-Control: only-if-cached'), [], 0)).toEqual({ kind: 'miss', why: 'only-if-cached', variants: 0 });
  });
});

describe('requests that no stored response answers', () => {
  const FRESH = 'Cache-Control: max-age=60';
  it.each<[string, Parameters<typeof requestOf>[1], string]>([
    ['POST is written through (RFC 9111 §4)', { method: 'POST' }, 'miss method'],
    ['a method nobody knows', { method: 'FOO' }, 'miss method'],
    ['get is another method than GET (RFC 9110 §9.1)', { method: 'get' }, 'miss method'],
    ['HEAD is answered from a GET (RFC 9110 §9.3.2)', { method: 'HEAD' }, 'hit fresh'],
    ['a GET with content (RFC 9110 §9.3.1)', { hasContent: true }, 'miss request-content'],
    ['a rule keeps the cache out', { overrides: { ...NO_OVERRIDES, bypass: true } }, 'miss bypass'],
  ])('%s', (_, changes, expected) => {
    expect(outcome('', FRESH, 1, {}, changes)).toBe(expected);
  });

  it('nothing stored is a uri-miss, and other variants are a vary-miss (RFC 9111 §4.1)', () => {
    expect(judged(requestOf(''), [], 0)).toEqual({ kind: 'miss', why: 'uri-miss', variants: 0 });
    const varied = `${FRESH}\nVary: Foo`;
    expect(outcome('Foo: 2', varied, 1, { request: fieldsIn('Foo: 1') })).toBe('miss vary-miss');
    expect(outcome('Foo: 1', varied, 1)).toBe('miss vary-miss');
    expect(outcome('Foo: 1', varied, 1, { request: fieldsIn('Foo: 1') })).toBe('hit fresh');
  });

  it.each([
    ['max-age=60', 'miss authorization'],
    ['max-age=60, public', 'hit fresh'],
    ['max-age=60, must-revalidate', 'hit fresh'],
    ['s-maxage=60', 'hit fresh'],
    ['max-age=60, proxy-revalidate', 'miss authorization'],
  ])('what answered a request with Authorization and says %s: %s (RFC 9111 §3.5)', (control, expected) => {
    expect(outcome('', `Cache-Control: ${control}`, 1, { isFromAuthorized: true })).toBe(expected);
    expect(outcome('Authorization: Basic x', `Cache-Control: ${control}`, 1, { isFromAuthorized: true })).toBe(expected);
  });

  it('a rule that forces a lifetime reuses in spite of no-cache, private and Authorization', () => {
    const overrides = { ...NO_OVERRIDES, ttlSeconds: 60, force: true };
    for (const control of ['no-cache', 'private', 'no-store', 'max-age=0']) {
      expect(outcome('', `Cache-Control: ${control}`, 59, { isFromAuthorized: true }, { overrides })).toBe('hit fresh');
    }
    expect(outcome('', 'Cache-Control: no-cache', 59, {}, { overrides: { ...overrides, force: false } })).toBe(
      'validate response-no-cache',
    );
  });
});

describe('of several that match', () => {
  it('the one with the latest Date answers (RFC 9111 §4.1)', () => {
    const older = storedOf(`Cache-Control: max-age=9000\nDate: ${HOUR_BEFORE}`, { id: 'older' });
    const newer = storedOf(`Cache-Control: max-age=9000\nDate: ${START_DATE}`, { id: 'newer' });
    for (const all of [
      [older, newer],
      [newer, older],
    ]) {
      expect(judged(requestOf(''), all, 1)).toMatchObject({ kind: 'hit', stored: { id: 'newer' } });
    }
  });

  it('one that holds what is asked for comes before a later part that does not', () => {
    const whole = storedOf(`Cache-Control: max-age=9000\nDate: ${HOUR_BEFORE}`, { id: 'whole' });
    const part = storedOf('Cache-Control: max-age=60\nContent-Range: bytes 0-4/10', {
      id: 'part',
      status: 206,
      extent: extentOf('0-4/10'),
    });
    expect(judged(requestOf(''), [part, whole], 1)).toMatchObject({ kind: 'hit', stored: { id: 'whole' } });
    expect(judged(requestOf('Range: bytes=1-2'), [part, whole], 1)).toMatchObject({ kind: 'hit', stored: { id: 'part' } });
  });
});

describe('parts (RFC 9111 §3.3)', () => {
  const part = (lines: string, extent: string) =>
    storedOf(`Cache-Control: max-age=60\n${lines}Content-Range: bytes ${extent}`, { status: 206, extent: extentOf(extent) });

  it.each<[string, string, string, string, object]>([
    ['a range within', '', '4-9/10', 'Range: bytes=5-6', { kind: 'hit', why: 'fresh' }],
    [
      'the rest of a prefix, by a strong validator',
      'ETag: "a"\n',
      '0-4/10',
      '',
      { kind: 'complete', why: 'partial', missing: { first: 5, last: null } },
    ],
    ['the rest of a prefix of unknown length', 'ETag: "a"\n', '0-4/*', '', { kind: 'complete', missing: { first: 5, last: null } }],
    ['the whole where nothing could be joined', '', '0-4/10', '', { kind: 'miss', why: 'partial' }],
    ['... a weak validator is nothing either', 'ETag: W/"a"\n', '0-4/10', '', { kind: 'miss', why: 'partial' }],
    ['the whole where the beginning is missing, too', 'ETag: "a"\n', '4-7/10', '', { kind: 'miss', why: 'partial' }],
    ['the end of a range', 'ETag: "a"\n', '4-6/10', 'Range: bytes=5-8', { kind: 'complete', missing: { first: 7, last: 8 } }],
    ['... as far as there is one', 'ETag: "a"\n', '4-6/10', 'Range: bytes=5-99', { kind: 'complete', missing: { first: 7, last: 9 } }],
    ['... of unknown length', 'ETag: "a"\n', '4-6/*', 'Range: bytes=5-', { kind: 'complete', missing: { first: 7, last: null } }],
    ['the beginning of a range', 'ETag: "a"\n', '4-6/10', 'Range: bytes=2-5', { kind: 'complete', missing: { first: 2, last: 3 } }],
    ['a suffix that begins within', 'ETag: "a"\n', '4-6/10', 'Range: bytes=-5', { kind: 'complete', missing: { first: 7, last: 9 } }],
    ['two gaps', 'ETag: "a"\n', '4-6/10', 'Range: bytes=2-8', { kind: 'miss', why: 'partial' }],
    ['a range apart', 'ETag: "a"\n', '4-6/10', 'Range: bytes=8-9', { kind: 'miss', why: 'partial' }],
    ['several ranges', 'ETag: "a"\n', '4-6/10', 'Range: bytes=5-8,9-9', { kind: 'miss', why: 'partial' }],
    ['a range with another If-Range', 'ETag: "a"\n', '4-6/10', 'Range: bytes=5-8\nIf-Range: "b"', { kind: 'miss', why: 'partial' }],
    ['a range partly there, without a validator', '', '4-6/10', 'Range: bytes=5-8', { kind: 'miss', why: 'partial' }],
    ['a condition that the origin has to see', 'ETag: "a"\n', '0-4/10', 'If-None-Match: "a"', { kind: 'miss', why: 'partial' }],
  ])('%s: asks for what is missing', (_, lines, extent, asked, expected) => {
    expect(judged(requestOf(asked), [part(lines, extent)], 1)).toMatchObject(expected);
  });

  it('a stale prefix is completed all the same: If-Range asks whether it still holds (RFC 9111 §3.4)', () => {
    expect(judged(requestOf(''), [part('ETag: "a"\n', '0-4/10')], 61)).toMatchObject({ kind: 'complete' });
  });

  it('a stale part that holds the range is validated', () => {
    expect(judged(requestOf('Range: bytes=1-2'), [part('ETag: "a"\n', '0-4/10')], 61)).toMatchObject({ kind: 'validate', why: 'stale' });
  });

  it('a part that is all there is answers as the whole', () => {
    expect(judged(requestOf(''), [part('', '0-9/10')], 1)).toMatchObject({ kind: 'hit', why: 'fresh' });
  });

  it('HEAD is not answered from a part, nor completes one', () => {
    expect(judged(requestOf('', { method: 'HEAD' }), [part('ETag: "a"\n', '0-4/10')], 1)).toMatchObject({ kind: 'miss', why: 'partial' });
  });
});

describe('stale answers in place of the origin (RFC 9111 §4.2.4, RFC 5861 §4)', () => {
  const DAY = 86_400;
  it.each<[string, string, string, number, OriginFailure, boolean]>([
    ['the origin is gone', '', 'max-age=60', 61, 'unreachable', true],
    ['... for as long as configured', '', 'max-age=60', 60 + DAY, 'unreachable', true],
    ['... and no longer', '', 'max-age=60', 61 + DAY, 'unreachable', false],
    ['... but not with what was never fresh, which may be a page for one user', '', 'max-age=0', 1, 'unreachable', false],
    ['... nor with what says nothing of freshness', '', 'x', 1, 'unreachable', false],
    ['... nor in place of a 503', '', 'x', 1, 503, false],
    ['... whatever the client would take', 'Cache-Control: stale-if-error=40', 'x', 1, 503, false],
    ['... unless it is for everybody', '', 'public, max-age=0', 1, 'unreachable', true],
    ['... or says itself that it may', '', 'max-age=0, stale-if-error=30', 1, 'unreachable', true],
    ['must-revalidate', '', 'max-age=60, must-revalidate', 61, 'unreachable', false],
    ['proxy-revalidate', '', 'max-age=60, proxy-revalidate', 61, 'unreachable', false],
    ['s-maxage', '', 'max-age=60, s-maxage=60', 61, 'unreachable', false],
    ['no-cache', '', 'max-age=60, no-cache', 61, 'unreachable', false],
    ['no-store by an update', '', 'max-age=60, no-store', 61, 'unreachable', false],
    ['a client that wants it validated', 'Cache-Control: no-cache', 'max-age=60', 61, 'unreachable', false],
    ['503 counts as no answer (RFC 9111 §4.3.3)', '', 'max-age=60', 61, 503, true],
    ['502 and 504 too', '', 'max-age=60', 61, 504, true],
    ['500 is an answer', '', 'max-age=60', 61, 500, false],
    ['... that stale-if-error replaces', '', 'max-age=60, stale-if-error=30', 90, 500, true],
    ['... within its bound', '', 'max-age=60, stale-if-error=30', 91, 500, false],
    ['... which holds for no answer as well', '', 'max-age=60, stale-if-error=30', 91, 'unreachable', false],
    ['... and can be longer than ours', '', `max-age=60, stale-if-error=${9 * DAY}`, 60 + 9 * DAY, 'unreachable', true],
    ['... which the client may say, too', 'Cache-Control: stale-if-error=40', 'max-age=60', 100, 500, true],
    ['... the larger of both', 'Cache-Control: stale-if-error=40', 'max-age=60, stale-if-error=30', 100, 500, true],
    ['... and of nothing is none', '', 'max-age=60, stale-if-error=0', 60, 'unreachable', false],
    ['... never against must-revalidate', '', 'max-age=60, must-revalidate, stale-if-error=30', 61, 500, false],
    ['404 and 501 are answers', '', 'max-age=60, stale-if-error=30', 61, 404, false],
    ['404 and 501 are answers', '', 'max-age=60, stale-if-error=30', 61, 501, false],
  ])('%s: %j, %s after %i s, %s: %j', (_, asked, control, seconds, failure, expected) => {
    const stored = storedOf(`Cache-Control: ${control}`);
    const candidate = { stored, facts: factsFor(stored) };
    const directives = requestDirectives(fieldsIn(asked));
    expect(mayServeStale(candidate, directives, START_MS + seconds * 1000, CACHE_RULE_DEFAULTS, failure)).toBe(expected);
    const invalidated = { ...candidate, stored: { ...stored, isInvalidated: true } };
    expect(mayServeStale(invalidated, directives, START_MS + seconds * 1000, CACHE_RULE_DEFAULTS, failure)).toBe(false);
  });
});

it('targeted fields decide where they are configured (RFC 9213 §2.2)', () => {
  const stored = storedOf('Cache-Control: no-store\nCDN-Cache-Control: max-age=60');
  const options = { ...CACHE_RULE_DEFAULTS, targeted: ['cdn-cache-control'] };
  const request = requestOf('');
  const reuse = judgeReuse(request, requestDirectives([]), [stored], (each) => factsOf(each, options, NO_OVERRIDES), START_MS);
  expect(reuse.kind).toBe('hit');
});

it('every reason has a section and a sentence, and says `fwd` as RFC 9211 §2.2 has it', () => {
  for (const { section, sentence } of Object.values(REUSE_REASONS)) {
    expect(section).toMatch(/^RFC \d{4} §\d/);
    expect(sentence).toMatch(/^[A-Z].*\.$/);
  }
});
