// Texts as octets, piece by piece: the same as JSON writes them, wherever memory ends.
import { expect, test } from 'vitest';
import { OctetWriter } from '../../../src/flows/octet-writer.ts';

function written(write: (writer: OctetWriter) => void): string {
  const writer = new OctetWriter();
  write(writer);
  return writer.octets.toString('latin1', 0, writer.at);
}

test.each([
  '',
  'GET',
  'a "quoted" \\ one',
  'tab\t',
  'caf\xe9',
  '\u2028 and \ud800',
  'longer than what is looked at one by one',
  '"'.repeat(40),
  'more than there is room for at first'.repeat(2_000),
  `${'x'.repeat(16_381)}\u20ac`,
])('a string of JSON is ASCII, and read as what was written: %j', (text) => {
  const json = written((writer) => writer.quoted(text));
  expect(json).toMatch(/^[\x20-\x7e]*$/);
  expect(JSON.parse(json)).toBe(text);
});

test.each([
  0,
  1,
  9,
  10,
  99,
  100,
  999,
  1_000,
  12_345,
  999_999,
  10_000_000,
  999_999_999,
  1_000_000_000,
  2 ** 31 - 1,
  2 ** 31,
  Number.MAX_SAFE_INTEGER,
  -3,
  0.5,
  null,
])('a number is read as it was: %s', (number) => {
  expect(JSON.parse(written((writer) => writer.wholeOrNull(number)))).toBe(number);
});

test('pieces stand one behind the other, however much memory they take', () => {
  const lines = Array.from({ length: 3_000 }, (_, i) => `X-Field-${i}: ${'\xe9'.repeat(i % 40)}\r\n`);
  const all = written((writer) => {
    writer.text('[');
    for (const line of lines) writer.anyText(line);
    writer.quotedOr0(null).comma();
    writer.bytes(writer.written(0).subarray(0, 1)).text(']');
  });
  expect(all).toBe(`[${lines.join('')}0,[]`);
});
