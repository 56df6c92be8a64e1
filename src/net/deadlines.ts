// Owns time limits for many things at once: one timer for all, coarse on purpose. Moving a deadline further out, which happens with every
// read and write, costs two stores; nothing is allocated and no timer is touched. While none is set the timer rests, so that an idle process sleeps.
// It imports no clock: ticks are counted from `performance.now()`, which is monotonic, so a clock that is set does no harm.
// Time is counted in which peers could be heard. While the process was stopped, starved or busy with one thing for a second or longer, nobody was late but
// itself: that counts as one tick, so that what was sent meanwhile is read before anybody is called late, and what is set then has its time in full.
import { type Linked, LinkedSet } from './linked-set.ts';

/** One time limit. `set` again moves it; once over, it is called once and is unset. */
export class Deadline implements Linked<Deadline> {
  previous: Deadline | null = null;
  next: Deadline | null = null;
  readonly #wheel: Deadlines;
  readonly #expired: () => void;
  /** The tick at which it is over; 0 when unset. */
  #due = 0;
  /** The tick whose set holds it, never later than #due; 0 when none does. */
  #slot = 0;

  constructor(wheel: Deadlines, expired: () => void) {
    this.#wheel = wheel;
    this.#expired = expired;
  }

  /** @param afterMs from now; it is over at most one tick (100 ms) later, or one second later from ten seconds on. 0 or less unsets it. */
  set(afterMs: number): void {
    if (afterMs <= 0) {
      this.clear();
      return;
    }
    const due = this.#wheel.tickAfter(afterMs);
    this.#due = due;
    if (this.#slot !== 0 && this.#slot <= due) return;
    if (this.#slot !== 0) this.#wheel.remove(this, this.#slot);
    this.#slot = due;
    this.#wheel.add(this, due);
  }

  /** Unsets it at the price of one store; for what is set again soon. It is let go of when its old time comes. */
  suspend(): void {
    this.#due = 0;
  }

  /** Unsets it and lets go of it at once. */
  clear(): void {
    this.#due = 0;
    if (this.#slot === 0) return;
    this.#wheel.remove(this, this.#slot);
    this.#slot = 0;
  }

  /** For the wheel alone: its slot has come. */
  visit(tick: number): void {
    this.#slot = 0;
    if (this.#due > tick) {
      this.#slot = this.#due;
      this.#wheel.add(this, this.#due);
    } else if (this.#due !== 0) {
      this.#due = 0;
      this.#expired();
    }
  }
}

export class Deadlines {
  readonly #slots = new Map<number, LinkedSet<Deadline>>();
  #timer: ReturnType<typeof setInterval> | null = null;
  #isClosed = false;
  #tick = FIRST_TICK;
  /** How much of the clock the wheel has not counted, in ticks. */
  #uncounted = 0;

  create(expired: () => void): Deadline {
    return new Deadline(this, expired);
  }

  close(): void {
    this.#isClosed = true;
    this.#rest();
    this.#slots.clear();
  }

  tickAfter(afterMs: number): number {
    const ticks = this.#tick + 1 + Math.ceil(afterMs / TICK_MS);
    return afterMs < COARSE_FROM_MS ? ticks : Math.ceil(ticks / COARSE_TICKS) * COARSE_TICKS;
  }

  add(deadline: Deadline, slot: number): void {
    let held = this.#slots.get(slot);
    if (held === undefined) this.#slots.set(slot, (held = new LinkedSet()));
    held.add(deadline);
    if (this.#timer === null && !this.#isClosed) this.#start();
  }

  remove(deadline: Deadline, slot: number): void {
    const held = this.#slots.get(slot);
    if (held === undefined) return;
    held.delete(deadline);
    if (held.first === null) this.#slots.delete(slot);
  }

  #start(): void {
    this.#uncounted = currentTick() - this.#tick;
    this.#timer = setInterval(() => this.#advance(), TICK_MS);
    this.#timer.unref();
  }

  #rest(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #advance(): void {
    if (this.#slots.size === 0) {
      this.#rest();
      return;
    }
    let now = currentTick() - this.#uncounted;
    const missed = now - this.#tick - 1;
    if (missed >= STALLED_TICKS) {
      this.#uncounted += missed;
      now -= missed;
    }
    while (this.#tick < now) {
      this.#tick += 1;
      const due = this.#slots.get(this.#tick);
      if (due === undefined) continue;
      // One by one, since each may take others out.
      for (let deadline = due.first; deadline !== null; deadline = due.first) {
        due.delete(deadline);
        this.#visit(deadline);
      }
      this.#slots.delete(this.#tick);
    }
  }

  /** What one of them throws must not cost the others of its tick their time limits; it is a defect, and comes up as one. */
  #visit(deadline: Deadline): void {
    try {
      deadline.visit(this.#tick);
    } catch (defect) {
      queueMicrotask(() => {
        throw defect;
      });
    }
  }
}

function currentTick(): number {
  return Math.floor(performance.now() / TICK_MS) + 1;
}

const TICK_MS = 100;
/** 0 is no tick: it stands for a deadline that is not set. */
const FIRST_TICK = 1;
/** A second: a collection of garbage or a reload of the policy is shorter. */
const STALLED_TICKS = 10;
const COARSE_FROM_MS = 10_000;
const COARSE_TICKS = 10;
