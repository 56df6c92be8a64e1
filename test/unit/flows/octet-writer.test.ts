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
])('a string of JSON is ASCII, and read as what was written: %j', (text) => {
  const json = written((writer) => writer.quoted(text));
  expect(json).toMatch(/^[\x20-\x7e]*$/);
  expect(JSON.parse(json)).toBe(text);
});

test.each([0, 1, 9, 10, 99, 100, 12_345, 2 ** 31 - 1, 2 ** 31, Number.MAX_SAFE_INTEGER, -3, 0.5, null])(
  'a number is read as it was: %s',
  (number) => {
    expect(JSON.parse(written((writer) => writer.whole(number)))).toBe(number);
  },
);

test('pieces stand one behind the other, however much memory they take', () => {
  const lines = Array.from({ length: 3_000 }, (_, i) => `X-Field-${i}: ${'\xe9'.repeat(i % 40)}\r\n`);
  const all = written((writer) => {
    const other = new OctetWriter();
    for (const line of lines) other.text(line);
    writer.text('[').append(other).quotedOr0(null);
    writer.bytes(writer.written(0).subarray(0, 1)).text(']');
  });
  expect(all).toBe(`[${lines.join('')}0[]`);
});
