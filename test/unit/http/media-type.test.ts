import { expect, test } from 'vitest';
import { mediaType } from '../../../src/http/media-type.ts';

test.each<[readonly string[], string | null]>([
  [[], ''],
  [[''], ''],
  [['text/html'], 'text/html'],
  [['Text/HTML; Charset="utf-8"'], 'text/html'],
  [['text/html \t;charset=utf-8'], 'text/html'],
  [['text/html;'], 'text/html'],
  [['image/svg+xml'], 'image/svg+xml'],
  [['text/html', 'TEXT/html; charset=utf-8'], 'text/html'],
  [['text/plain; x="a, b\\""'], 'text/plain'],
])('the media type of %j is %j (RFC 9110 §8.3.1)', (values, expected) => {
  expect(mediaType(values)).toBe(expected);
});

test.each([
  [['text/html', 'image/png']],
  [['text/plain, text/html']],
  [['text/plain;a=b, text/html']],
  [['text/plain; x="a, text/html']],
  [['text']],
  [['/html']],
  [['text/']],
  [['text/html/x']],
  [['text /html']],
  [['text/ht ml']],
  [[' ; charset=utf-8']],
  [['text/html\u{e9}']],
  [['*/*', 'text/html']],
])('several types, or a malformed one, are none: %j', (values) => {
  expect(mediaType(values)).toBeNull();
});
