// Content as text, for filters: codings off, within bounds, and nothing that is no text.
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { searchableText } from '../../../../src/flows/store/searchable-text.ts';

const TEXT = 'some text, and caf\u00e9';
const octets = Buffer.from(TEXT);

test.each([
  ['gzip', gzipSync(octets)],
  ['X-GZip', gzipSync(octets)],
  ['deflate', deflateSync(octets)],
  ['deflate', deflateRawSync(octets)],
  ['br', brotliCompressSync(octets)],
  ['zstd', zstdCompressSync(octets)],
  ['identity', octets],
  ['gzip, br', brotliCompressSync(gzipSync(octets))],
])('%s is taken off (RFC 9110 §8.4)', (coding, content) => {
  expect(searchableText(content, false, [['content-encoding', coding]])).toBe(TEXT);
});

test('codings stand in several lines, and the last one comes off first', () => {
  const fields = [
    ['Content-Encoding', 'gzip'],
    ['Content-Encoding', 'br'],
  ] as const;
  expect(searchableText(brotliCompressSync(gzipSync(octets)), false, fields)).toBe(TEXT);
});

test('text is in the charset that it says, or the one that it seems to be in', () => {
  expect(searchableText(Buffer.from(TEXT, 'latin1'), false, [])).toBe(TEXT);
  expect(searchableText(Buffer.from([0x83, 0x65]), false, [['Content-Type', 'text/plain; charset=shift_jis']])).toBe('\u30c6');
  // The last character is cut in two.
  expect(searchableText(octets.subarray(0, -1), true, [])).toMatch(/^some text, and caf/);
  expect(searchableText(Buffer.from(`\ufeff${TEXT}`, 'utf16le'), false, [])).toBe(TEXT);
});

test.each([
  ['octets that are no text', Buffer.from([1, 0, 2]), 'identity'],
  ['a coding that is not known', octets, 'constructor'],
  ['content that is not coded as it says', octets, 'gzip'],
  ['what comes to more than is looked at', gzipSync(Buffer.alloc(5 << 20, 'a')), 'gzip'],
  ['more codings than anybody means', gzipSync(gzipSync(gzipSync(gzipSync(gzipSync(octets))))), 'gzip, gzip, gzip, gzip, gzip'],
])('%s is not searched', (_, content, coding) => {
  expect(searchableText(content, false, [['Content-Encoding', coding]])).toBeNull();
});
