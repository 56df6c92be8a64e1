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
  ['what was made to come to too much', gzipSync(Buffer.alloc(64 << 20, 'a')), 'gzip'],
  ['more codings than anybody means', octets, Array(6).fill('gzip').join()],
])('%s is not searched', (_, content, coding) => {
  expect(searchableText(content, false, [['Content-Encoding', coding]])).toBeNull();
});

test('of what is long the beginning is searched, with a coding or without', () => {
  const long = Buffer.from(Array.from({ length: 400_000 }, (_, i) => (i * 7919) % 100_003).join(' '));
  const some = searchableText(gzipSync(long), false, [['Content-Encoding', 'gzip']])!;
  expect(some.length).toBeGreaterThan(100_000);
  expect(long.toString().startsWith(some)).toBe(true);
  expect(searchableText(long, false, [])).toBe(long.toString('latin1', 0, 2 ** 20));
});

test.each<[string, Buffer, string]>([
  ['octets of an old charset', Buffer.alloc(32 << 20, 0x83), 'identity'],
  ['a bomb', gzipSync(Buffer.alloc(256 << 20)), 'gzip'],
  ['a bomb in a bomb', gzipSync(gzipSync(Buffer.alloc(256 << 20))), 'gzip, gzip'],
  ['codings around nothing', Buffer.alloc(16 << 20, Buffer.from([0, 0, 0, 0xff, 0xff])), 'deflate'],
])('%s, however long, takes no longer than other content', (_, content, coding) => {
  const fields = [
    ['Content-Encoding', coding],
    ['Content-Type', 'text/plain; charset=shift_jis'],
  ] as const;
  const times = Array.from({ length: 5 }, () => {
    const before = process.threadCpuUsage();
    searchableText(content, true, fields);
    const { user, system } = process.threadCpuUsage(before);
    return (user + system) / 1_000;
  });
  // Milliseconds of this thread's own, some five.
  expect(Math.min(...times)).toBeLessThan(20);
});
