// Owns a worker's end of its link to the keeper: joining it, again whenever the keeper is started anew, and what of the keeper a worker has. While there is
// no keeper, traffic goes on: nothing is recorded, and what was not is counted.
import { randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { StartError } from '../errors/start-error.ts';
import type { ByteRate } from '../net/byte-rate.ts';
import type { ListeningSocket } from '../policy/address-guard.ts';
import type { Admit } from '../policy/limits/limits.ts';
import type { ServingWorker, WorkerParts } from '../proxy/shared-parts.ts';
import type { WorkerCounts } from '../proxy/worker-counts.ts';
import { type Asked, Link, NoAnswer } from './link.ts';
import { type FromKeeper, type FromWorker, type Joined, LINK_VERSION, type WorkerEnd } from './link-messages.ts';
import { LinkedBreakpoints } from './shared-breakpoints.ts';
import { LinkedNeighbours } from './shared-cache.ts';
import { AskedCache } from './shared-cache-admin.ts';
import { GivenIds } from './shared-ids.ts';
import { LinkedLimits } from './shared-limits.ts';
import { LinkedStore } from './shared-recording.ts';

/**
 * @param socketPath that the keeper listens on; it is waited for, as long as a start may take
 * @param workerNumber for the operator
 * @param report a line for the operator
 * @param unjoined told once: the one that answers does not take this worker, and another one is waited for
 * @throws StartError where no keeper answers
 */
export async function joinKeeper(
  socketPath: string,
  workerNumber: number,
  report: (line: string) => void,
  unjoined: () => void = ignore,
): Promise<WorkerParts> {
  const joined = new JoinedWorker(socketPath, workerNumber, report);
  const endMs = performance.now() + START_PATIENCE_MS;
  for (let isTold = false; ; ) {
    const why = await joined.join();
    if (why === null) return joined;
    if (!isTold && !why.startsWith(NOT_THERE)) {
      isTold = true;
      unjoined();
    }
    if (performance.now() >= endMs) {
      const problem = isTold ? `takes no such worker (${why}). Start all anew: sallyport reload --restart.` : `does not answer (${why}).`;
      throw new StartError('unavailable', [`worker ${workerNumber}: the keeper ${problem}`]);
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

class JoinedWorker implements WorkerParts {
  readonly role = 'worker';
  onSockets: () => void = ignore;
  readonly #socketPath: string;
  readonly #number: number;
  readonly #report: (line: string) => void;
  /** Tells the keeper that this process is the one of before. */
  readonly #instance = randomUUID();
  readonly #ids = new GivenIds(() => this.#link?.say({ kind: 'want-ids' }));
  readonly #store = new LinkedStore(
    () => this.#link,
    () => this.#ids.used,
  );
  readonly neighbours = new LinkedNeighbours(() => this.#link);
  readonly #askedCache = new AskedCache(
    () => this.#serving?.cacheAdmin() ?? null,
    () => this.#serving?.isCacheOnDisk() ?? false,
  );
  readonly #breakpoints = new LinkedBreakpoints(() => this.#link);
  #limits: LinkedLimits | null = null;
  #records = false;
  /** Joined; `null` while there is no keeper. */
  #link: WorkerEnd | null = null;
  #keeperSockets: readonly ListeningSocket[] = [];
  #ownSockets: readonly ListeningSocket[] = [];
  #serving: ServingWorker | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;
  /** The last refusal that the operator was told of. */
  #told = '';

  constructor(socketPath: string, number: number, report: (line: string) => void) {
    this.#socketPath = socketPath;
    this.#number = number;
    this.#report = report;
  }

  get nextId(): () => number {
    return this.#ids.next;
  }

  get store(): LinkedStore | null {
    return this.#records ? this.#store : null;
  }

  get otherSockets(): readonly ListeningSocket[] {
    return this.#keeperSockets;
  }

  tellSockets(own: readonly ListeningSocket[]): void {
    this.#ownSockets = own;
    this.#link?.say({ kind: 'sockets', sockets: own });
  }

  openLimits(createRate: (bytesPerSecond: number) => ByteRate): Admit {
    this.#limits = new LinkedLimits(() => this.#link, createRate);
    return this.#limits.admit;
  }

  serve(worker: ServingWorker): void {
    this.#serving = worker;
    if (worker.holding !== null) this.#breakpoints.serve(worker.holding);
    this.#tellCounts();
    this.#timer = setInterval(() => this.#tellCounts(), COUNTS_EVERY_MS).unref();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#tellCounts();
    this.#link?.close();
    this.#link = null;
  }

  /** @returns why it did not come about; `null` when it did */
  async join(): Promise<string | null> {
    const socket = await connected(this.#socketPath);
    if (typeof socket === 'string') return socket;
    const link: WorkerEnd = new Link<FromWorker, FromKeeper>(socket, {
      heard: (said) => this.#heard(said),
      answer: (asked) => this.#answer(asked),
      closed: () => this.#closed(link),
    });
    try {
      const greatestId = this.#ids.greatest;
      this.#joined(
        link,
        await link.ask({ kind: 'join', version: LINK_VERSION, worker: this.#number, instance: this.#instance, greatestId }),
      );
      return null;
    } catch (error) {
      // It went before it had answered; what refuses is there still.
      const isGone = !link.isOpen;
      link.destroy();
      if (!(error instanceof NoAnswer)) throw error;
      return isGone ? NOT_THERE : error.message;
    }
  }

  #joined(link: WorkerEnd, { ids, records, sockets, breakpoints, claims }: Joined): void {
    this.#link = link;
    this.#told = '';
    this.#ids.replace(ids);
    this.#records = records;
    this.#noteSockets(sockets);
    this.#limits?.joined(link);
    this.#breakpoints.joined(breakpoints);
    link.say({ kind: 'sockets', sockets: this.#ownSockets });
    this.#tellCounts();
    void this.neighbours.joined(claims);
  }

  #heard(said: FromKeeper['said']): void {
    switch (said.kind) {
      case 'freed':
        this.#store.freed();
        return;
      case 'ids':
        if (said.isMore) this.#ids.add(said.ids);
        else this.#ids.replace(said.ids);
        return;
      case 'sockets':
        this.#noteSockets(said.sockets);
        return;
      case 'release-held':
        this.#breakpoints.release(said.number, said.release);
        return;
      case 'use':
        this.#limits?.noteUse(said);
        return;
      case 'wanted':
      case 'changed':
        this.neighbours.heard(said, this.#serving?.cache() ?? null);
        return;
      default:
        said satisfies never;
    }
  }

  #answer(asked: Asked<FromKeeper['questions']>): object | Promise<object> {
    if (asked.kind === 'set-breakpoints') return this.#breakpoints.set(asked.breakpoints);
    const serving = this.#serving;
    if (serving === null) throw new Error('This worker has not started yet.');
    switch (asked.kind) {
      case 'counts':
        return this.#counts(serving);
      case 'active':
        return { exchange: serving.active(asked.id) };
      case 'follow-rules':
        return serving.followRules().then(() => ({}));
      case 'cache-stats':
        return this.#askedCache.stats();
      case 'cache-show':
        return this.#askedCache.show(asked.url, asked.user);
      case 'cache-why':
        return this.#askedCache.why(asked.question);
      case 'cache-purge':
        return this.#askedCache.purge(asked.what);
      case 'cache-lines':
        return this.#askedCache.begin(asked);
      case 'cache-more':
        return this.#askedCache.more(asked.cursor);
      case 'cache-stop':
        return this.#askedCache.stop(asked.cursor);
      case 'fetched':
        return this.neighbours.fetched(asked.key, serving.cache());
      case 'outdated':
        return this.neighbours.outdated(asked.keys, serving.cache());
      default:
        return asked satisfies never;
    }
  }

  #closed(link: WorkerEnd): void {
    if (this.#link !== link) return;
    this.#link = null;
    this.#ids.forget();
    this.#store.brokenOff();
    this.#askedCache.stopAll();
    this.#breakpoints.brokenOff();
    this.neighbours.brokenOff();
    void this.#joinAgain();
  }

  async #joinAgain(): Promise<void> {
    const tellMs = performance.now() + REPORT_AFTER_MS;
    while (!this.#isClosed) {
      const why = await this.join();
      if (why === null) break;
      if (performance.now() >= tellMs) this.#tellOnce(why);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref());
    }
    // It was closed while this was under way.
    if (this.#isClosed) this.#link?.destroy();
  }

  /** A keeper that is not there is the primary's to tell of; one that refuses is not. */
  #tellOnce(why: string): void {
    if (why === this.#told || why.startsWith(NOT_THERE)) return;
    this.#told = why;
    this.#report(`the keeper does not take this worker (${why}); nothing is recorded of it`);
  }

  #noteSockets(sockets: readonly ListeningSocket[]): void {
    this.#keeperSockets = sockets;
    this.onSockets();
  }

  #tellCounts(): void {
    const link = this.#link;
    // One that takes nothing gets the newest later.
    if (link === null || this.#serving === null || link.unsent > MOST_UNSENT) return;
    link.say({ kind: 'counts', counts: this.#counts(this.#serving) });
  }

  #counts(serving: ServingWorker): WorkerCounts {
    const counts = serving.counts();
    const { exchanges } = counts.dropped;
    return { ...counts, dropped: { ...counts.dropped, exchanges: exchanges + this.#store.lost } };
  }
}

/** @returns why not, where it cannot be had */
function connected(path: string): Promise<Socket | string> {
  const socket = connect(path);
  return new Promise((resolve) => {
    const failed = (error: NodeJS.ErrnoException): void => resolve(`${NOT_THERE}: ${error.code ?? error.message}`);
    socket.once('error', failed);
    socket.once('connect', () => {
      socket.off('error', failed);
      resolve(socket);
    });
  });
}

function ignore(): void {}

const NOT_THERE = 'it is not there';
const START_PATIENCE_MS = 30_000;
const RETRY_MS = 100;
/** Where a new start has made keeper and workers of another version, those that are replaced have left by then. */
const REPORT_AFTER_MS = 5_000;
const COUNTS_EVERY_MS = 1_000;
const MOST_UNSENT = 2 ** 20;
