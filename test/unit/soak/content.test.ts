import { describe, expect, test } from 'vitest';
import { Comparison, Content } from '../../soak/content.ts';

describe('content that names its request', () => {
  test('is the same whenever it is asked for, in whatever pieces', () => {
    const content = new Content('/length/3000000/7', 3_000_000);
    const whole = Buffer.concat([...content.pieces()]);
    expect(whole.length).toBe(3_000_000);
    const seen = new Comparison(content);
    for (let at = 0; at < whole.length; at += 77_777) seen.add(whole.subarray(at, at + 77_777));
    expect(seen.isWhole).toBe(true);
  });

  test.each([
    { name: 'another name', content: new Content('/length/1000/8', 1_000) },
    { name: 'an octet less', content: new Content('/length/1000/7', 999) },
    { name: 'an octet more', content: new Content('/length/1000/7', 1_001) },
  ])('is not taken for that of $name', ({ content }) => {
    const seen = new Comparison(content);
    seen.add(new Content('/length/1000/7', 1_000).piece(0));
    expect(seen.isWhole).toBe(false);
  });

  test('with one octet changed is wrong from the piece that holds it', () => {
    const content = new Content('/length/2000000/7', 2_000_000);
    const whole = Buffer.concat([...content.pieces()]);
    whole[1_500_000]! ^= 1;
    const seen = new Comparison(content);
    seen.add(whole.subarray(0, 1_000_000));
    expect(seen.wrongFrom).toBeNull();
    seen.add(whole.subarray(1_000_000));
    expect(seen.wrongFrom).toBe(1_000_000);
  });

  test('shifted by any power of two is wrong', () => {
    const content = new Content('/length/6000000/7', 6_000_000);
    const shifts = Array.from({ length: 23 }, (_, power) => 2 ** power);
    expect(shifts.filter((shift) => content.isRight(0, Buffer.from(content.piece(shift, 1_000))))).toEqual([]);
  });
});
