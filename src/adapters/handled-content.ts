// Owns content that goes through the hands of data handlers, from the message that was received to the one that is written: each chunk when the one before
// is done with, at once where handlers call back at once, and whoever sends is held back meanwhile. No stream of Node's stands between, as long as nobody
// else reads the message.
import { type BodySink, type Fields, FULL, TAKEN, type Taken } from '../http/message.ts';
import { type DataHandler, passChunk } from './handlers.ts';
import type { ReceivedMessage } from './received-message.ts';
import type { WrittenMessage } from './written-message.ts';

export interface ContentOwner {
  /** A handler has failed. */
  handlerFailed(thrown: unknown): void;
  /** What a handler has left cannot be written. */
  writingFailed(thrown: unknown): void;
  /** All of it has been written. */
  ended(trailers: Fields): void;
}

export class HandledContent<C> implements Omit<BodySink, 'fail'> {
  readonly #handlers: readonly DataHandler<C>[];
  readonly #ctx: C;
  readonly #from: ReceivedMessage;
  readonly #to: WrittenMessage;
  readonly #owner: ContentOwner;
  /** The source waits: a handler has not called back yet, or there is no room. */
  #isHeld = false;
  #isWaitingForRoom = false;

  constructor(handlers: readonly DataHandler<C>[], ctx: C, from: ReceivedMessage, to: WrittenMessage, owner: ContentOwner) {
    this.#handlers = handlers;
    this.#ctx = ctx;
    this.#from = from;
    this.#to = to;
    this.#owner = owner;
    from.handTo(this);
  }

  /** @param bytes which nobody uses again */
  write(bytes: Buffer): Taken {
    const left = this.#handled(bytes);
    if (!(left instanceof Promise)) return this.#put(left) ? TAKEN : this.#hold();
    left.then(
      (changed) => {
        if (this.#put(changed)) this.#goOn();
      },
      (thrown: unknown) => this.#owner.handlerFailed(thrown),
    );
    return this.#hold();
  }

  end(trailers: Fields): void {
    this.#owner.ended(trailers);
  }

  #handled(bytes: Buffer): Buffer | null | Promise<Buffer | null> {
    try {
      return passChunk(this.#handlers, this.#ctx, bytes);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }

  /** @returns whether the next chunk may come */
  #put(left: Buffer | null): boolean {
    const to = this.#to;
    if (to.destroyed) return false;
    try {
      if (left === null || to.write(left)) return true;
    } catch (thrown) {
      this.#owner.writingFailed(thrown);
      return false;
    }
    if (!this.#isWaitingForRoom) {
      this.#isWaitingForRoom = true;
      to.on('drain', () => this.#goOn());
    }
    return false;
  }

  #hold(): Taken {
    this.#isHeld = true;
    return FULL;
  }

  #goOn(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#from.askForMore();
  }
}
