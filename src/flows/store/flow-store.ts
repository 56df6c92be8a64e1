// Owns the proxy's side of the store of what was recorded: its thread as an object. Batches are handed over, not copied, and come back empty;
// questions are answered later. Nothing here reads, decompresses or asks a database: all of that is in the thread (store-thread.ts).
//
// What it refuses: to make traffic wait, or fail. Where the thread cannot write, or has ended, batches are taken and dropped, and the operator is told.
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { StartError } from '../../errors/start-error.ts';
import { codeCache } from '../../net/code-cache.ts';
import type { AnswerTo, FromStore, Push, Question, StoreSettings, ToStore } from './protocol.ts';

export interface FlowStore {
  /** Added to `Flow.id`, it is the id in the session; the same as long as the store is open. */
  readonly base: number;
  /** What was sent and is not written yet, in octets. */
  readonly pendingBytes: number;
  /** Is given each buffer that was sent, when what was in it is written or dropped; those that were on their way when the thread broke off are gone. */
  onFreed: (buffer: ArrayBuffer) => void;
  onPush: (push: Push) => void;
  /**
   * Hands a batch of frames over (batch-frames.ts). What is acknowledged by `onFreed` survives the end of this process, however it comes.
   *
   * @param bytes is transferred: it is of no use here from now on
   * @param used octets at its beginning that count
   */
  send(bytes: ArrayBuffer, used: number): void;
  /** @throws Error with a sentence for people, when there is no answer */
  ask<Q extends Question>(question: Q): Promise<AnswerTo<Q>>;
  /** Ends when everything that was sent is written. */
  close(): Promise<void>;
}

/**
 * Starts the thread, opens the session and puts it in order after a crash.
 *
 * @param report a line for the operator
 * @throws StartError when the folder cannot serve
 */
export async function openFlowStore(settings: StoreSettings, report: (line: string) => void): Promise<FlowStore> {
  const worker = startThread(settings);
  return await new Promise((resolve, reject) => {
    worker.once('error', reject);
    // At once, not when the promise is looked at: the next message may be there already.
    worker.once('message', (first: FromStore) => {
      worker.off('error', reject);
      if (first.kind === 'opened') resolve(new StoreThread({ worker, settings, base: first.base, report }));
      else reject(new StartError('unavailable', first.kind === 'failed' ? first.problems : []));
    });
  });
}

function startThread(settings: StoreSettings): Worker {
  // It has the ending of this file: `.ts` from the sources, `.js` when built.
  const file = new URL(`./store-thread${path.extname(import.meta.url)}`, import.meta.url);
  // From the sources it would take 40 MiB without what is compiled already.
  const worker = new Worker(file, { workerData: settings, execArgv: [], env: codeCache(), resourceLimits: HEAP });
  worker.unref();
  return worker;
}

interface ThreadParts {
  readonly worker: Worker;
  readonly settings: StoreSettings;
  readonly base: number;
  readonly report: (line: string) => void;
}

class StoreThread implements FlowStore {
  readonly base: number;
  onFreed: (buffer: ArrayBuffer) => void = ignore;
  onPush: (push: Push) => void = ignore;
  readonly #report: (line: string) => void;
  readonly #asked = new Map<number, { readonly resolve: (answer: never) => void; readonly reject: (error: Error) => void }>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #standing = new StandingQuestions();
  #settings: StoreSettings;
  #worker: Worker;
  #lastNumber = 0;
  #pendingBytes = 0;
  #state: 'open' | 'closing' | 'ended' = 'open';
  #startsLeft = MOST_STARTS;
  #startedMs = performance.now();

  constructor({ worker, settings, base, report }: ThreadParts) {
    this.base = base;
    this.#settings = settings;
    this.#report = report;
    this.#worker = worker;
    this.#listen(worker);
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  send(bytes: ArrayBuffer, used: number): void {
    if (this.#state !== 'open') {
      this.onFreed(bytes);
      return;
    }
    this.#pendingBytes += used;
    this.#post({ kind: 'batch', buffer: bytes, used }, [bytes]);
  }

  ask<Q extends Question>(question: Q): Promise<AnswerTo<Q>> {
    if (this.#state !== 'open') return Promise.reject(new Error(GONE));
    this.#standing.heard(question);
    this.#lastNumber += 1;
    const number = this.#lastNumber;
    return new Promise<AnswerTo<Q>>((resolve, reject) => {
      this.#asked.set(number, { resolve, reject });
      this.#post({ kind: 'question', number, question });
    });
  }

  close(): Promise<void> {
    if (this.#state === 'open') {
      this.#state = 'closing';
      // Whoever closes waits for its end.
      this.#worker.ref();
      this.#post({ kind: 'close' });
    }
    return this.#ended.promise;
  }

  #post(message: ToStore, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #listen(worker: Worker): void {
    let why = 'its thread is gone';
    worker.on('message', (message: FromStore) => this.#heard(message));
    worker.on('error', (error: unknown) => {
      why = error instanceof Error ? error.message : String(error);
    });
    worker.once('exit', () => this.#exited(why));
  }

  #heard(message: FromStore): void {
    switch (message.kind) {
      case 'freed':
        this.#pendingBytes -= message.used;
        this.onFreed(message.buffer);
        return;
      case 'answer':
        this.#settle(message.number)?.resolve(message.answer as never);
        return;
      case 'refused':
        this.#settle(message.number)?.reject(new Error(message.message));
        return;
      case 'report':
        this.#report(message.line);
        return;
      case 'push':
        if (message.push.kind === 'status') this.#settings = { ...this.#settings, session: message.push.session };
        this.onPush(message.push);
        return;
      case 'failed':
        for (const problem of message.problems) this.#report(`inspector: ${problem}`);
        return;
      case 'opened':
        return;
      default:
        message satisfies never;
    }
  }

  #settle(number: number) {
    const asked = this.#asked.get(number);
    this.#asked.delete(number);
    return asked;
  }

  #exited(why: string): void {
    this.#pendingBytes = 0;
    for (const { reject } of this.#asked.values()) reject(new Error(this.#state === 'open' ? BROKEN_OFF : GONE));
    this.#asked.clear();
    const nowMs = performance.now();
    // What went well for long was not ended by what ended the one before.
    if (nowMs - this.#startedMs > WENT_WELL_MS) this.#startsLeft = MOST_STARTS;
    if (this.#state === 'open' && this.#startsLeft > 0) {
      this.#startedMs = nowMs;
      this.#startAgain(why);
      return;
    }
    if (this.#state === 'open')
      this.#report(`inspector: recording has ended (${why}); traffic goes on without. Start anew to record again`);
    this.#state = 'ended';
    this.#ended.resolve();
  }

  /** Ids are made of `base` still, and those in the session are not greater. */
  #startAgain(why: string): void {
    this.#report(`inspector: recording broke off (${why}) and begins again; what was not written yet is lost`);
    this.#startsLeft -= 1;
    this.#worker = startThread(this.#settings);
    this.#listen(this.#worker);
    for (const question of this.#standing.all()) this.ask(question).catch(ignore);
  }
}

/** What a thread has to be asked again when it takes the place of another: views, and what is watched. */
class StandingQuestions {
  readonly #views = new Map<number, Extract<Question, { readonly kind: 'openView' }>>();
  readonly #watches: Extract<Question, { readonly kind: 'watch' }>[] = [];

  heard(question: Question): void {
    if (question.kind === 'openView') this.#views.set(question.view, question);
    else if (question.kind === 'closeView') this.#views.delete(question.view);
    else if (question.kind === 'watch') this.#watches.push(question);
    else if (question.kind === 'unwatch') this.#forget(question.id);
    else if (question.kind === 'moveView') this.#move(question);
  }

  /** Takes them away: asked again, they are heard again. */
  all(): readonly Question[] {
    return [...this.#views.values(), ...this.#watches.splice(0)];
  }

  #move({ view, offset, limit }: Extract<Question, { readonly kind: 'moveView' }>): void {
    const opened = this.#views.get(view);
    if (opened !== undefined) this.#views.set(view, { ...opened, offset, limit });
  }

  #forget(id: number): void {
    const place = this.#watches.findIndex((watch) => watch.id === id);
    if (place >= 0) this.#watches.splice(place, 1);
  }
}

function ignore(): void {}

const GONE = 'What was recorded cannot be asked: recording has ended.';
const BROKEN_OFF = 'Recording broke off and begins again; ask again.';
/** At rest it takes some 8 MiB. What somebody looks at may be large once it is unpacked; views of a million rows lie beside the heap. */
const HEAP = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 4 };
/** Whatever ends it that often will end it again. */
const MOST_STARTS = 5;
const WENT_WELL_MS = 10 * 60 * 1_000;
