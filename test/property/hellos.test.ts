// However a client's first octets are spoiled, they are read to an end; and however they are spread over records, they say the same.
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readClientHello } from '../../src/tls/client-hello.ts';
import { plainHttp } from '../../src/tls/plain-http.ts';
import { fragmented } from '../support/tls-hello.ts';

const folder = path.join(import.meta.dirname, '..', 'unit', 'tls', 'hellos');
const CAUGHT = globSync('*.bin', { cwd: folder }).map((file) => readFileSync(path.join(folder, file)));
const RECORD_HEADER = 5;
const HOST_NAME = /^(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/;

const caught = fc.constantFrom(...CAUGHT);
const spoiled = fc.tuple(caught, fc.array(fc.tuple(fc.nat(2_000), fc.nat(255)), { minLength: 1, maxLength: 8 })).map(([bytes, spots]) => {
  const copy = Buffer.from(bytes);
  for (const [at, octet] of spots) copy[at % copy.length] = octet;
  return copy;
});
/** Begins as a hello does, so that it is not over with the first octet. */
const invented = fc.uint8Array({ maxLength: 600 }).map((octets) => Buffer.concat([Buffer.from([22, 3, 1]), octets]));

describe('hostile octets', () => {
  it.each([
    ['any', fc.uint8Array({ maxLength: 600 }).map((octets) => Buffer.from(octets))],
    ['those of a record', invented],
    ['those of a real hello, spoiled', spoiled],
  ])('%s: nothing throws, and what is accepted is what it should be', (_, octets) => {
    fc.assert(
      fc.property(octets, (bytes) => {
        const read = readClientHello(bytes);
        plainHttp(bytes);
        if (read.kind === 'need-more') expect(read.octets).toBeGreaterThan(bytes.length);
        if (read.kind !== 'hello') return;
        const { serverName, ja4, versions, alpn } = read.hello;
        if (serverName !== null) expect(serverName).toMatch(HOST_NAME);
        expect(ja4).toMatch(/^t[s0-9]\d[di]\d{4}[0-9a-zA-Z]{2}_[0-9a-f]{12}_[0-9a-f]{12}$/);
        expect(versions).toEqual([...versions].sort((a, b) => b - a));
        expect(alpn).not.toContain('');
      }),
      { numRuns: 3_000 },
    );
  });

  it('more octets never take back a judgement', () => {
    fc.assert(
      fc.property(fc.oneof(spoiled, invented), fc.nat(700), (bytes, cut) => {
        const before = readClientHello(bytes.subarray(0, cut));
        if (before.kind !== 'need-more') expect(readClientHello(bytes)).toEqual(before);
      }),
      { numRuns: 2_000 },
    );
  });
});

it('spread over records of any size, a hello says the same, or is in too many of them', () => {
  fc.assert(
    fc.property(caught, fc.integer({ min: 1, max: 2_000 }), (bytes, octets) => {
      const message = bytes.subarray(RECORD_HEADER);
      const read = readClientHello(fragmented(message, octets));
      if (message.length > 64 * octets) expect(read.kind).toBe('malformed');
      else expect(read).toEqual(readClientHello(bytes));
    }),
  );
});
