// Driven by a clock of the test's own: timers and `performance.now` are Node's, faked together.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DescriptorShortage } from '../../../src/listeners/descriptor-shortage.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setImmediate', 'clearImmediate', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A process with so many files open, some of which are idle clients', and newcomers who come when they are admitted. */
class Process {
  open: number;
  idle = 0;
  connections = 0;
  looks = 0;
  readonly reports: string[] = [];
  readonly shortage: DescriptorShortage;

  constructor(most: number, open: number) {
    this.open = open;
    this.shortage = new DescriptorShortage({
      most,
      countOpen: () => {
        this.looks += 1;
        return this.open;
      },
      connections: () => this.connections,
      makeRoom: () => {
        const { idle } = this;
        this.open -= idle;
        this.idle = 0;
        return idle;
      },
      report: (line) => this.reports.push(line),
    });
  }

  comes(): string {
    this.open += 1;
    this.connections += 1;
    return this.shortage.admit(10);
  }

  leaves(descriptors: number, wasTold = false): void {
    this.open -= descriptors;
    this.connections -= 1;
    this.shortage.closed(wasTold);
  }
}

class Listener {
  isPaused = false;

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }
}

/** With one listener, and as many files open as newcomers may take. */
function shortProcess(): { readonly process: Process; readonly listener: Listener } {
  const process = new Process(256, 224);
  const listener = new Listener();
  process.shortage.add(listener);
  return { process, listener };
}

/** @returns after how many milliseconds */
function untilResumed(listener: Listener): number {
  const startedMs = performance.now();
  while (listener.isPaused) vi.advanceTimersToNextTimer();
  return performance.now() - startedMs;
}

describe('while there are enough', () => {
  test('all are served, and it is looked the more seldom the more there are', () => {
    const process = new Process(1_000_000, 100);
    process.shortage.add(new Listener());
    for (let count = 0; count < 10_000; count += 1) expect(process.comes()).toBe('serve');
    expect(process.looks).toBe(1);
    expect(process.shortage.isPaused).toBe(false);
    expect(process.reports).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('nothing is counted where nothing bounds them', () => {
    const process = new Process(Number.POSITIVE_INFINITY, 100);
    for (let count = 0; count < 1_000; count += 1) expect(process.comes()).toBe('serve');
    expect(process.looks).toBe(0);
  });

  test('a newcomer counts twice, as its upstream connection is still to come', () => {
    const process = new Process(256, 100);
    const listener = new Listener();
    process.shortage.add(listener);
    let served = 0;
    for (; !listener.isPaused; served += 1) process.comes();
    expect(served).toBeGreaterThanOrEqual((224 - 100) / 2 - 1);
    expect(served).toBeLessThanOrEqual((224 - 100) / 2 + 1);
  });
});

describe('when they become short', () => {
  test('what is idle is closed first, and nobody has to wait', () => {
    const { process, listener } = shortProcess();
    process.idle = 50;
    expect(process.comes()).toBe('serve');
    expect(listener.isPaused).toBe(false);
    expect(process.reports).toHaveLength(1);
  });

  test('all listeners are paused, and so is one that is added, until there is room for a client and its upstream connection', () => {
    const { process, listener } = shortProcess();
    expect(process.comes()).toBe('serve');
    expect(listener.isPaused).toBe(true);
    const another = new Listener();
    process.shortage.add(another);
    expect(another.isPaused).toBe(true);
    vi.advanceTimersByTime(1_000);
    process.leaves(2);
    expect(listener.isPaused).toBe(true);
    vi.advanceTimersByTime(50);
    process.leaves(2);
    expect([listener.isPaused, another.isPaused]).toEqual([false, false]);
    expect(process.shortage.pausedMs).toBe(1_050);
  });

  test('what becomes idle meanwhile is closed, and what is freed elsewhere is seen', () => {
    const { process, listener } = shortProcess();
    process.comes();
    process.idle = 3;
    vi.advanceTimersByTime(300);
    expect(listener.isPaused).toBe(false);
    process.open = 224;
    process.comes();
    expect(listener.isPaused).toBe(true);
    process.open = 200;
    vi.advanceTimersByTime(300);
    expect(listener.isPaused).toBe(false);
  });

  test('it is said once when it begins, and once when it is over', () => {
    const { process } = shortProcess();
    process.comes();
    for (let round = 0; round < 10; round += 1) {
      process.open = 200;
      vi.advanceTimersByTime(200);
      process.open = 224;
      process.comes();
    }
    process.open = 100;
    vi.advanceTimersByTime(20_000);
    expect(process.reports).toEqual([
      'hardly any of the 256 files that may be open is left (ulimit -n); idle connections are closed to make room, and new ones wait',
      expect.stringMatching(/^there are files enough again; new connections were left waiting for \d\.\d s in all, and 0 were told 503$/),
    ]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('when the last listener goes, nothing keeps the process alive, and nothing is said', () => {
    const { process, listener } = shortProcess();
    process.comes();
    process.shortage.remove(listener);
    vi.runAllTimers();
    expect(vi.getTimerCount()).toBe(0);
    expect(process.reports).toHaveLength(1);
    expect(process.shortage.isPaused).toBe(false);
  });
});

describe('when nobody leaves', () => {
  test('who has waited for three seconds is told, a few at a time, until nobody waits; who comes then waits as long', () => {
    const { process, listener } = shortProcess();
    process.comes();
    expect(untilResumed(listener)).toBe(3_000);
    const told = Array.from({ length: 8 }, () => process.comes());
    expect(told).toEqual(Array.from({ length: 8 }, () => 'tell'));
    expect(listener.isPaused).toBe(true);
    process.leaves(1, true);
    expect(listener.isPaused).toBe(false);
    for (let left = 7; left > 0; left -= 1) process.leaves(1, true);
    // Nobody comes in two turns.
    vi.advanceTimersByTime(5);
    expect(listener.isPaused).toBe(true);
    expect(untilResumed(listener)).toBeGreaterThanOrEqual(2_990);
  });

  test('a place that becomes free goes to who waits, not to telling', () => {
    const { process, listener } = shortProcess();
    process.comes();
    untilResumed(listener);
    expect(process.comes()).toBe('tell');
    process.open = 200;
    expect(process.comes()).toBe('serve');
    expect(process.shortage.isPaused).toBe(false);
  });

  test('what cannot be paused takes those that are kept, but the last few, of which it is told', () => {
    const { process } = shortProcess();
    const admissions: string[] = [];
    while (process.open < 256) admissions.push(process.comes());
    expect(admissions.join(' ')).toMatch(/^(?:serve ){23}(?:tell ){7}drop drop$/);
  });
});
