import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { rewriteContent } from '../../../src/rewrite/content.ts';
import { literalReplacement, patternReplacement } from '../../../src/rewrite/replacement.ts';

const change = { rule: 'r', replacement: literalReplacement('foo', 'bär') };

describe('content', () => {
  test.each<[string, Buffer]>([
    ['', Buffer.from('a foo')],
    ['identity', Buffer.from('a foo')],
    ['gzip', gzipSync('a foo')],
    ['X-GZip', gzipSync('a foo')],
    ['br', brotliCompressSync('a foo')],
    ['zstd', zstdCompressSync('a foo')],
    ['deflate', deflateSync('a foo')],
    ['deflate', deflateRawSync('a foo')],
    ['gzip, br', brotliCompressSync(gzipSync('a foo'))],
  ])('is changed out of its coding: %s', (coding, content) => {
    const fields = [
      { name: 'ETag', value: '"x"' },
      { name: 'X', value: 'y' },
      ...(coding === '' ? [] : [{ name: 'Content-Encoding', value: coding }]),
    ];
    expect(rewriteContent(content, fields, [change], 1_000)).toEqual({
      kind: 'changed',
      content: Buffer.from('a bär'),
      fields: [{ name: 'X', value: 'y' }],
      done: [change],
    });
  });

  test.each<[string, Buffer, string | null]>([
    ['', Buffer.from('nothing'), null],
    ['lzma', Buffer.from('foo'), 'the content has the coding lzma, which is not known'],
    ['gzip', Buffer.from('foo'), 'the content cannot be decoded (gzip)'],
    ['gzip', gzipSync(Buffer.alloc(2_000)), 'the content is more than 1000 octets without its codings'],
    ['', Buffer.from('foo'.repeat(333)), 'the content would become more than 1000 octets'],
  ])('stays as it is, and why: %s', (coding, content, why) => {
    const fields = coding === '' ? [] : [{ name: 'Content-Encoding', value: coding }];
    const longer = { rule: 'r', replacement: literalReplacement('foo', 'fooooo') };
    expect(rewriteContent(content, fields, [longer], 1_000)).toEqual({ kind: 'unchanged', why });
  });

  test('that is no text keeps its other octets', () => {
    const content = Buffer.concat([Buffer.from([0xff, 0x00, 0xfe]), Buffer.from('foo'), Buffer.from([0x80])]);
    const rewritten = rewriteContent(content, [], [{ rule: 'r', replacement: literalReplacement('foo', 'ba') }], 100);
    expect(rewritten.kind === 'changed' && [...rewritten.content]).toEqual([0xff, 0x00, 0xfe, 0x62, 0x61, 0x80]);
  });
});

describe('a replacement', () => {
  test.each<[string, string, string, string]>([
    ['a(.)c', '<$1$0$$>', 'abc axc', '<babc$> <xaxc$>'],
    ['(?i)FOO', '$$1', 'foo', '$1'],
    ['x*', '-', 'axb', '-a--b-'],
    ['(a)|(b)', '[$1$2]', 'ab', '[a][b]'],
    ['ü', 'ue', 'für', 'fuer'],
  ])('%s becomes %s: %s', (pattern, by, before, after) => {
    expect(patternReplacement(pattern, by).replaceIn(before)).toBe(after);
  });

  test('of a text takes it to the letter', () => {
    expect(literalReplacement('a.c', '$1 $&').replaceIn('abc a.c')).toBe('abc $1 $&');
  });

  test.each(['$x', 'a$', '$2'])('with %s is refused for a pattern of one group', (by) => {
    expect(() => patternReplacement('(a)', by)).toThrow(/\$/);
  });
});
