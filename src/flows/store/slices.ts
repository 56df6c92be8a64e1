// Owns the time of the store's thread: work that takes long is a generator, which goes on for some milliseconds, then lets batches and questions in, then
// the next one goes on. So nobody waits long, and nobody waits for ever.

export interface Job<T> {
  readonly done: Promise<T>;
  /** It does not go on; `done` is rejected. */
  cancel(): void;
}

interface Running {
  step(): boolean;
  end(error: unknown): void;
}

export class Slices {
  /** The next to go on first. */
  readonly #running: Running[] = [];
  #isScheduled = false;

  run<T>(work: Generator<void, T>): Job<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const running: Running = {
      step: () => {
        const { done, value } = work.next();
        if (done === true) resolve(value);
        return done === true;
      },
      end: reject,
    };
    this.#running.push(running);
    this.#schedule();
    const cancel = (): void => {
      const place = this.#running.indexOf(running);
      if (place < 0) return;
      this.#running.splice(place, 1);
      // What it holds open is closed; nobody may be waiting any more.
      work.return(undefined as T);
      promise.catch(() => {});
      reject(new Cancelled());
    };
    return { done: promise, cancel };
  }

  #schedule(): void {
    if (this.#isScheduled || this.#running.length === 0) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#slice();
      this.#schedule();
    });
  }

  #slice(): void {
    const running = this.#running.shift();
    if (running === undefined) return;
    const untilMs = performance.now() + SLICE_MS;
    try {
      while (!running.step()) {
        if (performance.now() < untilMs) continue;
        this.#running.push(running);
        return;
      }
    } catch (error) {
      running.end(error);
    }
  }
}

export class Cancelled extends Error {}

const SLICE_MS = 8;
