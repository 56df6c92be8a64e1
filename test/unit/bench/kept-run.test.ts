import { expect, test } from 'vitest';
import { lineOf, parseRun } from '../../bench/kept-run.ts';
import { EXAMPLE_MACHINE, rounds } from '../../support/measurements.ts';

test('what a run keeps is read again; of a round that was measured twice the later counts', () => {
  const [first, second] = rounds('forward', 'sallyport', [40, 50]);
  const again = { ...first!, cost: 45 };
  const text = [EXAMPLE_MACHINE, first!, second!, again].map(lineOf).join('');
  expect(parseRun(text, 'run.jsonl')).toEqual({ machine: EXAMPLE_MACHINE, measurements: [again, second] });
});

test.each([
  ['', 'run.jsonl does not say which machine was measured'],
  ['{"cpu":"x"}\nround 1', 'run.jsonl:2: no measurement, and no machine'],
  ['{}', 'run.jsonl:1: no measurement'],
  ['null', 'run.jsonl:1: no measurement'],
])('%j is refused', (text, message) => {
  expect(() => parseRun(text, 'run.jsonl')).toThrow(message);
});
