// What two exchanges have and have not in common.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type DiffLine, diffExchanges, diffLines } from '../../../src/flows/diff.ts';
import type { RecordedFields } from '../../../src/flows/recorded.ts';
import { exchangeOf } from '../../support/recorded.ts';
import { threadMs } from '../../support/thread-time.ts';

const SIGNS = { same: ' ', added: '+', removed: '-' } as const;

function shown(lines: readonly DiffLine[]): string[] {
  return lines.map(({ kind, text }) => `${SIGNS[kind]}${text}`);
}

function side(fields: RecordedFields, responseText: string | null = null, status = 200) {
  const exchange = exchangeOf({
    request: { method: 'GET', target: '/a', version: '1.1', fields },
    response: { status, reason: 'OK', version: '1.1', fields: [] },
  });
  return { exchange, requestText: null, responseText };
}

test('fields are compared whatever their order; of several of one name, each', () => {
  const a = side([
    ['Host', 'a'],
    ['Accept', '*/*'],
    ['X', '1'],
    ['X', '2'],
    ['Only-A', 'x'],
  ]);
  const b = side([
    ['accept', '*/*'],
    ['X', '2'],
    ['X', '3'],
    ['Only-B', 'y'],
    ['Host', 'b'],
  ]);
  expect(shown(diffExchanges(a, b).request)).toEqual([
    ' GET /a HTTP/1.1',
    '-Host: a',
    '+Host: b',
    ' Accept: */*',
    '-X: 1',
    ' X: 2',
    '+X: 3',
    '-Only-A: x',
    '+Only-B: y',
  ]);
});

test('the status line, and content line by line', () => {
  const { response, responseContent } = diffExchanges(side([], 'a\nb\nc\nd'), side([], 'a\nc\nx\nd', 404));
  expect(shown(response)).toEqual(['-HTTP/1.1 200 OK', '+HTTP/1.1 404 OK']);
  expect(shown(responseContent)).toEqual([' a', '-b', ' c', '+x', ' d']);
});

test('a response that only one of them has', () => {
  const answered = side([]);
  const failed = { ...answered, exchange: { ...answered.exchange, response: null, responseContent: null } };
  expect(shown(diffExchanges(failed, answered).response)).toEqual(['+HTTP/1.1 200 OK']);
  expect(shown(diffExchanges(failed, answered).responseContent)).toEqual(['+5 octets']);
});

test('content that is no text is the same or is not', () => {
  const content = (digest: string) => ({ length: 3, kept: 3, digest, isComplete: true, trailers: [] });
  const image = (digest: string) => ({ ...side([]), exchange: { ...side([]).exchange, responseContent: content(digest) } });
  expect(shown(diffExchanges(image('aa'), image('aa')).responseContent)).toEqual([' 3 octets, SHA-256 aa']);
  expect(shown(diffExchanges(image('aa'), image('bb')).responseContent)).toEqual(['-3 octets, SHA-256 aa', '+3 octets, SHA-256 bb']);
});

test('any two texts: what is not added is the first, what is not removed the second, and no fewer differences would do', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 12 });
  fc.assert(
    fc.property(text, text, (a, b) => {
      const lines = diffLines(a, b);
      const without = (kind: string) => lines.filter((each) => each.kind !== kind).map((each) => each.text);
      expect(without('added')).toEqual(a);
      expect(without('removed')).toEqual(b);
      expect(lines.filter(({ kind }) => kind === 'same').length).toBe(longestCommon(a, b));
    }),
    { numRuns: 300 },
  );
});

test('texts that share nothing are shown one after the other, in time', () => {
  const lines = (prefix: string) => Array.from({ length: 20_000 }, (_, i) => `${prefix}${i}`);
  const startedMs = threadMs();
  expect(diffLines(lines('a'), lines('b')).length).toBe(40_000);
  expect(threadMs() - startedMs).toBeLessThan(3_000);
});

/** By the definition, slowly. */
function longestCommon(a: readonly string[], b: readonly string[]): number {
  const table = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  for (let i = 1; i <= a.length; i += 1) {
    for (let j = 1; j <= b.length; j += 1) {
      table[i]![j] = a[i - 1] === b[j - 1] ? table[i - 1]![j - 1]! + 1 : Math.max(table[i - 1]![j]!, table[i]![j - 1]!);
    }
  }
  return table[a.length]![b.length]!;
}
