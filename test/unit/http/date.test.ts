import { describe, expect, it } from 'vitest';
import { formatHttpDate, parseHttpDate } from '../../../src/http/date.ts';

const NOW = Date.UTC(2026, 10, 22, 18, 0, 0);

describe('parseHttpDate (RFC 9110 §5.6.7)', () => {
  it.each([
    ['IMF-fixdate', 'Sun, 06 Nov 1994 08:49:37 GMT', '1994-11-06T08:49:37Z'],
    ['the form of RFC 850', 'Sunday, 06-Nov-94 08:49:37 GMT', '1994-11-06T08:49:37Z'],
    ['asctime with a day of one digit', 'Sun Nov  6 08:49:37 1994', '1994-11-06T08:49:37Z'],
    ['asctime with a day of two digits', 'Wed Nov 16 08:49:37 1994', '1994-11-16T08:49:37Z'],
    ['a day name in another case', 'THU, 18 Aug 2050 02:01:18 GMT', '2050-08-18T02:01:18Z'],
    ['a month in another case', 'Thu, 18 AUG 2050 02:01:18 GMT', '2050-08-18T02:01:18Z'],
    ['a zone in another case', 'Thu, 18 Aug 2050 02:01:18 gMT', '2050-08-18T02:01:18Z'],
    ['a day name that is not that of the date', 'Thu Aug  8 02:01:18 2050', '2050-08-08T02:01:18Z'],
    ['a second past 31 bits', 'Tue, 19 Jan 2038 14:14:08 GMT', '2038-01-19T14:14:08Z'],
    ['the year 2286', 'Sun, 21 Nov 2286 04:46:39 GMT', '2286-11-21T04:46:39Z'],
    ['a leap second, as the second after it', 'Sat, 31 Dec 2016 23:59:60 GMT', '2017-01-01T00:00:00Z'],
    ['29 February of a leap year', 'Tue, 29 Feb 2000 00:00:00 GMT', '2000-02-29T00:00:00Z'],
    ['a year below 100', 'Sat, 01 Jan 0050 00:00:00 GMT', '0050-01-01T00:00:00Z'],
    ['the year 0', 'Sat, 01 Jan 0000 00:00:00 GMT', '0000-01-01T00:00:00Z'],
  ])('reads %s', (_, text, expected) => {
    expect(parseHttpDate(text, NOW)).toBe(Date.parse(expected));
  });

  it.each([
    ['less than 50 years ahead, so this century', 'Thursday, 18-Aug-50 02:01:18 GMT', '2050-08-18T02:01:18Z'],
    ['just within 50 years', 'Saturday, 21-Nov-76 00:00:00 GMT', '2076-11-21T00:00:00Z'],
    ['more than 50 years ahead, so in the past', 'Monday, 23-Nov-76 00:00:00 GMT', '1976-11-23T00:00:00Z'],
    ['the year 99', 'Friday, 31-Dec-99 23:59:59 GMT', '1999-12-31T23:59:59Z'],
    ['the year 00', 'Tuesday, 29-Feb-00 00:00:00 GMT', '2000-02-29T00:00:00Z'],
    ['one of the longest day name', 'Wednesday, 16-Nov-94 08:49:37 GMT', '1994-11-16T08:49:37Z'],
    ['other letter case', 'SUNDAY, 06-NOV-94 08:49:37 gmt', '1994-11-06T08:49:37Z'],
  ])('takes a two-digit year that is %s', (_, text, expected) => {
    expect(parseHttpDate(text, NOW)).toBe(Date.parse(expected));
  });

  it('takes a two-digit year over the end of a century', () => {
    expect(parseHttpDate('Monday, 01-Jan-05 00:00:00 GMT', Date.UTC(2095, 0, 1))).toBe(Date.UTC(2105, 0, 1));
    expect(parseHttpDate('Tuesday, 29-Feb-00 00:00:00 GMT', Date.UTC(2090, 0, 1))).toBe(Date.UTC(2000, 1, 29));
  });

  it.each([
    ['0'],
    [''],
    ['-1'],
    ['Thu, 18 Aug 2050 02:01:18 UTC'],
    ['Thu, 18 Aug 2050 02:01:18 AEST'],
    ['Thu, 18 Aug 2050 02:01:18 +0000'],
    ['Thu, 18 Aug 2050 02:01:18'],
    ['Thu, 18 Aug 50 02:01:18 GMT'],
    ['Thu 18 Aug 2050 02:01:18 GMT'],
    ['Thu,18 Aug 2050 02:01:18 GMT'],
    ['Thu, 18  Aug  2050 02:01:18 GMT'],
    ['Thu, 18 Aug 2050  02:01:18 GMT'],
    ['Thu, 18-Aug-2050 02:01:18 GMT'],
    ['Thu, 18-Aug-50 02:01:18 GMT'],
    ['Thursday, 18 Aug 2050 02:01:18 GMT'],
    ['Thursday, 18-Aug-2050 02:01:18 GMT'],
    ['Thursday, 18 Aug 50 02:01:18 GMT'],
    ['Someday, 18-Aug-50 02:01:18 GMT'],
    ['Thu, 18 Aug 2050 02.01.18 GMT'],
    ['Thu, 18 Aug 2050 2:01:18 GMT'],
    ['Thu, 8 Aug 2050 02:01:18 GMT'],
    ['Thu,  8 Aug 2050 02:01:18 GMT'],
    ['Thu, 18 Aug 2050 24:00:00 GMT'],
    ['Thu, 18 Aug 2050 02:60:18 GMT'],
    ['Thu, 18 Aug 2050 02:01:61 GMT'],
    ['Thu, 00 Aug 2050 02:01:18 GMT'],
    ...['Apr', 'Jun', 'Sep', 'Nov'].map((month) => [`Wed, 31 ${month} 2050 02:01:18 GMT`]),
    ['Wed, 32 Jan 2050 02:01:18 GMT'],
    ['Tue, 29 Feb 2100 02:01:18 GMT'],
    ['Thx, 18 Aug 2050 02:01:18 GMT'],
    ['Thu, 18 Agu 2050 02:01:18 GMT'],
    ['Thu Aug 8 02:01:18 2050'],
    ['Thu Aug 08 02:01:18 2050 GMT'],
    ['2050-08-18T02:01:18Z'],
    ['Thu, 18 Aug 2050 02:01:18 GMT, Thu, 18 Aug 2050 02:01:18 GMT'],
    ['Thu, 18 Aug 2050 02:01:-1 GMT'],
    ['Thu, 18 Aug 20\u0665\u0660 02:01:18 GMT'],
  ])('refuses %j', (text) => {
    expect(parseHttpDate(text, NOW)).toBeNull();
  });
});

it.each(['Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994'])(
  'refuses %j with any other character in place of one of its own',
  (text) => {
    for (let i = 0; i < text.length; i += 1) {
      expect(parseHttpDate(`${text.slice(0, i)}#${text.slice(i + 1)}`, NOW), String(i)).toBeNull();
    }
  },
);

describe('formatHttpDate', () => {
  it.each([
    [784_111_777_000, 'Sun, 06 Nov 1994 08:49:37 GMT'],
    [0, 'Thu, 01 Jan 1970 00:00:00 GMT'],
    [999, 'Thu, 01 Jan 1970 00:00:00 GMT'],
    [Number.POSITIVE_INFINITY, 'Fri, 31 Dec 9999 23:59:59 GMT'],
    [-1e18, 'Sat, 01 Jan 0000 00:00:00 GMT'],
    [Number.NaN, 'Sat, 01 Jan 0000 00:00:00 GMT'],
  ])('writes %d as %s', (ms, expected) => {
    expect(formatHttpDate(ms)).toBe(expected);
  });
});
