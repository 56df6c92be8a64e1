import { expect, test } from 'vitest';
import { agoText, asOctets, base64Of, durationText, octetsOf, readable, secondsText, shareText } from '../../../src/inspector/ui/words.ts';

test.each([
  [0.44, '0.4 ms'],
  [41.4, '41 ms'],
  [1_234, '1.23 s'],
  [32_440, '32.4 s'],
  [180_000, '3 min'],
  [5_400_000, '1.5 h'],
])('%d ms are written as %s', (ms, text) => expect(durationText(ms)).toBe(text));

test.each([
  [90, '90 s'],
  [3_600, '60 min'],
  [86_400, '24 h'],
  [90_000, '25 h'],
  [95_000, '26 h 23 min'],
  [864_000, '10 d'],
])('a lifetime of %i seconds is written as %s', (seconds, text) => expect(secondsText(seconds)).toBe(text));

test('what is just over is now, and a share of nothing is none', () => {
  expect([agoText(1_000, 1_900), agoText(0, 65_000), shareText(0, 0), shareText(1, 3)]).toEqual(['now', '1 min ago', '–', '33.3 %']);
});

test('octets that are UTF-8 are read as what somebody wrote, and others as they are', () => {
  expect(readable('/gr\xc3\xb6\xc3\x9fe')).toBe('/größe');
  expect(readable('caf\xe9')).toBe('caf\xe9');
  expect(readable('‹masked 12 octets›')).toBe('‹masked 12 octets›');
  expect(asOctets('größe')).toBe('gr\xc3\xb6\xc3\x9fe');
});

test('octets go through base64 unchanged, however many there are', () => {
  const octets = Uint8Array.from({ length: 20_000 }, (_, index) => index & 0xff);
  expect(octetsOf(base64Of(octets))).toEqual(octets);
});
