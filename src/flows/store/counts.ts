// Owns what is counted of a session as a whole: for the overview, and how often each rule decided. Memory is bounded: names beyond the first thousands
// are not told apart.
import type { Summary } from '../recorded.ts';
import type { NamedCounts, Overview, RuleHits, SecondCounts } from './protocol.ts';

interface Totals {
  exchanges: number;
  denied: number;
  failed: number;
  hits: number;
  bytes: number;
}

/** Counts exchanges that have ended. */
export class SessionCounts {
  readonly #totals: Totals = none();
  readonly #statuses: [number, number, number, number, number, number] = [0, 0, 0, 0, 0, 0];
  readonly #seconds = new Map<number, Totals>();
  readonly #hosts = new Names();
  readonly #clients = new Names();
  readonly #users = new Names();
  readonly #types = new Names();
  readonly #rules = new Map<string | null, { hits: number; lastHitMs: number }>();
  #savedBytes = 0;
  #sinceMs: number | null = null;

  /** @param nowMs when it ended, milliseconds since the epoch; seconds are forgotten by it */
  add(summary: Summary, nowMs: number): void {
    const second = Math.floor((summary.startedAtMs + (summary.totalMs ?? 0)) / 1000);
    const oldest = Math.floor(nowMs / 1000) - KEPT_SECONDS;
    count(this.#totals, summary);
    this.#sinceMs = Math.min(this.#sinceMs ?? summary.startedAtMs, summary.startedAtMs);
    if (second >= oldest) count(this.#second(second, oldest), summary);
    const digit = Math.floor(summary.status / 100);
    this.#statuses[digit >= 1 && digit <= 5 ? digit : 0]! += 1;
    // A 304 brings no content: what the client got was stored.
    if (isHit(summary) || summary.cache === 'validated') this.#savedBytes += summary.responseBytes;
    this.#hosts.add(summary.host, summary);
    this.#clients.add(summary.client, summary);
    if (summary.user !== null) this.#users.add(summary.user, summary);
    if (summary.contentType !== null) this.#types.add(typeOf(summary.contentType), summary);
    this.#addRules(summary);
  }

  /** Adds what was counted of others. */
  include(other: SessionCounts): void {
    addTotals(this.#totals, other.#totals);
    other.#statuses.forEach((count, digit) => {
      this.#statuses[digit]! += count;
    });
    for (const [second, totals] of other.#seconds) addTotals(this.#second(second, 0), totals);
    this.#hosts.include(other.#hosts);
    this.#clients.include(other.#clients);
    this.#users.include(other.#users);
    this.#types.include(other.#types);
    for (const [rule, { hits, lastHitMs }] of other.#rules) this.#addRule(rule, lastHitMs, hits);
    this.#savedBytes += other.#savedBytes;
    if (other.#sinceMs !== null) this.#sinceMs = Math.min(this.#sinceMs ?? other.#sinceMs, other.#sinceMs);
  }

  overview(): Overview {
    return {
      ...this.#totals,
      sinceMs: this.#sinceMs,
      savedBytes: this.#savedBytes,
      statuses: this.#statuses,
      seconds: [...this.#seconds].map(([second, totals]): SecondCounts => ({ second, ...totals })).sort((a, b) => a.second - b.second),
      hosts: this.#hosts.largest(),
      clients: this.#clients.largest(),
      users: this.#users.largest(),
      types: this.#types.largest(),
    };
  }

  rules(): RuleHits[] {
    return [...this.#rules].map(([rule, hits]) => ({ rule, ...hits }));
  }

  #second(second: number, oldest: number): Totals {
    let totals = this.#seconds.get(second);
    if (totals === undefined) {
      for (const old of this.#seconds.keys()) if (old < oldest) this.#seconds.delete(old);
      totals = none();
      this.#seconds.set(second, totals);
    }
    return totals;
  }

  #addRules({ rule, decision, deniedFor, reportedBy, startedAtMs }: Summary): void {
    if (decision === null) return;
    // What was refused before any rule had its say is no hit of the default.
    if (rule !== null || deniedFor === undefined) this.#addRule(rule, startedAtMs);
    // On trial they decide nothing: what they would have denied is their hit.
    if (reportedBy !== undefined) for (const each of reportedBy) this.#addRule(each, startedAtMs);
  }

  #addRule(rule: string | null, lastHitMs: number, count = 1): void {
    const hits = this.#rules.get(rule);
    if (hits === undefined) {
      if (this.#rules.size < MOST_NAMES) this.#rules.set(rule, { hits: count, lastHitMs });
      return;
    }
    hits.hits += count;
    if (lastHitMs > hits.lastHitMs) hits.lastHitMs = lastHitMs;
  }
}

export function isDenied({ decision, outcome }: Summary): boolean {
  return decision === 'deny' || outcome === 'denied';
}

export function isFailed({ outcome }: Summary): boolean {
  return outcome === 'failed';
}

function isHit({ cache }: Summary): boolean {
  return cache === 'hit' || cache === 'stale';
}

class Names {
  readonly #counts = new Map<string, { exchanges: number; denied: number; bytes: number }>();

  add(name: string, summary: Summary): void {
    this.#add(name, 1, isDenied(summary) ? 1 : 0, summary.requestBytes + summary.responseBytes);
  }

  include(other: Names): void {
    for (const [name, { exchanges, denied, bytes }] of other.#counts) this.#add(name, exchanges, denied, bytes);
  }

  #add(name: string, exchanges: number, denied: number, bytes: number): void {
    let counts = this.#counts.get(name);
    if (counts === undefined) {
      if (this.#counts.size >= MOST_NAMES) return;
      counts = { exchanges: 0, denied: 0, bytes: 0 };
      this.#counts.set(name, counts);
    }
    counts.exchanges += exchanges;
    counts.denied += denied;
    counts.bytes += bytes;
  }

  largest(): NamedCounts[] {
    return [...this.#counts]
      .sort(([, a], [, b]) => b.exchanges - a.exchanges)
      .slice(0, MOST_SHOWN)
      .map(([name, counts]) => ({ name, ...counts }));
  }
}

function count(totals: Totals, summary: Summary): void {
  totals.exchanges += 1;
  if (isDenied(summary)) totals.denied += 1;
  if (isFailed(summary)) totals.failed += 1;
  if (isHit(summary)) totals.hits += 1;
  totals.bytes += summary.requestBytes + summary.responseBytes;
}

function addTotals(to: Totals, more: Totals): void {
  to.exchanges += more.exchanges;
  to.denied += more.denied;
  to.failed += more.failed;
  to.hits += more.hits;
  to.bytes += more.bytes;
}

function none(): Totals {
  return { exchanges: 0, denied: 0, failed: 0, hits: 0, bytes: 0 };
}

/** Without its parameters. */
function typeOf(contentType: string): string {
  const end = contentType.indexOf(';');
  return (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
}

const KEPT_SECONDS = 600;
const MOST_NAMES = 5000;
const MOST_SHOWN = 50;
