import { describe, expect, it } from 'vitest';
import {
  type ByteRange,
  contentFor,
  contradictsItself,
  parseContentRange,
  parseRange,
  type Section,
  satisfy,
} from '../../../../src/cache/rules/ranges.ts';
import { extentOf, fieldsIn, HOUR_BEFORE, START_DATE, storedOf } from './stored-of.ts';

describe('Range (RFC 9110 §14.2)', () => {
  const many = (count: number) => `bytes=${Array.from({ length: count }, (_, i) => `${i * 10}-${i * 10}`).join(',')}`;

  it.each<[string, ByteRange[] | null]>([
    ['Range: bytes=0-4', [{ first: 0, last: 4 }]],
    ['Range: bytes=5-', [{ first: 5, last: null }]],
    ['Range: bytes=-5', [{ first: null, last: 5 }]],
    ['range: BYTES=0-0', [{ first: 0, last: 0 }]],
    [
      'Range: bytes= 0-1 ,, -2,\t3-',
      [
        { first: 0, last: 1 },
        { first: null, last: 2 },
        { first: 3, last: null },
      ],
    ],
    ['Range: bytes=0-99999999999999999999', [{ first: 0, last: Number.MAX_SAFE_INTEGER }]],
    ['Accept: bytes=0-4', null],
    ['Range: lines=0-4', null],
    ['Range: bytes 0-4', null],
    ['Range: bytes=', null],
    ['Range: bytes=,', null],
    ['Range: bytes=-', null],
    ['Range: bytes=4-0', null],
    ['Range: bytes=0-4,x', null],
    ['Range: bytes=0-4,5', null],
    ['Range: bytes=+1-4', null],
    ['Range: bytes=0x1-4', null],
    ['Range: bytes=1.0-4', null],
    ['Range: bytes=0--4', null],
    ['Range: bytes=0 - 4', null],
    ['Range: bytes=\xa00-4', null],
    ['Range: bytes=0-4\nRange: bytes=0-4', null],
    [`Range: bytes=${'0'.repeat(1100)}-`, null],
  ])('%j', (lines, ranges) => {
    expect(parseRange(fieldsIn(lines))).toEqual(ranges);
  });

  it('takes sixteen ranges and ignores more (RFC 9110 §17.15)', () => {
    expect(parseRange(fieldsIn(`Range: ${many(16)}`))).toHaveLength(16);
    expect(parseRange(fieldsIn(`Range: ${many(17)}`))).toBeNull();
  });
});

describe('ranges of a complete representation (RFC 9110 §14.1.2)', () => {
  it.each<[string, number, ReturnType<typeof satisfy>]>([
    ['0-4', 10, [section(0, 5)]],
    ['5-', 10, [section(5, 5)]],
    ['-5', 10, [section(5, 5)]],
    ['-50', 10, [section(0, 10)]],
    ['9-99', 10, [section(9, 1)]],
    ['0-', 10, [section(0, 10)]],
    ['10-', 10, 'unsatisfiable'],
    ['10-20,-0', 10, 'unsatisfiable'],
    ['-0', 10, 'unsatisfiable'],
    ['0-0', 0, 'whole'],
    ['-1', 0, 'whole'],
    ['10-,0-1', 10, [section(0, 2)]],
    ['0-1,4-5', 10_000, [section(0, 2), section(4, 2)]],
    ['4-5,0-1', 10_000, [section(4, 2), section(0, 2)]],
    ['0-5,5-8', 10_000, 'whole'],
    ['5-8,0-9', 10_000, 'whole'],
    ['0-,0-,0-', 10_000, 'whole'],
    ['0-1,4-5', 10, 'whole'], // the parts would cost more than all of it
  ])('bytes=%s of %i octets', (text, length, expected) => {
    expect(satisfy(parseRange(fieldsIn(`Range: bytes=${text}`))!, length)).toEqual(expected);
  });
});

describe('Content-Range (RFC 9110 §14.4)', () => {
  it.each([
    ['bytes 0-4/10', { first: 0, last: 4, completeLength: 10 }],
    ['BYTES 4-9/10', { first: 4, last: 9, completeLength: 10 }],
    ['bytes 0-4/*', { first: 0, last: 4, completeLength: null }],
    ['bytes */10', null],
    ['bytes 4-0/10', null],
    ['bytes 0-10/10', null],
    ['bytes=0-4/10', null],
    ['lines 0-4/10', null],
    ['bytes 0-4', null],
    ['bytes 0-4/', null],
    ['bytes 0-4/x', null],
    ['bytes  0-4/10', null],
    ['bytes /0-4', null],
    ['bytes -4/10', null],
    ['bytes 0-99999999999999999999/*', null],
    ['', null],
  ])('%j', (value, expected) => {
    expect(parseContentRange(value)).toEqual(expected);
  });
});

describe('what of a stored response answers a request', () => {
  const complete = storedOf('ETag: "a"');
  const part = storedOf('Content-Range: bytes 4-7/10', { status: 206, extent: extentOf('4-7/10') });
  const unknownLength = storedOf('Content-Range: bytes 4-7/*', { status: 206, extent: extentOf('4-7/*') });
  const weak = storedOf(`ETag: W/"a"\nLast-Modified: ${HOUR_BEFORE}\nDate: ${START_DATE}`);
  const dated = storedOf(`Last-Modified: ${HOUR_BEFORE}\nDate: ${START_DATE}`);
  const justModified = storedOf(`Last-Modified: ${START_DATE}\nDate: ${START_DATE}`);
  const notFound = storedOf('', { status: 404 });

  it.each<[string, typeof complete, string, ReturnType<typeof contentFor>]>([
    ['a complete one answers without Range', complete, '', 'whole'],
    ['... or a range of it (RFC 9111 §3.3)', complete, 'Range: bytes=0-1', [section(0, 2)]],
    ['... or says that there is none (RFC 9110 §15.5.17)', complete, 'Range: bytes=10-', 'unsatisfiable'],
    ['If-Range of its strong tag holds (RFC 9110 §13.1.5)', complete, 'Range: bytes=0-1\nIf-Range: "a"', [section(0, 2)]],
    ['If-Range of another tag does not', complete, 'Range: bytes=0-1\nIf-Range: "b"', 'whole'],
    ['If-Range of a weak tag never does (RFC 9110 §8.8.3.2)', weak, 'Range: bytes=0-1\nIf-Range: W/"a"', 'whole'],
    ['If-Range of a strong date holds (RFC 9110 §8.8.2.2)', dated, `Range: bytes=0-1\nIf-Range: ${HOUR_BEFORE}`, [section(0, 2)]],
    ['If-Range of a date that is not strong does not', justModified, `Range: bytes=0-1\nIf-Range: ${START_DATE}`, 'whole'],
    ['If-Range of a later date does not: it has to be equal', dated, `Range: bytes=0-1\nIf-Range: ${START_DATE}`, 'whole'],
    ['a range of another status is ignored (RFC 9110 §14.2)', notFound, 'Range: bytes=0-1', 'whole'],
    ['a part never answers without Range (RFC 9111 §3.3)', part, '', 'beyond'],
    ['... but a range wholly within it', part, 'Range: bytes=5-6', [{ first: 5, length: 2, offset: 1 }]],
    ['... all of it', part, 'Range: bytes=4-7', [{ first: 4, length: 4, offset: 0 }]],
    ['... not one that begins before it', part, 'Range: bytes=3-5', 'beyond'],
    ['... not one that ends behind it', part, 'Range: bytes=5-8', 'beyond'],
    ['... not up to an end that it does not hold', part, 'Range: bytes=5-', 'beyond'],
    ['... not a suffix beyond it', part, 'Range: bytes=-1', 'beyond'],
    ['... not what lies behind the representation', part, 'Range: bytes=10-', 'beyond'],
    ['... not several', part, 'Range: bytes=4-4,6-6', 'beyond'],
    ['... not where If-Range fails', part, 'Range: bytes=5-6\nIf-Range: "b"', 'beyond'],
    ['a part of unknown length answers what lies in it', unknownLength, 'Range: bytes=5-6', [{ first: 5, length: 2, offset: 1 }]],
    ['... and no suffix', unknownLength, 'Range: bytes=-1', 'beyond'],
    ['... and nothing up to the end', unknownLength, 'Range: bytes=5-', 'beyond'],
  ])('%s', (_, stored, lines, expected) => {
    expect(contentFor('GET', fieldsIn(lines), stored)).toEqual(expected);
  });

  it('HEAD has no ranges, and needs all of it (RFC 9110 §14.2)', () => {
    expect(contentFor('HEAD', fieldsIn('Range: bytes=0-1'), complete)).toBe('whole');
    expect(contentFor('HEAD', fieldsIn('Range: bytes=4-5'), part)).toBe('beyond');
  });

  it('the last part answers suffixes and open ranges, as far as it reaches', () => {
    const last = storedOf('Content-Range: bytes 4-9/10', { status: 206, extent: extentOf('4-9/10') });
    expect(contentFor('GET', fieldsIn('Range: bytes=-6'), last)).toEqual([{ first: 4, length: 6, offset: 0 }]);
    expect(contentFor('GET', fieldsIn('Range: bytes=-7'), last)).toBe('beyond');
    expect(contentFor('GET', fieldsIn('Range: bytes=6-'), last)).toEqual([{ first: 6, length: 4, offset: 2 }]);
    expect(contentFor('GET', fieldsIn('Range: bytes=6-99'), last)).toEqual([{ first: 6, length: 4, offset: 2 }]);
  });
});

describe('a 206 whose Content-Range and length disagree', () => {
  const extent = { first: 4, length: 5, completeLength: 10 };
  const part = storedOf('Content-Range: bytes 4-9/10', { status: 206, extent });

  it.each<[string, Section | 'beyond']>([
    ['-5', { first: 5, length: 5, offset: 0 }],
    ['-1', { first: 9, length: 1, offset: 4 }],
    ['-6', 'beyond'],
    ['-0', 'beyond'],
    ['6-8', { first: 6, length: 3, offset: 2 }],
    ['6-', { first: 6, length: 3, offset: 2 }],
    ['6-9', 'beyond'],
    ['3-5', 'beyond'],
    ['9-', 'beyond'],
    ['4-4,6-6', 'beyond'],
  ])('bytes=%s is cut from its end if a suffix, else from its start', (range, expected) => {
    expect(contradictsItself(part)).toBe(true);
    expect(contentFor('GET', fieldsIn(`Range: bytes=${range}`), part)).toEqual(expected === 'beyond' ? expected : [expected]);
  });

  it('answers nothing when more came than there is, and is not taken for all of it when as much came', () => {
    const tooLong = storedOf('Content-Range: bytes 4-9/10', { status: 206, extent: { first: 4, length: 7, completeLength: 10 } });
    expect(contentFor('GET', fieldsIn('Range: bytes=5-6'), tooLong)).toBe('beyond');
    const likeAll = storedOf('Content-Range: bytes 0-4/10', { status: 206 });
    expect(contentFor('GET', [], likeAll)).toBe('beyond');
  });

  it('answers nothing when it has a strong validator, by which somebody could join it to other parts', () => {
    const joinable = storedOf('Content-Range: bytes 4-9/10\nETag: "a"', { status: 206, extent });
    expect(contentFor('GET', fieldsIn('Range: bytes=6-8'), joinable)).toBe('beyond');
  });
});

function section(first: number, length: number): Section {
  return { first, length, offset: first };
}
