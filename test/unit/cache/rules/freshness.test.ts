import { describe, expect, it } from 'vitest';
import {
  currentAgeSeconds,
  factsOf,
  isFresh,
  isHeuristicallyCacheable,
  type LifetimeSource,
  type ResponseFacts,
} from '../../../../src/cache/rules/freshness.ts';
import { CACHE_RULE_DEFAULTS, type CacheOverrides, NO_OVERRIDES } from '../../../../src/cache/rules/options.ts';
import { formatHttpDate } from '../../../../src/http/date.ts';
import { fieldsOf } from './fields-of.ts';

const NOW = Date.UTC(2026, 10, 22, 18, 0, 0);
const HOUR = 3600;
const DAY = 24 * HOUR;

/** A date in seconds from the time of receipt. */
function date(seconds: number): string {
  return formatHttpDate(NOW + seconds * 1000);
}

interface Received {
  readonly status?: number;
  readonly delayMs?: number;
  readonly targeted?: readonly string[];
  readonly overrides?: Partial<CacheOverrides>;
}

function received(lines: readonly string[], { status = 200, delayMs = 0, targeted = [], overrides = {} }: Received = {}): ResponseFacts {
  return factsOf(
    { status, fields: fieldsOf(...lines), requestTimeMs: NOW - delayMs, responseTimeMs: NOW },
    { ...CACHE_RULE_DEFAULTS, targeted },
    { ...NO_OVERRIDES, ...overrides },
  );
}

function lifetime(facts: ResponseFacts): [LifetimeSource, number] {
  return [facts.lifetimeFrom, facts.lifetimeSeconds];
}

describe('the lifetime of a response (RFC 9111 §4.2.1)', () => {
  it.each<[string, string[], LifetimeSource, number]>([
    ['s-maxage', ['Cache-Control: s-maxage=60'], 's-maxage', 60],
    ['s-maxage before max-age', ['Cache-Control: s-maxage=60, max-age=1'], 's-maxage', 60],
    ['s-maxage after max-age', ['Cache-Control: max-age=1, s-maxage=60'], 's-maxage', 60],
    ['s-maxage on another line', ['Cache-Control: max-age=1', 'Cache-Control: s-maxage=60'], 's-maxage', 60],
    ['s-maxage over a past Expires and max-age=0', ['Cache-Control: s-maxage=60, max-age=0', `Expires: ${date(-9)}`], 's-maxage', 60],
    ['a short s-maxage over a long max-age', ['Cache-Control: s-maxage=1, max-age=3600'], 's-maxage', 1],
    ['an invalid s-maxage, as nothing', ['Cache-Control: s-maxage=x, max-age=3600'], 's-maxage', 0],
    ['max-age over a future Expires', ['Cache-Control: max-age=60', `Expires: ${date(DAY)}`], 'max-age', 60],
    ['max-age over a past Expires', ['Cache-Control: max-age=60', `Expires: ${date(-DAY)}`], 'max-age', 60],
    ['max-age over an unreadable Expires', ['Cache-Control: max-age=60', 'Expires: 0'], 'max-age', 60],
    ['max-age=0 over a future Expires', ['Cache-Control: max-age=0', `Expires: ${date(DAY)}`], 'max-age', 0],
    ['an invalid max-age, as nothing, over a future Expires', ['Cache-Control: max-age=x', `Expires: ${date(DAY)}`], 'max-age', 0],
    ['Expires from Date', [`Date: ${date(0)}`, `Expires: ${date(90)}`], 'Expires', 90],
    ['Expires from a Date that is slow', [`Date: ${date(-10)}`, `Expires: ${date(10)}`], 'Expires', 20],
    ['Expires before Date though both are ahead', [`Date: ${date(400)}`, `Expires: ${date(300)}`], 'Expires', 0],
    ['Expires equal to Date', [`Date: ${date(0)}`, `Expires: ${date(0)}`], 'Expires', 0],
    ['Expires from the time of receipt without Date', [`Expires: ${date(90)}`], 'Expires', 90],
    ['Expires from the time of receipt by an unreadable Date', ['Date: foo', `Expires: ${date(10)}`], 'Expires', 10],
    ['an unreadable Expires (§5.3)', [`Date: ${date(0)}`, 'Expires: 0', `Last-Modified: ${date(-DAY)}`], 'Expires', 0],
    ['an Expires in another zone', ['Expires: Thu, 18 Aug 2050 02:01:18 UTC'], 'Expires', 0],
    ['two Expires lines', [`Expires: ${date(90)}`, `Expires: ${date(90)}`], 'Expires', 0],
    [
      'an Expires past 2038',
      [`Date: ${date(0)}`, 'Expires: Tue, 19 Jan 2038 14:14:08 GMT'],
      'Expires',
      (Date.UTC(2038, 0, 19, 14, 14, 8) - NOW) / 1000,
    ],
    ['an Expires of 2286, as 2^31', [`Date: ${date(0)}`, 'Expires: Sun, 21 Nov 2286 04:46:39 GMT'], 'Expires', 2 ** 31],
    ['nothing of a Pragma (§5.4)', ['Cache-Control: max-age=60', 'Pragma: no-cache'], 'max-age', 60],
    ['nothing where nothing is said', [`Date: ${date(0)}`], 'none', 0],
  ])('reads %s', (_, lines, from, seconds) => {
    expect(lifetime(received(lines))).toEqual([from, seconds]);
  });

  it('leaves Expires out where a targeted field decides (RFC 9213 §2.2)', () => {
    const targeted = ['cdn-cache-control'];
    const lines = ['CDN-Cache-Control: must-revalidate', `Expires: ${date(90)}`, 'Cache-Control: max-age=60'];
    expect(received(lines, { targeted })).toMatchObject({ lifetimeFrom: 'none', controlledBy: 'cdn-cache-control' });
    expect(lifetime(received(['CDN-Cache-Control: max-age=5', `Expires: ${date(90)}`], { targeted }))).toEqual(['max-age', 5]);
    expect(lifetime(received(['CDN-Cache-Control: &', `Expires: ${date(90)}`], { targeted }))).toEqual(['Expires', 90]);
    expect(lifetime(received(lines))).toEqual(['max-age', 60]);
  });

  it('takes a second more than 2^31 for 2^31 (RFC 9111 §1.2.2)', () => {
    for (const seconds of [2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 99_999_999_999]) {
      expect(isFresh(received([`Cache-Control: max-age=${seconds}`]), NOW + 10 * 365 * DAY * 1000)).toBe(true);
    }
  });
});

describe('the heuristic lifetime (RFC 9111 §4.2.2)', () => {
  it.each<[string, string[], LifetimeSource, number]>([
    ['a tenth of the time since Last-Modified', [`Last-Modified: ${date(-1000)}`, `Date: ${date(0)}`], 'heuristic', 100],
    ['that since the time of receipt without Date', [`Last-Modified: ${date(-1000)}`], 'heuristic', 100],
    ['a day at most', [`Last-Modified: ${date(-100 * DAY)}`], 'heuristic', DAY],
    ['whole seconds', [`Last-Modified: ${date(-25)}`], 'heuristic', 2],
    ['nothing for a Last-Modified of just now', [`Last-Modified: ${date(0)}`], 'heuristic', 0],
    ['none for a Last-Modified in the future', [`Last-Modified: ${date(60)}`], 'none', 0],
    ['none for one in the future by our clock alone', [`Last-Modified: ${date(60)}`, `Date: ${date(DAY)}`], 'none', 0],
    ['none for one after Date', [`Last-Modified: ${date(-60)}`, `Date: ${date(-90)}`], 'none', 0],
    ['none for an unreadable one', ['Last-Modified: 0'], 'none', 0],
    ['none beside an invalid max-age', [`Last-Modified: ${date(-DAY)}`, 'Cache-Control: max-age=x'], 'max-age', 0],
    ['none beside an invalid Expires', [`Last-Modified: ${date(-DAY)}`, 'Expires: never'], 'Expires', 0],
    ['one beside Pragma', [`Last-Modified: ${date(-1000)}`, 'Pragma: no-cache'], 'heuristic', 100],
    ['one beside Content-Disposition', [`Last-Modified: ${date(-1000)}`, 'Content-Disposition: attachment'], 'heuristic', 100],
  ])('is %s', (_, lines, from, seconds) => {
    expect(lifetime(received(lines))).toEqual([from, seconds]);
  });

  it.each([200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501])('is there for %d (RFC 9110 §15.1)', (status) => {
    expect(isHeuristicallyCacheable(status)).toBe(true);
    expect(lifetime(received([`Last-Modified: ${date(-DAY)}`], { status }))).toEqual(['heuristic', 8640]);
  });

  it.each([201, 202, 302, 303, 307, 400, 403, 500, 502, 503, 504, 599])(
    'is there for %d only when it is public (RFC 9111 §5.2.2.9)',
    (status) => {
      const lines = [`Last-Modified: ${date(-DAY)}`];
      expect(lifetime(received(lines, { status }))).toEqual(['none', 0]);
      expect(lifetime(received([...lines, 'Cache-Control: public'], { status }))).toEqual(['heuristic', 8640]);
    },
  );

  it('is as long as the operator says', () => {
    const options = { ...CACHE_RULE_DEFAULTS, heuristicFraction: 0.5, maxHeuristicSeconds: 40 };
    const response = (age: number) => ({
      status: 200,
      fields: fieldsOf(`Last-Modified: ${date(-age)}`),
      requestTimeMs: NOW,
      responseTimeMs: NOW,
    });
    expect(factsOf(response(60), options, NO_OVERRIDES).lifetimeSeconds).toBe(30);
    expect(factsOf(response(600), options, NO_OVERRIDES).lifetimeSeconds).toBe(40);
    expect(factsOf(response(600), { ...options, heuristicFraction: 0 }, NO_OVERRIDES).lifetimeSeconds).toBe(0);
  });
});

describe('the age of a response (RFC 9111 §4.2.3)', () => {
  it.each<[string, string[], number, number]>([
    ['none', [], 0, 0],
    ['that of Age', ['Age: 30'], 0, 30],
    ['that of Age and of the way', ['Age: 30'], 2500, 32],
    ['that of the way', [], 2500, 2],
    ['that of Date by our clock', [`Date: ${date(-100)}`], 0, 100],
    ['the larger of Date and Age', [`Date: ${date(-100)}`, 'Age: 30'], 0, 100],
    ['the larger of Age and Date', [`Date: ${date(-10)}`, 'Age: 30'], 5000, 35],
    ['none for a Date in the future', [`Date: ${date(100)}`], 0, 0],
    ['none for an unreadable Date', ['Date: foo'], 0, 0],
    ['2^31 - 1', ['Age: 2147483647'], 0, 2_147_483_647],
    ['2^31 for all that is larger', ['Age: 2147483649'], 0, 2 ** 31],
    ['2^31 for more digits than a number has', [`Age: ${'9'.repeat(400)}`], 0, 2 ** 31],
    ['the first member, which is old (§5.1)', ['Age: 7200, 0'], 0, 7200],
    ['the first member, which is young', ['Age: 0, 7200'], 0, 0],
    ['the first member without a blank', ['Age: 7200,0'], 0, 7200],
    ['the first line, which is old', ['Age: 7200', 'Age: 0'], 0, 7200],
    ['the first line, which is young', ['Age: 0', 'Age: 7200'], 0, 0],
    ['leading zeros', ['Age: 0030'], 0, 30],
    ['none for letters (§5.1: ignored)', ['Age: abc'], 0, 0],
    ['none for a minus sign', ['Age: -7200'], 0, 0],
    ['none for a decimal point', ['Age: 7200.0'], 0, 0],
    ['none for a parameter', ['Age: 7200;foo=bar'], 0, 0],
    ['none for a quoted number', ['Age: "7200"'], 0, 0],
    ['none for an empty one', ['Age:'], 0, 0],
    ['none for a first member that is no number', ['Age: x, 7200'], 0, 0],
  ])('begins with %s', (_, lines, delayMs, seconds) => {
    expect(currentAgeSeconds(received(lines, { delayMs }), NOW)).toBe(seconds);
  });

  it('grows with the time it is stored', () => {
    const facts = received(['Age: 30'], { delayMs: 12 });
    expect(currentAgeSeconds(facts, NOW + 2987)).toBe(32);
    expect(currentAgeSeconds(facts, NOW + 2988)).toBe(33);
    expect(currentAgeSeconds(facts, NOW + 3000)).toBe(33);
    expect(currentAgeSeconds(facts, Number.MAX_SAFE_INTEGER)).toBe(2 ** 31);
  });

  it('is never less than it was on receipt, wherever our clock jumps', () => {
    const facts = received(['Age: 30']);
    expect(currentAgeSeconds(facts, NOW - DAY * 1000)).toBe(30);
    expect(currentAgeSeconds(facts, 0)).toBe(30);
    // Between the request and its response.
    expect(received(['Age: 30'], { delayMs: -5000 }).initialAgeMs).toBe(30_000);
  });

  it('is not known once our clock was set back behind the receipt, and a step in passing is no such thing', () => {
    const facts = received(['Cache-Control: max-age=100']);
    expect(isFresh(facts, NOW - 60_000)).toBe(true);
    expect(isFresh(facts, NOW - 60_001)).toBe(false);
    expect(isFresh(facts, NOW - DAY * 1000)).toBe(false);
  });

  it('is accounted for: what each part of the arithmetic came to', () => {
    expect(received([`Date: ${date(-100)}`, 'Age: 30'], { delayMs: 1500 })).toMatchObject({
      dateMs: NOW - 100_000,
      ageValueSeconds: 30,
      apparentAgeSeconds: 100,
      responseDelayMs: 1500,
      initialAgeMs: 100_000,
      responseTimeMs: NOW,
    });
  });
});

describe('fresh (RFC 9111 §4.2)', () => {
  it.each<[string, string[], number, boolean]>([
    ['younger than its lifetime', ['Cache-Control: max-age=60'], 59_999, true],
    ['as old as its lifetime: equal is stale', ['Cache-Control: max-age=60'], 60_000, false],
    ['older', ['Cache-Control: max-age=60'], 61_000, false],
    ['with a lifetime of nothing', ['Cache-Control: max-age=0'], 0, false],
    ['with a lifetime that Age has used up', ['Cache-Control: max-age=60', 'Age: 60'], 0, false],
    ['with a lifetime that Age leaves something of', ['Cache-Control: max-age=60', 'Age: 59'], 0, true],
    ['with s-maxage and an old Age', ['Cache-Control: s-maxage=60', 'Age: 61'], 0, false],
    ['with Expires, a slow Date and an old Age', [`Date: ${date(-10)}`, `Expires: ${date(10)}`, 'Age: 25'], 0, false],
    ['with Expires, a fast Date and an old Age', [`Date: ${date(10)}`, `Expires: ${date(20)}`, 'Age: 15'], 0, false],
    ['with a lifetime that the apparent age has used up', ['Cache-Control: max-age=60', `Date: ${date(-60)}`], 0, false],
  ])('a response %s', (_, lines, laterMs, expected) => {
    expect(isFresh(received(lines), NOW + laterMs)).toBe(expected);
  });
});

describe('a rule of the policy', () => {
  it('counts from the receipt, however old the response was then', () => {
    const facts = received(['Age: 5000', 'Cache-Control: max-age=60'], { overrides: { ttlSeconds: 300 } });
    expect(isFresh(facts, NOW + 299_000)).toBe(true);
    expect(isFresh(facts, NOW + 300_000)).toBe(false);
    expect(currentAgeSeconds(facts, NOW)).toBe(5000);
  });

  it('gives its lifetime instead of any other', () => {
    const overrides = { ttlSeconds: 300 };
    for (const lines of [[], ['Cache-Control: s-maxage=1'], ['Cache-Control: max-age=x'], ['Expires: 0']]) {
      expect(lifetime(received(lines, { overrides }))).toEqual(['policy', 300]);
    }
    expect(lifetime(received([], { status: 599, overrides }))).toEqual(['policy', 300]);
  });

  it('sets prohibitions aside only with force and a lifetime, and those of single fields never', () => {
    const lines = ['Cache-Control: no-store, no-cache, private, must-revalidate'];
    expect(received(lines, { overrides: { ttlSeconds: 9, force: true } })).toMatchObject({
      isForced: true,
      directives: { noStore: false, noCache: false, isPrivate: false, mustRevalidate: true },
    });
    for (const overrides of [{ ttlSeconds: 9 }, { force: true }, {}]) {
      expect(received(lines, { overrides })).toMatchObject({
        isForced: false,
        directives: { noStore: true, noCache: true, isPrivate: true },
      });
    }
    const single = received(['Cache-Control: no-cache="a", private="b"'], { overrides: { ttlSeconds: 9, force: true } });
    expect(single.directives).toMatchObject({ noCache: ['a'], isPrivate: ['b'] });
  });
});
