// The clock is the test's own: `performance.now` and `setInterval` are Node's, faked together.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ProxyError } from '../../../src/errors/proxy-error.ts';
import { throttleBody } from '../../../src/exchange/throttle.ts';
import { type Body, type BodySink, BytesBody, type Fields, FULL, KEPT, TAKEN, type Taken } from '../../../src/http/message.ts';
import { ByteRate } from '../../../src/net/byte-rate.ts';
import { Deadlines } from '../../../src/net/deadlines.ts';
import type { Lease } from '../../../src/policy/limits/limits.ts';

let deadlines: Deadlines;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  deadlines = new Deadlines();
});
afterEach(() => {
  deadlines.close();
  vi.useRealTimers();
});

describe('content under a rate', () => {
  test('arrives whole and in order whatever its pieces are and whatever the sink says of them, and faster at no time', () => {
    const piece = fc.integer({ min: 1, max: 5_000 });
    const answer = fc.constantFrom(TAKEN, KEPT, FULL);
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 30 }),
        fc.array(answer, { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 500, max: 50_000 }),
        (sizes, answers, rate) => {
          const { body, sink, passedAtMost } = transfer({ sizes, answers, rate });
          for (let elapsedMs = 0; !sink.isOver; elapsedMs += 100) {
            expect(sink.length).toBeLessThanOrEqual(passedAtMost());
            expect(elapsedMs).toBeLessThan(400_000);
            vi.advanceTimersByTime(100);
            if (sink.isFull) sink.makeRoom();
          }
          expect(sink.content()).toEqual(body.content);
          expect(sink.ends).toEqual([TRAILERS]);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('a rule that limits nothing about it leaves the body as it is', () => {
    const body = new BytesBody(Buffer.from('content'));
    expect(throttleBody(body, 'download', lease({}))).toBe(body);
    expect(throttleBody(body, 'upload', lease({ download: new ByteRate(10, deadlines) }))).toBe(body);
  });

  test('says the length that its body says', () => {
    expect(throttleBody(new BytesBody(Buffer.alloc(7)), 'download', lease({ download: new ByteRate(1, deadlines) })).length).toBe(7);
  });

  test('its producer hears FULL while a piece waits, and nothing more is asked of it', () => {
    const { body, sink } = transfer({ sizes: [3_000, 10], answers: [TAKEN], rate: 1_000 });
    expect(sink.length).toBe(1_000);
    expect(body).toMatchObject({ isPaused: true, given: 1 });
    vi.advanceTimersByTime(2_500);
    expect(body.given).toBe(2);
  });

  test('a sink that is full is left alone, however long its turn has come', () => {
    const { sink } = transfer({ sizes: [3_000], answers: [FULL], rate: 1_000 });
    vi.advanceTimersByTime(60_000);
    expect(sink.length).toBe(1_000);
    sink.makeRoom();
    expect(sink.length).toBe(2_000);
  });

  test('memory of the producer is free as soon as all of it has passed, whatever the sink keeps', () => {
    const { body } = transfer({ sizes: [100, 200, 300], answers: [KEPT, TAKEN, FULL], rate: 1_000 });
    expect(body.answers).toEqual([TAKEN, TAKEN, FULL]);
  });

  test('content that is only counted is not copied: the producer hears what the sink says', () => {
    const body = new Producer([100, 200, 300]);
    throttleBody(body, 'download', { ...lease({}), isCounted: true }).start(new Sink([KEPT, TAKEN, FULL]));
    expect(body.answers).toEqual([KEPT, TAKEN, FULL]);
  });
});

describe('an end before the end', () => {
  test('cancelled while it waits: the producer stops, the sink hears nothing more, and nobody is left in line', () => {
    const { body, sink, throttled, rate } = transfer({ sizes: [3_000], answers: [TAKEN], rate: 1_000 });
    throttled.cancel();
    throttled.cancel();
    vi.advanceTimersByTime(10_000);
    expect(body.cancels).toBe(1);
    expect(sink).toMatchObject({ length: 1_000, ends: [], failures: [] });
    expect(rate.isAtRest(performance.now())).toBe(true);
  });

  test('cancelled before it began', () => {
    const body = new Producer([10]);
    throttleBody(body, 'download', lease({ download: new ByteRate(10, deadlines) })).cancel();
    expect(body.cancels).toBe(1);
  });

  test('broken off while it waits: the sink hears it at once and gets nothing more', () => {
    const { body, sink, rate } = transfer({ sizes: [3_000], answers: [TAKEN], rate: 1_000 });
    const error = new ProxyError('http_response_incomplete', 'The origin broke its answer off.');
    body.sink!.fail(error);
    vi.advanceTimersByTime(10_000);
    expect(sink).toMatchObject({ length: 1_000, ends: [], failures: [error] });
    expect(rate.isAtRest(performance.now())).toBe(true);
  });

  test('cancelled by the sink in the middle of a piece', () => {
    const { body, sink, throttled } = transfer({ sizes: [3_000], answers: [TAKEN], rate: 1_000 });
    sink.onWrite = () => throttled.cancel();
    vi.advanceTimersByTime(10_000);
    expect(body.cancels).toBe(1);
    expect(sink).toMatchObject({ length: 2_000, ends: [], failures: [] });
  });
});

describe("the day's octets", () => {
  test('content is counted as it comes, and broken off when they have run out', () => {
    const exhaustion = "rule 'Artifacts' (ci.yaml:12) allows 2 KiB a day for one user, and today's are used up until midnight UTC";
    const body = new Producer([1_000, 1_000, 1_000]);
    const sink = new Sink([TAKEN]);
    let left = 2_048;
    throttleBody(body, 'download', {
      ...lease({}),
      isCounted: true,
      spend: (bytes) => (left -= bytes) >= 0,
      get exhaustion() {
        return left < 0 ? exhaustion : null;
      },
    }).start(sink);
    expect(sink).toMatchObject({
      length: 2_000,
      ends: [],
      failures: [{ code: 'http_request_denied', message: `Broken off: ${exhaustion}.` }],
    });
    expect(body.cancels).toBe(1);
  });
});

const TRAILERS: Fields = [{ name: 'Trailer-Field', value: 'x' }];

function transfer({ sizes, answers, rate: perSecond }: { sizes: readonly number[]; answers: readonly Taken[]; rate: number }) {
  const startedMs = performance.now();
  const rate = new ByteRate(perSecond, deadlines);
  const body = new Producer(sizes);
  const sink = new Sink(answers);
  const throttled = throttleBody(body, 'download', lease({ download: rate }));
  sink.source = throttled;
  throttled.start(sink);
  const passedAtMost = (): number => perSecond + (perSecond * (performance.now() - startedMs)) / 1000 + 1;
  return { rate, body, sink, throttled, passedAtMost };
}

function lease(rates: Partial<Pick<Lease, 'download' | 'upload'>>): Lease {
  return { download: null, upload: null, isCounted: false, exhaustion: null, spend: () => true, release: () => {}, ...rates };
}

/** Makes content of pieces in memory of its own, which it spoils as soon as it is told that it may use it again. */
class Producer implements Body {
  readonly length = null;
  readonly content: Buffer;
  readonly answers: Taken[] = [];
  readonly #sizes: readonly number[];
  sink: BodySink | null = null;
  given = 0;
  cancels = 0;
  isPaused = false;
  #at = 0;
  /** Since the sink was last known to hold nothing. */
  #unproven: Buffer[] = [];

  constructor(sizes: readonly number[]) {
    this.#sizes = sizes;
    this.content = Buffer.from(Array.from({ length: sizes.reduce((sum, size) => sum + size, 0) }, (_, index) => (index * 31) & 0xff));
  }
  start(sink: BodySink): void {
    this.sink = sink;
    this.#pump();
  }
  resume(): void {
    expect(this.isPaused).toBe(true);
    this.isPaused = false;
    for (const bytes of this.#unproven.splice(0)) bytes.fill(0xdd);
    this.#pump();
  }
  cancel(): void {
    this.cancels += 1;
  }
  #pump(): void {
    while (!this.isPaused && this.cancels === 0) {
      const size = this.#sizes[this.given];
      if (size === undefined) {
        this.sink!.end(TRAILERS);
        return;
      }
      this.given += 1;
      const bytes = Buffer.from(this.content.subarray(this.#at, this.#at + size));
      this.#at += size;
      const taken = this.sink!.write(bytes);
      this.answers.push(taken);
      this.isPaused = taken === FULL;
      if (taken === TAKEN) bytes.fill(0xdd);
      else this.#unproven.push(bytes);
    }
  }
}

/** Answers in turns, and looks at what it kept no sooner than it must. */
class Sink implements BodySink {
  readonly ends: Fields[] = [];
  readonly failures: ProxyError[] = [];
  readonly #answers: readonly Taken[];
  readonly #pieces: Buffer[] = [];
  source: Body | null = null;
  onWrite = (): void => {};
  isFull = false;
  length = 0;
  #writes = 0;
  #isKept: boolean[] = [];

  constructor(answers: readonly Taken[]) {
    this.#answers = answers;
  }
  get isOver(): boolean {
    return this.ends.length + this.failures.length > 0;
  }
  write(bytes: Buffer): Taken {
    expect(this.isFull || this.isOver).toBe(false);
    expect(bytes.length).toBeGreaterThan(0);
    const answer = this.#answers[this.#writes % this.#answers.length]!;
    this.#writes += 1;
    this.length += bytes.length;
    this.#pieces.push(answer === TAKEN ? Buffer.from(bytes) : bytes);
    this.#isKept.push(answer !== TAKEN);
    this.isFull = answer === FULL;
    this.onWrite();
    return answer;
  }
  end(trailers: Fields): void {
    expect(this.isOver).toBe(false);
    this.ends.push(trailers);
  }
  fail(error: ProxyError): void {
    expect(this.isOver).toBe(false);
    this.failures.push(error);
  }
  /** What was kept is written by now. */
  makeRoom(): void {
    this.isFull = false;
    this.#isKept.forEach((isKept, index) => {
      if (isKept) this.#pieces[index] = Buffer.from(this.#pieces[index]!);
    });
    this.#isKept.fill(false);
    this.source!.resume();
  }
  content(): Buffer {
    return Buffer.concat(this.#pieces);
  }
}
