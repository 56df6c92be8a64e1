import { describe, expect, it } from 'vitest';
import { currentAgeSeconds, isFresh } from '../../../../src/cache/rules/freshness.ts';
import { CACHE_RULE_DEFAULTS } from '../../../../src/cache/rules/options.ts';
import { conditionsFor, fieldsForAsker, freshened, headUpdate, outgoingFields, updates } from '../../../../src/cache/rules/validation.ts';
import type { Fields } from '../../../../src/http/message.ts';
import { extentOf, factsFor, fieldsIn, HOUR_BEFORE, judged, requestOf, START_DATE, START_MS, storedOf } from './stored-of.ts';

const LATER_MS = START_MS + 3_000;
const LATER_DATE = 'Thu, 01 Jan 2026 00:00:03 GMT';

/** What is stored once a 304 has come three seconds after the start. */
function after304(stored: string, notModified: string, asked = ''): ReturnType<typeof freshened> {
  const update = { fields: fieldsIn(notModified), requestTimeMs: LATER_MS, responseTimeMs: LATER_MS };
  return freshened(storedOf(stored, { isInvalidated: true }), update, fieldsIn(asked), CACHE_RULE_DEFAULTS);
}

function textOf(fields: Fields): string {
  return fields.map(({ name, value }) => `${name}: ${value}`).join('\n');
}

describe('the conditions that we send (RFC 9111 §4.3.1)', () => {
  it.each<[string, string]>([
    ['ETag: "a"', 'If-None-Match: "a"'],
    ['ETag: W/"a"', 'If-None-Match: W/"a"'],
    ['ETag: a', 'If-None-Match: a'],
    [`Last-Modified: ${HOUR_BEFORE}`, `If-Modified-Since: ${HOUR_BEFORE}`],
    ['Last-Modified: Wednesday, 31-Dec-25 23:00:00 GMT', 'If-Modified-Since: Wednesday, 31-Dec-25 23:00:00 GMT'],
    [`ETag: "a"\nLast-Modified: ${HOUR_BEFORE}`, `If-None-Match: "a"\nIf-Modified-Since: ${HOUR_BEFORE}`],
    [`Date: ${START_DATE}`, ''],
    ['ETag: "a"\nETag: "b"', ''],
  ])('%j is validated by %j', (stored, expected) => {
    expect(textOf(conditionsFor(storedOf(stored)))).toBe(expected);
  });
});

describe('fields of the request to the origin', () => {
  const STORED = `Cache-Control: max-age=1\nETag: "a"\nLast-Modified: ${HOUR_BEFORE}\nDate: ${START_DATE}`;
  const OURS = `If-None-Match: "a"\nIf-Modified-Since: ${HOUR_BEFORE}`;
  const part = (lines: string) => storedOf(`${lines}\nContent-Range: bytes 0-4/10`, { status: 206, extent: extentOf('0-4/10') });

  it.each<[string, string, ReturnType<typeof storedOf>[], string]>([
    [
      'a validation repeats the request, which Vary may name (RFC 9111 §4.3.1)',
      'Accept: a\nFoo: 1',
      [storedOf(STORED)],
      `Accept: a\nFoo: 1\n${OURS}`,
    ],
    [
      'our conditions replace those of the client',
      `If-None-Match: "x"\nif-modified-since: ${START_DATE}\nFoo: 1`,
      [storedOf(STORED)],
      `Foo: 1\n${OURS}`,
    ],
    [
      'the Range of the client stays, should there be something new',
      'Range: bytes=0-1\nIf-Range: "a"',
      [storedOf(STORED)],
      `Range: bytes=0-1\nIf-Range: "a"\n${OURS}`,
    ],
    ['without a validator the request goes as it is', 'Foo: 1', [storedOf('Cache-Control: max-age=1')], 'Foo: 1'],
    [
      '... without a condition that would be about another copy',
      'If-None-Match: "x"\nFoo: 1',
      [storedOf('Cache-Control: max-age=1')],
      'Foo: 1',
    ],
    ['with nothing stored the condition of the client goes as it came', 'If-None-Match: unquoted', [], 'If-None-Match: unquoted'],
    ['a prefix is completed by its strong tag (RFC 9110 §13.1.5)', 'Foo: 1', [part('ETag: "a"')], 'Foo: 1\nRange: bytes=5-\nIf-Range: "a"'],
    [
      '... or its strong date',
      '',
      [part(`Last-Modified: ${HOUR_BEFORE}\nDate: ${START_DATE}`)],
      `Range: bytes=5-\nIf-Range: ${HOUR_BEFORE}`,
    ],
    [
      'a range is completed by what is missing of it',
      'Range: bytes=3-7\nIf-Range: "a"',
      [part('ETag: "a"')],
      'Range: bytes=5-7\nIf-Range: "a"',
    ],
  ])('%s', (_, asked, all, expected) => {
    const request = requestOf(asked);
    expect(textOf(outgoingFields(request.fields, judged(request, all, 9)))).toBe(expected);
  });

  it('a response that is validated behind an answer is asked about with the fields of that request (RFC 5861 §3)', () => {
    const request = requestOf('Foo: 1');
    const reuse = judged(request, [storedOf('Cache-Control: max-age=1, stale-while-revalidate=60\nETag: "a"')], 9);
    expect(textOf(outgoingFields(request.fields, reuse))).toBe('Foo: 1\nIf-None-Match: "a"');
  });
});

describe('which stored response a 304 is about (RFC 9111 §4.3.4)', () => {
  it.each<[string, string, string, boolean]>([
    ['the same strong tag', 'ETag: "a"', 'ETag: "a"', true],
    ['another strong tag', 'ETag: "a"', 'ETag: "b"', false],
    ['the same weak tag', 'ETag: W/"a"', 'ETag: W/"a"', true],
    ['a weak tag for a strong one', 'ETag: "a"', 'ETag: W/"a"', true],
    ['a strong tag for a weak one names something else', 'ETag: W/"a"', 'ETag: "a"', false],
    ['a strong tag where none is stored', `Last-Modified: ${HOUR_BEFORE}`, 'ETag: "a"', false],
    ['the same tag with another date', `ETag: "a"\nLast-Modified: ${HOUR_BEFORE}`, `ETag: "a"\nLast-Modified: ${START_DATE}`, true],
    ['the same date', `Last-Modified: ${HOUR_BEFORE}`, `Last-Modified: ${HOUR_BEFORE}`, true],
    ['another date', `Last-Modified: ${HOUR_BEFORE}`, `Last-Modified: ${START_DATE}`, false],
    ['no validator: what was asked about', 'ETag: "a"', `Date: ${START_DATE}`, true],
  ])('%s: %j, %j: %j', (_, stored, notModified, expected) => {
    expect(updates(storedOf(stored), { fields: fieldsIn(notModified) })).toBe(expected);
  });
});

describe('a stored response after a 304 (RFC 9111 §4.3.4, §3.2)', () => {
  const STORED = `ETag: "a"\nDate: ${START_DATE}\nAge: 50\nCache-Control: max-age=2\nTest: A`;
  const NOT_MODIFIED = `ETag: "a"\nDate: ${LATER_DATE}\nCache-Control: max-age=2`;

  it.each([
    'Test',
    'X-Test',
    'Content-Foo',
    'Cache-Control',
    'Content-Location',
    'Content-Security-Policy',
    'Content-Type',
    'Content-Language',
    'Clear-Site-Data',
    'Expires',
    'Set-Cookie',
    'X-Frame-Options',
    'Last-Modified',
  ])('takes %s from it', (name) => {
    const { fields } = after304(`${STORED}\n${name}: 1\n${name}: 2`, `${NOT_MODIFIED}\n${name.toLowerCase()}: 3`);
    const values = fields.filter((field) => field.name.toLowerCase() === name.toLowerCase()).map(({ value }) => value);
    expect(values.at(-1)).toBe('3');
    expect(values).not.toContain('1');
    expect(values).not.toContain('2');
  });

  it.each(['Content-Length', 'Content-Encoding', 'Content-Range', 'Content-MD5', 'Content-Digest'])(
    'keeps %s, which is about the octets that are stored',
    (name) => {
      const { fields } = after304(`${STORED}\n${name}: 1`, `${NOT_MODIFIED}\n${name}: 2`);
      expect(fields.filter((field) => field.name === name)).toEqual([{ name, value: '1' }]);
    },
  );

  it.each([
    ['Connection', 'close'],
    ['Keep-Alive', '1'],
    ['Transfer-Encoding', 'x'],
    ['Proxy-Authenticate', 'Basic'],
    ['Upgrade', 'x'],
  ])('takes no %s, which is about one connection (RFC 9111 §3.1)', (name, value) => {
    expect(after304(STORED, `${NOT_MODIFIED}\n${name}: ${value}`).fields.some((field) => field.name === name)).toBe(false);
  });

  it('takes no field that Connection or a qualified no-cache names', () => {
    const { fields } = after304(STORED, `${NOT_MODIFIED}, no-cache="b"\nConnection: a\nA: 1\nB: 2`);
    expect(fields.some(({ name }) => name === 'A' || name === 'B')).toBe(false);
  });

  it.each<[string, string, string]>([
    ['of before, once the 304 names it', 'max-age=1', 'private="b", max-age=9'],
    ['of the 304, where it was named before and the 304 does not repeat that', 'private="b", max-age=1', ''],
    ['of either, by no-cache', 'max-age=1', 'no-cache="x, B", max-age=9'],
  ])('has no field that is for one client alone: %s (RFC 9111 §5.2.2.4, §5.2.2.7)', (_, before, after) => {
    const update = {
      fields: fieldsIn(`ETag: "a"\nB: 2${after === '' ? '' : `\nCache-Control: ${after}`}`),
      requestTimeMs: LATER_MS,
      responseTimeMs: LATER_MS,
    };
    const stored = freshened(storedOf(`ETag: "a"\nCache-Control: ${before}\nB: 1\nC: 1`), update, [], CACHE_RULE_DEFAULTS);
    expect(stored.fields.map(({ name }) => name).sort()).toEqual(['C', 'Cache-Control', 'Date', 'ETag']);
    expect(fieldsForAsker(stored, update, CACHE_RULE_DEFAULTS)).toEqual([{ name: 'B', value: '2' }]);
  });

  it('keeps the fields that it omits, its id and its content, and is not invalidated any more', () => {
    const after = after304(STORED, NOT_MODIFIED);
    expect(after.fields).toContainEqual({ name: 'Test', value: 'A' });
    expect(after).toMatchObject({ id: 'one', status: 200, isInvalidated: false, requestTimeMs: LATER_MS, responseTimeMs: LATER_MS });
    expect(after.extent).toEqual({ first: 0, length: 10, completeLength: 10 });
  });

  it('begins to age anew (RFC 9111 §4.2.3)', () => {
    const facts = factsFor(after304(STORED, NOT_MODIFIED));
    expect(currentAgeSeconds(facts, LATER_MS + 1_000)).toBe(1);
    expect(isFresh(facts, LATER_MS + 1_000)).toBe(true);
  });

  it('counts from its receipt when it has no Date (RFC 9110 §6.6.1)', () => {
    expect(after304(STORED, 'ETag: "a"').fields).toContainEqual({ name: 'Date', value: LATER_DATE });
  });

  it('keeps every field when the 304 names another representation, and counts as validated', () => {
    const after = after304(STORED, `ETag: "b"\nDate: ${LATER_DATE}\nCache-Control: max-age=9000\nTest: B`);
    expect(textOf(after.fields)).toBe(`ETag: "a"\nCache-Control: max-age=2\nTest: A\nDate: ${LATER_DATE}`);
    expect(currentAgeSeconds(factsFor(after), LATER_MS)).toBe(0);
    expect(after.isInvalidated).toBe(false);
  });

  it('is selected by what a new Vary names in this request', () => {
    expect(after304(`${STORED}\nVary: Foo`, `${NOT_MODIFIED}\nVary: Bar`, 'Bar: 1').selectedBy).toEqual([{ name: 'bar', value: '1' }]);
    expect(after304(`${STORED}\nVary: Foo`, NOT_MODIFIED, 'Bar: 1').selectedBy).toEqual([{ name: 'foo', value: null }]);
  });

  it('is asked about at every use once its Vary is *', () => {
    expect(after304(STORED, `${NOT_MODIFIED}\nVary: *`).isInvalidated).toBe(true);
  });

  it('has the tags of its fields as they are then', () => {
    expect(after304(`${STORED}\nCache-Tag: old`, `${NOT_MODIFIED}\nCache-Tag: new, b c`).tags).toEqual(['new', 'b c']);
    expect(after304(`${STORED}\nSurrogate-Key: one`, `${NOT_MODIFIED}\nCache-Tag: new`).tags).toEqual(['one', 'new']);
  });
});

describe('a 200 to HEAD (RFC 9111 §4.3.5)', () => {
  const STORED = `ETag: "a"\nLast-Modified: ${HOUR_BEFORE}`;
  it.each<[string, number, string, string]>([
    ['nothing contradicts', 200, '', 'update'],
    ['the same validators and length', 200, `${STORED}\nContent-Length: 10`, 'update'],
    ['another tag', 200, 'ETag: "b"', 'invalidate'],
    ['another date', 200, `Last-Modified: ${START_DATE}`, 'invalidate'],
    ['another length', 200, 'ETag: "a"\nContent-Length: 11', 'invalidate'],
    ['gone: only a 200 counts', 410, 'ETag: "b"', 'nothing'],
    ['not modified', 304, 'ETag: "b"', 'nothing'],
  ])('%s: %i %j: %s', (_, status, lines, expected) => {
    expect(headUpdate(storedOf(STORED), { status, fields: fieldsIn(lines) })).toBe(expected);
  });

  it('contradicts a stored 404, and the complete length of a part counts', () => {
    expect(headUpdate(storedOf('', { status: 404 }), { status: 200, fields: [] })).toBe('invalidate');
    const part = storedOf('', { status: 206, extent: extentOf('0-4/10') });
    expect(headUpdate(part, { status: 200, fields: fieldsIn('Content-Length: 10') })).toBe('update');
    expect(headUpdate(part, { status: 200, fields: fieldsIn('Content-Length: 5') })).toBe('invalidate');
  });
});
