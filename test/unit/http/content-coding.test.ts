// Content codings, and their bounds (RFC 9110 §8.4).
import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { codingsOf, unpackAsFar, unpackWhole } from '../../../src/http/content-coding.ts';

const BOUNDS = { maxOctets: 16 * 2 ** 20, maxRatio: 2_000 };
const CODINGS: Readonly<Record<string, (octets: Buffer) => Buffer>> = {
  gzip: (octets) => gzipSync(octets),
  'x-gzip': (octets) => gzipSync(octets),
  deflate: (octets) => deflateSync(octets),
  // Quickly: how well it packs is of no matter.
  br: (octets) => brotliCompressSync(octets, { params: { [constants.BROTLI_PARAM_QUALITY]: 2 } }),
  zstd: (octets) => zstdCompressSync(octets),
};
const TEXT = Buffer.from(Array.from({ length: 30_000 }, (_, i) => `line ${(i * 7919) % 100_003}`).join('\n'));
const NOTHING = Buffer.alloc(0);

test.each<[readonly string[], readonly string[]]>([
  [[], []],
  [['GZip'], ['gzip']],
  [
    ['identity, gzip,', ' , br'],
    ['gzip', 'br'],
  ],
  [['x-gzip\t,IDENTITY'], ['x-gzip']],
])('codings stand in several lines, in any case, and identity is none: %j (RFC 9110 §8.4.1)', (values, codings) => {
  expect(codingsOf(values)).toEqual(codings);
});

describe.each(Object.entries(CODINGS))('%s', (coding, pack) => {
  const packed = pack(TEXT);
  const half = packed.subarray(0, packed.length >> 1);

  test('comes off', async () => {
    expect(unpackWhole(packed, [coding], BOUNDS, false)).toEqual(TEXT);
    expect(await unpackAsFar(packed, [coding], BOUNDS)).toEqual({ octets: TEXT, fault: null });
  });

  test('of content that is cut short gives its beginning, and says that the end is missing to whoever does not know', async () => {
    const beginning = unpackWhole(half, [coding], BOUNDS, true) as Buffer;
    const { octets, fault } = await unpackAsFar(half, [coding], BOUNDS);
    for (const each of [beginning, octets]) {
      expect(each.length).toBeGreaterThan(0);
      expect(each.equals(TEXT.subarray(0, each.length))).toBe(true);
    }
    expect(fault).toEqual({ kind: 'cut-short', coding });
    expect(unpackWhole(half, [coding], BOUNDS, false)).toEqual(fault);
    // Without its last octet, though all that was packed may be there.
    expect((await unpackAsFar(packed.subarray(0, -1), [coding], BOUNDS)).fault).toEqual(fault);
  });

  test('ends at the bound in octets, while it comes', async () => {
    const bounds = { maxOctets: 1_000, maxRatio: 2_000 };
    const fault = { kind: 'too-long', coding };
    expect(unpackWhole(packed, [coding], bounds, false)).toEqual(fault);
    expect(await unpackAsFar(packed, [coding], bounds)).toEqual({ octets: TEXT.subarray(0, 1_000), fault });
  });

  test('ends where it grows out of proportion', async () => {
    const bomb = pack(Buffer.alloc(8 * 2 ** 20));
    const bounds = { maxOctets: 2 ** 30, maxRatio: 20 };
    const fault = { kind: 'out-of-proportion', coding };
    expect(unpackWhole(bomb, [coding], bounds, false)).toEqual(fault);
    const unpacked = await unpackAsFar(bomb, [coding], bounds);
    expect(unpacked.fault).toEqual(fault);
    expect(unpacked.octets.length).toBeLessThan(3 * 2 ** 20);
  });

  test('that content was never in is a fault that names it', async () => {
    const content = Buffer.from('this is not compressed at all');
    expect(unpackWhole(content, [coding], BOUNDS, true)).toMatchObject({ kind: 'broken', coding });
    expect((await unpackAsFar(content, [coding], BOUNDS)).fault).toMatchObject({ kind: 'broken', coding });
  });

  test('has nothing to take off where there is no content', async () => {
    expect(unpackWhole(NOTHING, [coding], BOUNDS, false)).toEqual(NOTHING);
    expect(await unpackAsFar(NOTHING, [coding], BOUNDS)).toEqual({ octets: NOTHING, fault: null });
  });
});

test('deflate comes off without its frame, too, as some send it (RFC 9110 §8.4.1.2)', async () => {
  expect(unpackWhole(deflateRawSync(TEXT), ['deflate'], BOUNDS, false)).toEqual(TEXT);
  expect(await unpackAsFar(deflateRawSync(TEXT), ['deflate'], BOUNDS)).toEqual({ octets: TEXT, fault: null });
});

test('of several the one that was applied last comes off first', async () => {
  const packed = CODINGS['zstd']!(CODINGS['br']!(gzipSync(TEXT)));
  const codings = ['gzip', 'br', 'zstd'];
  expect(unpackWhole(packed, codings, BOUNDS, false)).toEqual(TEXT);
  expect(await unpackAsFar(packed, codings, BOUNDS)).toEqual({ octets: TEXT, fault: null });
});

test('one that nothing knows stays, and so does everything below it', async () => {
  const packed = gzipSync(gzipSync('x'));
  expect(unpackWhole(packed, ['gzip', 'compress', 'gzip'], BOUNDS, false)).toEqual({ kind: 'unknown', coding: 'compress' });
  const { octets, fault } = await unpackAsFar(packed, ['gzip', 'constructor', 'gzip'], BOUNDS);
  expect({ text: unpackWhole(octets, ['gzip'], BOUNDS, false), fault }).toEqual({
    text: Buffer.from('x'),
    fault: { kind: 'unknown', coding: 'constructor' },
  });
});

test('more of them than anybody means are not begun with', async () => {
  const codings = Array<string>(6).fill('gzip');
  const fault = { kind: 'too-many', count: 6 };
  expect(unpackWhole(NOTHING, codings, BOUNDS, false)).toEqual(fault);
  expect(await unpackAsFar(NOTHING, codings, BOUNDS)).toEqual({ octets: NOTHING, fault });
});

test('a window of more than 8 MiB is refused (RFC 9659 §3)', async () => {
  // A magic number, a descriptor without the size of the content, a window of 16 MiB, an empty last block (RFC 8878 §3.1.1).
  const wide = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 14 << 3, 0x01, 0x00, 0x00]);
  expect(unpackWhole(wide, ['zstd'], BOUNDS, false)).toMatchObject({ kind: 'broken', coding: 'zstd' });
  expect((await unpackAsFar(wide, ['zstd'], BOUNDS)).fault).toMatchObject({ kind: 'broken', coding: 'zstd' });
});
