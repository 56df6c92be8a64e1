// The line is driven by a clock of the test's own: `performance.now` and `setInterval` are Node's, faked together.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ByteRate, type Waiter } from '../../../src/net/byte-rate.ts';
import { Deadlines } from '../../../src/net/deadlines.ts';

let deadlines: Deadlines;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  deadlines = new Deadlines();
});
afterEach(() => {
  deadlines.close();
  vi.useRealTimers();
});

/** A transfer that gets into the line again until it has passed all it has. */
class Transfer implements Waiter {
  readonly #rate: ByteRate;
  wanted: number;
  passed = 0;
  constructor(rate: ByteRate, octets: number) {
    this.#rate = rate;
    this.wanted = octets;
    this.granted(rate.take(octets));
  }
  granted(octets: number): void {
    this.passed += octets;
    this.wanted -= octets;
    if (this.wanted > 0) this.#rate.wait(this);
  }
}

test('what is there passes at once, and the rest at the rate', () => {
  const transfer = new Transfer(new ByteRate(100_000, deadlines), 350_000);
  expect(transfer.passed).toBe(100_000);
  vi.advanceTimersByTime(1_000);
  expect(transfer.passed).toBeGreaterThan(175_000);
  expect(transfer.passed).toBeLessThanOrEqual(200_000);
  vi.advanceTimersByTime(1_700);
  expect(transfer.passed).toBe(350_000);
});

test('transfers that share a rate get equal parts of it, whenever they came', () => {
  const rate = new ByteRate(100_000, deadlines);
  rate.take(100_000);
  const first = new Transfer(rate, 1_000_000);
  vi.advanceTimersByTime(500);
  const [early] = [first.passed];
  const others = Array.from({ length: 4 }, () => new Transfer(rate, 1_000_000));
  vi.advanceTimersByTime(5_000);
  for (const each of others) expect(each.passed).toBeGreaterThan(90_000);
  expect(first.passed - early).toBeLessThan(115_000);
  const sum = others.reduce((total, { passed }) => total + passed, first.passed);
  expect(sum).toBeLessThanOrEqual(550_000);
  expect(sum).toBeGreaterThan(530_000);
});

test('who comes while others wait does not get ahead of them, however little it wants', () => {
  const rate = new ByteRate(1_000, deadlines);
  rate.take(1_000);
  new Transfer(rate, 10_000);
  vi.advanceTimersByTime(50);
  expect(rate.take(1)).toBe(0);
});

test('many that share little all move within two seconds, so that no other timer runs out on them', () => {
  const rate = new ByteRate(1_000, deadlines);
  rate.take(1_000);
  const transfers = Array.from({ length: 500 }, () => new Transfer(rate, 1_000));
  vi.advanceTimersByTime(2_000);
  expect(transfers.filter(({ passed }) => passed === 0)).toEqual([]);
});

test('who leaves the line gets nothing more, and takes nothing from those who stay', () => {
  const rate = new ByteRate(10_000, deadlines);
  rate.take(10_000);
  const gone = new Transfer(rate, 100_000);
  const stays = new Transfer(rate, 100_000);
  rate.leave(gone);
  vi.advanceTimersByTime(2_000);
  expect(gone.passed).toBe(0);
  expect(stays.passed).toBeGreaterThan(17_000);
});

test('is at rest when nobody waits and its burst is whole again', () => {
  const rate = new ByteRate(1_000, deadlines);
  expect(rate.isAtRest(performance.now())).toBe(true);
  const transfer = new Transfer(rate, 1_500);
  expect(rate.isAtRest(performance.now() + 10_000)).toBe(false);
  vi.advanceTimersByTime(1_000);
  expect(transfer.wanted).toBe(0);
  expect(rate.isAtRest(performance.now())).toBe(false);
  vi.advanceTimersByTime(1_000);
  expect(rate.isAtRest(performance.now())).toBe(true);
});
