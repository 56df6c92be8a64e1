// Owns limits as a worker has them: the keeper counts for all, and is asked before each exchange under a rule that limits something. Without a keeper, or one
// that answers in time, nothing is let in uncounted. What is under way meanwhile goes on, and is counted anew when there is a keeper again.
//
// What holds of all workers together: exchanges at once and requests a second, exactly. Octets a day are counted exactly, and cut off where they run out, but
// for what others have spent and not told yet: SPENT_OCTETS for each exchange. Octets a second are shared out among the workers that carry something of the
// same key, in equal parts: never more in all than the rule says, and less where one of them does not use its part.
import type { ByteRate } from '../net/byte-rate.ts';
import { describeRule } from '../policy/explain.ts';
import { DailyBytes } from '../policy/limits/daily-bytes.ts';
import { dayWords } from '../policy/limits/limit-words.ts';
import { type Admission, type Admit, type Lease, type LimitedRule, Limits, type Uncounted, whoCounts } from '../policy/limits/limits.ts';
import { NoAnswer } from './link.ts';
import type { AdmitAnswer, Holding, UseOfLimits, WorkerEnd } from './link-messages.ts';

/** What this worker carries of one key of one rule. */
interface Use {
  readonly rule: LimitedRule;
  readonly number: number;
  readonly who: string;
  /** The rates that its content passes at. */
  readonly rates: Lease;
  leases: number;
  /** Octets since the keeper was joined, and how many of them it had counted when it said what is left. */
  spent: number;
  counted: number;
  /** Of the day; `null` where the rule does not limit it. */
  left: number | null;
}

export class LinkedLimits {
  readonly #link: () => WorkerEnd | null;
  /** Rates alone, which are this process's to keep to. */
  readonly #rates: Limits;
  readonly #rules = new NumberedRules();
  readonly #uses = new Map<string, Use>();
  readonly #leases = new Map<number, LinkedLease>();
  /** Over since the keeper is gone, with octets that it does not know of. */
  #untold: { readonly holding: Holding; readonly bytes: number }[] = [];
  #lastLease = 0;

  constructor(link: () => WorkerEnd | null, createRate: (bytesPerSecond: number) => ByteRate) {
    this.#link = link;
    this.#rates = new Limits(createRate, new DailyBytes(Date.now));
  }

  readonly admit: Admit = (rule, asker, nowMs) => {
    const { limits } = rule;
    if (limits === null) return this.#rates.admit(rule, asker, nowMs);
    const link = this.#link();
    return link === null ? uncounted(rule) : this.#ask(link, rule, whoCounts(limits.per, asker));
  };

  /** There is a keeper, which knows nothing of what is under way. */
  joined(link: WorkerEnd): void {
    this.#rules.forgetTold();
    for (const use of this.#uses.values()) [use.spent, use.counted] = [0, 0];
    const holdings = [...Array.from(this.#leases.values(), ({ holding }) => holding), ...this.#untold.map(({ holding }) => holding)];
    for (const holding of holdings) {
      this.#rules.tell(holding.rule, link);
      link.say({ kind: 'held', ...holding });
    }
    for (const { holding, bytes } of this.#untold.splice(0)) link.say({ kind: 'released', lease: holding.lease, bytes });
  }

  /** What the keeper says of a key. */
  noteUse(said: UseOfLimits): void {
    const use = this.#uses.get(keyOf(said.rule, said.who));
    if (use !== undefined) share(use, said);
  }

  async #ask(link: WorkerEnd, rule: LimitedRule, who: string): Promise<Admission | Uncounted> {
    this.#lastLease += 1;
    const holding: Holding = { rule: this.#rules.numberOf(rule), who, lease: this.#lastLease };
    this.#rules.tell(holding.rule, link);
    const answer = await this.#answered(link, holding);
    if (answer === null) return uncounted(rule);
    if ('reason' in answer) return { kind: 'refused', ...answer };
    const use = this.#useOf(rule, holding, answer);
    if ('kind' in use) {
      link.say({ kind: 'released', lease: holding.lease, bytes: 0 });
      return use;
    }
    const lease = new LinkedLease(holding, use, this);
    this.#leases.set(holding.lease, lease);
    // Another keeper was joined since, and was told of all but this.
    const now = this.#link();
    if (now !== null && now !== link) now.say({ kind: 'held', ...holding });
    return { kind: 'admitted', lease };
  }

  /** @returns `null` where there is none in time; one that comes later holds nothing */
  #answered(link: WorkerEnd, holding: Holding): Promise<AdmitAnswer | null> {
    return new Promise((resolve, reject) => {
      let isTooLate = false;
      const timer = setTimeout(() => {
        isTooLate = true;
        resolve(null);
      }, PATIENCE_MS);
      link.ask({ kind: 'admit', ...holding }).then(
        (answer) => {
          clearTimeout(timer);
          if (isTooLate && !('reason' in answer)) link.say({ kind: 'released', lease: holding.lease, bytes: 0 });
          resolve(answer);
        },
        (error: unknown) => {
          clearTimeout(timer);
          if (error instanceof NoAnswer) resolve(null);
          else reject(error);
        },
      );
    });
  }

  #useOf(rule: LimitedRule, { rule: number, who }: Holding, said: Exclude<AdmitAnswer, { readonly reason: string }>): Use | Admission {
    const key = keyOf(number, who);
    let use = this.#uses.get(key);
    if (use === undefined) {
      const rates = this.#rates.admitAs(this.#rules.ratesOf(rule), who, performance.now());
      if (rates.kind === 'refused') return rates;
      use = { rule, number, who, rates: rates.lease, leases: 0, spent: said.counted, counted: said.counted, left: said.left };
      this.#uses.set(key, use);
    }
    use.leases += 1;
    share(use, said);
    return use;
  }

  /** From a lease: so many octets have passed that the keeper was not told of. */
  tellSpent(lease: number, bytes: number): boolean {
    const link = this.#link();
    link?.say({ kind: 'spent', lease, bytes });
    return link !== null;
  }

  /** From a lease: it is over. */
  letGo(holding: Holding, use: Use, bytes: number): void {
    this.#leases.delete(holding.lease);
    const link = this.#link();
    if (link !== null) link.say({ kind: 'released', lease: holding.lease, bytes });
    else if (bytes > 0) this.#untold.push({ holding, bytes });
    use.leases -= 1;
    if (use.leases > 0) return;
    use.rates.release();
    this.#uses.delete(keyOf(use.number, use.who));
  }
}

class LinkedLease implements Lease {
  readonly holding: Holding;
  readonly #use: Use;
  readonly #limits: LinkedLimits;
  #unreported = 0;
  #exhaustion: string | null = null;
  #isOver = false;

  constructor(holding: Holding, use: Use, limits: LinkedLimits) {
    this.holding = holding;
    this.#use = use;
    this.#limits = limits;
  }

  get download(): ByteRate | null {
    return this.#use.rates.download;
  }

  get upload(): ByteRate | null {
    return this.#use.rates.upload;
  }

  get isCounted(): boolean {
    return this.#use.left !== null;
  }

  get exhaustion(): string | null {
    return this.#exhaustion;
  }

  spend(bytes: number): boolean {
    const use = this.#use;
    if (use.left === null || this.#isOver) return true;
    use.spent += bytes;
    this.#unreported += bytes;
    const left = use.left - Math.max(0, use.spent - use.counted);
    // Near the end others have to know at once.
    const isWorthTelling = this.#unreported >= SPENT_OCTETS || left < NEAR_THE_END;
    if (isWorthTelling && this.#limits.tellSpent(this.holding.lease, this.#unreported)) this.#unreported = 0;
    if (left >= 0) return true;
    this.#exhaustion ??= `${describeRule(use.rule)} ${dayWords(use.rule.limits!.bytesPerDay!, use.who)}`;
    return false;
  }

  release(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#limits.letGo(this.holding, this.#use, this.#unreported);
  }
}

/** Rules under numbers, by which they are told once. A reload brings the same ones as other objects. */
class NumberedRules {
  readonly #numbers = new WeakMap<LimitedRule, number>();
  readonly #rates = new WeakMap<LimitedRule, LimitedRule>();
  readonly #byText = new Map<string, number>();
  readonly #all: LimitedRule[] = [];
  readonly #told = new Set<number>();

  numberOf(rule: LimitedRule): number {
    const known = this.#numbers.get(rule);
    if (known !== undefined) return known;
    const { name, position, limits } = rule;
    const plain: LimitedRule = { name, position, limits };
    const text = JSON.stringify(plain);
    const number = this.#byText.get(text) ?? this.#all.push(plain) - 1;
    this.#byText.set(text, number);
    this.#numbers.set(rule, number);
    return number;
  }

  /** Before anything is said of it. */
  tell(number: number, link: WorkerEnd): void {
    if (this.#told.has(number)) return;
    this.#told.add(number);
    link.say({ kind: 'rule', number, rule: this.#all[number]! });
  }

  forgetTold(): void {
    this.#told.clear();
  }

  /** The same rule, with its rates alone. */
  ratesOf(rule: LimitedRule): LimitedRule {
    let rates = this.#rates.get(rule);
    if (rates === undefined) {
      const { name, position, limits } = rule;
      rates = {
        name,
        position,
        limits: limits === null ? null : { ...limits, concurrent: null, requestsPerSecond: null, bytesPerDay: null },
      };
      this.#rates.set(rule, rates);
    }
    return rates;
  }
}

/** A part of the rates, and of the day what is left. */
function share(use: Use, { parts, left, counted }: Pick<UseOfLimits, 'parts' | 'left' | 'counted'>): void {
  const { downloadBytesPerSecond, uploadBytesPerSecond } = use.rule.limits!;
  if (downloadBytesPerSecond !== null) use.rates.download?.changeTo(downloadBytesPerSecond / parts);
  if (uploadBytesPerSecond !== null) use.rates.upload?.changeTo(uploadBytesPerSecond / parts);
  use.left = left;
  use.counted = counted;
}

function uncounted(rule: LimitedRule): Uncounted {
  return {
    kind: 'uncounted',
    reason: `${describeRule(rule)} has limits, and the process that counts for all workers does not answer`,
    retryAfterSeconds: 1,
  };
}

function keyOf(rule: number, who: string): string {
  return `${rule} ${who}`;
}

const PATIENCE_MS = 5_000;
/** What is told together. */
const SPENT_OCTETS = 65_536;
const NEAR_THE_END = 2 ** 20;
