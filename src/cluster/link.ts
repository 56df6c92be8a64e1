// Owns one end of the link between a worker and the keeper: what is said, asked and answered over a Unix socket. What is said in one turn of the event loop
// is one write. Nothing waits for the other end but who asked it; what may be on its way is bounded by those who say it (recordings are dropped, one
// question an exchange), and an end that takes nothing for MOST_UNSENT octets is given up.
import type { Socket } from 'node:net';
import { holdForTurn } from '../net/turn-writes.ts';
import { BrokenFrame, FrameReader, frameHead, LINK_KINDS, type LinkFrame, type LinkKind } from './link-frames.ts';

/** Every question by its kind, and its answer; all of it JSON. */
export type Questions = Readonly<Record<string, { readonly asks: object; readonly answers: object }>>;
export type Asked<T extends Questions> = { [K in keyof T]: { readonly kind: K } & T[K]['asks'] }[keyof T];

/** What one end may say and ask. */
export interface Side {
  readonly said: object;
  readonly questions: Questions;
}

export interface LinkParts<There extends Side> {
  heard(said: There['said'], octets: ArrayBuffer | null): void;
  /** A rejection is told to whoever asked, by its message. */
  answer(asked: Asked<There['questions']>): object | Promise<object>;
  /** Once, whoever closed it. @param why it broke; `null` where an end has closed it in good order */
  closed(why: string | null): void;
}

/** The other end is gone, or has refused to answer. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/** @typeParam Here what this end may say and ask @typeParam There the same of the other end */
export class Link<Here extends Side, There extends Side> {
  readonly #socket: Socket;
  readonly #parts: LinkParts<There>;
  readonly #asked = new Map<number, { readonly resolve: (answer: never) => void; readonly reject: (error: Error) => void }>();
  #lastNumber = 0;
  #isEnding = false;
  #isClosed = false;
  #why: string | null = null;

  /** @param socket connected; it is read from now on */
  constructor(socket: Socket, parts: LinkParts<There>) {
    this.#socket = socket;
    this.#parts = parts;
    const reader = new FrameReader((frame) => this.#heard(frame));
    socket.on('data', (chunk: Buffer) => this.#take(reader, chunk));
    socket.on('error', (error) => this.#breakOff(error.message));
    socket.once('close', () => this.#closed());
  }

  get isOpen(): boolean {
    return !this.#isClosed;
  }

  /** Octets that the other end has not taken. */
  get unsent(): number {
    return this.#socket.writableLength;
  }

  /** Goes nowhere once the link is closed. @param octets must stay as they are until the other end says that it has them */
  say(said: Here['said'], octets: Uint8Array | null = null): void {
    this.#send(LINK_KINDS.said, 0, said, octets);
  }

  /** @throws NoAnswer when the other end is gone, or refuses */
  ask<K extends keyof Here['questions']>(
    asked: { readonly kind: K } & Here['questions'][K]['asks'],
  ): Promise<Here['questions'][K]['answers']> {
    if (this.#isClosed || this.#isEnding) return Promise.reject(new NoAnswer(GONE));
    this.#lastNumber = (this.#lastNumber + 1) >>> 0;
    const number = this.#lastNumber;
    const { promise, resolve, reject } = Promise.withResolvers<Here['questions'][K]['answers']>();
    this.#asked.set(number, { resolve, reject });
    this.#send(LINK_KINDS.asked, number, asked, null);
    return promise;
  }

  /** What was said before still goes out, and what the other end says is heard until it has closed, too. */
  close(): void {
    this.#isEnding = true;
    this.#socket.end();
  }

  /** At once. */
  destroy(): void {
    this.#socket.destroy();
  }

  #send(kind: LinkKind, number: number, head: object, octets: Uint8Array | null): void {
    if (this.#isClosed || this.#isEnding) return;
    const socket = this.#socket;
    holdForTurn(socket);
    socket.write(frameHead(kind, number, head, octets?.length ?? 0));
    if (octets !== null) socket.write(octets);
    if (socket.writableLength > MOST_UNSENT) this.#breakOff('the other end takes nothing');
  }

  #take(reader: FrameReader, chunk: Buffer): void {
    try {
      reader.take(chunk);
    } catch (error) {
      if (!(error instanceof BrokenFrame)) throw error;
      this.#breakOff(error.message);
    }
  }

  #heard({ kind, number, head, octets }: LinkFrame): void {
    if (this.#isClosed) return;
    switch (kind) {
      case LINK_KINDS.said:
        this.#parts.heard(head as There['said'], octets);
        return;
      case LINK_KINDS.asked:
        void this.#answer(number, head as Asked<There['questions']>);
        return;
      case LINK_KINDS.answered:
        this.#settle(number)?.resolve(head as never);
        return;
      case LINK_KINDS.refused:
        this.#settle(number)?.reject(new NoAnswer((head as { readonly message: string }).message));
        return;
      default:
        kind satisfies never;
    }
  }

  async #answer(number: number, asked: Asked<There['questions']>): Promise<void> {
    try {
      const answer = this.#parts.answer(asked);
      this.#send(LINK_KINDS.answered, number, answer instanceof Promise ? await answer : answer, null);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#send(LINK_KINDS.refused, number, { message }, null);
    }
  }

  #settle(number: number) {
    const asked = this.#asked.get(number);
    this.#asked.delete(number);
    return asked;
  }

  #breakOff(why: string): void {
    this.#why ??= why;
    this.#socket.destroy();
  }

  #closed(): void {
    this.#isClosed = true;
    for (const { reject } of this.#asked.values()) reject(new NoAnswer(GONE));
    this.#asked.clear();
    this.#parts.closed(this.#why);
  }
}

/** For who can do without: a process may be stopped, or busy for long. @returns `null` where there is no answer, or none in time */
export function withinPatience<T>(asked: Promise<T>): Promise<T | null> {
  const { promise, resolve } = Promise.withResolvers<null>();
  const timer = setTimeout(() => resolve(null), PATIENCE_MS);
  return Promise.race([asked.catch(() => null), promise]).finally(() => clearTimeout(timer));
}

const PATIENCE_MS = 2_000;
const GONE = 'the other end of the link is gone';
/** More than all recordings that may be on their way, and far more than everything else. */
const MOST_UNSENT = 384 * 2 ** 20;
