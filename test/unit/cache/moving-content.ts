// Owns both ends of content on its way through the cache, moved by hand: where it comes from, who reads it, and a store's writer that is slow, reads
// back later, or gives up when it is told to.
import type { StoredResponse } from '../../../src/cache/stored-response.ts';
import type { ContentWriter, Soon } from '../../../src/cache/stores/cache-store.ts';
import type { ProxyError } from '../../../src/errors/proxy-error.ts';
import { type Body, type BodySink, FULL, KEPT, NO_FIELDS, TAKEN, type Taken } from '../../../src/http/message.ts';

/** Pieces wait while the sink is full. The memory of each is written over as soon as the sink has said that it may be. */
export class Source implements Body {
  readonly length: number | null;
  isStarted = false;
  isCancelled = false;
  /** How often it was told to stop. */
  cancels = 0;
  #sink: BodySink | null = null;
  #isFull = false;
  #lent: Buffer | null = null;
  readonly #waiting: (Buffer | 'end' | ProxyError)[] = [];

  constructor(length: number | null = null) {
    this.length = length;
  }

  /** The sink has no room, so that nothing more is read from the origin. */
  get isHeld(): boolean {
    return this.#isFull;
  }

  push(bytes: Buffer | string): void {
    this.#waiting.push(Buffer.from(bytes));
    this.#deliver();
  }
  end(): void {
    this.#waiting.push('end');
    this.#deliver();
  }
  /** A broken connection does not wait for its turn. */
  fail(error: ProxyError): void {
    this.#waiting.splice(0);
    if (this.isCancelled) return;
    if (this.#sink !== null) this.#sink.fail(error);
    else this.#waiting.push(error);
  }

  start(sink: BodySink): void {
    if (this.isStarted) throw new Error('content is started once');
    this.isStarted = true;
    this.#sink = sink;
    this.#deliver();
  }
  resume(): void {
    if (!this.#isFull) return;
    this.#isFull = false;
    this.#lent?.fill('#');
    this.#deliver();
  }
  cancel(): void {
    this.cancels += 1;
    this.isCancelled = true;
    this.#waiting.splice(0);
  }

  #deliver(): void {
    const sink = this.#sink;
    while (sink !== null && !this.#isFull && !this.isCancelled) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      if (next === 'end') sink.end(NO_FIELDS);
      else if (!Buffer.isBuffer(next)) sink.fail(next);
      else {
        const taken = sink.write(next);
        if (taken === TAKEN) next.fill('#');
        this.#lent = taken === FULL ? next : null;
        this.#isFull = taken === FULL && !this.isCancelled;
      }
    }
  }
}

/** One who reads: takes everything, unless it is told to be slow. What it is given it keeps as a socket does: without copying, until
 * there is room again. */
export class Listener implements BodySink {
  ending: 'open' | 'complete' | ProxyError = 'open';
  isSlow = false;
  isFull = false;
  readonly body: Body;
  readonly #pieces: Buffer[] = [];
  #hasLeft = false;

  constructor(body: Body) {
    this.body = body;
  }

  get text(): string {
    return Buffer.concat(this.#pieces).toString('latin1');
  }
  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  begin(): this {
    this.body.start(this);
    return this;
  }
  /** There is room again: nothing that came is referenced any more. */
  goOn(): void {
    if (!this.isFull) return;
    this.isFull = false;
    this.#pieces.push(Buffer.concat(this.#pieces.splice(0)));
    this.body.resume();
  }
  leave(): void {
    this.#hasLeft = true;
    this.body.cancel();
  }

  write(bytes: Buffer): Taken {
    this.#hear();
    if (this.isFull) throw new Error('more came although there is no room');
    this.#pieces.push(bytes);
    this.isFull = this.isSlow;
    return this.isFull ? FULL : KEPT;
  }
  end(): void {
    this.#hear();
    this.ending = 'complete';
  }
  fail(error: ProxyError): void {
    this.#hear();
    this.ending = error;
  }

  #hear(): void {
    if (this.#hasLeft) throw new Error('heard something after it had left');
    if (this.ending !== 'open') throw new Error('heard something after the end');
  }
}

export interface WriterBehaviour {
  /** Octets after which it gives up. */
  readonly room?: number;
  /** It reads back from somewhere slow. */
  readonly isAsync?: boolean;
  /** It writes to somewhere slow: `catchUp` says when it has. */
  readonly isBehind?: boolean;
  /** Octets that it gives back at once, at most. */
  readonly pieceBytes?: number;
  readonly commits?: boolean;
}

/** A store's writer. `calls` is what was asked of it besides writing and reading, in order. */
export class SlowWriter implements ContentWriter {
  readonly calls: string[] = [];
  stored: StoredResponse | null = null;
  /** What is lost of it can not be read back. */
  isLost = false;
  readonly #behaviour: WriterBehaviour;
  #content = Buffer.alloc(0);
  #behind: PromiseWithResolvers<void> | null = null;

  constructor(behaviour: WriterBehaviour = {}) {
    this.#behaviour = behaviour;
  }

  get written(): number {
    return this.#content.length;
  }
  get text(): string {
    return this.#content.toString('latin1');
  }

  write(bytes: Buffer): boolean {
    if (this.calls.length > 0) throw new Error(`written to after ${this.calls.join()}`);
    if (this.#content.length + bytes.length > (this.#behaviour.room ?? Number.POSITIVE_INFINITY)) {
      this.calls.push('gave up');
      return false;
    }
    this.#content = Buffer.concat([this.#content, bytes]);
    if (this.#behaviour.isBehind === true) this.#behind ??= Promise.withResolvers<void>();
    return true;
  }
  ready(): Promise<void> | null {
    return this.#behind?.promise ?? null;
  }
  async catchUp(): Promise<void> {
    const behind = this.#behind;
    this.#behind = null;
    behind?.resolve();
    await settled();
  }
  read(from: number, length: number): Soon<Buffer | null> {
    if (this.calls.includes('release')) throw new Error('read from after it was let go of');
    if (this.isLost) return null;
    const bytes = this.#content.subarray(from, from + Math.min(length, this.#behaviour.pieceBytes ?? length));
    return this.#behaviour.isAsync ? settled().then(() => bytes) : bytes;
  }
  commit(stored: StoredResponse): Soon<boolean> {
    this.calls.push('commit');
    const isStored = this.#behaviour.commits !== false;
    if (isStored) this.stored = stored;
    return this.#behaviour.isAsync ? settled().then(() => isStored) : isStored;
  }
  abandon(): void {
    this.calls.push('abandon');
  }
  release(): void {
    this.calls.push('release');
  }
}

/** Every promise that could be kept by now has been. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
