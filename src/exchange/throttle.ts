// Owns what a rule's limits do to content on its way: held to a rate, counted against the day, broken off when the day's octets have run out.
// While a piece waits for its turn the body's producer is told FULL, so its socket is paused, the kernel pushes back on the peer, and no timer runs
// against anybody for what we hold. Never more is held than the one piece that the producer gave last.
import { ProxyError } from '../errors/proxy-error.ts';
import { type Body, type BodySink, type Fields, FULL, TAKEN, type Taken } from '../http/message.ts';
import type { ByteRate, Waiter } from '../net/byte-rate.ts';
import type { Lease } from '../policy/limits/limits.ts';

/**
 * The content of a request (`upload`) or a response (`download`) under the limits of the rule that let it pass.
 *
 * @returns the body itself where its rule limits nothing about it
 */
export function throttleBody(body: Body, direction: 'download' | 'upload', lease: Lease): Body {
  const rate = lease[direction];
  return rate === null && !lease.isCounted ? body : new ThrottledBody(body, rate, lease);
}

/** Content at a rate that no rule of the policy asks for. */
export function heldToRate(body: Body, rate: ByteRate): Body {
  return new ThrottledBody(body, rate, UNCOUNTED);
}

/** Why an exchange or a tunnel of this lease was broken off; `null` when its limits are not to blame. */
export function exhaustionOf(lease: Counting): ProxyError | null {
  return lease.exhaustion === null ? null : new ProxyError('http_request_denied', `Broken off: ${lease.exhaustion}.`);
}

/** What of a lease counts octets. */
type Counting = Pick<Lease, 'spend' | 'exhaustion'>;

const UNCOUNTED: Counting = { spend: () => true, exhaustion: null };

/** `flowing`: what comes passes. `waiting`: for its turn. `full`: for room in the sink. */
type State = 'flowing' | 'waiting' | 'full' | 'over';

class ThrottledBody implements Body, BodySink, Waiter {
  readonly length: number | null;
  readonly #body: Body;
  readonly #rate: ByteRate | null;
  readonly #lease: Counting;
  #sink: BodySink | null = null;
  #state: State = 'flowing';
  /** What has not passed of the last piece. */
  #rest: Buffer | null = null;
  #trailers: Fields | null = null;

  constructor(body: Body, rate: ByteRate | null, lease: Counting) {
    this.length = body.length;
    this.#body = body;
    this.#rate = rate;
    this.#lease = lease;
  }

  // Body: what the sink says

  start(sink: BodySink): void {
    this.#sink = sink;
    this.#body.start(this);
  }

  resume(): void {
    if (this.#state !== 'full') return;
    this.#state = 'flowing';
    const rest = this.#rest;
    if (rest === null) this.#allPassed();
    else this.#passRest(rest, this.#rate!.take(rest.length));
  }

  cancel(): void {
    if (this.#state === 'over') return;
    this.#finish();
    this.#body.cancel();
  }

  // BodySink: what the body says

  write(bytes: Buffer): Taken {
    if (this.#state === 'over') return TAKEN;
    if (!this.#lease.spend(bytes.length)) {
      this.#breakOff();
      return TAKEN;
    }
    if (this.#rate !== null) {
      this.#pass(bytes, this.#rate.take(bytes.length));
      return this.#state === 'flowing' ? TAKEN : FULL;
    }
    const taken = this.#sink!.write(bytes);
    if (taken === FULL && this.#state === 'flowing') this.#state = 'full';
    return taken;
  }

  end(trailers: Fields): void {
    if (this.#state === 'over') return;
    if (this.#state === 'flowing') this.#end(trailers);
    else this.#trailers = trailers;
  }

  fail(error: ProxyError): void {
    if (this.#state === 'over') return;
    this.#finish();
    this.#sink?.fail(error);
  }

  // Waiter: what the rate says

  get wanted(): number {
    return this.#rest?.length ?? 0;
  }

  granted(octets: number): void {
    this.#state = 'flowing';
    this.#passRest(this.#rest!, octets);
  }

  #passRest(rest: Buffer, octets: number): void {
    this.#pass(rest, octets);
    if (this.#rest === null && this.#state === 'flowing') this.#allPassed();
  }

  /**
   * Passes the first `octets` of a piece on, and holds the others. They go as a copy: `resume` tells the producer that nothing of what it gave is
   * referenced any more, and a sink that has kept something does not say when that is so.
   */
  #pass(bytes: Buffer, octets: number): void {
    this.#rest = octets < bytes.length ? bytes.subarray(octets) : null;
    const isFull = octets > 0 && this.#sink!.write(Buffer.from(bytes.subarray(0, octets))) === FULL;
    // The sink may have cancelled.
    if (this.#state === 'over') return;
    if (isFull) this.#state = 'full';
    else if (this.#rest !== null) {
      this.#state = 'waiting';
      this.#rate!.wait(this);
    }
  }

  #allPassed(): void {
    if (this.#trailers !== null) this.#end(this.#trailers);
    else this.#body.resume();
  }

  #end(trailers: Fields): void {
    this.#finish();
    this.#sink?.end(trailers);
  }

  #breakOff(): void {
    this.#finish();
    this.#body.cancel();
    this.#sink?.fail(exhaustionOf(this.#lease)!);
  }

  #finish(): void {
    if (this.#state === 'waiting') this.#rate!.leave(this);
    this.#state = 'over';
    this.#rest = null;
  }
}
