// Owns what a process does about newcomers while its descriptors are short, for all of its listeners together. It leaves some for those who are in: their
// upstream connections, logs that are opened anew, files of the cache, the inspector. Up to there,
//
//   open      everybody is served; what is idle is closed to make room
//   paused    nobody is idle, so nobody is accepted: newcomers wait in the kernel's queue until somebody leaves
//   telling   the first of them may have waited for PATIENCE_MS: all who wait are told 503, a few at a time, until nobody waits or there is room
//
// That there is enough is looked at rarely, and at each newcomer the less is left. Listeners that cannot be paused go on, and what comes by them takes what is
// kept, but for the last few, of which it is told 503.

export interface ShortageContext {
  /** How many files this process may have open; infinite where nothing bounds them. */
  readonly most: number;
  readonly countOpen: () => number;
  /** Open connections of clients. */
  readonly connections: () => number;
  /** All that is idle lets go of its own. @returns how many */
  readonly makeRoom: () => number;
  readonly report: (line: string) => void;
}

/** A listener. */
export interface Pausable {
  pause(): void;
  resume(): void;
}

/** What becomes of a newcomer. `drop`: there is no descriptor to tell it with. */
export type Admission = 'serve' | 'tell' | 'drop';

type Phase = 'open' | 'paused' | 'telling';

export class DescriptorShortage {
  readonly #context: ShortageContext;
  /** How many are not for newcomers. */
  readonly #kept: number;
  readonly #listeners = new Set<Pausable>();
  readonly #newcomers = new Newcomers();
  #phase: Phase = 'open';
  #pausedSinceMs = 0;
  /** Newcomers until it is looked again. */
  #unlooked = 0;
  #isPolling = true;
  /** How often polling has begun. */
  #pollings = 0;
  /** Who is being told. */
  #told = 0;
  #accepted = 0;
  /** Whether the queue has been empty since it was open to all. */
  #hasLetAllIn = true;
  /** When nobody waited, as far as it is known. */
  #nobodyWaitedMs = 0;
  #madeRoomMs = Number.NEGATIVE_INFINITY;
  #lookedMs = 0;
  /** When it was looked last. */
  #leftInAll = 0;
  /** Runs from the first shortage until there was none for a while. */
  #timer: NodeJS.Timeout | null = null;
  #shortMs = 0;
  #pausedMs = 0;
  #episode = { pausedMs: 0, told: 0 };

  constructor(context: ShortageContext) {
    this.#context = context;
    this.#kept = Math.min(MOST_KEPT, Math.max(LEAST_KEPT, Math.trunc(context.most / 8)));
  }

  get isPaused(): boolean {
    return this.#phase !== 'open';
  }

  /** How long newcomers have been left waiting in all. */
  get pausedMs(): number {
    return this.#pausedMs + (this.isPaused ? performance.now() - this.#pausedSinceMs : 0);
  }

  add(listener: Pausable): void {
    this.#listeners.add(listener);
    if (!this.#isPolling) listener.pause();
  }

  /** It accepts no more. */
  remove(listener: Pausable): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size === 0) this.#stopWatching();
  }

  /** @param descriptor its number: of what is taken, a lower bound that costs nothing */
  admit(descriptor: number): Admission {
    const nowMs = performance.now();
    this.#newcomers.add(nowMs);
    this.#accepted += 1;
    this.#unlooked -= 1;
    if (this.#phase === 'open' && this.#unlooked > 0 && descriptor < this.#context.most - this.#kept) return 'serve';
    const admission = this.#judge(nowMs);
    if (admission !== 'serve') this.#newcomers.takeBack();
    if (admission === 'tell') {
      this.#told += 1;
      this.#episode.told += 1;
      if (!this.#canTell) this.#stopPolling();
    }
    return admission;
  }

  /** One was accepted, and had left before. */
  gone(): void {
    this.#accepted += 1;
  }

  /** A connection of a client is closed. @param wasTold what it was admitted for */
  closed(wasTold: boolean): void {
    if (wasTold) this.#told -= 1;
    if (this.#phase === 'open') return;
    const nowMs = performance.now();
    if (nowMs - this.#lookedMs >= LOOK_EVERY_MS && this.#hasRoomAgain(nowMs)) this.#open();
    else if (this.#phase === 'telling' && this.#canTell) this.#startPolling();
  }

  /** @param why in words for the operator */
  couldNotAccept(why: string): void {
    const nowMs = performance.now();
    this.#begin(nowMs, `a connection could not be accepted (${why})`);
    if (this.#phase === 'open') this.#pause(nowMs);
  }

  #judge(nowMs: number): Admission {
    let left = this.#left(nowMs);
    if (left.toGive <= 0) {
      this.#begin(nowMs, `hardly any of the ${this.#context.most} files that may be open is left (ulimit -n)`);
      if (this.#makeRoom(nowMs)) left = this.#left(nowMs);
    }
    // Each may take two.
    this.#unlooked = Math.max(0, Math.trunc(left.toGive / 2));
    if (left.toGive > 0) {
      if (this.#phase === 'telling') this.#open();
      return 'serve';
    }
    if (this.#phase === 'open') this.#pause(nowMs);
    if (this.#phase === 'paused' && left.inAll > LAST) return 'serve';
    return left.inAll > 1 ? 'tell' : 'drop';
  }

  /** @returns `toGive`: those for newcomers, when everybody who has just come has an upstream connection as well */
  #left(nowMs: number): { readonly inAll: number; readonly toGive: number } {
    const { most, countOpen, connections } = this.#context;
    this.#lookedMs = nowMs;
    const inAll = most - (most === Number.POSITIVE_INFINITY ? 0 : countOpen());
    this.#leftInAll = inAll;
    return { inAll, toGive: inAll - this.#kept - Math.min(this.#newcomers.count(nowMs), connections()) };
  }

  get #canTell(): boolean {
    return this.#told < MOST_TOLD_AT_ONCE && this.#leftInAll > LAST / 2;
  }

  #hasRoomAgain(nowMs: number): boolean {
    return this.#left(nowMs).toGive >= ROOM_FOR_ONE;
  }

  /** Looking through all connections for each newcomer would be the next trouble. */
  #makeRoom(nowMs: number): boolean {
    if (nowMs - this.#madeRoomMs < TICK_MS) return false;
    this.#madeRoomMs = nowMs;
    return this.#context.makeRoom() > 0;
  }

  #begin(nowMs: number, why: string): void {
    this.#shortMs = nowMs;
    if (this.#timer !== null || this.#listeners.size === 0) return;
    this.#episode = { pausedMs: this.#pausedMs, told: 0 };
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#context.report(`${why}; idle connections are closed to make room, and new ones wait`);
  }

  #tick(): void {
    const nowMs = performance.now();
    switch (this.#phase) {
      case 'open':
        if (nowMs - this.#shortMs >= CALM_MS) this.#end();
        return;
      case 'paused':
        if (this.#hasMadeRoom(nowMs)) this.#open();
        else if (nowMs - this.#nobodyWaitedMs >= PATIENCE_MS && this.#canTell) this.#tell();
        return;
      case 'telling':
        if (this.#hasMadeRoom(nowMs)) this.#open();
        else if (this.#canTell) this.#startPolling();
        return;
      default:
        this.#phase satisfies never;
    }
  }

  #hasMadeRoom(nowMs: number): boolean {
    this.#shortMs = nowMs;
    this.#makeRoom(nowMs);
    return this.#hasRoomAgain(nowMs);
  }

  #open(): void {
    this.#pausedMs = this.pausedMs;
    this.#phase = 'open';
    this.#unlooked = 0;
    this.#hasLetAllIn = false;
    this.#startPolling();
  }

  #pause(nowMs: number): void {
    this.#phase = 'paused';
    this.#pausedSinceMs = nowMs;
    if (this.#hasLetAllIn) this.#nobodyWaitedMs = nowMs;
    this.#stopPolling();
  }

  #tell(): void {
    this.#phase = 'telling';
    this.#startPolling();
  }

  #end(): void {
    this.#stopWatching();
    const seconds = ((this.#pausedMs - this.#episode.pausedMs) / 1_000).toFixed(1);
    this.#context.report(
      `there are files enough again; new connections were left waiting for ${seconds} s in all, and ${this.#episode.told} were told 503`,
    );
  }

  #stopWatching(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    if (this.#phase !== 'open') this.#open();
  }

  #stopPolling(): void {
    if (!this.#isPolling) return;
    this.#isPolling = false;
    for (const listener of this.#listeners) listener.pause();
  }

  #startPolling(): void {
    if (this.#isPolling) return;
    this.#isPolling = true;
    this.#pollings += 1;
    for (const listener of this.#listeners) listener.resume();
    this.#watchQueue(this.#pollings, this.#accepted);
  }

  /** Whoever waits is accepted by the next poll. The second turn has one behind it for sure; if nobody has come in it, nobody waits. */
  #watchQueue(polling: number, accepted: number): void {
    setImmediate(() =>
      setImmediate(() => {
        if (!this.#isPolling || polling !== this.#pollings) return;
        if (this.#accepted > accepted) this.#watchQueue(polling, this.#accepted);
        else this.#nobodyWaits();
      }),
    );
  }

  #nobodyWaits(): void {
    this.#hasLetAllIn = true;
    if (this.#phase !== 'telling') return;
    this.#nobodyWaitedMs = performance.now();
    this.#phase = 'paused';
    this.#stopPolling();
  }
}

/** How many have come a moment ago: they may have asked for nothing yet, and need one more for that. */
class Newcomers {
  #window = 0;
  #inWindow = 0;
  #before = 0;

  add(nowMs: number): void {
    this.#moveTo(nowMs);
    this.#inWindow += 1;
  }

  /** The last one asks for nothing. */
  takeBack(): void {
    this.#inWindow -= 1;
  }

  count(nowMs: number): number {
    this.#moveTo(nowMs);
    return this.#before + this.#inWindow;
  }

  #moveTo(nowMs: number): void {
    const window = Math.trunc(nowMs / MOMENT_MS);
    if (window === this.#window) return;
    this.#before = window === this.#window + 1 ? this.#inWindow : 0;
    this.#inWindow = 0;
    this.#window = window;
  }
}

const TICK_MS = 100;
const LOOK_EVERY_MS = 10;
const MOMENT_MS = 100;
/** Longer than a new client has to ask for something before it counts as idle (http1-connection.ts). */
const PATIENCE_MS = 3_000;
const CALM_MS = 5_000;
/** An eighth, within these bounds. */
const LEAST_KEPT = 16;
const MOST_KEPT = 100;
/** Of those that are kept: for telling newcomers that there are no more. */
const LAST = 8;
const MOST_TOLD_AT_ONCE = 8;
/** A client, and its upstream connection. */
const ROOM_FOR_ONE = 2;
