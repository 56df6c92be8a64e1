import { describe, expect, it } from 'vitest';
import {
  asksForOriginState,
  isConditional,
  isNotModified,
  singleValue,
  strongTag,
  strongValidator,
  tagsMatch,
} from '../../../../src/cache/rules/preconditions.ts';
import { fieldsIn, HOUR_BEFORE, START_DATE, START_MS, storedOf } from './stored-of.ts';

const TAGGED = `ETag: "abcdef"\nLast-Modified: ${HOUR_BEFORE}\nDate: ${START_DATE}`;

describe('a client that has what is stored is answered 304', () => {
  it.each<[string, string, string, boolean]>([
    ['the same tag (RFC 9110 §13.1.2)', TAGGED, 'If-None-Match: "abcdef"', true],
    ['another tag', TAGGED, 'If-None-Match: "abcdeg"', false],
    ['first of a list', TAGGED, 'If-None-Match: "abcdef", "1234", "5678"', true],
    ['in the middle of a list', TAGGED, 'If-None-Match: "1234","abcdef" ,"5678"', true],
    ['last of a list', TAGGED, 'If-None-Match: "1234", "5678",\t"abcdef"', true],
    ['on a second line', TAGGED, 'If-None-Match: "1234"\nIf-None-Match: "abcdef"', true],
    ['any tag', TAGGED, 'If-None-Match: *', true],
    ['any tag, where none is stored', '', 'If-None-Match: *', true],
    ['weak against strong (RFC 9110 §8.8.3.2)', TAGGED, 'If-None-Match: W/"abcdef"', true],
    ['strong against weak', 'ETag: W/"abcdef"', 'If-None-Match: "abcdef"', true],
    ['weak against weak', 'ETag: W/"abcdef"', 'If-None-Match: W/"abcdef"', true],
    ['a comma in a tag', 'ETag: "a,b"', 'If-None-Match: "x", "a,b"', true],
    ['a part of such a tag', 'ETag: "b"', 'If-None-Match: "x", "a,b"', false],
    ['a backslash, which is no escape (RFC 9110 §8.8.3)', 'ETag: "b"', 'If-None-Match: "a\\", "b"', true],
    ['octets beyond ASCII', 'ETag: "abcdef\xfc"', 'If-None-Match: "abcdef\xfc"', true],
    ['no tag is stored', '', 'If-None-Match: "abcdef"', false],
    ['an empty list', TAGGED, 'If-None-Match:', false],
    ['malformed and equal octet by octet', 'ETag: w/"abcdef"', 'If-None-Match: w/"abcdef"', true],
    ['malformed, without quotes', 'ETag: abcdef', 'If-None-Match: abcdef', true],
    ['malformed and not equal', 'ETag: "abcdef"', 'If-None-Match: abcdef', false],
    ['malformed and not equal', 'ETag: abcdef', 'If-None-Match: "abcdef"', false],
    ['a lower-case w is no mark of weakness', 'ETag: "abcdef"', 'If-None-Match: w/"abcdef"', false],
    [
      'a matching date beside another tag: the tag decides (RFC 9110 §13.1.3)',
      TAGGED,
      `If-None-Match: "x"\nIf-Modified-Since: ${START_DATE}`,
      false,
    ],
    ['a matching tag beside an older date', TAGGED, 'If-None-Match: "abcdef"\nIf-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT', true],
    ['Last-Modified is that date (RFC 9111 §4.3.2)', TAGGED, `If-Modified-Since: ${HOUR_BEFORE}`, true],
    ['Last-Modified is earlier', TAGGED, `If-Modified-Since: ${START_DATE}`, true],
    ['Last-Modified is later', TAGGED, 'If-Modified-Since: Wed, 31 Dec 2025 22:59:59 GMT', false],
    ['the date in the form of RFC 850', TAGGED, 'If-Modified-Since: Wednesday, 31-Dec-25 23:00:00 GMT', true],
    ['the date in the form of asctime', TAGGED, 'If-Modified-Since: Wed Dec 31 23:00:00 2025', true],
    ['what is no date', TAGGED, 'If-Modified-Since: yesterday', false],
    ['two dates that differ', TAGGED, `If-Modified-Since: ${HOUR_BEFORE}\nIf-Modified-Since: ${START_DATE}`, false],
    ['without Last-Modified, Date counts', `Date: ${HOUR_BEFORE}`, `If-Modified-Since: ${HOUR_BEFORE}`, true],
    ['... when it is not later', `Date: ${START_DATE}`, `If-Modified-Since: ${HOUR_BEFORE}`, false],
    ['... and without Date, the time of receipt', '', `If-Modified-Since: ${START_DATE}`, true],
    ['... when it is not later', '', `If-Modified-Since: ${HOUR_BEFORE}`, false],
    ['no condition', TAGGED, 'Accept: */*', false],
  ])('%s: %j, asked with %j: %j', (_, stored, asked, expected) => {
    expect(isNotModified(fieldsIn(asked), storedOf(stored), START_MS)).toBe(expected);
  });
});

it.each([
  ['If-Match: "a"', true, false],
  ['IF-UNMODIFIED-SINCE: x', true, false],
  ['If-None-Match: "a"', false, true],
  ['If-Modified-Since: x', false, true],
  ['If-Range: "a"', false, false],
  ['Accepted: "a"', false, false],
])('%s is for the origin: %j; is a question whether there is something new: %j (RFC 9110 §13.1)', (line, forOrigin, forNew) => {
  expect([asksForOriginState(fieldsIn(line)), isConditional(fieldsIn(line))]).toEqual([forOrigin, forNew]);
});

it.each<[string, string | null]>([
  ['ETag: "a"', '"a"'],
  ['ETag: ""', '""'],
  ['ETag: W/"a"', null],
  ['ETag: a', null],
  ['ETag: "a', null],
  ['ETag: "a"b"', null],
  ['ETag: "', null],
  ['ETag: "a"\nETag: "b"', null],
  ['ETag: "a"\nETag: "a"', '"a"'],
  [`ETag: W/"a"\nLast-Modified: ${HOUR_BEFORE}\nDate: ${START_DATE}`, null],
  [`Last-Modified: ${HOUR_BEFORE}\nDate: ${START_DATE}`, HOUR_BEFORE],
  ['Last-Modified: Wed, 31 Dec 2025 23:59:00 GMT\nDate: Thu, 01 Jan 2026 00:00:00 GMT', 'Wed, 31 Dec 2025 23:59:00 GMT'],
  ['Last-Modified: Wed, 31 Dec 2025 23:59:01 GMT\nDate: Thu, 01 Jan 2026 00:00:00 GMT', null],
  [`Last-Modified: ${HOUR_BEFORE}`, null],
  ['Last-Modified: never\nDate: never', null],
  ['', null],
])('the strong validator of %j is %j (RFC 9110 §8.8.1, §8.8.2.2)', (lines, expected) => {
  expect(strongValidator({ fields: fieldsIn(lines), responseTimeMs: START_MS })).toBe(expected);
});

it('only a strong tag is one, and weak comparison forgives W/ alone (RFC 9110 §8.8.3.2)', () => {
  expect(strongTag(fieldsIn('ETag: "a"'))).toBe('"a"');
  expect([tagsMatch('W/"a"', '"a"'), tagsMatch('"a"', '"b"'), tagsMatch('W/a', 'a'), tagsMatch('W/W/"a"', 'W/"a"')]).toEqual([
    true,
    false,
    false,
    false,
  ]);
});

it('lines of a single field that disagree have no value', () => {
  expect(singleValue(fieldsIn('A: 1\na: 1'), 'a')).toBe('1');
  expect(singleValue(fieldsIn('A: 1\na: 2'), 'a')).toBeNull();
});
