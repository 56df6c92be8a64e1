// Owns comparing a password with a hash away from the event loop: in threads of ours for bcrypt and SHA-crypt, in Node's own for scrypt.
// A few at a time; when too many wait, the next is turned away. Threads are started when they are needed, and do not keep the process alive.
import { scrypt, timingSafeEqual } from 'node:crypto';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { type PasswordHash, scryptBytes } from './password-hash.ts';
import type { WorkerQuestion } from './password-worker.ts';
import { Turns } from './turns.ts';

export class PasswordChecker {
  readonly #turns = new Turns(AT_ONCE, MOST_WAITING);
  readonly #idle: Worker[] = [];
  #isClosed = false;

  /**
   * @param mayBegin asked when its turn has come
   * @returns whether the password is right; `null` when too many wait, or it may not begin any more
   * @throws when a thread fails
   */
  async check(hash: PasswordHash, password: string, mayBegin: () => boolean): Promise<boolean | null> {
    return this.#turns.take(async () => {
      if (!mayBegin()) return null;
      return hash.kind === 'scrypt' ? checkScrypt(hash, password) : this.#ask({ hash, password });
    });
  }

  /** What is under way or waits is still finished. */
  close(): void {
    this.#isClosed = true;
    for (const worker of this.#idle.splice(0)) void worker.terminate();
  }

  #ask(question: WorkerQuestion): Promise<boolean> {
    const worker = this.#idle.pop() ?? this.#start();
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        worker.off('message', answered).off('exit', exited);
      };
      const answered = (isRight: boolean): void => {
        settle();
        if (this.#isClosed) void worker.terminate();
        else this.#idle.push(worker);
        resolve(isRight);
      };
      const exited = (): void => {
        settle();
        reject(new Error('a thread that checks passwords ended'));
      };
      worker.once('message', answered).once('exit', exited).postMessage(question);
    });
  }

  #start(): Worker {
    // It has the ending of this file: `.ts` from the sources, `.js` when built.
    const file = new URL(`./password-worker${path.extname(import.meta.url)}`, import.meta.url);
    const worker = new Worker(file, { execArgv: [], env: {}, resourceLimits: { maxOldGenerationSizeMb: 32 } });
    worker.unref();
    // What it failed of is followed by its exit, which whoever waits hears.
    worker.on('error', () => {});
    worker.on('exit', () => {
      const index = this.#idle.indexOf(worker);
      if (index >= 0) this.#idle.splice(index, 1);
    });
    return worker;
  }
}

function checkScrypt(hash: Extract<PasswordHash, { readonly kind: 'scrypt' }>, password: string): Promise<boolean> {
  const { cost, r, p, salt, key } = hash;
  // Node asks for room for the blocks of `p` besides the large table.
  const maxmem = scryptBytes(cost, r) + scryptBytes(p, r) + 1024 * 1024;
  return new Promise((resolve, reject) => {
    scrypt(password, salt, key.length, { cost, blockSize: r, parallelization: p, maxmem }, (error, derived) => {
      if (error === null) resolve(timingSafeEqual(derived, key));
      else reject(error);
    });
  });
}

// One core stays for the event loop, and Node's own threads for files and names.
const AT_ONCE = Math.max(1, Math.min(3, availableParallelism() - 1));
const MOST_WAITING = 256;
