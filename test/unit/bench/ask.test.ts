import { expect, test } from 'vitest';
import { isSaidForwarded } from '../../bench/ask.ts';

test.each([
  [undefined, false],
  [['sallyport; hit; ttl=3599'], false],
  [['bench;hit;detail=match'], false],
  [['sallyport; hit'], false],
  [['sallyport; fwd=uri-miss; fwd-status=200; stored'], true],
  [['sallyport; detail=hitherto'], true],
  [['sallyport'], true],
])('Cache-Status %j says that it was forwarded: %s (RFC 9211 §2)', (lines, expected) => {
  expect(isSaidForwarded(lines)).toBe(expected);
});

test('only the cache nearest to the client counts, which is the last one (RFC 9211 §2)', () => {
  expect(isSaidForwarded(['far; hit, near; fwd=uri-miss'])).toBe(true);
  expect(isSaidForwarded(['far; fwd=uri-miss', 'near; hit; ttl=5'])).toBe(false);
});
