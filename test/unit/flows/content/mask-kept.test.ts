// Content that is masked within its codings.
import { brotliCompressSync, constants, deflateRawSync, gunzipSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { decodeContent } from '../../../../src/flows/content/decode.ts';
import { maskKeptContent } from '../../../../src/flows/content/mask-kept.ts';
import type { RecordedFields } from '../../../../src/flows/recorded.ts';
import { maskRules } from '../../../../src/flows/redact/rules.ts';

const RULES = maskRules({ fields: [], query: [], json: [] });
const SECRET = Buffer.from('{"password":"hunter2","a":1}');
const fieldsWith = (coding: string): RecordedFields => [
  ['Content-Type', 'application/json'],
  ['Content-Encoding', coding],
];

test.each<[string, (octets: Buffer) => Buffer]>([
  ['gzip', gzipSync],
  ['deflate', deflateRawSync],
  ['br', (octets) => brotliCompressSync(octets, { params: { [constants.BROTLI_PARAM_QUALITY]: 2 } })],
  ['zstd', zstdCompressSync],
  ['gzip, zstd', (octets) => zstdCompressSync(gzipSync(octets))],
])('in %s', async (coding, pack) => {
  const masked = await maskKeptContent({ octets: pack(SECRET), isCut: false, fields: fieldsWith(coding) }, RULES);
  const { octets, problem } = await decodeContent(masked!, false, fieldsWith(coding));
  expect(problem).toBeNull();
  expect(octets.toString()).toBe('{"password":"‹masked 7 octets›","a":1}');
});

test('is the same memory where nothing in it is secret', async () => {
  const octets = gzipSync('{"a":1}');
  expect(await maskKeptContent({ octets, isCut: false, fields: fieldsWith('gzip') }, RULES)).toBe(octets);
});

test('that was cut off is masked as far as it goes', async () => {
  const packed = gzipSync(Buffer.concat([SECRET, Buffer.from(' '.repeat(50_000)), Buffer.from(String(Math.PI))]));
  const masked = await maskKeptContent({ octets: packed.subarray(0, -20), isCut: true, fields: fieldsWith('gzip') }, RULES);
  expect(gunzipSync(masked!).toString()).not.toContain('hunter2');
});

test('in a coding that nothing here knows, or beyond the bound, is not given', async () => {
  for (const isCut of [false, true]) expect(await maskKeptContent({ octets: SECRET, isCut, fields: fieldsWith('dcz') }, RULES)).toBeNull();
  const long = gzipSync(Buffer.concat([Buffer.from(' '.repeat(5_000)), SECRET]));
  const bounds = { maxOctets: 1_000, maxRatio: 2_000 };
  expect(await maskKeptContent({ octets: long, isCut: false, fields: fieldsWith('gzip') }, RULES, bounds)).toBeNull();
});
