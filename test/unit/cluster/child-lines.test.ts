import { beforeEach, expect, test, vi } from 'vitest';
import { ChildLines } from '../../../src/cluster/child-lines.ts';

let said: string[];
let lines: ChildLines;

beforeEach(() => {
  vi.useFakeTimers();
  said = [];
  lines = new ChildLines((line) => said.push(line));
  return () => vi.useRealTimers();
});

test('what several say within a moment is told once, with their names', () => {
  lines.say('worker 1', 'the log is full');
  lines.say('worker 2', 'the log is full');
  lines.say('worker 2', 'names are slow');
  vi.advanceTimersByTime(200);
  expect(said).toEqual(['worker 1, worker 2: the log is full', 'worker 2: names are slow']);
});

test('what one says for all is told at once, and not again when the others say it', () => {
  lines.speaksForAll('keeper');
  lines.say('keeper', 'policy.yaml:3:1: this rule never decides');
  lines.speaksForAll(null);
  lines.say('worker 1', 'policy.yaml:3:1: this rule never decides');
  lines.say('worker 2', 'policy.yaml:3:1: this rule never decides');
  vi.advanceTimersByTime(1_000);
  expect(said).toEqual(['policy.yaml:3:1: this rule never decides']);
});

test('what one says twice is told twice', () => {
  lines.say('worker 1', 'made room');
  vi.advanceTimersByTime(300);
  lines.say('worker 1', 'made room');
  lines.say('worker 1', 'made room');
  lines.flush();
  expect(said).toEqual(Array.from({ length: 3 }, () => 'worker 1: made room'));
});

test('what another says later is told of it, too', () => {
  lines.say('worker 1', 'names are slow');
  vi.advanceTimersByTime(3_000);
  lines.say('worker 2', 'names are slow');
  vi.advanceTimersByTime(200);
  expect(said).toEqual(['worker 1: names are slow', 'worker 2: names are slow']);
});
