import fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildLiteralIndex, findLiterals } from '../../../src/match/literal-index.ts';
import { threadMs } from '../../support/thread-time.ts';

const alphabet = fc.constantFrom('a', 'b', '/', '.');
const literal = fc.string({ unit: alphabet, minLength: 1, maxLength: 5 });
const text = fc.string({ unit: fc.oneof({ weight: 9, arbitrary: alphabet }, fc.constantFrom('c', 'é', '\u0100', '😀', '\0', '\x7f')) });

test('finds exactly what is filed under a literal that the text contains', () => {
  fc.assert(
    fc.property(fc.array(literal, { minLength: 1, maxLength: 40 }), fc.array(text, { maxLength: 3 }), (literals, texts) => {
      const index = buildLiteralIndex(byLiteral(literals));
      for (const asked of texts) {
        const expected = literals.flatMap((one, bit) => (asked.includes(one) ? [bit] : []));
        expect(found(index, asked, literals.length)).toEqual(expected);
      }
    }),
    { numRuns: 2000 },
  );
});

test('adds to what was found before', () => {
  const index = buildLiteralIndex(byLiteral(['ab', 'cd', 'ef']));
  const bits = new Int32Array(1);
  findLiterals(index, 'xabx', bits);
  findLiterals(index, 'fefe', bits);
  expect(bits[0]).toBe(0b101);
});

test('finds literals longer than its table holds, and at most more', () => {
  const long = Array.from({ length: 3000 }, (_, n) => `${'/folder'.repeat(9)}-${n}-${String.fromCharCode(0x21 + (n % 90))}/`);
  const index = buildLiteralIndex(byLiteral(long));
  expect(index.table.length).toBeLessThanOrEqual(1_000_000);
  for (const bit of [0, 17, 2999]) expect(found(index, `/x${long[bit]}y`, long.length)).toContain(bit);
  expect(found(index, 'elsewhere', long.length)).toEqual([]);
});

test('a text that has many literals many times takes no longer than its length asks for', () => {
  const index = buildLiteralIndex(new Map([['/a', Array.from({ length: 20_000 }, (_, bit) => bit)]]));
  // The least of some: a collection of garbage is no work of this one.
  const times = Array.from({ length: 3 }, () => {
    const bits = new Int32Array(20_000 / 32);
    const started = threadMs();
    findLiterals(index, '/a'.repeat(8_192), bits);
    const spent = threadMs() - started;
    expect(bits.every((word) => word === -1)).toBe(true);
    return spent;
  });
  // Twenty thousand bits, not twenty thousand for each of eight thousand: that would be a second.
  expect(Math.min(...times)).toBeLessThan(50);
});

function byLiteral(literals: readonly string[]): Map<string, number[]> {
  const filed = new Map<string, number[]>();
  for (const [bit, one] of literals.entries()) filed.set(one, [...(filed.get(one) ?? []), bit]);
  return filed;
}

function found(index: ReturnType<typeof buildLiteralIndex>, asked: string, count: number): readonly number[] {
  const bits = new Int32Array((count + 31) >> 5);
  findLiterals(index, asked, bits);
  return Array.from({ length: count }, (_, bit) => bit).filter((bit) => (bits[bit >> 5]! & (1 << (bit & 31))) !== 0);
}
