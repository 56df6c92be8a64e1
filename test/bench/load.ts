// Owns what a process of load has done, the clock over it, and the line of JSON that it ends with.

export interface LoadResult {
  /** By the mode: exchanges, tunnels that carried one, octets that arrived at the far end, or tunnels that are open. */
  readonly operations: number;
  readonly seconds: number;
  readonly errors: number;
  readonly firstError: string | null;
  /** TLS handshakes with a certificate, and those that resumed a session instead. */
  readonly handshakes: number;
  readonly resumed: number;
}

export class Load {
  operations = 0;
  errors = 0;
  handshakes = 0;
  resumed = 0;
  #firstError: string | null = null;
  #startedMs: number | null = null;
  readonly #seconds: number;

  constructor(seconds: number) {
    this.#seconds = seconds;
  }

  /** The clock runs from the first call on. */
  start(): void {
    this.#startedMs ??= performance.now();
  }

  isOver(): boolean {
    return this.#elapsedSeconds() >= this.#seconds;
  }

  /** The load ends by itself when the time is over. */
  finishInTime(): void {
    if (this.#startedMs !== null) return;
    this.start();
    setTimeout(() => this.finish(), this.#seconds * 1_000);
  }

  fail(reason: string): void {
    this.errors += 1;
    this.#firstError ??= reason;
  }

  report(done?: () => void): void {
    const { operations, errors, handshakes, resumed } = this;
    const seconds = this.#elapsedSeconds();
    const result: LoadResult = { operations, seconds, errors, firstError: this.#firstError, handshakes, resumed };
    process.stdout.write(`${JSON.stringify(result)}\n`, done);
  }

  /** What is still open ends with the process. */
  finish(): void {
    this.report(() => process.exit());
  }

  #elapsedSeconds(): number {
    return this.#startedMs === null ? 0 : (performance.now() - this.#startedMs) / 1_000;
  }
}

/** How much longer than asked for it may take. */
export const LOAD_GRACE_MS = 20_000;
/** A proxy that refuses everything is not asked for seconds on end. */
export const MOST_ERRORS = 1_000;
