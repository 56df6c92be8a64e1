// Owns the difference between two policies, as requests see it: each request is put to both, and those whose verdicts differ are counted together by
// who asked for which host, and which rules decided. Memory is bounded by the number of groups, not by the number of requests.
import type { Question } from '../match/question.ts';
import { type Asked, ask, type Verdict, verdictOf } from './ask.ts';
import { type CompiledPolicy, visitLeaves } from './compile.ts';
import { hostsNamed, tunnelTo } from './hosts-named.ts';
import type { Decision, SourcePosition } from './policy.ts';
import { askedBy } from './run-tests.ts';

/** Requests that flip in the same way. */
export interface Flip {
  readonly before: Decision;
  readonly after: Decision;
  /** The user, or the client's address. */
  readonly who: string;
  readonly host: string;
  /** The first of them. */
  readonly example: Question;
  count: number;
  firstMs: number;
  lastMs: number;
}

/** All flips from one verdict to another. */
export interface Change {
  readonly before: Verdict;
  readonly after: Verdict;
  count: number;
  readonly flips: Map<string, Flip>;
  /** Requests beyond the groups that were kept. */
  uncounted: number;
}

export class PolicyDiff {
  readonly changes = new Map<string, Change>();
  asked = 0;
  readonly #before: CompiledPolicy;
  readonly #after: CompiledPolicy;
  readonly #countsRules: boolean;
  #groups = 0;

  /** @param countsRules whether it is a flip when another rule says the same */
  constructor(before: CompiledPolicy, after: CompiledPolicy, countsRules: boolean) {
    this.#before = before;
    this.#after = after;
    this.#countsRules = countsRules;
  }

  /** @param who the user, or the client's address */
  add(asked: Asked, who: string): void {
    this.asked += 1;
    const before = ask(this.#before, asked).decision;
    const after = ask(this.#after, asked).decision;
    const [was, is] = [verdictOf(before), verdictOf(after)];
    if (was === is && !(this.#countsRules && isOtherRule(before, after))) return;
    const change = this.#changeOf(was, is);
    change.count += 1;
    const { host, nowMs } = asked.question;
    const key = [who, host, keyOf(before.position), keyOf(after.position)].join('\n');
    const flip = change.flips.get(key);
    if (flip !== undefined) {
      flip.count += 1;
      flip.firstMs = Math.min(flip.firstMs, nowMs);
      flip.lastMs = Math.max(flip.lastMs, nowMs);
    } else if (this.#groups < MOST_GROUPS) {
      this.#groups += 1;
      change.flips.set(key, { before, after, who, host, example: asked.question, count: 1, firstMs: nowMs, lastMs: nowMs });
    } else change.uncounted += 1;
  }

  #changeOf(before: Verdict, after: Verdict): Change {
    const key = `${before} ${after}`;
    let change = this.changes.get(key);
    if (change === undefined) this.changes.set(key, (change = { before, after, count: 0, flips: new Map(), uncounted: 0 }));
    return change;
  }
}

/**
 * What to ask without a log: the tests of both policies, and of every host that either names a tunnel and a plain request. Who asks has not been asked
 * yet who they are, so that rules about users show.
 */
export function invented(before: CompiledPolicy, after: CompiledPolicy, nowMs: number): readonly Asked[] {
  const policies = [before.policy, after.policy];
  const tests = policies.flatMap((policy) => policy.tests.map((test) => askedBy(test, nowMs)));
  const hosts = hostsNamed(policies.flatMap(({ rules }) => rules.map(({ condition }) => condition)));
  return [...tests, ...hosts.flatMap((host) => [unasked(tunnelTo(host, 443, nowMs)), unasked(requestTo(host, nowMs))])];
}

/** What either policy asks about and no log holds. */
export function unrecordedKinds(...policies: readonly CompiledPolicy[]): readonly string[] {
  const kinds = new Set<string>();
  for (const { policy } of policies) {
    for (const { condition } of policy.rules) {
      visitLeaves(condition, ({ kind }) => {
        if (kind === 'field' || kind === 'claim' || kind === 'response_size') kinds.add(kind);
      });
    }
  }
  return [...kinds];
}

function isOtherRule(before: Decision, after: Decision): boolean {
  if (before.decidedBy !== after.decidedBy) return true;
  const [one, other] = [before.rule, after.rule];
  if (one === null || other === null) return one !== other;
  // Lines move when a file is edited; a name stays.
  return one.name !== null || other.name !== null ? one.name !== other.name : keyOf(one.position) !== keyOf(other.position);
}

function requestTo(host: string, nowMs: number): Question {
  return { ...tunnelTo(host, 80, nowMs), method: 'GET', scheme: 'http', pathAndQuery: '/', hello: null };
}

function unasked(question: Question): Asked {
  return { question: { ...question, identity: 'unasked' }, addresses: [] };
}

function keyOf({ file, line, column }: SourcePosition): string {
  return `${file}:${line}:${column}`;
}

const MOST_GROUPS = 20_000;
