import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatHttpDate, parseHttpDate } from '../../src/http/date.ts';

const SECOND = 1000;
const NOW = Date.UTC(2026, 10, 22);
const anySecond = fc.integer({ min: -62_167_219_200, max: 253_402_300_799 }).map((seconds) => seconds * SECOND);
const recentSecond = fc.integer({ min: -49 * 31_556_952, max: 49 * 31_556_952 }).map((seconds) => NOW + seconds * SECOND);
const nearDate = fc.string({ unit: fc.constantFrom(...'0123456789:,- SunJaFebGMT\u0660\xa0'), minLength: 20, maxLength: 34 });

/** The parts of the form that is sent, which the other two forms order otherwise. */
function parts(ms: number): { day: string; date: string; month: string; year: string; time: string } {
  const [day = '', date = '', month = '', year = '', time = ''] = formatHttpDate(ms).split(' ');
  return { day: day.slice(0, 3), date, month, year, time };
}

test('every second of the years 0 to 9999 is written so that it is read again (RFC 9110 §5.6.7)', () => {
  fc.assert(
    fc.property(anySecond, fc.nat(999), (ms, fraction) => {
      const text = formatHttpDate(ms + fraction);
      expect(text).toMatch(/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/);
      expect(parseHttpDate(text, NOW)).toBe(ms);
      expect(parseHttpDate(text.toUpperCase(), NOW)).toBe(ms);
    }),
    { numRuns: 1000 },
  );
});

test('the three forms of a date are the same date', () => {
  const longNames = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
  fc.assert(
    fc.property(anySecond, recentSecond, (ms, recentMs) => {
      const any = parts(ms);
      const day = any.date.replace(/^0/, ' ');
      expect(parseHttpDate(`${any.day} ${any.month} ${day} ${any.time} ${any.year}`, NOW)).toBe(ms);
      const recent = parts(recentMs);
      const long = longNames.find((name) => name.startsWith(recent.day));
      expect(parseHttpDate(`${long}, ${recent.date}-${recent.month}-${recent.year.slice(2)} ${recent.time} GMT`, NOW)).toBe(recentMs);
    }),
    { numRuns: 1000 },
  );
});

test('any text is a date or null, and one character more or less is null', () => {
  fc.assert(
    fc.property(fc.oneof(nearDate, fc.string({ unit: 'binary' })), (text) => {
      const ms = parseHttpDate(text, NOW);
      expect(ms === null || Number.isInteger(ms)).toBe(true);
    }),
    { numRuns: 3000 },
  );
  fc.assert(
    fc.property(anySecond, fc.nat(28), fc.constantFrom(...'0 ,:-GA\t'), (ms, at, character) => {
      const text = formatHttpDate(ms);
      expect(parseHttpDate(text.slice(0, at) + text.slice(at + 1), NOW)).toBeNull();
      expect(parseHttpDate(text.slice(0, at) + character + text.slice(at), NOW)).toBeNull();
    }),
    { numRuns: 1000 },
  );
});
