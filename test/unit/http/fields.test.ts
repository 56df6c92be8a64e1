import { describe, expect, it } from 'vitest';
import { fieldValue, fieldValues, hasField, isNamed, listMembers, splitList, withoutField } from '../../../src/http/fields.ts';
import type { Fields } from '../../../src/http/message.ts';

const FIELDS: Fields = [
  { name: 'Accept', value: 'a, b' },
  { name: 'X', value: '' },
  { name: 'aCCEPT', value: ' c ,,d' },
];

it.each([
  ['Content-Length', 'content-length', true],
  ['content-length', 'content-length', true],
  ['content_length', 'content-length', false],
  ['content-lengt', 'content-length', false],
  // U+212A lowers to k, and is no letter of a token.
  ['lin\u212a', 'link', false],
])('the names %j and %j are the same: %j (RFC 9110 §5.1)', (name, lower, isSame) => {
  expect(isNamed(name, lower)).toBe(isSame);
});

it('finds the first value, every value, and an empty one', () => {
  expect(fieldValue(FIELDS, 'accept')).toBe('a, b');
  expect(fieldValues(FIELDS, 'accept')).toEqual(['a, b', ' c ,,d']);
  expect(fieldValue(FIELDS, 'x')).toBe('');
  expect(hasField(FIELDS, 'x')).toBe(true);
  expect(fieldValue(FIELDS, 'y')).toBeUndefined();
  expect(hasField(FIELDS, 'y')).toBe(false);
});

it('leaves a field out wherever it stands, and the others in order', () => {
  expect(withoutField(FIELDS, 'accept')).toEqual([{ name: 'X', value: '' }]);
});

it('joins the members of all lines (RFC 9110 §5.3)', () => {
  expect(listMembers(FIELDS, 'accept')).toEqual(['a', 'b', 'c', 'd']);
});

describe('splitList (RFC 9110 §5.6.1)', () => {
  it.each<[string, string[]]>([
    ['', []],
    [' , ,\t,', []],
    ['a', ['a']],
    [' a ,\tb\t', ['a', 'b']],
    ['a="b, c", d', ['a="b, c"', 'd']],
    ['"a\\", b", c', ['"a\\", b"', 'c']],
    ['"a\\\\", b', ['"a\\\\"', 'b']],
    ['a, "never closed, b', ['a', '"never closed, b']],
    ['a, "b\\', ['a', '"b\\']],
    ['a\\, b', ['a\\', 'b']],
    ['\xa0a\xa0, b', ['\xa0a\xa0', 'b']],
  ])('%j', (value, members) => {
    expect(splitList(value)).toEqual(members);
  });
});
