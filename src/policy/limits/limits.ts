// Owns how much of what a rule allows is in use: requests a second, exchanges at once, octets a second, octets a day; for one user, one client or
// all together. No clock and no timer: time comes in, and octets a second are counted by what `createRate` makes.
// Counts go by the rule's name (its place where it has none) and its limits, so that a reload goes on with them. They are those of one process, or of
// several that ask one of them: then `Admit` has to wait for it, and nobody is let in uncounted while it is not there.
// What is in use is never forgotten to make room: beyond `MOST_KEYS` somebody new is refused.
import type { ByteRate } from '../../net/byte-rate.ts';
import { parseIpAddress, unmapped } from '../../net/ip-address.ts';
import { TokenBucket } from '../../net/token-bucket.ts';
import { describeRule } from '../explain.ts';
import type { Rule, RuleLimits } from '../policy.ts';
import type { DailyBytes } from './daily-bytes.ts';
import { concurrentWords, dayWords, requestWords } from './limit-words.ts';

/** Whom limits may count by. */
export interface Asker {
  /** `null`: nobody is known. */
  readonly user: string | null;
  readonly clientAddress: string;
}

export type Admission =
  | { readonly kind: 'admitted'; readonly lease: Lease }
  /** `reason`: a sentence without a full stop, for whoever asked. `retryAfterSeconds`: from when on it may be worth asking again, at least 1. */
  | { readonly kind: 'refused'; readonly reason: string; readonly retryAfterSeconds: number };

/** Whether it may be admitted cannot be counted at the moment. */
export interface Uncounted {
  readonly kind: 'uncounted';
  /** As of a refusal. */
  readonly reason: string;
  readonly retryAfterSeconds: number;
}

/** The part of a rule's limits that one exchange or tunnel holds from its admission to its end. */
export interface Lease {
  /** What content from the origin, and from the client, has to pass at; `null` when the rule does not say. Shared with others of the same key. */
  readonly download: ByteRate | null;
  readonly upload: ByteRate | null;
  /** Whether octets have to be counted at all. */
  readonly isCounted: boolean;
  /** Set once the day's octets have run out: why this exchange is broken off, a sentence without a full stop. */
  readonly exhaustion: string | null;
  /** Counts octets, either way. @returns whether they may pass; if not, `exhaustion` says why, and the transfer has to be broken off */
  spend(bytes: number): boolean;
  /** The exchange or tunnel is over, however it ended. Doing it again does nothing. */
  release(): void;
}

/**
 * Asks whether one more exchange or tunnel may begin under a rule that let it pass.
 *
 * @param nowMs on a monotonic clock
 */
export type Admit = (rule: Rule, asker: Asker, nowMs: number) => Admission | Uncounted | Promise<Admission | Uncounted>;

/** What limits need to know of a rule. */
export type LimitedRule = Pick<Rule, 'name' | 'position' | 'limits'>;

export class Limits {
  readonly #createRate: (bytesPerSecond: number) => ByteRate;
  readonly #dailyBytes: DailyBytes;
  readonly #ruleKeys = new WeakMap<LimitedRule, string>();
  readonly #usages = new Map<string, Usage>();
  /** So many keys make it worth looking for those at rest; not before `#mayTidyFromMs`. */
  #tidyAt = FIRST_TIDY;
  #mayTidyFromMs = Number.NEGATIVE_INFINITY;

  /** @param createRate makes what octets of one key pass through */
  constructor(createRate: (bytesPerSecond: number) => ByteRate, dailyBytes: DailyBytes) {
    this.#createRate = createRate;
    this.#dailyBytes = dailyBytes;
  }

  /** Keys in use or not yet let go of. */
  get size(): number {
    return this.#usages.size;
  }

  readonly admit = (rule: LimitedRule, asker: Asker, nowMs: number): Admission => {
    const { limits } = rule;
    if (limits === null) return { kind: 'admitted', lease: UNLIMITED };
    return this.admitAs(rule, whoCounts(limits.per, asker), nowMs);
  };

  /** @param who as `whoCounts` says it */
  admitAs(rule: LimitedRule, who: string, nowMs: number): Admission {
    const { limits } = rule;
    if (limits === null) return { kind: 'admitted', lease: UNLIMITED };
    const usage = this.#usageOf(rule, limits, who, nowMs);
    if (usage === null) return refused(rule, 'has no room to count one more user or address', 5);
    return this.#refusal(rule, limits, who, usage, nowMs) ?? { kind: 'admitted', lease: this.#lease(rule, limits, who, usage) };
  }

  /** Counts one that is under way already, whatever its limits say. */
  hold(rule: LimitedRule, who: string, nowMs: number): Lease {
    const { limits } = rule;
    const usage = limits === null ? null : this.#usageOf(rule, limits, who, nowMs);
    return limits === null || usage === null ? UNLIMITED : this.#lease(rule, limits, who, usage);
  }

  /** Tokens are taken last: a request that is refused for another reason must not cost one. */
  #refusal(rule: LimitedRule, limits: RuleLimits, who: string, usage: Usage, nowMs: number): Admission | null {
    const { concurrent, requestsPerSecond, bytesPerDay } = limits;
    if (bytesPerDay !== null) {
      const used = this.#dailyBytes.used(ruleName(rule), who);
      if (used === null)
        return refused(rule, 'has no room to count the bytes of one more user or address today', this.#dailyBytes.secondsLeft());
      if (used >= bytesPerDay) return refused(rule, dayWords(bytesPerDay, who), this.#dailyBytes.secondsLeft());
    }
    if (concurrent !== null && usage.underWay >= concurrent) return refused(rule, concurrentWords(concurrent, who), 1);
    if (requestsPerSecond !== null && !usage.requests!.take(1, nowMs)) {
      return refused(rule, requestWords(requestsPerSecond, who), Math.max(1, Math.ceil(usage.requests!.msUntil(1, nowMs) / 1000)));
    }
    return null;
  }

  #lease(rule: LimitedRule, { bytesPerDay }: RuleLimits, who: string, usage: Usage): Lease {
    usage.underWay += 1;
    return bytesPerDay === null ? new HeldLease(usage) : new CountedLease(usage, rule, who, bytesPerDay, this.#dailyBytes);
  }

  /** @returns `null` when it is new and there is no room for it */
  #usageOf(rule: LimitedRule, limits: RuleLimits, who: string, nowMs: number): Usage | null {
    let ruleKey = this.#ruleKeys.get(rule);
    if (ruleKey === undefined) {
      ruleKey = `${JSON.stringify([ruleName(rule), limits])} `;
      this.#ruleKeys.set(rule, ruleKey);
    }
    const key = ruleKey + who;
    const known = this.#usages.get(key);
    if (known !== undefined) return known;
    if (this.#usages.size >= this.#tidyAt && !this.#tidy(nowMs)) return null;
    const usage: Usage = {
      underWay: 0,
      requests: limits.requestsPerSecond === null ? null : new TokenBucket(limits.requestsPerSecond),
      download: limits.downloadBytesPerSecond === null ? null : this.#createRate(limits.downloadBytesPerSecond),
      upload: limits.uploadBytesPerSecond === null ? null : this.#createRate(limits.uploadBytesPerSecond),
    };
    this.#usages.set(key, usage);
    return usage;
  }

  /** Lets go of keys whose limits are untouched, which a new key begins with anyway. @returns whether there is room */
  #tidy(nowMs: number): boolean {
    if (nowMs < this.#mayTidyFromMs) return false;
    for (const [key, usage] of this.#usages) if (isAtRest(usage, nowMs)) this.#usages.delete(key);
    this.#tidyAt = Math.min(MOST_KEYS, Math.max(FIRST_TIDY, this.#usages.size * 2));
    if (this.#usages.size < MOST_KEYS) return true;
    // To look through all of them in vain with every request would be an attack of its own.
    this.#mayTidyFromMs = nowMs + 1_000;
    return false;
  }
}

/** What is in use of one rule's limits by one key; `null` where the rule does not limit it. */
interface Usage {
  underWay: number;
  readonly requests: TokenBucket | null;
  readonly download: ByteRate | null;
  readonly upload: ByteRate | null;
}

function isAtRest({ underWay, requests, download, upload }: Usage, nowMs: number): boolean {
  return underWay === 0 && (requests?.isFull(nowMs) ?? true) && (download?.isAtRest(nowMs) ?? true) && (upload?.isAtRest(nowMs) ?? true);
}

class HeldLease implements Lease {
  readonly download: ByteRate | null;
  readonly upload: ByteRate | null;
  readonly isCounted: boolean = false;
  #usage: Usage | null;

  constructor(usage: Usage) {
    this.download = usage.download;
    this.upload = usage.upload;
    this.#usage = usage;
  }
  get exhaustion(): string | null {
    return null;
  }
  spend(_bytes: number): boolean {
    return true;
  }
  release(): void {
    if (this.#usage === null) return;
    this.#usage.underWay -= 1;
    this.#usage = null;
  }
}

class CountedLease extends HeldLease {
  override readonly isCounted = true;
  readonly #rule: LimitedRule;
  readonly #who: string;
  readonly #bytesPerDay: number;
  readonly #dailyBytes: DailyBytes;
  #exhaustion: string | null = null;

  constructor(usage: Usage, rule: LimitedRule, who: string, bytesPerDay: number, dailyBytes: DailyBytes) {
    super(usage);
    this.#rule = rule;
    this.#who = who;
    this.#bytesPerDay = bytesPerDay;
    this.#dailyBytes = dailyBytes;
  }
  override get exhaustion(): string | null {
    return this.#exhaustion;
  }
  override spend(bytes: number): boolean {
    // The last ones are counted though they do not pass: they were received, and the next request shall be refused before it begins.
    if (this.#dailyBytes.add(ruleName(this.#rule), this.#who, bytes) <= this.#bytesPerDay) return true;
    this.#exhaustion ??= `${describeRule(this.#rule)} ${dayWords(this.#bytesPerDay, this.#who)}`;
    return false;
  }
}

/** For a rule without limits. */
const UNLIMITED: Lease = Object.freeze({
  download: null,
  upload: null,
  isCounted: false,
  exhaustion: null,
  spend: () => true,
  release: () => {},
});

/** The part of a key that says who: with a word before it, so that no user can be called like an address. */
export function whoCounts(per: RuleLimits['per'], { user, clientAddress }: Asker): string {
  if (per === 'all') return 'all';
  return per === 'user' && user !== null ? `user ${user}` : `client ${network(clientAddress)}`;
}

/** A client has an IPv6 network to choose its addresses from, so that counting each would count nobody (RFC 6177 §2: a /64 at the least). */
function network(clientAddress: string): string {
  if (!clientAddress.includes(':')) return clientAddress;
  const parsed = parseIpAddress(clientAddress.split('%', 1)[0]!);
  if (parsed === null) return clientAddress;
  const ip = unmapped(parsed);
  if (ip.version === 4) return ip.text;
  return Buffer.from(ip.bytes.buffer, ip.bytes.byteOffset, 8)
    .toString('hex')
    .replace(/(....)(?!$)/g, '$1:')
    .concat('::/64');
}

/** What counts go by. */
export function ruleName(rule: LimitedRule): string {
  return rule.name ?? `${rule.position.file}:${rule.position.line}`;
}

function refused(rule: LimitedRule, words: string, retryAfterSeconds: number): Admission {
  return { kind: 'refused', reason: `${describeRule(rule)} ${words}`, retryAfterSeconds };
}

export const MOST_KEYS = 100_000;
const FIRST_TIDY = 1_024;
