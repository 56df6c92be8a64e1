import { describe, expect, test } from 'vitest';
import { requireHandshakes, requireHits, requireMisses, requireStored, sampleNumbers } from '../../bench/evidence.ts';

const REQUEST = 100;

describe('hits', () => {
  test.each([
    ['memory', 1_024, REQUEST],
    ['memory', 65_536, REQUEST],
    ['disk', 65_536, REQUEST + 65_536],
    // Files are read with what they hold besides.
    ['disk', 65_536, 70_000],
  ] as const)('of the %s tier with %d octets are read with %d', (tier, octets, perRequest) => {
    const evidence = { requests: 10_000, atOrigin: 10, octetsRead: 10_000 * perRequest };
    expect(() => requireHits(evidence, tier, octets)).not.toThrow();
  });

  test('are none when the origin was asked', () => {
    const evidence = { requests: 10_000, atOrigin: 11, octetsRead: 0 };
    expect(() => requireHits(evidence, 'memory', 1_024)).toThrow(
      'these are no hits: 11 of 10000 requests reached the origin. Nothing is counted.',
    );
  });

  test('out of memory are none out of files', () => {
    const evidence = { requests: 1_000, atOrigin: 0, octetsRead: 1_000 * REQUEST };
    expect(() => requireHits(evidence, 'disk', 65_536)).toThrow('not out of files: it read 100 octets for each answer with 65536');
  });

  test('of which a twentieth comes out of memory are none out of files', () => {
    const evidence = { requests: 1_000, atOrigin: 0, octetsRead: 950 * 65_536 };
    expect(() => requireHits(evidence, 'disk', 65_536)).toThrow('not out of files');
  });

  test('out of files are none out of memory', () => {
    const evidence = { requests: 1_000, atOrigin: 0, octetsRead: 1_000 * (REQUEST + 1_024) };
    expect(() => requireHits(evidence, 'memory', 1_024)).toThrow('not out of memory: it read 1124 octets for each answer with 1024');
  });
});

test('misses are none when something answers in the place of the origin', () => {
  expect(() => requireMisses({ requests: 10_000, atOrigin: 10_020, octetsRead: 0 })).not.toThrow();
  expect(() => requireMisses({ requests: 10_000, atOrigin: 9_989, octetsRead: 0 })).toThrow(
    'only 9989 of 10000 requests reached the origin',
  );
});

test('handshakes in full are none with a session, and those with one are all but the first', () => {
  expect(() => requireHandshakes({ handshakes: 900, resumed: 0 }, 'full', 8)).not.toThrow();
  expect(() => requireHandshakes({ handshakes: 899, resumed: 1 }, 'full', 8)).toThrow('1 of 900 handshakes resumed');
  expect(() => requireHandshakes({ handshakes: 8, resumed: 892 }, 'resumed', 8)).not.toThrow();
  expect(() => requireHandshakes({ handshakes: 9, resumed: 891 }, 'resumed', 8)).toThrow('891 of 900 handshakes resumed');
  expect(() => requireHandshakes({ handshakes: 8, resumed: 0 }, 'resumed', 8)).toThrow('0 of 8');
});

test('what is stored need not be fetched again, but for a few', () => {
  expect(() => requireStored(100, 10)).not.toThrow();
  expect(() => requireStored(100, 11)).toThrow('11 of 100 had to be fetched again');
});

describe('the sample of a run', () => {
  test('lies in its last part, and leaves out what its end cut off', () => {
    const numbers = sampleNumbers(50_000);
    expect(numbers).toHaveLength(100);
    expect([numbers[0], numbers[1], numbers.at(-1)]).toEqual([39_936, 40_036, 49_836]);
  });

  test('of a short run is the whole of it; of a shorter one, nothing', () => {
    expect(sampleNumbers(138)).toEqual([64, 65, 66, 67, 68, 69, 70, 71, 72, 73]);
    expect(sampleNumbers(100)).toEqual([]);
  });

  test('asks for nothing twice', () => {
    const numbers = sampleNumbers(777);
    expect(new Set(numbers).size).toBe(numbers.length);
  });
});
