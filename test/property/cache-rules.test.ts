import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { requestDirectives, responseDirectives } from '../../src/cache/rules/cache-control.ts';
import { currentAgeSeconds, factsOf, isFresh } from '../../src/cache/rules/freshness.ts';
import { CACHE_RULE_DEFAULTS, NO_OVERRIDES } from '../../src/cache/rules/options.ts';
import { STORING_REASONS, storability } from '../../src/cache/rules/storability.ts';
import { storedFields } from '../../src/cache/rules/stored-fields.ts';
import { controlOf } from '../../src/cache/rules/targeted.ts';
import { matches, selectingFields, varyOf } from '../../src/cache/rules/vary.ts';
import type { StoredResponse } from '../../src/cache/stored-response.ts';
import { formatHttpDate, parseHttpDate } from '../../src/http/date.ts';
import type { Field, Fields } from '../../src/http/message.ts';
import { parseDictionary } from '../../src/http/parse-structured-fields.ts';
import { threadMs } from '../support/thread-time.ts';

const NOW = Date.UTC(2026, 10, 22);
const OPTIONS = { ...CACHE_RULE_DEFAULTS, targeted: ['cdn-cache-control'] };

const octets = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((c) => String.fromCharCode(c)), maxLength: 40 });
const seconds = fc.oneof(fc.nat(100), fc.constantFrom('0', '-1', '', 'x', '2147483648', '99999999999', '"60"', '"', ' 1'));
const directive = fc.oneof(
  fc.constantFrom(
    'no-store',
    'no-cache',
    'private',
    'public',
    'must-revalidate',
    'must-understand',
    'no-cache="a, b"',
    'x="',
    '"',
    ';',
    'immutable',
  ),
  fc
    .tuple(fc.constantFrom('max-age', 's-maxage', 'MAX-AGE', 'stale-if-error', 'max-stale', 'min-fresh'), seconds)
    .map(([name, n]) => `${name}=${n}`),
  octets,
);
const control = fc.array(directive, { maxLength: 5 }).map((members) => members.join(', '));
const dateText = fc.oneof(
  fc.integer({ min: -200_000, max: 200_000 }).map((s) => formatHttpDate(NOW + s * 1000)),
  fc.constantFrom('0', 'Thu Aug  8 02:01:18 2050', ''),
  octets,
);
const fields: fc.Arbitrary<Fields> = fc
  .array(
    fc.oneof(
      fc.tuple(fc.constantFrom('Cache-Control', 'cache-control', 'CDN-Cache-Control', 'Pragma'), control),
      fc.tuple(fc.constantFrom('Date', 'Expires', 'Last-Modified'), dateText),
      fc.tuple(fc.constant('Age'), fc.oneof(seconds.map(String), octets)),
      fc.tuple(
        fc.constantFrom('Vary', 'Connection', 'Accept-Language', 'Accept-Encoding', 'Content-Location', 'ETag', 'Authorization', 'Foo'),
        octets,
      ),
    ),
    { maxLength: 8 },
  )
  .map((lines) => lines.map(([name, value]): Field => ({ name, value })));
const status = fc.oneof(fc.constantFrom(200, 206, 304, 404, 599), fc.integer({ min: 100, max: 999 }));
const instant = fc.integer({ min: NOW - 1e9, max: NOW + 1e11 });
const response = fc.record({ status, fields, requestTimeMs: instant, responseTimeMs: instant });

describe('freshness (RFC 9111 §4.2)', () => {
  test('once stale, a response never becomes fresh again, and its age never falls, while time goes on', () => {
    fc.assert(
      fc.property(response, fc.array(instant, { minLength: 2, maxLength: 10 }), (received, instants) => {
        const facts = factsOf(received, OPTIONS, NO_OVERRIDES);
        const inOrder = instants.sort((a, b) => a - b);
        const ages = inOrder.map((nowMs) => currentAgeSeconds(facts, nowMs));
        expect(ages).toEqual([...ages].sort((a, b) => a - b));
        // Before the receipt nobody knows.
        const fresh = inOrder.filter((nowMs) => nowMs >= received.responseTimeMs).map((nowMs) => isFresh(facts, nowMs));
        expect(fresh).toEqual([...fresh].sort((a, b) => Number(b) - Number(a)));
      }),
      { numRuns: 3000 },
    );
  });

  test('lifetimes and ages are whole numbers of seconds, and no age is less than on receipt', () => {
    fc.assert(
      fc.property(response, instant, (received, nowMs) => {
        const facts = factsOf(received, OPTIONS, NO_OVERRIDES);
        const age = currentAgeSeconds(facts, nowMs);
        for (const number of [facts.lifetimeSeconds, age]) expect(Number.isInteger(number) && number >= 0 && number <= 2 ** 31).toBe(true);
        expect(age).toBeGreaterThanOrEqual(currentAgeSeconds(facts, received.responseTimeMs));
        expect(age).toBeGreaterThanOrEqual(Math.min(facts.ageValueSeconds, 2 ** 31));
      }),
      { numRuns: 3000 },
    );
  });
});

describe('hostile octets', () => {
  test('every rule has an answer for any fields', () => {
    fc.assert(
      fc.property(
        response,
        fields,
        fc.constantFrom('GET', 'POST', 'HEAD', 'X'),
        fc.boolean(),
        (received, requestFields, method, isUsableRange) => {
          const facts = factsOf(received, OPTIONS, NO_OVERRIDES);
          const request = {
            method,
            scheme: 'http',
            authority: { host: 'a.example', kind: 'name', port: 80 },
            pathAndQuery: '/',
            fields: requestFields,
            hasContent: false,
          } as const;
          expect(STORING_REASONS).toHaveProperty(storability(request, { ...received, isUsableRange }, facts, NO_OVERRIDES));
          expect(storedFields(received.fields, facts.directives).length).toBeLessThanOrEqual(received.fields.length);
          requestDirectives(requestFields);
        },
      ),
      { numRuns: 5000 },
    );
  });

  test('no member of Cache-Control takes a no-store back that stands on a line of its own', () => {
    fc.assert(
      fc.property(fc.array(control, { maxLength: 3 }), fc.array(control, { maxLength: 3 }), (before, after) => {
        const lines = [...before, 'no-store', ...after].map((value) => ({ name: 'Cache-Control', value }));
        expect(responseDirectives(lines).noStore).toBe(true);
        expect(requestDirectives(lines).noStore).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test('the directives of one line are those of its members on lines of their own', () => {
    const wellFormed = fc.constantFrom(
      'no-store',
      'max-age=5',
      'max-age=x',
      'x="a, b\\""',
      'private="a,b"',
      'public',
      's-maxage="7"',
      'no-cache',
      '',
    );
    fc.assert(
      fc.property(fc.array(wellFormed, { maxLength: 6 }), fc.constantFrom(',', ', ', ' ,\t', ',,'), (members, comma) => {
        const line = [{ name: 'Cache-Control', value: members.join(comma) }];
        expect(responseDirectives(line)).toEqual(responseDirectives(members.map((value) => ({ name: 'Cache-Control', value }))));
      }),
      { numRuns: 1000 },
    );
  });

  test('nothing looks back: octets by the hundred thousand take no longer than reading them', () => {
    const size = 200_000;
    const values = [
      ' ',
      '\t',
      ',',
      ', ',
      '"',
      '\\',
      '="',
      '="\\"',
      'a="b",',
      'max-age=',
      'max-age =',
      ' ,"',
      'a;q=0.',
      'a;q=0.5,',
      '0',
      '(',
      '%"',
      'a=("',
      ';a=1',
      ' a',
    ]
      .map((unit) => unit.repeat(size / unit.length))
      .flatMap((value) => [value, `max-age="${value}`, `a${value}b`]);
    const startedAt = threadMs();
    for (const value of values) {
      const lines = ['Cache-Control', 'CDN-Cache-Control', 'Vary', 'Age', 'Expires', 'Pragma', 'Connection', 'Accept-Language', 'Foo'].map(
        (name) => ({ name, value }),
      );
      const facts = factsOf({ status: 200, fields: lines, requestTimeMs: NOW, responseTimeMs: NOW }, OPTIONS, NO_OVERRIDES);
      storedFields(lines, facts.directives);
      requestDirectives(lines);
      selectingFields(['accept-language', 'foo'], lines, ['foo']);
      varyOf(lines);
      parseDictionary([value]);
      parseHttpDate(value, NOW);
    }
    // Some 100 million octets in all; anything quadratic in one value would take minutes.
    expect(threadMs() - startedAt).toBeLessThan(15_000);
  });
});

describe('Vary (RFC 9111 §4.1)', () => {
  const name = fc.constantFrom('accept-language', 'accept-encoding', 'foo');
  const member = fc.oneof(
    fc.constantFrom('en', 'DE', 'fr;q=0.5', 'FR ; q=0.50', '*;q=0', 'en;q=2', '"a, b"', '"', '\\', '', ' ', ';'),
    // What no reader lets into a field value (RFC 9110 §5.5).
    octets.map((text) => text.replaceAll(/[\0\r\n]/g, '')),
  );
  const value = fc
    .tuple(fc.array(member, { maxLength: 5 }), fc.constantFrom(',', ', ', ' ,\t'))
    .map(([members, comma]) => members.join(comma));
  const values = fc.array(value, { maxLength: 3 });

  function storedFor(vary: string, request: Fields): StoredResponse {
    return {
      id: '1',
      key: 'http://a.example/',
      selectedBy: selectingFields([vary], request, []),
      status: 200,
      reason: 'OK',
      version: '1.1',
      fields: [],
      requestTimeMs: NOW,
      responseTimeMs: NOW,
      extent: { first: 0, length: 0, completeLength: 0 },
      isFromAuthorized: false,
      isInvalidated: false,
      origin: null,
      tags: [],
    };
  }

  test('a request selects what it brought itself, and normalising what is normal changes nothing', () => {
    fc.assert(
      fc.property(name, values, (vary, lines) => {
        const request = lines.map((value) => ({ name: vary, value }));
        const stored = storedFor(vary, request);
        expect(matches(stored, request)).toBe(true);
        const [selecting] = stored.selectedBy;
        if (selecting!.value === null) return;
        expect(selectingFields([vary], [{ name: vary, value: selecting!.value }], [])).toEqual(stored.selectedBy);
      }),
      { numRuns: 5000 },
    );
  });

  test('matching is the same in both directions', () => {
    fc.assert(
      fc.property(name, values, values, (vary, one, other) => {
        const [a, b] = [one, other].map((lines) => lines.map((value) => ({ name: vary, value })));
        expect(matches(storedFor(vary, a!), b!)).toBe(matches(storedFor(vary, b!), a!));
      }),
      { numRuns: 5000 },
    );
  });
});

test('a targeted field that is no Dictionary changes nothing (RFC 9213 §2.2)', () => {
  fc.assert(
    fc.property(control, octets, (value, hostile) => {
      const lines = [
        { name: 'Cache-Control', value },
        { name: 'CDN-Cache-Control', value: hostile },
      ];
      if ((parseDictionary([hostile])?.size ?? 0) > 0) return;
      expect(controlOf(lines, OPTIONS.targeted)).toEqual(controlOf(lines, []));
    }),
    { numRuns: 2000 },
  );
});
