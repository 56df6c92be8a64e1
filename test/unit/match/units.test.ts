import { expect, test } from 'vitest';
import {
  parseCount,
  parseDuration,
  parseLifetime,
  parseOctets,
  parseRate,
  parseShare,
  parseSize,
  shown,
  sizeText,
} from '../../../src/match/units.ts';

test.each([
  ['500ms', 500],
  ['10s', 10_000],
  ['2m', 120_000],
  ['1.5h', 5_400_000],
  ['0.25s', 250],
  ['10 s', 10_000],
  ['0s', 0],
  ['576h', 2_073_600_000],
])('the duration %s is %d ms', (text, ms) => {
  expect(parseDuration(text, 0)).toBe(ms);
});

test.each([
  [10, 'found 10 without one: write 10s for seconds or 10ms for milliseconds'],
  ['10', 'found 10 without one'],
  ['10d', '"d" is none of ms, s, m, h'],
  ['10constructor', '"constructor" is none of ms, s, m, h'],
  ['1m30s', 'found "1m30s"'],
  ['-1s', 'found "-1s"'],
  ['', 'found ""'],
  ['Infinity', 'found "Infinity"'],
  ['577h', 'at most 24 days'],
])('the duration %j is refused: %s', (value, problem) => {
  expect(() => parseDuration(value, 0)).toThrow(problem);
});

test('a timer that cannot be off is at least 1ms', () => {
  expect(parseDuration('1ms', 1)).toBe(1);
  expect(() => parseDuration('0s', 1)).toThrow('at least 1ms');
});

test.each([
  ['32KiB', 32_768],
  ['1MB', 1_000_000],
  ['1kB', 1_000],
  ['1.5KiB', 1_536],
  ['4096', 4_096],
  [4096, 4_096],
  ['1GiB', 2 ** 30],
])('the size %j is %d octets', (value, octets) => {
  expect(parseSize(value)).toBe(octets);
});

test.each([
  ['32k', '"k" is none of B, KB, kB, KiB, MB, MiB, GB, GiB'],
  ['32kib', '"kib" is none of'],
  ['1.5B', 'not a whole number of octets'],
  [0, 'from 1B to 1GiB'],
  ['2GiB', 'from 1B to 1GiB'],
  ['big', 'expected a size, such as'],
])('the size %j is refused: %s', (value, problem) => {
  expect(() => parseSize(value)).toThrow(problem);
});

test.each([
  ['90s', 90],
  ['1.5h', 5_400],
  ['30d', 2_592_000],
  ['0s', 0],
  ['3650d', 315_360_000],
])('the period %s is %d seconds', (text, seconds) => {
  expect(parseLifetime(text)).toBe(seconds);
});

test.each(['90', 90, '1w', '3651d', '', '-1s'])('the period %j is refused', (value) => {
  expect(() => parseLifetime(value)).toThrow('expected a period');
});

test.each([
  ['10%', 0.1],
  ['0.1', 0.1],
  [0.2, 0.2],
  ['100%', 1],
  [0, 0],
])('the share %j is %d', (value, share) => {
  expect(parseShare(value)).toBe(share);
});

test.each(['101%', '10', 2, 'a tenth', '', '%', '-0.1'])('the share %j is refused', (value) => {
  expect(() => parseShare(value)).toThrow('expected a share from 0 to 1');
});

test('a rate is a size a second; 0 turns the check off', () => {
  expect(parseRate('240B/s')).toBe(240);
  expect(parseRate('1KiB/s')).toBe(1024);
  expect(parseRate(0)).toBe(0);
  expect(() => parseRate('240')).toThrow('expected a rate, such as 240B/s');
  expect(() => parseRate('240B/m')).toThrow('expected a rate');
});

test('a count is a whole number from 1', () => {
  expect(parseCount('100', 1_000)).toBe(100);
  for (const value of [0, -1, 1.5, 1001, '1e2', 'many', ''])
    expect(() => parseCount(value, 1_000)).toThrow('expected a whole number from 1 to 1000');
});

test('a value stands in a message on one line and cut short', () => {
  expect(shown('a\nb')).toBe('"a\\nb"');
  expect(shown('x'.repeat(100))).toHaveLength(60);
});

test('a size without bounds goes from nothing to what a number holds exactly', () => {
  expect(parseOctets('0')).toBe(0);
  expect(parseOctets('2GiB')).toBe(2 ** 31);
  expect(() => parseOctets('999999999GiB')).toThrow('not a whole number of octets');
});

test.each([
  [0, '0 B'],
  [1_000, '1000 B'],
  [1_023.4, '1023 B'],
  [1_023.6, '1.0 KiB'],
  [1_024, '1.0 KiB'],
  [20_000, '19.5 KiB'],
  [102_400, '100 KiB'],
  [2 ** 20 - 1, '1.0 MiB'],
  [1_500_000, '1.4 MiB'],
  [256 * 2 ** 20, '256 MiB'],
  [10 * 2 ** 30, '10.0 GiB'],
  [2 ** 41, '2.0 TiB'],
  [2 ** 52, '4096 TiB'],
])('%d octets are shown as %s', (octets, text) => expect(sizeText(octets)).toBe(text));
