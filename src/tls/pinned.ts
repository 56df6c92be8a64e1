// Owns which clients do not believe our certificate for which hosts: programs that carry the origin's certificate with them ("pinning"), or that have
// not been given our CA. It only remembers; whether such a pair may pass unopened is policy (`on_pinned`).
// A client can refuse whatever it likes, so this is no proof of anything, and the memory is bounded: what is pushed out is intercepted again.
import { LRUCache } from 'lru-cache';
import type { AlertName, Distrust } from './alerts.ts';

/** Why a pair is believed. Times are milliseconds since the epoch. */
export interface PinnedEvidence {
  /** Of the last refusal that said something; `null` where the client only ever left. */
  readonly alert: AlertName | null;
  /** How many refusals there were since the pair was last at peace with our certificate. */
  readonly refusals: number;
  readonly firstMs: number;
  readonly lastMs: number;
  /** From then on it is intercepted again. */
  readonly untilMs: number;
}

export class Pinned {
  readonly #pairs = new LRUCache<string, Pair>({ max: MOST_PAIRS });

  /**
   * A client has refused our certificate. An alert is believed at once; that it left without a word, once it has done so three times within a minute.
   *
   * @param client its address
   * @param host where its CONNECT wanted to go
   */
  noteRefusal(client: string, host: string, distrust: Distrust, nowMs: number): void {
    const key = keyOf(client, host);
    let pair = this.#pairs.get(key);
    if (pair === undefined) this.#pairs.set(key, (pair = new Pair(nowMs)));
    pair.note(distrust, nowMs);
  }

  /** A request came out of a tunnel that was opened with our certificate: the client believes it. Costs next to nothing while nobody refuses. */
  noteSuccess(client: string, host: string): void {
    if (this.#pairs.size > 0) this.#pairs.delete(keyOf(client, host));
  }

  /**
   * Why this pair is to pass unopened, where that is permitted; `null` when it is not.
   *
   * @param holdMs for how long it is believed after its last refusal
   */
  passthrough(client: string, host: string, holdMs: number, nowMs: number): PinnedEvidence | null {
    if (this.#pairs.size === 0) return null;
    const pair = this.#pairs.get(keyOf(client, host));
    if (pair === undefined || pair.believedMs === null) return null;
    const untilMs = pair.believedMs + holdMs;
    // From the future, after the clock was set back, it does not count.
    if (nowMs < pair.believedMs || nowMs >= untilMs) return null;
    return { alert: pair.alert, refusals: pair.refusals, firstMs: pair.firstMs, lastMs: pair.lastMs, untilMs };
  }

  clear(): void {
    this.#pairs.clear();
  }
}

class Pair {
  alert: AlertName | null = null;
  refusals = 0;
  readonly firstMs: number;
  lastMs: number;
  /** When it was last believed; `null` while it is not. */
  believedMs: number | null = null;
  /** How often it left without a word within a minute, and when that minute began. */
  #silent = 0;
  #silentFromMs = Number.NEGATIVE_INFINITY;

  constructor(nowMs: number) {
    this.firstMs = nowMs;
    this.lastMs = nowMs;
  }

  note(distrust: Distrust, nowMs: number): void {
    this.refusals += 1;
    this.lastMs = nowMs;
    if (distrust.kind === 'said') {
      this.alert = distrust.alert;
      this.believedMs = nowMs;
      return;
    }
    if (nowMs < this.#silentFromMs || nowMs - this.#silentFromMs > SILENT_WITHIN_MS) {
      this.#silent = 0;
      this.#silentFromMs = nowMs;
    }
    this.#silent += 1;
    if (this.#silent >= SILENT_OFTEN) this.believedMs = nowMs;
  }
}

function keyOf(client: string, host: string): string {
  return `${client} ${host}`;
}

const MOST_PAIRS = 10_000;
const SILENT_OFTEN = 3;
const SILENT_WITHIN_MS = 60_000;
