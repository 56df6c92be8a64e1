// Content codings, and their bounds.
import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { decodeContent } from '../../../../src/flows/content/decode.ts';

const CODINGS: Readonly<Record<string, (octets: Buffer) => Buffer>> = {
  gzip: gzipSync,
  'x-gzip': gzipSync,
  deflate: deflateSync,
  // Quickly: how well it packs is of no matter.
  br: (octets) => brotliCompressSync(octets, { params: { [constants.BROTLI_PARAM_QUALITY]: 2 } }),
  zstd: zstdCompressSync,
};
const TEXT = Buffer.from(Array.from({ length: 30_000 }, (_, i) => `line ${(i * 7919) % 100_003}`).join('\n'));

describe.each(Object.entries(CODINGS))('%s', (coding, pack) => {
  const fields = [['Content-Encoding', coding]] as const;

  test('is taken off', async () => {
    expect(await decodeContent(pack(TEXT), false, fields)).toEqual({
      octets: TEXT,
      codings: [coding],
      isCut: false,
      state: 'unpacked',
      problem: null,
    });
  });

  test('of content that was cut off gives its beginning', async () => {
    const packed = pack(TEXT);
    const { octets, isCut } = await decodeContent(packed.subarray(0, packed.length >> 1), true, fields);
    expect(octets.length).toBeGreaterThan(0);
    expect(octets.equals(TEXT.subarray(0, octets.length))).toBe(true);
    expect(isCut).toBe(true);
  });

  test('ends at the bound in octets, while it is unpacked', async () => {
    const decoded = await decodeContent(pack(TEXT), false, fields, { maxOctets: 1_000, maxRatio: 2_000 });
    expect(decoded).toMatchObject({ isCut: true, state: 'bounded', problem: expect.stringContaining('longer than 1000 octets') });
    expect(decoded.octets.equals(TEXT.subarray(0, 1_000))).toBe(true);
  });

  test('ends where it grows out of proportion', async () => {
    const bomb = pack(Buffer.alloc(8 * 2 ** 20));
    const decoded = await decodeContent(bomb, false, fields, { maxOctets: 2 ** 30, maxRatio: 20 });
    expect(decoded).toMatchObject({ isCut: true, problem: expect.stringContaining('more than 20 times') });
    expect(decoded.octets.length).toBeLessThan(3 * 2 ** 20);
  });

  test('that is none says so and throws nothing', async () => {
    const decoded = await decodeContent(Buffer.from('this is not compressed at all'), false, fields);
    expect(decoded.problem).toContain(`Its ${coding} coding breaks off`);
  });
});

test('deflate is read without its frame, too, as some send it', async () => {
  expect((await decodeContent(deflateRawSync(TEXT), false, [['content-encoding', 'deflate']])).octets.equals(TEXT)).toBe(true);
});

test('several codings come off in the opposite order, over several lines; identity is none', async () => {
  const packed = brotliCompressSync(gzipSync(TEXT));
  const decoded = await decodeContent(packed, false, [
    ['Content-Encoding', 'GZIP, identity'],
    ['Content-Encoding', 'br'],
  ]);
  expect(decoded).toEqual({ octets: TEXT, codings: ['gzip', 'br'], isCut: false, state: 'unpacked', problem: null });
});

test('a coding that nothing knows stays, and so does everything below it', async () => {
  const decoded = await decodeContent(Buffer.from('x'), false, [['Content-Encoding', 'gzip, compress']]);
  expect(decoded).toMatchObject({ octets: Buffer.from('x'), state: 'packed', problem: 'Nothing here decodes compress.' });
  const cut = await decodeContent(Buffer.from('x'), true, [['Content-Encoding', 'gzip, compress']]);
  expect(cut).toMatchObject({ octets: Buffer.from('x'), state: 'packed' });
});

test('more codings than anybody needs are not begun with', async () => {
  const decoded = await decodeContent(Buffer.from('x'), false, [['Content-Encoding', Array(6).fill('gzip').join()]]);
  expect(decoded.problem).toContain('6 codings');
});

test('no content has nothing to take off', async () => {
  expect(await decodeContent(Buffer.alloc(0), false, [['Content-Encoding', 'gzip']])).toMatchObject({ problem: null, isCut: false });
});
