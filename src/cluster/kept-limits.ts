// Owns limits as the keeper has them for workers: each lease that one of them holds, how many carry something of the same key, and telling them of it. A
// worker that is gone gives all of it back.
import type { DailyBytes } from '../policy/limits/daily-bytes.ts';
import { type Lease, type LimitedRule, type Limits, ruleName } from '../policy/limits/limits.ts';
import type { AdmitAnswer, Holding, KeeperEnd, UseOfLimits } from './link-messages.ts';

/** One key of one rule, in use by at least one worker. */
interface KeptUse {
  readonly key: string;
  readonly rule: LimitedRule;
  readonly who: string;
  readonly carriers: Map<KeeperEnd, Carrier>;
}

interface Carrier {
  /** As that worker numbers the rule. */
  readonly number: number;
  leases: number;
  /** Octets that it has told of. */
  counted: number;
}

interface Member {
  readonly rules: Map<number, { readonly rule: LimitedRule; readonly text: string }>;
  readonly leases: Map<number, { readonly lease: Lease; readonly use: KeptUse }>;
}

export class KeptLimits {
  readonly #limits: Limits;
  readonly #dailyBytes: DailyBytes;
  readonly #members = new Map<KeeperEnd, Member>();
  readonly #uses = new Map<string, KeptUse>();
  /** The same rule of several workers as one object, by which counts are found. */
  readonly #rules = new Map<string, LimitedRule>();
  /** To be told of, once a turn. */
  readonly #changed = new Set<KeptUse>();
  #isTelling = false;

  constructor(limits: Limits, dailyBytes: DailyBytes) {
    this.#limits = limits;
    this.#dailyBytes = dailyBytes;
  }

  /** A worker numbers a rule. */
  rule(link: KeeperEnd, number: number, rule: LimitedRule): void {
    const text = JSON.stringify(rule);
    const known = this.#rules.get(text) ?? rule;
    this.#rules.set(text, known);
    this.#memberOf(link).rules.set(number, { rule: known, text });
  }

  /** @throws Error for a rule that nobody has told of */
  admit(link: KeeperEnd, holding: Holding): AdmitAnswer {
    const { rule } = this.#ruleOf(link, holding.rule);
    const admission = this.#limits.admitAs(rule, holding.who, performance.now());
    if (admission.kind === 'refused') return { reason: admission.reason, retryAfterSeconds: admission.retryAfterSeconds };
    const use = this.#keep(link, holding, admission.lease);
    return this.#said(use, use.carriers.get(link)!);
  }

  /** Of a worker that has carried it since before this keeper began. */
  hold(link: KeeperEnd, holding: Holding): void {
    const { rule } = this.#ruleOf(link, holding.rule);
    this.#noteChange(this.#keep(link, holding, this.#limits.hold(rule, holding.who, performance.now())));
  }

  spent(link: KeeperEnd, lease: number, bytes: number): void {
    const held = this.#members.get(link)?.leases.get(lease);
    const carrier = held?.use.carriers.get(link);
    if (held === undefined || carrier === undefined) return;
    held.lease.spend(bytes);
    carrier.counted += bytes;
    this.#noteChange(held.use);
  }

  released(link: KeeperEnd, lease: number, bytes: number): void {
    const member = this.#members.get(link);
    const held = member?.leases.get(lease);
    if (member === undefined || held === undefined) return;
    if (bytes > 0) this.spent(link, lease, bytes);
    member.leases.delete(lease);
    this.#letGo(link, held.lease, held.use);
  }

  gone(link: KeeperEnd): void {
    const member = this.#members.get(link);
    this.#members.delete(link);
    for (const { lease, use } of member?.leases.values() ?? []) this.#letGo(link, lease, use);
  }

  #keep(link: KeeperEnd, { rule: number, who, lease: leaseNumber }: Holding, lease: Lease): KeptUse {
    const { rule, text } = this.#ruleOf(link, number);
    const key = `${text} ${who}`;
    let use = this.#uses.get(key);
    if (use === undefined) this.#uses.set(key, (use = { key, rule, who, carriers: new Map() }));
    const carrier = use.carriers.get(link);
    if (carrier !== undefined) carrier.leases += 1;
    else {
      use.carriers.set(link, { number, leases: 1, counted: 0 });
      if (use.carriers.size > 1) this.#noteChange(use);
    }
    this.#memberOf(link).leases.set(leaseNumber, { lease, use });
    return use;
  }

  #letGo(link: KeeperEnd, lease: Lease, use: KeptUse): void {
    lease.release();
    const carrier = use.carriers.get(link);
    if (carrier === undefined) return;
    carrier.leases -= 1;
    if (carrier.leases > 0) return;
    use.carriers.delete(link);
    if (use.carriers.size === 0) this.#uses.delete(use.key);
    else this.#noteChange(use);
  }

  #noteChange(use: KeptUse): void {
    this.#changed.add(use);
    if (this.#isTelling) return;
    this.#isTelling = true;
    setImmediate(() => this.#tell());
  }

  #tell(): void {
    this.#isTelling = false;
    for (const use of this.#changed)
      for (const [link, carrier] of use.carriers) {
        link.say({ kind: 'use', rule: carrier.number, who: use.who, ...this.#said(use, carrier) });
      }
    this.#changed.clear();
  }

  #said({ rule, who, carriers }: KeptUse, { counted }: Carrier): Pick<UseOfLimits, 'parts' | 'left' | 'counted'> {
    const bytesPerDay = rule.limits?.bytesPerDay ?? null;
    const left = bytesPerDay === null ? null : bytesPerDay - (this.#dailyBytes.used(ruleName(rule), who) ?? 0);
    return { parts: carriers.size, left, counted };
  }

  #memberOf(link: KeeperEnd): Member {
    let member = this.#members.get(link);
    if (member === undefined) this.#members.set(link, (member = { rules: new Map(), leases: new Map() }));
    return member;
  }

  #ruleOf(link: KeeperEnd, number: number): { readonly rule: LimitedRule; readonly text: string } {
    const found = this.#members.get(link)?.rules.get(number);
    if (found === undefined) throw new Error(`there is no rule ${number}`);
    return found;
  }
}
