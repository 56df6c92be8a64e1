import { expect, test } from 'vitest';
import { Verdicts } from '../../../src/cache/verdicts.ts';

test('the last verdict about a key is told as it was noted, and nothing about others', () => {
  const verdicts = new Verdicts();
  verdicts.note('http://a.test/', 'no-store', 200, 1_795_341_600_000.5);
  verdicts.note('http://a.test/', 'stored-explicit', 404, 1_795_341_600_001);
  expect(verdicts.of('http://a.test/')).toEqual({ code: 'stored-explicit', status: 404, atMs: 1_795_341_600_001 });
  expect(verdicts.codeOf('http://a.test/')).toBe('stored-explicit');
  expect(verdicts.of('http://b.test/')).toBeNull();
  expect(verdicts.codeOf('http://b.test/')).toBeNull();
});

test('of thousands of keys nearly all of the latest are remembered, each with its own verdict', () => {
  const verdicts = new Verdicts();
  for (let i = 0; i < 40_000; i += 1) verdicts.note(`http://a.test/${i}`, i % 2 === 0 ? 'no-store' : 'stored-explicit', i % 1000, i);
  const latest = Array.from({ length: 4096 }, (_, i) => 40_000 - 4096 + i);
  const known = latest.filter((i) => verdicts.of(`http://a.test/${i}`) !== null);
  expect(known.length).toBeGreaterThan(latest.length * 0.95);
  expect(known.every((i) => verdicts.of(`http://a.test/${i}`)!.status === i % 1000)).toBe(true);
});
