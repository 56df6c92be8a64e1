// Owns what is counted of sessions as a whole, for as long as they are open. What ends while one is recorded into is counted as it ends; what was there before
// only when somebody asks.
import type { Summary } from '../recorded.ts';
import { SessionCounts } from './counts.ts';
import type { Change, FlowSession, SessionListener } from './flow-session.ts';
import type { Slices } from './slices.ts';

export class SessionTotals implements SessionListener {
  readonly #session: FlowSession;
  readonly #slices: Slices;
  /** Ids up to it were there before. */
  #before: number;
  #counts = new SessionCounts();
  #counting: Promise<void> | null = null;

  /** Until it is closed it hears what ends. */
  constructor(session: FlowSession, slices: Slices) {
    this.#session = session;
    this.#slices = slices;
    this.#before = session.lastId;
    session.listeners.add(this);
  }

  get session(): FlowSession {
    return this.#session;
  }

  async counts(): Promise<SessionCounts> {
    this.#counting ??= this.#slices.run(this.#countBefore()).done;
    await this.#counting;
    return this.#counts;
  }

  changed(changes: readonly Change[]): void {
    for (const { summary } of changes) this.#add(summary);
  }

  messages(): void {}

  /** What the oldest segments held stays counted. Where all is other than before, it is counted anew. */
  removed(ids: ReadonlySet<number> | null): void {
    if (ids !== null) return;
    this.#counts = new SessionCounts();
    this.#before = this.#session.lastId;
    this.#counting = null;
  }

  close(): void {
    this.#session.listeners.delete(this);
  }

  *#countBefore(): Generator<void> {
    for (let below = this.#before + 1; ; ) {
      const summaries = this.#session.summariesBelow(below, AT_ONCE);
      if (summaries.length === 0) return;
      for (const summary of summaries) this.#add(summary);
      below = summaries.at(-1)!.id;
      yield;
    }
  }

  #add(summary: Summary): void {
    if (summary.state === 'done') this.#counts.add(summary, Date.now());
  }
}

const AT_ONCE = 250;
