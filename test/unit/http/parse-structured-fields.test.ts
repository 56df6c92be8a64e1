import { describe, expect, it } from 'vitest';
import { type Bare, parseDictionary } from '../../../src/http/parse-structured-fields.ts';

const NONE = new Map<string, Bare>();
const TRUE = { kind: 'boolean', value: true } as const;

describe('parseDictionary (RFC 9651 §4.2.2)', () => {
  it.each<[string, Bare]>([
    ['a=1', { kind: 'integer', value: 1 }],
    ['a=-42', { kind: 'integer', value: -42 }],
    ['a=003600', { kind: 'integer', value: 3600 }],
    ['a=999999999999999', { kind: 'integer', value: 999_999_999_999_999 }],
    ['a=1.5', { kind: 'decimal', value: 1.5 }],
    ['a=3600.0', { kind: 'decimal', value: 3600 }],
    ['a=-123456789012.125', { kind: 'decimal', value: -123_456_789_012.125 }],
    ['a="b"', { kind: 'string', value: 'b' }],
    ['a=""', { kind: 'string', value: '' }],
    ['a="b \\"c\\" \\\\, d"', { kind: 'string', value: 'b "c" \\, d' }],
    ['a=b', { kind: 'token', value: 'b' }],
    ['a=*/x:Y!', { kind: 'token', value: '*/x:Y!' }],
    ['a', TRUE],
    ['a=?1', TRUE],
    ['a=?0', { kind: 'boolean', value: false }],
    ['a=:aGVsbG8=:', { kind: 'byte-sequence', value: Buffer.from('hello') }],
    ['a=:aGVsbG8:', { kind: 'byte-sequence', value: Buffer.from('hello') }],
    ['a=::', { kind: 'byte-sequence', value: Buffer.alloc(0) }],
    ['a=@1659578233', { kind: 'date', value: 1_659_578_233 }],
    ['a=@-1', { kind: 'date', value: -1 }],
    ['a=%"f%c3%bc%c3%bc"', { kind: 'display-string', value: 'f\u00fc\u00fc' }],
    ['a=%"%ef%bb%bfb"', { kind: 'display-string', value: '\ufeffb' }],
    ['a=%"%0a"', { kind: 'display-string', value: '\n' }],
    ['a=%"%f0%9f%98%80 %25"', { kind: 'display-string', value: '\u{1f600} %' }],
    ['  a=1  ', { kind: 'integer', value: 1 }],
    ['a=1\t', { kind: 'integer', value: 1 }],
  ])('reads the member of %j', (text, expected) => {
    expect(parseDictionary([text])).toEqual(new Map([['a', { ...expected, parameters: NONE }]]));
  });

  it('reads members, parameters and inner lists in order', () => {
    const parsed = parseDictionary(['max-age=60;x;y="z", list=( "a";p  b 1.5 );q=?0 ,\tno-store; u=@5']);
    expect([...parsed!.keys()]).toEqual(['max-age', 'list', 'no-store']);
    expect(parsed!.get('max-age')).toEqual({
      kind: 'integer',
      value: 60,
      parameters: new Map<string, Bare>([
        ['x', TRUE],
        ['y', { kind: 'string', value: 'z' }],
      ]),
    });
    expect(parsed!.get('list')).toEqual({
      kind: 'inner-list',
      items: [
        { kind: 'string', value: 'a', parameters: new Map([['p', TRUE]]) },
        { kind: 'token', value: 'b', parameters: NONE },
        { kind: 'decimal', value: 1.5, parameters: NONE },
      ],
      parameters: new Map([['q', { kind: 'boolean', value: false }]]),
    });
    expect(parsed!.get('no-store')).toEqual({ ...TRUE, parameters: new Map([['u', { kind: 'date', value: 5 }]]) });
  });

  it.each([
    ['a=()', 0],
    ['a=(  )', 0],
    ['a=(1)', 1],
    ['a=(1 )', 1],
    ['a=(1 2  3)', 3],
  ])('reads the inner list of %j with %d items (§4.2.1.2)', (text, count) => {
    expect(parseDictionary([text])!.get('a')).toMatchObject({ kind: 'inner-list', items: { length: count } });
  });

  it('joins lines into one field (§4.2)', () => {
    expect([...parseDictionary(['a=1', 'b=2,c'])!.keys()]).toEqual(['a', 'b', 'c']);
    expect(parseDictionary(['a=1', '', 'b=2'])).toBeNull();
    expect(parseDictionary(['a="1', '2"'])!.get('a')).toMatchObject({ value: '1, 2' });
  });

  it('lets the last value of a key count, in the place of the first (§4.2.2)', () => {
    const parsed = parseDictionary(['a=1, b=2, a=3;x=1;x=2'])!;
    expect([...parsed.keys()]).toEqual(['a', 'b']);
    expect(parsed.get('a')).toEqual({ kind: 'integer', value: 3, parameters: new Map([['x', { kind: 'integer', value: 2 }]]) });
  });

  it('takes a tab between members, but not before the first (§4.2)', () => {
    expect(parseDictionary(['a\t,\tb'])?.size).toBe(2);
    expect(parseDictionary(['\ta'])).toBeNull();
  });

  it.each([[['']], [[]], [['   ']]])('finds no members in %j', (lines) => {
    expect(parseDictionary(lines)).toEqual(new Map());
  });

  it.each([
    ...[
      'a,',
      'a, ',
      ',a',
      'a,,b',
      'a b',
      'a;',
      'a; ',
      'a;=1',
      'a;P',
      'A',
      'max-AGE=1',
      '1a',
      '-a',
      'a =1',
      'a= 1',
      'a=',
      'a=,b',
      '=1',
      '"a"=1',
    ],
    ...['a=1000000000000000', 'a=1.', 'a=.5', 'a=1.2345', 'a=1234567890123.1', 'a=--1', 'a=-', 'a=+1', 'a=1a', 'a=1.5.5', 'a=1e3'],
    ...['a="b', 'a="b\\', 'a="b\\c"', 'a="\u00e9"', 'a="\t"', 'a="b"c', "a='b'", 'a=\u00e9'],
    ...[
      'a=?',
      'a=?2',
      'a=?true',
      'a=:',
      'a=:a:',
      'a=:a b:',
      'a=:aGVsbG8==:',
      'a=:=:',
      'a=:ab=c:',
      'a=:aGVsbG8=',
      'a=@1.5',
      'a=@',
      'a=@a',
      'a=@@1',
    ],
    ...[
      'a=%',
      'a=%"',
      'a=%"%C3%BC"',
      'a=%"%c3"',
      'a=%"%c"',
      'a=%"%',
      'a=%"\u00fc"',
      'a=%"%ff"',
      'a=(',
      'a=(1',
      'a=(1"b")',
      'a=(1,2)',
      'a=((1))',
    ],
    ...['a=(1\t2)', 'a=(1;)', 'a=(1);', 'a=1;b=(1)', 'a)', 'a=@(1)', 'a=(1 =)'],
  ])('refuses the whole field for %j', (text) => {
    expect(parseDictionary([text])).toBeNull();
    expect(parseDictionary(['good=1', text])).toBeNull();
  });
});
