// Recorded content without its codings, and what is said where they do not come off.
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { decodeContent } from '../../../../src/flows/content/decode.ts';

const TEXT = Buffer.from(Array.from({ length: 3_000 }, (_, i) => `line ${(i * 7919) % 100_003}`).join('\n'));
const GZIP = [['Content-Encoding', 'gzip']] as const;

test('its codings come off, over several lines, in the opposite order', async () => {
  const fields = [
    ['Content-Encoding', 'GZIP, identity'],
    ['content-encoding', 'x-gzip'],
  ] as const;
  const plain = { octets: TEXT, codings: ['gzip', 'x-gzip'], isCut: false, isPacked: false, problem: null };
  expect(await decodeContent(gzipSync(gzipSync(TEXT)), false, fields)).toEqual(plain);
});

test('content of which the beginning was kept is read as far as it goes, without a word', async () => {
  const packed = gzipSync(TEXT);
  const { octets, ...rest } = await decodeContent(packed.subarray(0, packed.length >> 1), true, GZIP);
  expect(octets.equals(TEXT.subarray(0, octets.length))).toBe(true);
  expect(rest).toEqual({ codings: ['gzip'], isCut: true, isPacked: false, problem: null });
});

test('content that its sender cut short is read as far as it goes, and that is said', async () => {
  const packed = gzipSync(TEXT);
  const { octets, ...rest } = await decodeContent(packed.subarray(0, packed.length >> 1), false, GZIP);
  expect(octets.length).toBeGreaterThan(0);
  expect(octets.equals(TEXT.subarray(0, octets.length))).toBe(true);
  const problem = 'It is cut short: it ends before its gzip coding does. What came is shown.';
  expect(rest).toEqual({ codings: ['gzip'], isCut: true, isPacked: false, problem });
});

test.each<[string, Buffer, { readonly maxOctets: number; readonly maxRatio: number }, object]>([
  [
    'gzip',
    gzipSync(TEXT),
    { maxOctets: 1_000, maxRatio: 2_000 },
    { isCut: true, isPacked: false, problem: /longer than 1000 octets once its gzip/ },
  ],
  [
    'gzip',
    gzipSync(Buffer.alloc(8 << 20)),
    { maxOctets: 2 ** 30, maxRatio: 20 },
    { isCut: true, problem: /more than 20 times its size \(gzip\)/ },
  ],
  [
    'gzip',
    Buffer.from('plain'),
    { maxOctets: 1_000, maxRatio: 20 },
    { octets: Buffer.from('plain'), isCut: false, isPacked: true, problem: /^Its gzip coding breaks off: / },
  ],
  [
    'gzip',
    Buffer.concat([gzipSync(TEXT).subarray(0, -8), Buffer.alloc(8)]),
    { maxOctets: 100_000, maxRatio: 20 },
    { isCut: true, isPacked: false, problem: /^Its gzip coding breaks off: / },
  ],
  [
    'gzip, compress',
    TEXT,
    { maxOctets: 1_000, maxRatio: 20 },
    { isCut: false, isPacked: true, problem: /^Nothing here decodes compress\.$/ },
  ],
  [
    Array(6).fill('gzip').join(),
    TEXT,
    { maxOctets: 1_000, maxRatio: 20 },
    { isCut: false, isPacked: true, problem: /^It has 6 codings, / },
  ],
])('%s that does not come off says why', async (codings, octets, bounds, { problem, ...expected }: { problem?: RegExp }) => {
  const decoded = await decodeContent(octets, false, [['Content-Encoding', codings]], bounds);
  expect(decoded).toMatchObject(expected);
  expect(decoded.problem).toMatch(problem!);
});
