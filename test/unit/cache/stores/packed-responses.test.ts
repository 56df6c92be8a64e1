import { expect, test } from 'vitest';
import type { StoredResponse } from '../../../../src/cache/stored-response.ts';
import { KeptResponse } from '../../../../src/cache/stores/kept-response.ts';
import { PackedResponses } from '../../../../src/cache/stores/packed-responses.ts';
import { Slabs } from '../../../../src/cache/stores/slabs.ts';
import { contentOf, sample } from './store-contract.ts';

function slabsOf(content: Buffer): Slabs {
  const slabs = new Slabs(null, { mayAllocate: () => true });
  for (let at = 0; at < content.length; at += 700) slabs.append(content.subarray(at, at + 700));
  return slabs;
}

const HEADS: Readonly<Record<string, Partial<StoredResponse>>> = {
  'the usual head': {},
  'a head with nothing in it': { id: '', key: '', reason: '', fields: [], selectedBy: [], tags: [], origin: null },
  'numbers of any size': {
    status: 999,
    requestTimeMs: 1_795_341_600_000.25,
    responseTimeMs: Number.MAX_SAFE_INTEGER,
    extent: { first: 2 ** 40, length: 1000, completeLength: 2 ** 53 - 2 },
    origin: { address: '2001:db8::1', port: 65_535 },
  },
  'what is not known': {
    extent: { first: 0, length: 1000, completeLength: null },
    version: '1.0',
    isFromAuthorized: true,
    isInvalidated: true,
  },
  'selecting fields without a value, and with an empty one': {
    selectedBy: [
      { name: 'accept', value: null },
      { name: 'accept-language', value: '' },
      { name: 'accept-encoding', value: 'gzip, br' },
    ],
    tags: ['one', 'two'],
  },
  'fields of any octet, and empty ones': {
    fields: [
      { name: 'X-Octets', value: '\x80\xe9\xff\t!' },
      { name: 'X-Empty', value: '' },
      { name: 'Connection', value: 'x-listed' },
      { name: 'X-Listed', value: 'not sent' },
      { name: 'date', value: 'x'.repeat(4000) },
    ],
  },
  'characters that are more than an octet': { reason: '\u0100', tags: ['\ud800', 'x'] },
  'many fields': { fields: Array.from({ length: 700 }, (_, i) => ({ name: `x-${i}`, value: `${i}` })) },
};

for (const [what, head] of Object.entries(HEADS)) {
  test(`${what}: comes out as it went in, with its content`, () => {
    const packed = new PackedResponses();
    const stored = { ...sample({ length: 1000 }), ...head };
    packed.pack(sample({ length: 10 }), slabsOf(Buffer.alloc(10)));
    const record = packed.pack(stored, slabsOf(contentOf(stored)))!;
    const unpacked = packed.unpack(record);
    expect(unpacked).toMatchObject({ ...stored, fields: stored.fields.map(({ name, value }) => ({ name, value })) });
    expect(unpacked.fields.map(({ line }) => line)).toEqual(stored.fields.map(({ name, value }) => `${name}: ${value}\r\n`));
    expect(KeptResponse.contentOf(unpacked)).toEqual(contentOf(stored));
    expect(unpacked.prepared).toEqual(KeptResponse.of(stored, null).prepared);
    expect(packed.keyOf(record)).toBe(stored.key);
    expect(packed.unpackHead(record)).toMatchObject({ id: stored.id, extent: stored.extent });
  });
}

test('a head alone has no content, which is not empty content', () => {
  const packed = new PackedResponses();
  const stored = sample({ length: 0 });
  const [alone, empty] = [packed.pack(stored, null)!, packed.pack(stored, slabsOf(Buffer.alloc(0)))!];
  expect(KeptResponse.contentOf(packed.unpack(alone))).toBeNull();
  expect(KeptResponse.contentOf(packed.unpack(empty))).toEqual(Buffer.alloc(0));
});

test('what is too large for a record is not packed', () => {
  const packed = new PackedResponses();
  const large = sample({ length: 20_000 });
  expect(packed.pack(large, slabsOf(contentOf(large)))).toBeNull();
  expect(packed.pack({ ...sample(), tags: Array.from({ length: 64 }, () => 'x'.repeat(1000)) }, null)).toBeNull();
});
