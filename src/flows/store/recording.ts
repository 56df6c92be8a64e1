// Owns what becomes of batches: written, or, where the disk would not have them, dropped and counted. The operator is told once when that begins and once when
// recording works again; in between it is tried again every second. What the index has lost is made again from the segments.
import { reasonOf } from '../../cache/stores/storing-pause.ts';
import { isDamage } from '../../errors/from-sqlite.ts';
import { BatchReader } from './batch-frames.ts';
import type { FlowSession } from './flow-session.ts';
import { RemovedFiles } from './segments.ts';

export class Recording {
  /** Records that could not be written. */
  lost = 0;
  /** `null` while all goes well. */
  problem: string | null = null;
  readonly #changed: (line: string) => void;
  #againMs = 0;

  /** @param changed hears a line for the operator when recording begins or ceases to fail */
  constructor(changed: (line: string) => void) {
    this.#changed = changed;
  }

  /** @throws RemovedFiles, which ends the thread: whoever starts it again has a new session made */
  take(session: FlowSession, batch: ArrayBuffer, used: number): void {
    if (this.problem !== null && performance.now() < this.#againMs) {
      this.#lose(batch, used);
      return;
    }
    try {
      this.#write(session, batch, used);
      this.#succeeded(session);
    } catch (error) {
      if (error instanceof RemovedFiles) throw error;
      this.#lose(batch, used);
      this.#failed(session, error);
    }
  }

  #write(session: FlowSession, batch: ArrayBuffer, used: number): void {
    try {
      session.take(batch, used, Date.now());
    } catch (error) {
      if (!isDamage(error)) throw error;
      session.repairNow();
      session.take(batch, used, Date.now());
    }
  }

  #lose(batch: ArrayBuffer, used: number): void {
    for (const reader = new BatchReader(batch, used); reader.next(); ) this.lost += 1;
  }

  #failed(session: FlowSession, error: unknown): void {
    this.#againMs = performance.now() + AGAIN_MS;
    if (this.problem !== null) return;
    this.problem = `nothing can be recorded in the session ${session.name} (${reasonOf(error)})`;
    this.#changed(`inspector: ${this.problem}; traffic goes on, and it is tried again`);
  }

  #succeeded(session: FlowSession): void {
    if (this.problem === null) return;
    this.problem = null;
    this.#changed(`inspector: recording in the session ${session.name} works again`);
  }
}

const AGAIN_MS = 1000;
