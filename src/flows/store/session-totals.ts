// Owns what is counted of sessions as a whole. It is counted when somebody asks, and kept right while somebody goes on asking: to count each exchange as it ends
// would cost as much as to write it. Whoever asks again after a while waits until it has been counted anew. What had to go is counted as it goes, so that no
// number gets smaller because of it.
import type { Summary } from '../recorded.ts';
import type { Change } from './batch-changes.ts';
import { SessionCounts } from './counts.ts';
import type { FlowSession, SessionListener } from './flow-session.ts';
import type { Slices } from './slices.ts';

export class SessionTotals implements SessionListener {
  readonly #session: FlowSession;
  readonly #slices: Slices;
  #counts = new SessionCounts();
  /** Below it nothing has been counted yet; 0 when all has. */
  #below = 0;
  /** `null` while nobody asks. */
  #counting: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(session: FlowSession, slices: Slices) {
    this.#session = session;
    this.#slices = slices;
  }

  get session(): FlowSession {
    return this.#session;
  }

  async counts(): Promise<SessionCounts> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.close(), KEPT_MS).unref();
    this.#counting ??= this.#begin();
    await this.#counting;
    return this.#counts;
  }

  /** What the search will come to is counted there. */
  changed(changes: readonly Change[]): void {
    for (const change of changes) if (change.id >= this.#below) this.#add(change.summary);
  }

  messages(): void {}

  /** What was not counted yet could not be any more. */
  left(summaries: readonly Summary[]): void {
    for (const summary of summaries) if (summary.id < this.#below) this.#add(summary);
  }

  /** What the oldest segments held stays counted. Where all is other than before, it is counted anew. */
  removed(ids: ReadonlySet<number> | null): void {
    if (ids === null) this.close();
  }

  /** Nobody asks any more. */
  close(): void {
    this.#session.listeners.delete(this);
    this.#counting = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #begin(): Promise<void> {
    this.#counts = new SessionCounts();
    this.#counts.include(this.#session.leftCounts);
    this.#below = this.#session.lastId + 1;
    this.#session.listeners.add(this);
    return this.#slices.run(this.#countAll(this.#counts)).done;
  }

  /** Ends early when it has begun anew. */
  *#countAll(counts: SessionCounts): Generator<void> {
    while (counts === this.#counts && this.#below > 0) {
      const summaries = this.#session.summariesBelow(this.#below, AT_ONCE);
      for (const summary of summaries) this.#add(summary);
      this.#below = summaries.at(-1)?.id ?? 0;
      yield;
    }
  }

  #add(summary: Summary): void {
    if (summary.state === 'done') this.#counts.add(summary, Date.now());
  }
}

const AT_ONCE = 250;
const KEPT_MS = 60_000;
