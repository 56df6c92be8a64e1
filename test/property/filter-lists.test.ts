// On random filters and URLs longer than the package reads by itself, a list says what trying every filter says.
import { createRequire } from 'node:module';
import type * as Adblocker from '@ghostery/adblocker';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openText } from '../unit/policy/lists/open-text.ts';

const { NetworkFilter, Request, detectFilterType } = createRequire(import.meta.url)('@ghostery/adblocker') as typeof Adblocker;

const NETWORK = 1; // `FilterType` of the package
const LARGEST_TARGET = 16 * 1024;
const READ_BY_PACKAGE = 2_046;

const word = fc.constantFrom('ad', 'ads', 'banner', 'x1', '%20a', 'track', 'a'.repeat(400), 'b');
const separator = fc.constantFrom('/', '/', '/', '.', '-', '_', '=');
const text = fc.tuple(separator, word, fc.constantFrom('/*', '^', '')).map((parts) => parts.join(''));
const pattern = fc
  .tuple(
    fc.constantFrom('', '', '/', '/', '|https://', '||x.test', '||x.test^', '*', '^', '='),
    fc.array(fc.tuple(word, fc.constantFrom('/', '.', '-', '^', '*', '')), { minLength: 1, maxLength: 2, size: 'small' }),
    fc.constantFrom('', '', '', '|', '^', '*'),
  )
  .map(([begin, words, end]) => begin + words.flat().join('') + end);
/** Shorter words: what a long one makes of it would not be read. */
const shortWord = fc.constantFrom('ad', 'ads', 'banner', 'x1', '%20a', '\\%20a', 'b');
const regularExpression = fc
  .tuple(
    fc.constantFrom('', '^https?:\\/\\/x\\.test\\/', '.', '[a-z]', '\\/', '(?:y|z)?'),
    shortWord,
    fc.constantFrom('', '\\.', '\\/?', '-*', '|b\\/', '(=|&)', '\\d', '+'),
    shortWord,
    fc.constantFrom('', '$', '\\/', '.', '[0-9]'),
  )
  .map((parts) => `/${parts.join('')}/`);
const option = fc.constantFrom('$image', '$script,third-party', '$domain=news.test', '$~third-party', '$important', '$xhr,other');
const options = fc.oneof({ weight: 3, arbitrary: fc.constant('') }, option);
const filter = fc
  .tuple(fc.constantFrom('', '@@'), fc.oneof({ weight: 3, arbitrary: text }, { weight: 2, arbitrary: pattern }, regularExpression), options)
  .map((parts) => parts.join(''));

/** Where words of filters stand among those of nobody. */
const hot = fc.tuple(fc.nat(LARGEST_TARGET), fc.array(fc.tuple(separator, word), { minLength: 1, maxLength: 3, size: 'max' }), separator);
const url = fc
  .record({
    length: fc.integer({ min: READ_BY_PACKAGE + 1, max: LARGEST_TARGET }),
    padding: fc.constantFrom('pad/', 'q', 'zz.', 'no-thing&', '/', 'p%20q'),
    hots: fc.array(hot, { minLength: 1, maxLength: 8, size: 'max' }),
    end: fc.array(fc.tuple(separator, word), { maxLength: 2 }),
  })
  .map(({ length, padding, hots, end }) => {
    let long = `https://x.test/${padding.repeat(LARGEST_TARGET)}`.slice(0, length);
    for (const [at, words, last] of hots) {
      const put = words.flat().join('') + last;
      const from = 15 + (at % (length - 15));
      long = long.slice(0, from) + put + long.slice(from + put.length);
    }
    return (long + end.flat().join('')).slice(0, LARGEST_TARGET);
  });

const TYPES = { image: 'image', script: 'script', empty: 'xhr', document: 'main_frame', other: 'other' } as const;
const destination = fc.constantFrom(...(Object.keys(TYPES) as (keyof typeof TYPES)[]));
const sourceHost = fc.constantFrom(null, 'news.test', 'x.test', `${'a.'.repeat(125)}test`);

test('agrees with trying every filter', () => {
  const seen = { blocked: 0, excepted: 0, passed: 0 };
  fc.assert(
    fc.property(
      fc.array(filter, { minLength: 1, maxLength: 8, size: 'max' }),
      url,
      destination,
      sourceHost,
      (lines, asked, its, source) => {
        const list = openText('adblock', ['||other.test^', ...lines, ...ENOUGH].join('\n'));
        const expected = tryAll(lines, asked, TYPES[its], source);
        seen[expected] += 1;
        const isBlocked = list.matchesRequest({ url: asked, destination: its, sourceHost: source });
        expect([lines, asked, isBlocked]).toEqual([lines, asked, expected === 'blocked']);
      },
    ),
    { numRuns: 600 },
  );
  for (const times of Object.values(seen)) expect(times).toBeGreaterThan(20);
});

/** A list of which half cannot be read is refused. */
const ENOUGH = Array.from({ length: 7 }, (_, n) => `||other${n}.test^`);

function tryAll(
  lines: readonly string[],
  asked: string,
  type: Adblocker.RequestType,
  source: string | null,
): 'blocked' | 'excepted' | 'passed' {
  const request = Request.fromRawDetails({ url: asked, type, ...(source === null ? {} : { sourceUrl: `https://${source}/` }) });
  const matching = lines
    .map((line) => (detectFilterType(line) === NETWORK ? NetworkFilter.parse(line) : null))
    .filter((one) => one?.match(request) === true);
  if (matching.some((one) => one?.isImportant() && !one.isException())) return 'blocked';
  if (!matching.some((one) => one?.isException() === false)) return 'passed';
  return matching.some((one) => one?.isException()) ? 'excepted' : 'blocked';
}
