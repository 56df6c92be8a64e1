// On random representations, stored parts and Range fields: what is sent is stored, and is what was asked for, octet by octet. A naive origin that
// holds the whole representation is the measure.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Answer, shapeAnswer } from '../../src/cache/rules/answer.ts';
import { requestDirectives } from '../../src/cache/rules/cache-control.ts';
import { factsOf } from '../../src/cache/rules/freshness.ts';
import { CACHE_RULE_DEFAULTS, NO_OVERRIDES } from '../../src/cache/rules/options.ts';
import { type Combination, combine } from '../../src/cache/rules/partial.ts';
import { contentFor, parseContentRange, parseRange } from '../../src/cache/rules/ranges.ts';
import { type CacheRequest, judgeReuse } from '../../src/cache/rules/reuse.ts';
import { outgoingFields } from '../../src/cache/rules/validation.ts';
import type { Extent, StoredResponse } from '../../src/cache/stored-response.ts';
import { fieldValue } from '../../src/http/fields.ts';
import type { Field } from '../../src/http/message.ts';

const START_MS = Date.UTC(2026, 0, 1);
const MOST = 2_000;

const range = fc.oneof(
  fc.tuple(fc.nat(MOST), fc.nat(MOST)).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
  fc.nat(MOST).map((first) => `${first}-`),
  fc.nat(MOST).map((suffix) => `-${suffix}`),
);
/** Rarely do two of them overlap. */
const shortRange = fc.tuple(fc.nat(MOST), fc.nat(9)).map(([first, more]) => `${first}-${first + more}`);
const rangeField = fc.oneof(
  { weight: 4, arbitrary: range.map((one) => `bytes=${one}`) },
  {
    weight: 2,
    arbitrary: fc
      .array(fc.oneof(shortRange, shortRange, shortRange, range), { minLength: 2, maxLength: 5 })
      .map((several) => `bytes=${several.join(', ')}`),
  },
  { weight: 1, arbitrary: fc.constantFrom('bytes=', 'bytes=5-2', 'lines=0-4', 'bytes=a-b') },
);
/** A representation and what of it is stored: all, or a part. */
const kept = fc
  .tuple(fc.integer({ min: 0, max: MOST }), fc.nat(MOST), fc.nat(MOST), fc.boolean(), fc.boolean())
  .map(([complete, a, b, isKnown, isAll]) => {
    const first = isAll ? 0 : Math.min(a, b, Math.max(0, complete - 1));
    const end = isAll ? complete : Math.min(Math.max(a, b) + 1, complete);
    const isWhole = first === 0 && end === complete;
    return { complete, extent: { first, length: end - first, completeLength: isKnown || isWhole ? complete : null } };
  });

test('any Range against any extent: only octets that are stored, and exactly the right ones (RFC 9110 §14.2)', () => {
  let partials = 0;
  let multiparts = 0;
  fc.assert(
    fc.property(kept, fc.option(rangeField), ({ complete, extent }, text) => {
      const request = requestOf(text === null ? [] : [{ name: 'Range', value: text }]);
      const representation = octets(complete);
      const stored = storedOf(extent);
      const choice = contentFor('GET', request.fields, stored);
      if (choice === 'beyond') {
        expect(holds(text, extent)).toBe(false);
        return;
      }
      const answer = shapeAnswer(request, stored, 0, START_MS, () => BOUNDARY);
      if (answer.multipart !== null) multiparts += 1;
      else if (answer.status === 206) partials += 1;
      checkAnswer(answer, contentOf(answer, slice(representation, extent)), text, representation);
    }),
    { numRuns: 5_000 },
  );
  expect(partials).toBeGreaterThan(500);
  expect(multiparts).toBeGreaterThan(50);
});

test('what an origin adds to a stored part makes the representation and nothing else (RFC 9111 §3.4)', () => {
  fc.assert(
    fc.property(kept, fc.nat(MOST), fc.nat(MOST), fc.boolean(), ({ complete, extent }, a, b, isKnown) => {
      if (complete === 0) return;
      const representation = octets(complete);
      const first = Math.min(a, b, complete - 1);
      const length = Math.min(Math.max(a, b), complete - 1) - first + 1;
      const combination = combine(storedOf(extent), partOf(first, length, isKnown ? complete : null), 'two', CACHE_RULE_DEFAULTS);
      const isGap = first > extent.first + extent.length || first + length < extent.first;
      expect(combination === null).toBe(isGap || extent.length === 0);
      if (combination === null) return;
      const content = assembled(combination, slice(representation, extent), representation.subarray(first, first + length));
      expect(content.equals(slice(representation, combination.response.extent))).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

test('a part that is completed answers as the origin would have (RFC 9111 §3.3)', () => {
  let completed = 0;
  fc.assert(
    fc.property(kept, fc.option(rangeField), ({ complete, extent }, text) => {
      const request = requestOf(text === null ? [] : [{ name: 'Range', value: text }]);
      const stored = storedOf(extent);
      const facts = (each: StoredResponse) => factsOf(each, CACHE_RULE_DEFAULTS, NO_OVERRIDES);
      const reuse = judgeReuse(request, requestDirectives(request.fields), [stored], facts, START_MS);
      if (reuse.kind !== 'complete') return;
      const representation = octets(complete);
      const asked = parseRange(outgoingFields(request.fields, reuse))![0]!;
      // Of a part whose end nobody knows, the origin may have to say that there is no more.
      if (asked.first! >= complete) {
        expect(extent.completeLength).toBeNull();
        return;
      }
      const length = Math.min(asked.last ?? complete - 1, complete - 1) - asked.first! + 1;
      const combination = combine(stored, partOf(asked.first!, length, complete), 'two', CACHE_RULE_DEFAULTS)!;
      const arrived = representation.subarray(asked.first!, asked.first! + length);
      const content = assembled(combination, slice(representation, extent), arrived);
      const answer = shapeAnswer(request, combination.response, 0, START_MS, () => BOUNDARY);
      completed += 1;
      checkAnswer(answer, contentOf(answer, content), text, representation);
    }),
    { numRuns: 5_000 },
  );
  expect(completed).toBeGreaterThan(100);
});

/** What is sent, against a naive origin. */
function checkAnswer(answer: Answer, content: Buffer, text: string | null, representation: Buffer): void {
  const wanted = wantedOf(text, representation.length);
  if (answer.status === 416) {
    expect(wanted).toEqual([]);
    expect(fieldValue(answer.fields, 'content-range')).toBe(`bytes */${representation.length}`);
  } else if (answer.status === 200) {
    expect(content.equals(representation)).toBe(true);
  } else if (answer.multipart === null) {
    const sent = parseContentRange(fieldValue(answer.fields, 'content-range')!)!;
    expect(wanted).toEqual([[sent.first, sent.last]]);
    expect(content.equals(representation.subarray(sent.first, sent.last + 1))).toBe(true);
  } else {
    const parts = content.toString('latin1').split(`\r\n--${BOUNDARY}`);
    expect(parts.at(-1)).toBe('--\r\n');
    const sent = parts.slice(1, -1).map((part) => {
      const end = part.indexOf('\r\n\r\n');
      const { first, last } = parseContentRange(/Content-Range: (.*)/.exec(part.slice(0, end))![1]!.trim())!;
      expect(part.slice(end + 4)).toBe(representation.subarray(first, last + 1).toString('latin1'));
      return [first, last];
    });
    expect(sent).toEqual(wanted);
    expect(content.length).toBe(answer.multipart.length);
  }
  if (answer.status !== 200) expect(fieldValue(answer.fields, 'content-length')).toBe(String(content.length));
}

/** The ranges that a request asks for of a representation; `null` where it is to be ignored. */
function wantedOf(text: string | null, complete: number): number[][] | null {
  if (text === null || complete === 0 || !/^bytes=[0-9, -]+$/.test(text) || text === 'bytes=5-2') return null;
  const ranges = text
    .slice(6)
    .split(', ')
    .map((one) => {
      const [first = '', last = ''] = one.split('-');
      if (first === '') return [Math.max(0, complete - Number(last)), Number(last) === 0 ? -1 : complete - 1];
      return [Number(first), Math.min(last === '' ? complete - 1 : Number(last), complete - 1)];
    });
  return ranges.filter(([first = 0, last = 0]) => first <= last);
}

/** Whether all that a request wants is surely stored, so that `beyond` would be wrong. Several ranges of a part are left to the origin. */
function holds(text: string | null, { first, length, completeLength }: Extent): boolean {
  const wanted = completeLength === null ? null : wantedOf(text, completeLength);
  if (wanted === null) return first === 0 && length === completeLength;
  if (text!.includes(',') || wanted.length === 0) return false;
  return wanted.every(([from = 0, to = 0]) => from >= first && to < first + length);
}

/** The octets of an answer, read from what is stored: reading beside it fails. */
function contentOf({ content, multipart }: Answer, stored: Buffer): Buffer {
  const read = ({ first, length }: { first: number; length: number }) => {
    expect(first >= 0 && first + length <= stored.length).toBe(true);
    return stored.subarray(first, first + length);
  };
  if (multipart === null) return content === null ? Buffer.alloc(0) : read(content);
  const parts = multipart.parts.flatMap((part) => [Buffer.from(part.head), read(part)]);
  return Buffer.concat([...parts, Buffer.from(multipart.end)]);
}

function assembled({ pieces, arrivingLength }: Combination, stored: Buffer, arriving: Buffer): Buffer {
  expect(arriving.length).toBe(arrivingLength);
  return Buffer.concat(
    pieces.map(({ from, first, length }) => {
      const source = from === 'stored' ? stored : arriving;
      expect(first >= 0 && length > 0 && first + length <= source.length).toBe(true);
      return source.subarray(first, first + length);
    }),
  );
}

function slice(representation: Buffer, { first, length }: Extent): Buffer {
  return representation.subarray(first, first + length);
}

/** No two stretches of it are alike for long, and a boundary is never among them. */
function octets(length: number): Buffer {
  return OCTETS.subarray(0, length);
}

function storedOf(extent: Extent): StoredResponse {
  const isWhole = extent.first === 0 && extent.length === extent.completeLength;
  const last = extent.first + extent.length - 1;
  const fields: Field[] = [
    { name: 'ETag', value: '"a"' },
    { name: 'Cache-Control', value: 'max-age=60' },
  ];
  if (!isWhole) fields.push({ name: 'Content-Range', value: `bytes ${extent.first}-${last}/${extent.completeLength ?? '*'}` });
  return {
    id: 'one',
    key: 'http://example.com/',
    selectedBy: [],
    status: isWhole ? 200 : 206,
    reason: 'OK',
    version: '1.1',
    fields,
    requestTimeMs: START_MS,
    responseTimeMs: START_MS,
    extent,
    isFromAuthorized: false,
    isInvalidated: false,
    origin: null,
    tags: [],
  };
}

function partOf(first: number, length: number, completeLength: number | null) {
  const fields: Field[] = [
    { name: 'ETag', value: '"a"' },
    { name: 'Content-Range', value: `bytes ${first}-${first + length - 1}/${completeLength ?? '*'}` },
  ];
  return { status: 206, fields, requestTimeMs: START_MS, responseTimeMs: START_MS };
}

function requestOf(fields: Field[]): CacheRequest {
  return {
    method: 'GET',
    scheme: 'http',
    authority: { host: 'example.com', kind: 'name', port: 80 },
    pathAndQuery: '/',
    fields,
    hasContent: false,
    key: 'http://example.com/',
    overrides: NO_OVERRIDES,
    receivedAtMs: START_MS,
  };
}

const OCTETS = Buffer.from(Array.from({ length: MOST }, (_, i) => (i * 7 + (i >> 5) * 13) % 251));
const BOUNDARY = 'a-boundary';
