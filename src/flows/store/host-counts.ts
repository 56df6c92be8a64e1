// Owns the hosts among what matches a filter, counted once and kept right while exchanges come and end, as long as somebody asks now and then.
import type { Summary } from '../recorded.ts';
import type { Change } from './batch-changes.ts';
import { isDenied, isFailed } from './counts.ts';
import type { FlowSession, SessionListener } from './flow-session.ts';
import { type DecodeText, type Matches, Matching, type ReadFilter } from './matching.ts';
import type { HostCounts } from './protocol.ts';
import type { Slices } from './slices.ts';

type Counts = { -readonly [K in Exclude<keyof HostCounts, 'host'>]: number };

export class HostCounting implements SessionListener, Matches {
  readonly session: FlowSession;
  readonly #matching: Matching;
  readonly #hosts = new Map<string, Counts>();
  /** What was counted of those that have not ended, to be taken back. */
  readonly #pending = new Map<number, Summary>();
  /** Something that was counted is gone: it has to be counted anew. */
  isOutdated = false;
  #counting: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(session: FlowSession, filter: ReadFilter, decode: DecodeText) {
    this.session = session;
    this.#matching = new Matching({ session, filter, decode, matches: this, wantsSummaries: true });
    session.listeners.add(this);
  }

  /** Ends when everything there is has been counted. Whoever asks meanwhile waits for the same. */
  counted(slices: Slices): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.removed(), KEPT_MS).unref();
    this.#counting ??= slices.run(this.#count()).done.finally(() => {
      this.#counting = null;
    });
    return this.#counting;
  }

  largest(count: number): HostCounts[] {
    const all = [...this.#hosts].map(([host, counts]) => ({ host, ...counts }));
    return all.sort((a, b) => b.exchanges - a.exchanges).slice(0, count);
  }

  changed(changes: readonly Change[]): void {
    this.#matching.changed(changes);
  }

  messages(): void {}

  removed(): void {
    this.isOutdated = true;
    this.close();
  }

  found(_id: number, summary: Summary | null): void {
    if (summary !== null) this.#add(summary);
  }

  matched({ id, summary }: Change): void {
    this.unmatched(id);
    this.#add(summary);
  }

  unmatched(id: number): void {
    const before = this.#pending.get(id);
    if (before === undefined) return;
    this.#pending.delete(id);
    this.#change(before, -1);
  }

  close(): void {
    this.session.listeners.delete(this);
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  *#count(): Generator<void> {
    if (this.#matching.progress === null) yield* this.#matching.lookAtWaiting();
    else yield* this.#matching.search();
  }

  #add(summary: Summary): void {
    if (summary.state === 'pending') this.#pending.set(summary.id, summary);
    this.#change(summary, 1);
  }

  #change(summary: Summary, sign: 1 | -1): void {
    let counts = this.#hosts.get(summary.host);
    if (counts === undefined) {
      if (this.#hosts.size >= MOST_HOSTS) return;
      counts = { exchanges: 0, denied: 0, failed: 0, bytes: 0 };
      this.#hosts.set(summary.host, counts);
    }
    counts.exchanges += sign;
    if (isDenied(summary)) counts.denied += sign;
    if (isFailed(summary)) counts.failed += sign;
    counts.bytes += sign * (summary.requestBytes + summary.responseBytes);
    if (counts.exchanges === 0) this.#hosts.delete(summary.host);
  }
}

const MOST_HOSTS = 20_000;
const KEPT_MS = 60_000;
