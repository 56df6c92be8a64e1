// The filter language under any input: what is written is read back, matching always answers, and neither a pattern nor a text makes it slow.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { completionsAt } from '../../src/flows/filter/complete.ts';
import { type Filter, formatFilter, type NumberRange } from '../../src/flows/filter/filter.ts';
import { matches, needs } from '../../src/flows/filter/match.ts';
import { parseFilter } from '../../src/flows/filter/parse.ts';
import { STATES, type StateName } from '../../src/flows/filter/words.ts';
import type { Summary } from '../../src/flows/recorded.ts';
import { exchangeOf, summaryOf } from '../support/recorded.ts';
import { threadMs } from '../support/thread-time.ts';

const text = fc.oneof(
  fc.string({ minLength: 1, maxLength: 12 }),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }),
  fc.constantFrom('and', 'or', 'not', 'host:', '~all', 'a b', '\\', '"', "'", '(', ')', '&', '|', '!', 'http://a/'),
);
const range: fc.Arbitrary<NumberRange> = fc.oneof(
  fc.record({ comparison: fc.constantFrom('=', '<', '<=', '>', '>='), value: fc.nat(2e9) }, { noNullPrototype: true }),
  fc.tuple(fc.nat(2e9), fc.nat(1e6)).map(([value, more]) => ({ comparison: '<=>' as const, value, last: Math.min(value + more, 2e9) })),
);
const leaf: fc.Arbitrary<Filter> = fc.oneof(
  fc.constant<Filter>({ kind: 'all' }),
  fc
    .tuple(fc.constantFrom(null, 'host:', 'path:', 'url:', 'method:', 'client:', 'header:', 'body:', 'text:', 'rule:', 'touched:'), text)
    .map(([word, value]): Filter => ({ kind: 'text', word, text: value })),
  fc
    .tuple(fc.constantFrom('~d', '~u', '~h', '~bq', '~tq'), fc.constantFrom('a', '(a|b)+c', 'x y', '\\.com$', '[")(]', '\\\\', "a'b"))
    .map(([word, pattern]): Filter => ({ kind: 'pattern', word, pattern })),
  fc
    .tuple(fc.constantFrom('status:', '~c', 'port:', 'size:', 'time:', 'id:'), range)
    .map(([word, each]): Filter => ({ kind: 'number', word, range: each })),
  fc.constantFrom(...(Object.keys(STATES) as StateName[])).map((state): Filter => ({ kind: 'state', state })),
  fc.constantFrom<Filter>({ kind: 'choice', word: 'cache:', choice: 'hit' }, { kind: 'flag', word: '~q' }, { kind: 'flag', word: '~tcp' }),
);
const { filter } = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    leaf,
    fc
      .tuple(fc.constantFrom('and', 'or'), fc.array(tie('filter'), { minLength: 2, maxLength: 4 }))
      .map(([kind, terms]): Filter => ({ kind, terms })),
    tie('filter').map((term): Filter => ({ kind: 'not', term })),
  ),
}));

test('a filter that is written is the same filter when it is read', () => {
  fc.assert(
    fc.property(filter, (any) => {
      expect(parseFilter(formatFilter(any))).toEqual({ ok: any });
    }),
    { numRuns: 500 },
  );
});

const anySummary: fc.Arbitrary<Summary> = fc
  .record(
    {
      host: fc.string({ unit: 'binary', maxLength: 20 }).map(latin1),
      path: fc.string({ unit: 'binary', maxLength: 20 }).map(latin1),
      method: fc.string({ maxLength: 6 }),
      scheme: fc.constantFrom('http', 'https', 'tunnel', ''),
      status: fc.nat(999),
      totalMs: fc.option(fc.double()),
      contentType: fc.option(fc.string()),
      rule: fc.option(fc.string()),
    },
    { noNullPrototype: true },
  )
  .map((own) => summaryOf(own as Partial<Summary>));

test('matching answers yes or no, whatever the exchange and whatever is missing of it; a negation answers the opposite', () => {
  fc.assert(
    fc.property(filter, anySummary, fc.option(fc.string()), (any, summary, content) => {
      const { request, response, facts } = exchangeOf();
      for (const subject of [{ summary }, { summary, request, response, facts, requestText: () => content, responseText: () => null }]) {
        expect(matches({ kind: 'not', term: any }, subject)).toBe(!matches(any, subject));
      }
      expect(['summary', 'fields', 'content']).toContain(needs(any));
    }),
    { numRuns: 300 },
  );
});

test('any text is a filter or has a problem at a column that it has, and something or nothing to go on with', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(fc.constantFrom('a', 'host:', '~d', '(', ')', '"', '&', '|', '!', ' ', 'or', '\\')).map((all) => all.join('')),
      ),
      (any) => {
        const parsed = parseFilter(any);
        if ('problem' in parsed) expect(parsed.problem.column).toSatisfy((column: number) => column >= 1 && column <= any.length + 1);
        else expect(parseFilter(formatFilter(parsed.ok))).toEqual(parsed);
        const { from } = completionsAt(any, any.length);
        expect(from).toBeLessThanOrEqual(any.length);
      },
    ),
    { numRuns: 500 },
  );
});

test('patterns that others need forever for look at 100 KB once', () => {
  const long = { summary: summaryOf(), responseText: () => `${'a'.repeat(100_000)}!` };
  for (const pattern of ['(a+)+$', '(a|a)*b', '(a|aa)+$', '(.*a){10}b', 'a.*a.*a.*b', '([a-z]+)*=$']) {
    const parsed = parseFilter(`~b "${pattern}"`);
    if (!('ok' in parsed)) continue;
    const startedMs = threadMs();
    matches(parsed.ok, long);
    expect(threadMs() - startedMs, pattern).toBeLessThan(500);
  }
});

test('reading a filter stays quick with as many quotes, operators and words as fit', () => {
  for (const piece of ['"a" ', "('a')", 'a&', 'host:a|', '!a ', '~q ', '\\', '"\\"" ', 'a(']) {
    const any = piece.repeat(Math.floor(4_000 / piece.length));
    const startedMs = threadMs();
    parseFilter(any);
    completionsAt(any, any.length);
    expect(threadMs() - startedMs, piece).toBeLessThan(200);
  }
});

function latin1(any: string): string {
  return any.replace(/[^\x00-\xff]/g, '\xe9');
}
