import { describe, expect, it } from 'vitest';
import { ageArithmetic, explainOverrides, explainReuse, explainStoring, linesOf } from '../../../src/cache/explain.ts';
import { currentAgeSeconds, factsOf } from '../../../src/cache/rules/freshness.ts';
import { CACHE_RULE_DEFAULTS, NO_OVERRIDES } from '../../../src/cache/rules/options.ts';
import { STORING_REASONS, type StoringCode } from '../../../src/cache/rules/storability.ts';
import { extentOf, factsFor, fieldsIn, HOUR_BEFORE, judged, requestOf, START_DATE, START_MS, storedOf } from './rules/stored-of.ts';

describe('the age in numbers (RFC 9111 §4.2.3)', () => {
  it.each([
    ['Cache-Control: max-age=60\nAge: 30', 100, 'age 130 s = 30 s as received + 100 s here; lifetime 60 s from max-age: stale for 70 s'],
    ['Cache-Control: s-maxage=600', 100, 'age 100 s = 0 s as received + 100 s here; lifetime 600 s from s-maxage: fresh for 500 s more'],
    [
      `Date: ${HOUR_BEFORE}\nCache-Control: max-age=60`,
      1,
      'age 3601 s = 3600 s as received (by its Date) + 1 s here; lifetime 60 s from max-age: stale for 3541 s',
    ],
    [
      `Date: ${HOUR_BEFORE}\nExpires: ${START_DATE}`,
      0,
      'age 3600 s = 3600 s as received (by its Date) + 0 s here; lifetime 3600 s from Expires: stale for 0 s',
    ],
    [
      `Date: ${START_DATE}\nLast-Modified: ${HOUR_BEFORE}`,
      9,
      'age 9 s = 0 s as received + 9 s here; lifetime 360 s estimated from Last-Modified: fresh for 351 s more',
    ],
    ['A: 1', 9, 'age 9 s = 0 s as received + 9 s here; no lifetime: stale for 9 s'],
  ])('%j after %i s', (lines, seconds, expected) => {
    const facts = factsFor(storedOf(lines));
    expect(ageArithmetic(facts, currentAgeSeconds(facts, START_MS + seconds * 1000))).toBe(expected);
  });

  it('names a targeted field, and a rule of the policy', () => {
    const stored = storedOf('CDN-Cache-Control: max-age=60');
    const targeted = factsOf(stored, { ...CACHE_RULE_DEFAULTS, targeted: ['cdn-cache-control'] }, NO_OVERRIDES);
    expect(ageArithmetic(targeted, 0)).toContain('lifetime 60 s from max-age in cdn-cache-control');
    const ruled = factsOf(stored, CACHE_RULE_DEFAULTS, { ...NO_OVERRIDES, ttlSeconds: 5 });
    expect(ageArithmetic(ruled, 0)).toContain('lifetime 5 s from the policy: fresh for 5 s more');
    const old = factsOf(storedOf('Age: 70'), CACHE_RULE_DEFAULTS, { ...NO_OVERRIDES, ttlSeconds: 5 });
    expect(ageArithmetic(old, 72)).toContain('lifetime 75 s from the policy, 5 s of it here: fresh for 3 s more');
  });
});

describe('why a stored response answered or not', () => {
  it('says the outcome, the rule, the key, what it was selected by, and the age', () => {
    const stored = storedOf('Cache-Control: max-age=60\nVary: Foo, Bar', { request: fieldsIn('Foo: 1') });
    const reuse = judged(requestOf('Foo: 1'), [stored], 59);
    expect(linesOf(explainReuse('http://example.com/', reuse))).toEqual([
      'reused: it is fresh (RFC 9111 §4.2)',
      'key: http://example.com/',
      'selected by: bar: (absent); foo: 1',
      'age 59 s = 0 s as received + 59 s here; lifetime 60 s from max-age: fresh for 1 s more',
    ]);
    expect(explainReuse('http://example.com/', reuse)).toMatchObject({ outcome: 'hit', code: 'fresh', section: 'RFC 9111 §4.2' });
  });

  it('has no arithmetic where nothing is stored', () => {
    expect(linesOf(explainReuse('k', judged(requestOf(''), [], 0)))).toEqual([
      'not reused: nothing is stored for this URI (RFC 9111 §4)',
      'key: k',
    ]);
  });

  it('says that the origin is asked, and for what', () => {
    const stale = judged(requestOf(''), [storedOf('Cache-Control: max-age=60')], 61);
    expect(explainReuse('k', stale).sentence).toBe('not reused without asking the origin: it is stale (RFC 9111 §4.2)');
    const part = storedOf('ETag: "a"\nContent-Range: bytes 0-4/10', { status: 206, extent: extentOf('0-4/10') });
    expect(explainReuse('k', judged(requestOf(''), [part], 1)).sentence).toBe(
      'completed by the origin: only a part of what is asked for is stored (RFC 9111 §3.3)',
    );
  });
});

it('every storing code has a sentence of its own', () => {
  const sentences = (Object.keys(STORING_REASONS) as StoringCode[]).map((code) => explainStoring(code).sentence);
  expect(explainStoring('no-store').sentence).toBe('not stored: it says no-store (RFC 9111 §5.2.2.5)');
  expect(explainStoring('stored-explicit').sentence).toBe('stored: it says how long it stays fresh (RFC 9111 §3, §4.2.1)');
  for (const sentence of sentences) expect(sentence).toMatch(/^(?:not )?stored: [a-z].* \(.+\)$/);
  expect(new Set(sentences).size).toBe(sentences.length);
});

describe('what a rule of the policy changes', () => {
  it('names the sentence of the RFC that each part of it departs from', () => {
    expect(explainOverrides({ ...NO_OVERRIDES, ttlSeconds: 60, force: true, ignoreQuery: ['utm', 'b'], partition: 'user' })).toEqual([
      'fresh for 60 s from its receipt, whatever the origin says (against RFC 9111 §4.2.1, §4.2.3)',
      'stored and reused although that is forbidden (against RFC 9111 §3, §3.5, §5.2.2)',
      'the key leaves out the parameters utm, b (against RFC 9111 §2)',
      'apart for each user',
    ]);
    expect(explainOverrides({ ...NO_OVERRIDES, ignoreQuery: true })).toEqual(['the key leaves out the query (against RFC 9111 §2)']);
    expect(explainOverrides({ ...NO_OVERRIDES, bypass: true })).toEqual(['none: nothing is stored, and nothing answered from what is']);
    expect(explainOverrides(NO_OVERRIDES)).toEqual([]);
  });
});
