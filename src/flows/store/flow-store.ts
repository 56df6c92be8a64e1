// Owns the proxy's side of the store of what was recorded: its thread as an object. Batches are handed over, not copied, and come back empty;
// questions are answered later. Nothing here reads, decompresses or asks a database: all of that is in the thread (store-thread.ts).
//
// What it refuses: to make traffic wait, or fail. Where the thread cannot write, or has ended, batches are taken and dropped, and the operator is told.
import { getCompileCacheDir } from 'node:module';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { StartError } from '../../errors/start-error.ts';
import type { AnswerTo, FromStore, Push, Question, StoreSettings, ToStore } from './protocol.ts';

export interface FlowStore {
  /** Added to `Flow.id`, it is the id in the session; the same as long as the store is open. */
  readonly base: number;
  /** What was sent and is not written yet, in octets. */
  readonly pendingBytes: number;
  /** Is given each buffer that was sent, when what was in it is written or dropped; not of a thread that has ended. */
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
  // It has the ending of this file: `.ts` from the sources, `.js` when built.
  const file = new URL(`./store-thread${path.extname(import.meta.url)}`, import.meta.url);
  const worker = new Worker(file, { workerData: settings, execArgv: [], env: codeCache(), resourceLimits: HEAP });
  worker.unref();
  const opened = await new Promise<FlowStore | readonly string[]>((resolve, reject) => {
    // At once, not when the promise is looked at: the next message may be there already.
    const begin = (first: FromStore): void => {
      if (first.kind === 'opened') resolve(new StoreThread(worker, first.base, report));
      else resolve(first.kind === 'failed' ? first.problems : []);
    };
    worker.once('message', begin).once('error', reject);
  });
  if ('base' in opened) return opened;
  await worker.terminate();
  throw new StartError('unavailable', opened);
}

class StoreThread implements FlowStore {
  readonly base: number;
  onFreed: (buffer: ArrayBuffer) => void = ignore;
  onPush: (push: Push) => void = ignore;
  readonly #worker: Worker;
  readonly #report: (line: string) => void;
  readonly #asked = new Map<number, { readonly resolve: (answer: never) => void; readonly reject: (error: Error) => void }>();
  readonly #ended: Promise<void>;
  #lastNumber = 0;
  #pendingBytes = 0;
  #state: 'open' | 'closing' | 'ended' = 'open';

  constructor(worker: Worker, base: number, report: (line: string) => void) {
    this.#worker = worker;
    this.base = base;
    this.#report = report;
    let why = '';
    worker.on('message', (message: FromStore) => this.#heard(message));
    worker.on('error', (error: unknown) => {
      why = error instanceof Error ? error.message : String(error);
    });
    this.#ended = new Promise((resolve) => {
      worker.once('exit', () => {
        this.#end(why);
        resolve();
      });
    });
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  send(bytes: ArrayBuffer, used: number): void {
    if (this.#state !== 'open') return;
    this.#pendingBytes += used;
    this.#post({ kind: 'batch', buffer: bytes, used }, [bytes]);
  }

  ask<Q extends Question>(question: Q): Promise<AnswerTo<Q>> {
    if (this.#state !== 'open') return Promise.reject(new Error(GONE));
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
    return this.#ended;
  }

  #post(message: ToStore, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
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
        this.onPush(message.push);
        return;
      case 'opened':
      case 'failed':
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

  #end(why: string): void {
    if (this.#state === 'open')
      this.#report(`inspector: recording has ended (${why || 'its thread is gone'}); traffic goes on without. Start anew to record again`);
    this.#state = 'ended';
    this.#pendingBytes = 0;
    for (const { reject } of this.#asked.values()) reject(new Error(GONE));
    this.#asked.clear();
  }
}

/** Where the process keeps compiled modules, the thread does, too: from the sources it would take 40 MiB without. */
function codeCache(): Record<string, string> {
  const folder = getCompileCacheDir();
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: path.dirname(folder) };
}

function ignore(): void {}

const GONE = 'What was recorded cannot be asked: recording has ended.';
/** Views of a million rows lie beside the heap, in typed arrays. */
const HEAP = { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 4 };
