// The fingerprints are published ones, each with the lists that it was made of: those of the specification, of FoxIO's own test captures, and of
// sites that show visitors their own.
import { describe, expect, it } from 'vitest';
import { type Ja4Facts, ja4 } from '../../../src/tls/ja4.ts';

/** Chrome, from the specification. */
const CHROME: Ja4Facts = {
  version: 0x0304,
  hasServerName: true,
  cipherSuites: numbers('1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035'),
  extensions: numbers('0000,0005,000a,000b,000d,0010,0012,0015,0017,001b,0023,002b,002d,0033,4469,ff01'),
  signatureAlgorithms: numbers('0403,0804,0401,0503,0805,0501,0806,0601'),
  protocol: 'h2',
};

describe('published fingerprints', () => {
  it.each<[string, Ja4Facts]>([
    ['t13d1516h2_8daaf6152771_e5627efa2ab1', CHROME],
    [
      't13d1517h2_8daaf6152771_cb7bf5808d99',
      {
        ...CHROME,
        extensions: numbers('0000,0005,000a,000b,000d,0010,0012,0017,001b,0023,002b,002d,0033,44cd,ca34,fe0d,ff01'),
        signatureAlgorithms: numbers('0904,0905,0906,0403,0804,0401,0503,0805,0501,0806,0601'),
      },
    ],
    [
      't13d1516h2_8daaf6152771_d8a2da3f94cd',
      { ...CHROME, extensions: numbers('0000,0005,000a,000b,000d,0010,0012,0017,001b,0023,002b,002d,0033,44cd,fe0d,ff01') },
    ],
    [
      't13d1011h2_61a7ad8aa9b6_3fcd1a44f3e3',
      {
        ...CHROME,
        cipherSuites: numbers('1302,1303,1301,c02c,c030,c02b,c02f,cca9,cca8,00ff'),
        extensions: numbers('0000,0005,000a,000b,000d,0010,0017,0023,002b,002d,0033'),
        signatureAlgorithms: numbers('0503,0403,0807,0806,0805,0804,0601,0501,0401'),
      },
    ],
  ])('%s', (published, facts) => {
    expect(ja4(facts)).toBe(published);
  });
});

describe('the readable part', () => {
  it.each<[string, Partial<Ja4Facts>]>([
    ['t12i', { version: 0x0303, hasServerName: false }],
    ['t11d', { version: 0x0302 }],
    ['t10d', { version: 0x0301 }],
    ['ts3d', { version: 0x0300 }],
    ['t00d', { version: 0x7f1c }],
  ])('%s: version, and whether there is a name', (beginning, facts) => {
    expect(ja4({ ...CHROME, ...facts }).slice(0, 4)).toBe(beginning);
  });

  it.each([
    ['h2', 'h2'],
    ['http/1.1', 'h1'],
    ['x', 'xx'],
    ['', '00'],
    ['\xab', 'ab'],
    ['\xab\xcd', 'ad'],
    ['0\xab', '3b'],
    ['01\xab\xcd', '3d'],
    ['\xab0', 'a0'],
  ])('of the protocol %j both ends: %s', (protocol, expected) => {
    expect(ja4({ ...CHROME, protocol }).slice(8, 10)).toBe(expected);
  });

  it('counts stop at 99', () => {
    const many = Array.from({ length: 120 }, (_, index) => index + 100);
    expect(ja4({ ...CHROME, cipherSuites: many, extensions: many })).toMatch(/^t13d9999h2_/);
  });
});

it('lists without anything in them are zeros', () => {
  const nothing = { ...CHROME, cipherSuites: [], extensions: [0, 16], signatureAlgorithms: [] };
  expect(ja4(nothing)).toBe('t13d0002h2_000000000000_000000000000');
});

it('without signature algorithms nothing stands for them', () => {
  // SHA-256 of "0005", with no underscore behind it.
  expect(ja4({ ...CHROME, extensions: [5], signatureAlgorithms: [] }).slice(-12)).toBe('1ed8eb363bcd');
});

function numbers(list: string): number[] {
  return list.split(',').map((value) => Number.parseInt(value, 16));
}
