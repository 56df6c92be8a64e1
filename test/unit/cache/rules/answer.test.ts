import { describe, expect, it } from 'vitest';
import { type Answer, shapeAnswer } from '../../../../src/cache/rules/answer.ts';
import type { StoredResponse } from '../../../../src/cache/stored-response.ts';
import { extentOf, fieldsIn, HOUR_BEFORE, START_DATE, START_MS, storedOf } from './stored-of.ts';

function answer(asked: string, stored: StoredResponse, ageSeconds = 33, method = 'GET'): Answer {
  return shapeAnswer({ method, fields: fieldsIn(asked) }, stored, ageSeconds, START_MS, () => 'XYZ');
}

function lines({ fields }: Answer): string[] {
  return fields.map(({ name, value }) => `${name}: ${value}`);
}

describe('a whole answer (RFC 9111 §4)', () => {
  const stored = storedOf(
    `Date: ${START_DATE}\nExpires: ${HOUR_BEFORE}\nAge: 30\nAGE: 7\nA: 1\nA: 2\nContent-Length: 10\nContent-Range: odd`,
  );

  it('has every stored field as it came, and exactly one Age (RFC 9111 §5.1)', () => {
    expect(lines(answer('', stored))).toEqual([
      `Date: ${START_DATE}`,
      `Expires: ${HOUR_BEFORE}`,
      'A: 1',
      'A: 2',
      'Content-Length: 10',
      'Content-Range: odd',
      'Age: 33',
    ]);
  });

  it('has the status, the reason and all of the content', () => {
    expect(answer('', stored)).toMatchObject({ status: 200, reason: 'As Stored', content: { first: 0, length: 10 }, multipart: null });
    expect(answer('', storedOf('', { status: 599 }))).toMatchObject({ status: 599, reason: 'As Stored' });
  });

  it('to HEAD is the same (RFC 9110 §9.3.2)', () => {
    expect(answer('Range: bytes=0-1', stored, 33, 'HEAD')).toEqual(answer('', stored));
  });

  it('is a 200 of a 206 that holds everything', () => {
    const complete = storedOf('Content-Range: bytes 0-9/10\nA: 1', { status: 206 });
    expect(answer('', complete)).toMatchObject({ status: 200, reason: 'OK', content: { first: 0, length: 10 } });
    expect(lines(answer('', complete))).toEqual(['A: 1', 'Age: 33']);
  });
});

describe('a 304 (RFC 9110 §15.4.5)', () => {
  const FULL = `ETag: "a"\nDate: ${START_DATE}\nExpires: x\nCache-Control: max-age=9\nCDN-Cache-Control: max-age=9\nVary: Foo\nContent-Location: /a\nLast-Modified: ${HOUR_BEFORE}\nAge: 1\nContent-Type: text/plain\nSet-Cookie: a=b\nContent-Length: 10\nX: y`;

  it('has what updates the copy of the client, and no content', () => {
    const notModified = answer('If-None-Match: "a"', storedOf(FULL));
    expect(notModified).toMatchObject({ status: 304, reason: 'Not Modified', content: null, multipart: null });
    expect(lines(notModified).map((line) => line.slice(0, line.indexOf(':')))).toEqual([
      ...['ETag', 'Date', 'Expires', 'Cache-Control', 'CDN-Cache-Control', 'Vary', 'Content-Location', 'Last-Modified', 'Age'],
    ]);
  });

  it('comes before a range (RFC 9110 §13.2.2), to HEAD too, and never for another status (§13.2.1)', () => {
    expect(answer('If-None-Match: "a"\nRange: bytes=0-1', storedOf(FULL)).status).toBe(304);
    expect(answer('If-None-Match: "a"', storedOf(FULL), 0, 'HEAD').status).toBe(304);
    expect(answer('If-None-Match: "a"', storedOf(FULL, { status: 404 })).status).toBe(404);
  });

  it('does not come to a client whose copy is another one', () => {
    expect(answer('If-None-Match: "b"\nRange: bytes=0-1', storedOf(FULL)).status).toBe(206);
  });
});

describe('ranges (RFC 9110 §15.3.7)', () => {
  const STORED = `Content-Type: text/plain\nContent-Length: 10\nContent-MD5: x\nETag: "a"\nA: 1`;

  it('one range is a 206, with the stored fields', () => {
    const partial = answer('Range: bytes=2-4', storedOf(STORED));
    expect(partial).toMatchObject({ status: 206, reason: 'Partial Content', content: { first: 2, length: 3 } });
    expect(lines(partial)).toEqual([
      'Content-Type: text/plain',
      'ETag: "a"',
      'A: 1',
      'Age: 33',
      'Content-Range: bytes 2-4/10',
      'Content-Length: 3',
    ]);
  });

  it('a range within a stored part is cut from where it stands', () => {
    const part = storedOf('Content-Range: bytes 4-8/10', { status: 206, extent: extentOf('4-8/10') });
    const partial = answer('Range: bytes=5-6', part);
    expect(partial.content).toEqual({ first: 1, length: 2 });
    expect(lines(partial)).toEqual(['Age: 33', 'Content-Range: bytes 5-6/10', 'Content-Length: 2']);
    const unknown = storedOf('Content-Range: bytes 4-8/*', { status: 206, extent: extentOf('4-8/*') });
    expect(lines(answer('Range: bytes=5-6', unknown))).toContain('Content-Range: bytes 5-6/*');
  });

  it('none that can be satisfied is a 416 that says how much there is (RFC 9110 §15.5.17)', () => {
    const unsatisfiable = answer('Range: bytes=10-', storedOf(STORED));
    expect(unsatisfiable).toMatchObject({ status: 416, content: null, multipart: null });
    expect(lines(unsatisfiable)).toEqual(['ETag: "a"', 'Age: 33', 'Content-Range: bytes */10', 'Content-Length: 0']);
  });

  it('several are multipart/byteranges, in the order in which they were asked for (RFC 9110 §14.6)', () => {
    const stored = storedOf(STORED, { extent: extentOf('0-999/1000') });
    const { status, fields, content, multipart } = answer('Range: bytes=4-5,0-0', stored);
    expect([status, content]).toEqual([206, null]);
    expect(multipart?.parts).toEqual([
      { head: '\r\n--XYZ\r\nContent-Type: text/plain\r\nContent-Range: bytes 4-5/1000\r\n\r\n', first: 4, length: 2 },
      { head: '\r\n--XYZ\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-0/1000\r\n\r\n', first: 0, length: 1 },
    ]);
    expect(multipart?.end).toBe('\r\n--XYZ--\r\n');
    const length = multipart!.parts.reduce((sum, part) => sum + part.head.length + part.length, multipart!.end.length);
    expect(multipart?.length).toBe(length);
    expect(fields).toContainEqual({ name: 'Content-Type', value: 'multipart/byteranges; boundary=XYZ' });
    expect(fields).toContainEqual({ name: 'Content-Length', value: String(length) });
    expect(fields.some(({ name }) => name === 'Content-Range')).toBe(false);
  });

  it('asks for no boundary where none is needed', () => {
    const refuse = () => {
      throw new Error('asked for a boundary');
    };
    expect(shapeAnswer({ method: 'GET', fields: fieldsIn('Range: bytes=0-1') }, storedOf(STORED), 0, START_MS, refuse).status).toBe(206);
  });
});
