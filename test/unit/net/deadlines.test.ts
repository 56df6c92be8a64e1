// The wheel is driven by a clock of the test's own: `performance.now` and `setInterval` are Node's, faked together.
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type Deadline, Deadlines } from '../../../src/net/deadlines.ts';

let deadlines: Deadlines;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  deadlines = new Deadlines();
});
afterEach(() => {
  deadlines.close();
  vi.useRealTimers();
});

/** When a deadline was called, in milliseconds from its making. */
function watched(): { deadline: Deadline; calls: number[] } {
  const startedMs = performance.now();
  const calls: number[] = [];
  return { deadline: deadlines.create(() => calls.push(performance.now() - startedMs)), calls };
}

test.for([1, 99, 100, 101, 250, 1_000, 9_999])('%d ms: is called once, not before, and 200 ms later at most', (afterMs) => {
  const { deadline, calls } = watched();
  deadline.set(afterMs);
  vi.advanceTimersByTime(afterMs + 20_000);
  expect(calls).toHaveLength(1);
  expect(calls[0]).toBeGreaterThanOrEqual(afterMs);
  expect(calls[0]).toBeLessThanOrEqual(afterMs + 200);
});

test.for([10_000, 12_345, 60_000, 900_000])('%d ms: from ten seconds on it may be a second later, and never early', (afterMs) => {
  const { deadline, calls } = watched();
  deadline.set(afterMs);
  vi.advanceTimersByTime(afterMs + 20_000);
  expect(calls).toHaveLength(1);
  expect(calls[0]).toBeGreaterThanOrEqual(afterMs);
  expect(calls[0]).toBeLessThanOrEqual(afterMs + 1_200);
});

test('no timer runs while none is set', () => {
  expect(vi.getTimerCount()).toBe(0);
  const { deadline } = watched();
  deadline.set(300);
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(700);
  expect(vi.getTimerCount()).toBe(0);
  deadline.set(300);
  deadline.clear();
  vi.advanceTimersByTime(100);
  expect(vi.getTimerCount()).toBe(0);
});

test.for([50, 350, 950, 5_000, 86_400_000])('set after %d ms in which none was, it has its time in full, and no more', (restMs) => {
  watched().deadline.set(100);
  vi.advanceTimersByTime(400 + restMs);
  const { deadline, calls } = watched();
  deadline.set(300);
  vi.advanceTimersByTime(10_000);
  expect(calls).toHaveLength(1);
  expect(calls[0]).toBeGreaterThanOrEqual(300);
  expect(calls[0]).toBeLessThanOrEqual(500);
});

test('set again, it moves out', () => {
  const { deadline, calls } = watched();
  for (let round = 0; round < 10; round += 1) {
    deadline.set(1_000);
    vi.advanceTimersByTime(500);
  }
  expect(calls).toEqual([]);
  vi.advanceTimersByTime(1_000);
  expect(calls).toHaveLength(1);
});

test('set again, it moves in', () => {
  const { deadline, calls } = watched();
  deadline.set(60_000);
  deadline.set(300);
  vi.advanceTimersByTime(500);
  expect(calls).toHaveLength(1);
  vi.advanceTimersByTime(120_000);
  expect(calls).toHaveLength(1);
});

test.for(['suspend', 'clear'] as const)('%s unsets it, and it may be set again', (unset) => {
  const { deadline, calls } = watched();
  deadline.set(300);
  deadline[unset]();
  vi.advanceTimersByTime(5_000);
  expect(calls).toEqual([]);
  deadline.set(300);
  deadline[unset]();
  deadline.set(700);
  vi.advanceTimersByTime(600);
  expect(calls).toEqual([]);
  vi.advanceTimersByTime(300);
  expect(calls).toHaveLength(1);
});

test('no time at all unsets it', () => {
  const { deadline, calls } = watched();
  deadline.set(300);
  deadline.set(0);
  vi.advanceTimersByTime(5_000);
  expect(calls).toEqual([]);
});

test('it may be set again from within its call', () => {
  const calls: number[] = [];
  const deadline = deadlines.create(() => {
    calls.push(performance.now());
    if (calls.length < 3) deadline.set(200);
  });
  deadline.set(200);
  vi.advanceTimersByTime(5_000);
  expect(calls).toHaveLength(3);
});

test('one that is called may clear or move another of the same moment', () => {
  const cleared = watched();
  const moved = watched();
  const first = deadlines.create(() => {
    cleared.deadline.clear();
    moved.deadline.set(1_000);
  });
  for (const deadline of [first, cleared.deadline, moved.deadline]) deadline.set(300);
  vi.advanceTimersByTime(700);
  expect({ cleared: cleared.calls, moved: moved.calls }).toEqual({ cleared: [], moved: [] });
  vi.advanceTimersByTime(1_000);
  expect(moved.calls).toHaveLength(1);
});

describe('a process that was held up', () => {
  /** The clock goes on, and nothing of ours runs. */
  function holdUp(ms: number): void {
    const now = performance.now.bind(performance);
    const before = vi.spyOn(performance, 'now');
    before.mockImplementation(() => now() + ms);
    onTestFinished(() => before.mockRestore());
  }

  test('for less than a second, it calls all that is over, in order', () => {
    const order: string[] = [];
    deadlines.create(() => order.push('second')).set(700);
    deadlines.create(() => order.push('first')).set(500);
    deadlines.create(() => order.push('later')).set(2_000);
    holdUp(900);
    vi.advanceTimersByTime(100);
    expect(order).toEqual(['first', 'second']);
  });

  test('for longer, it takes that for the time of nobody', () => {
    const calls: string[] = [];
    deadlines.create(() => calls.push('before')).set(5_000);
    vi.advanceTimersByTime(1_000);
    holdUp(60_000);
    // What has come in the meantime is heard before the wheel has turned.
    deadlines.create(() => calls.push('after')).set(5_000);
    vi.advanceTimersByTime(3_900);
    expect(calls).toEqual([]);
    vi.advanceTimersByTime(300);
    expect(calls).toEqual(['before']);
    vi.advanceTimersByTime(600);
    expect(calls).toEqual(['before']);
    vi.advanceTimersByTime(400);
    expect(calls).toEqual(['before', 'after']);
  });
});

test('closed, it calls nobody', () => {
  const { deadline, calls } = watched();
  deadline.set(300);
  deadlines.close();
  vi.advanceTimersByTime(5_000);
  expect(calls).toEqual([]);
});

test('one that throws costs the others of its tick nothing, and its defect comes up', () => {
  const defects: (() => void)[] = [];
  const microtask = vi.spyOn(globalThis, 'queueMicrotask').mockImplementation((task) => void defects.push(task));
  deadlines
    .create(() => {
      throw new Error('a defect');
    })
    .set(100);
  const { deadline, calls } = watched();
  deadline.set(100);
  vi.advanceTimersByTime(1_000);
  microtask.mockRestore();
  expect(calls).toHaveLength(1);
  expect(defects).toHaveLength(1);
  expect(defects[0]).toThrow('a defect');
  deadline.set(100);
  vi.advanceTimersByTime(1_000);
  expect(calls).toHaveLength(2);
});
