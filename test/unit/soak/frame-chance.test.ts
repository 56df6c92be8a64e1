import { expect, test } from 'vitest';
import { requestFrames, responseFrames } from '../../soak/frame-chance.ts';
import { Random } from '../../soak/random.ts';

test('the same seed gives the same frames', () => {
  const make = (): Buffer[] => {
    const random = new Random(7);
    return Array.from({ length: 50 }, () => [...requestFrames(random, 'a.example:1'), ...responseFrames(random, 1)]).flat();
  };
  expect(Buffer.concat(make()).equals(Buffer.concat(make()))).toBe(true);
});

test('most clients send whole frames that begin with a request', () => {
  const random = new Random(1);
  const first = Array.from({ length: 200 }, () => requestFrames(random, 'a.example:1')[0]!);
  const isRequest = (frame: Buffer): boolean => frame[3] === 1 && frame.length === 9 + frame.readUIntBE(0, 3);
  expect(first.filter(isRequest).length).toBeGreaterThan(150);
});
