import { describe, expect, it } from 'vitest';
import { CACHE_RULE_DEFAULTS } from '../../../../src/cache/rules/options.ts';
import { type ArrivingPart, combinable, combine, type Piece } from '../../../../src/cache/rules/partial.ts';
import type { StoredResponse } from '../../../../src/cache/stored-response.ts';
import { extentOf, fieldsIn, HOUR_BEFORE, START_DATE, START_MS, storedOf } from './stored-of.ts';

const STRONG_DATE = `Last-Modified: ${HOUR_BEFORE}\nDate: ${START_DATE}`;

function partOf(range: string, lines = 'ETag: "a"'): StoredResponse {
  return storedOf(`${lines}\nContent-Range: bytes ${range}`, { status: 206, extent: extentOf(range) });
}

function arriving(range: string, lines = 'ETag: "a"', status = 206): ArrivingPart {
  return { status, fields: fieldsIn(`${lines}\nContent-Range: bytes ${range}`), requestTimeMs: START_MS, responseTimeMs: START_MS + 50 };
}

describe('what continues a stored part (RFC 9111 §3.4, RFC 9110 §15.3.7.3)', () => {
  it.each<[string, StoredResponse, ArrivingPart, boolean]>([
    ['the rest, with the same strong tag', partOf('0-4/10'), arriving('5-9/10'), true],
    ['what comes before it', partOf('5-9/10'), arriving('0-4/10'), true],
    ['what overlaps it', partOf('0-4/10'), arriving('3-7/10'), true],
    ['what is in it already', partOf('0-9/20'), arriving('2-3/20'), true],
    ['a stored 200 that broke off', storedOf('ETag: "a"', { extent: extentOf('0-4/10') }), arriving('5-9/10'), true],
    ['behind a gap', partOf('0-4/10'), arriving('6-9/10'), false],
    ['before a gap', partOf('5-9/10'), arriving('0-3/10'), false],
    ['another tag', partOf('0-4/10'), arriving('5-9/10', 'ETag: "b"'), false],
    ['a weak tag', partOf('0-4/10', 'ETag: W/"a"'), arriving('5-9/10', 'ETag: W/"a"'), false],
    ['no validator', partOf('0-4/10', 'A: 1'), arriving('5-9/10', 'A: 1'), false],
    ['no tag in what arrives', partOf('0-4/10'), arriving('5-9/10', STRONG_DATE), false],
    ['no tag in what is stored', partOf('0-4/10', STRONG_DATE), arriving('5-9/10'), false],
    ['the same strong date', partOf('0-4/10', STRONG_DATE), arriving('5-9/10', STRONG_DATE), true],
    ['a date that is not strong', partOf('0-4/10', STRONG_DATE), arriving('5-9/10', `Last-Modified: ${HOUR_BEFORE}`), false],
    ['another complete length', partOf('0-4/10'), arriving('5-9/11'), false],
    ['a complete length that is not known yet', partOf('0-4/*'), arriving('5-9/10'), true],
    ['a complete length that is not known any more', partOf('0-4/10'), arriving('5-9/*'), true],
    ['beyond the end', partOf('0-4/8'), arriving('5-9/*'), false],
    ['an end before what is stored', partOf('0-8/*'), arriving('5-6/7'), false],
    ['a 200', partOf('0-4/10'), arriving('5-9/10', 'ETag: "a"', 200), false],
    [
      'several ranges (multipart)',
      partOf('0-4/10'),
      { ...arriving('5-9/10'), fields: fieldsIn('ETag: "a"\nContent-Type: multipart/byteranges; boundary=x') },
      false,
    ],
    ['a Content-Length that says otherwise', partOf('0-4/10'), arriving('5-9/10', 'ETag: "a"\nContent-Length: 4'), false],
    ['a Content-Length that agrees', partOf('0-4/10'), arriving('5-9/10', 'ETag: "a"\nContent-Length: 5'), true],
    [
      'a stored part that contradicts itself',
      storedOf('ETag: "a"\nContent-Range: bytes 0-5/10', { status: 206, extent: extentOf('0-4/10') }),
      arriving('5-9/10'),
      false,
    ],
    ['a stored 404', storedOf('ETag: "a"', { status: 404, extent: extentOf('0-4/10') }), arriving('5-9/10'), false],
  ])('%s', (_, stored, part, expected) => {
    expect(combinable(stored, part)).toBe(expected);
    expect(combine(stored, part, 'two', CACHE_RULE_DEFAULTS) !== null).toBe(expected);
  });
});

describe('two parts as one', () => {
  it.each<[string, string, string, readonly Piece[]]>([
    ['0-4/10', '5-9/10', '0-9/10', [piece('stored', 0, 5), piece('arriving', 0, 5)]],
    ['0-4/10', '3-7/10', '0-7/10', [piece('stored', 0, 5), piece('arriving', 2, 3)]],
    ['5-9/10', '2-4/10', '2-9/10', [piece('arriving', 0, 3), piece('stored', 0, 5)]],
    ['5-9/10', '2-7/10', '2-9/10', [piece('arriving', 0, 3), piece('stored', 0, 5)]],
    ['4-5/10', '2-7/10', '2-7/10', [piece('arriving', 0, 2), piece('stored', 0, 2), piece('arriving', 4, 2)]],
    ['2-7/10', '4-5/10', '2-7/10', [piece('stored', 0, 6)]],
    ['0-4/*', '5-9/10', '0-9/10', [piece('stored', 0, 5), piece('arriving', 0, 5)]],
  ])('%s and %s are %s', (stored, part, whole, pieces) => {
    const combination = combine(partOf(stored), arriving(part), 'two', CACHE_RULE_DEFAULTS)!;
    expect(combination.response.extent).toEqual(extentOf(whole));
    expect(combination.pieces).toEqual(pieces);
    expect(combination.arrivingLength).toBe(extentOf(part).length);
  });

  it('what is complete is a 200 without Content-Range (RFC 9111 §3.4)', () => {
    const stored = partOf('0-4/10', 'ETag: "a"\nA: 1\nB: 1\nContent-Length: 5\nContent-MD5: x\nAge: 9');
    const { response } = combine(
      stored,
      arriving('5-9/10', `ETag: "a"\nB: 2\nContent-Length: 5\nDate: ${START_DATE}`),
      'two',
      CACHE_RULE_DEFAULTS,
    )!;
    expect(response).toMatchObject({ id: 'two', status: 200, reason: 'OK', responseTimeMs: START_MS + 50, isInvalidated: false });
    // Newer fields win: §3.4.
    expect(response.fields.map(({ name, value }) => `${name}: ${value}`)).toEqual([
      'A: 1',
      'ETag: "a"',
      'B: 2',
      `Date: ${START_DATE}`,
      'Content-Length: 10',
    ]);
  });

  it('what is not complete stays a 206, with what it has come to', () => {
    const { response } = combine(partOf('0-4/20'), arriving('5-9/20'), 'two', CACHE_RULE_DEFAULTS)!;
    expect(response).toMatchObject({ status: 206, reason: 'Partial Content' });
    expect(response.fields).toContainEqual({ name: 'Content-Range', value: 'bytes 0-9/20' });
    expect(response.fields).toContainEqual({ name: 'Content-Length', value: '10' });
    expect(response.fields.filter(({ name }) => name === 'Content-Range')).toHaveLength(1);
  });
});

function piece(from: Piece['from'], first: number, length: number): Piece {
  return { from, first, length };
}
