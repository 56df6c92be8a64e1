// What memory prepares of a stored response is what would be made of its fields for each client: the same head, octet for octet.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { shapeAnswer } from '../../src/cache/rules/answer.ts';
import { responseDirectives } from '../../src/cache/rules/cache-control.ts';
import { storedFields } from '../../src/cache/rules/stored-fields.ts';
import type { StoredResponse } from '../../src/cache/stored-response.ts';
import { KeptResponse } from '../../src/cache/stores/kept-response.ts';
import { fieldValue } from '../../src/http/fields.ts';
import { forwardBehindPrepared, forwardResponseFields } from '../../src/http/forwarding.ts';
import type { Fields } from '../../src/http/message.ts';
import { responseHeadText } from '../../src/http1/writer.ts';
import { storedOf } from '../unit/cache/rules/stored-of.ts';

const NAMES = [
  'Age',
  'Date',
  'Content-Length',
  'Content-Type',
  'Connection',
  'TE',
  'Trailer',
  'Upgrade',
  'Via',
  'Cache-Control',
  'ETag',
  'X-A',
  'X-B',
];
const name = fc.tuple(fc.constantFrom(...NAMES), fc.boolean()).map(([spelled, isLower]) => (isLower ? spelled.toLowerCase() : spelled));
const text = fc.oneof(
  fc.constantFrom('7', 'x-a, date', 'close', 'no-cache="x-b"', 'text/plain', 'Thu, 01 Jan 2026 00:00:00 GMT', ''),
  fc.string({ unit: fc.integer({ min: 0x21, max: 0xff }).map((code) => String.fromCharCode(code)), maxLength: 30 }),
);
const fields: fc.Arbitrary<Fields> = fc.array(fc.record({ name, value: text }, { noNullPrototype: true }), { maxLength: 12 });
const date = (): string => 'Fri, 02 Jan 2026 00:00:00 GMT';

function asked(stored: StoredResponse, ageSeconds: number) {
  return shapeAnswer({ method: 'GET', fields: [] }, stored, ageSeconds, 0, () => 'boundary');
}

test('a prepared head is the one that is made of the fields (RFC 9110 §7.6, RFC 9111 §4, §5.1)', () => {
  fc.assert(
    fc.property(fields, fc.constantFrom('1.1', '1.0'), fc.nat(), fc.constantFrom('proxy', 'other'), (came, version, age, via) => {
      const stored = { ...storedOf(''), version, fields: storedFields(came, responseDirectives(came)) };
      const { status, reason, fields: general } = asked(stored, age);
      const forwarded = forwardResponseFields(general, version, via, date);

      const kept = KeptResponse.of(stored, null);
      const { prepared, fields: listed } = asked(kept, age);
      const { shared, own } = prepared!;
      const behind = forwardBehindPrepared(shared, own, version, via, date);

      expect(responseHeadText(status, reason, behind, 3, null, shared.lines)).toBe(responseHeadText(status, reason, forwarded, 3, null));
      expect(listed.map(({ name, value }) => ({ name, value }))).toEqual(general);
      expect(shared.contentType).toBe(fieldValue(forwarded, 'content-type') ?? null);
    }),
    { numRuns: 2_000 },
  );
});

test('a copy of what is kept has nothing prepared: its fields may be others', () => {
  const kept = KeptResponse.of(storedOf('A: 1'), null);
  const copy: StoredResponse = { ...kept, fields: [{ name: 'A', value: '2' }] };
  expect([kept.prepared.lines, copy.prepared]).toEqual(['A: 1\r\n', undefined]);
  expect({ ...asked(kept, 1) }.prepared).toBeUndefined();
});
