// Owns the thread on which contents are looked at, as an object: started at the first question, ended when nobody has asked for a while. One question at a
// time, the others wait; equal ones are asked once. What takes longer than its deadline, or more memory than the thread has, ends the thread and not
// the question: whoever asked is told, in words, and the next one gets a new thread.
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { errorCode } from '../../errors/from-node.ts';
import { Refused } from './sessions.ts';
import type { ShowTask } from './show-task.ts';
import type { Shown } from './show-worker.ts';

export interface ShowingLimits {
  readonly deadlineMs: number;
  readonly idleMs: number;
  /** Of its heap; octets, packed and unpacked, lie beside it. */
  readonly heapMb: number;
}

/** Its message says why, as the end of a sentence: `it took longer than 5 s`. */
export class NotShown extends Error {}

interface Asked {
  readonly task: ShowTask;
  readonly resolve: (octets: Uint8Array | null) => void;
  readonly reject: (why: Error) => void;
}

export class Showing {
  readonly #limits: ShowingLimits;
  readonly #waiting: Asked[] = [];
  /** What is asked and not answered yet, by what it is about. */
  readonly #equal = new Map<string, Promise<Uint8Array | null>>();
  #current: Asked | null = null;
  #worker: Worker | null = null;
  /** The thread takes tasks. */
  #isReady = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: ShowingLimits = SHOWING_LIMITS) {
    this.#limits = limits;
  }

  /**
   * @param about the same for questions that have the same answer
   * @throws NotShown
   */
  ask(task: ShowTask, about: string): Promise<Uint8Array | null> {
    const equal = this.#equal.get(about);
    if (equal !== undefined) return equal;
    if (this.#waiting.length >= MOST_WAITING) return Promise.reject(new Refused('Too much is to be shown at once; ask again.'));
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array | null>();
    const forget = (): boolean => this.#equal.delete(about);
    promise.then(forget, forget);
    this.#equal.set(about, promise);
    this.#waiting.push({ task, resolve, reject });
    this.#next();
    return promise;
  }

  get isRunning(): boolean {
    return this.#worker !== null;
  }

  close(): void {
    this.#endThread();
    for (const { reject } of this.#waiting.splice(0)) reject(new NotShown('recording has ended'));
    this.#current?.reject(new NotShown('recording has ended'));
    this.#current = null;
  }

  #next(): void {
    if (this.#current !== null) return;
    clearTimeout(this.#timer);
    this.#current = this.#waiting.shift() ?? null;
    if (this.#current === null) {
      this.#timer = setTimeout(() => this.#endThread(), this.#limits.idleMs).unref();
      return;
    }
    this.#worker ??= this.#start();
    if (this.#isReady) this.#give(this.#worker, this.#current);
  }

  /** The deadline is the task's alone: a thread that starts may take long on a machine that has much to do. */
  #give(worker: Worker, { task }: Asked): void {
    worker.postMessage(task);
    const { deadlineMs } = this.#limits;
    this.#timer = setTimeout(() => {
      this.#endThread();
      this.#settle(new NotShown(`it took longer than ${deadlineMs / 1000} s`));
    }, deadlineMs);
  }

  #start(): Worker {
    // It has the ending of this file: `.ts` from the sources, `.js` when built.
    const file = new URL(`./show-worker${path.extname(import.meta.url)}`, import.meta.url);
    this.#isReady = false;
    const worker = new Worker(file, { resourceLimits: { maxOldGenerationSizeMb: this.#limits.heapMb } });
    worker.unref();
    worker.on('message', (shown: Shown) => {
      if (worker !== this.#worker) return;
      if ('isReady' in shown) {
        this.#isReady = true;
        if (this.#current !== null) this.#give(worker, this.#current);
      } else this.#settle('problem' in shown ? new NotShown(shown.problem) : shown.octets);
    });
    worker.on('error', (error: unknown) => this.#broke(worker, error));
    worker.on('exit', () => this.#broke(worker, null));
    return worker;
  }

  #broke(worker: Worker, error: unknown): void {
    if (worker !== this.#worker) return;
    this.#worker = null;
    const isMemory = errorCode(error) === 'ERR_WORKER_OUT_OF_MEMORY';
    this.#settle(
      new NotShown(isMemory ? 'it took more memory than it may' : `it failed (${error instanceof Error ? error.message : 'no reason'})`),
    );
  }

  #settle(answer: Uint8Array | null | NotShown): void {
    clearTimeout(this.#timer);
    const current = this.#current;
    this.#current = null;
    if (answer instanceof NotShown) current?.reject(answer);
    else current?.resolve(answer);
    this.#next();
  }

  #endThread(): void {
    clearTimeout(this.#timer);
    const worker = this.#worker;
    this.#worker = null;
    void worker?.terminate();
  }
}

export const SHOWING_LIMITS: ShowingLimits = { deadlineMs: 5_000, idleMs: 30_000, heapMb: 384 };
const MOST_WAITING = 64;
