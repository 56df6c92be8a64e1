// Long work in slices: all of it is done, everybody has a turn, and what is cancelled ends.
import { expect, test } from 'vitest';
import { Cancelled, Slices } from '../../../../src/flows/store/slices.ts';

test('pieces of work take turns, and each one gives its result', async () => {
  const slices = new Slices();
  const turns: string[] = [];
  const work = function* (name: string): Generator<void, string> {
    for (let i = 0; i < 3; i += 1) {
      turns.push(name);
      // Longer than a slice.
      for (const until = performance.now() + 10; performance.now() < until; );
      yield;
    }
    return `${name} is done`;
  };
  const results = await Promise.all([slices.run(work('a')).done, slices.run(work('b')).done]);
  expect(results).toEqual(['a is done', 'b is done']);
  expect(turns.join('')).toBe('ababab');
});

test('what is cancelled does not go on, and lets go of what it holds; what fails tells why', async () => {
  const slices = new Slices();
  let hasLetGo = false;
  const endless = function* (): Generator<void> {
    try {
      for (;;) yield;
    } finally {
      hasLetGo = true;
    }
  };
  const job = slices.run(endless());
  await new Promise(setImmediate);
  job.cancel();
  await expect(job.done).rejects.toThrow(Cancelled);
  expect(hasLetGo).toBe(true);
  const failing = function* (): Generator<void> {
    yield;
    throw new Error('why');
  };
  await expect(slices.run(failing()).done).rejects.toThrow('why');
});
