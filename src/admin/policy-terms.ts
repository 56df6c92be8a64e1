// Owns under which terms of the policy the cache would be asked for a request that nobody has made: the rule that would decide, by the same judging
// as every request (policy/ask.ts). It is taken for one of a client on this machine, and of a user whose groups and claims nobody knows here.
// A list of all that is stored asks for the terms of each response, and most policies have none: nothing is judged then, and no words are made.
import type { Question, Terms } from '../cache/cache-admin.ts';
import { type CacheOverrides, NO_OVERRIDES } from '../cache/rules/options.ts';
import { parseTarget } from '../http/target.ts';
import { usualGreeting } from '../match/question.ts';
import { ask } from '../policy/ask.ts';
import type { CompiledPolicy } from '../policy/compile.ts';
import { explainShort } from '../policy/explain.ts';
import type { Decision } from '../policy/policy.ts';

/** @param policy  that of the moment  @param question  its URL has been read before, and is good */
export function policyTerms(policy: CompiledPolicy, question: Question, nowMs: number): Terms {
  return new PolicyTerms(policy, question, nowMs);
}

class PolicyTerms implements Terms {
  readonly #policy: CompiledPolicy;
  readonly #question: Question;
  readonly #nowMs: number;
  #decision: Decision | null = null;

  constructor(policy: CompiledPolicy, question: Question, nowMs: number) {
    this.#policy = policy;
    this.#question = question;
    this.#nowMs = nowMs;
  }

  get overrides(): CacheOverrides {
    if (!this.#policy.rules.some(({ rule }) => rule.cache !== null)) return NO_OVERRIDES;
    return this.#decided()?.rule?.cache ?? NO_OVERRIDES;
  }

  get sentence(): string | null {
    const decision = this.#decided();
    return decision === null ? null : explainShort(decision);
  }

  /** `null` for what no rule of a request is about. */
  #decided(): Decision | null {
    this.#decision ??= decisionOn(this.#policy, this.#question, this.#nowMs);
    return this.#decision;
  }
}

function decisionOn(policy: CompiledPolicy, { method, url, fields, user }: Question, nowMs: number): Decision | null {
  const target = parseTarget(method, Buffer.from(url, 'utf8').toString('latin1'));
  if (target.form !== 'absolute-form') return null;
  const { scheme, authority, pathAndQuery } = target;
  const { decision } = ask(policy, {
    question: {
      ...{ method, scheme, host: authority.host, port: authority.port, pathAndQuery, fields, contentLength: 0, upgrade: null },
      ...{ clientAddress: '127.0.0.1', listener: '', address: null, response: null, nowMs },
      // It would come out of an opened tunnel.
      hello: scheme === 'https' ? usualGreeting(authority.host) : null,
      identity: user === null ? 'nobody' : { user, groups: [], claims: null },
    },
    addresses: [],
  });
  return decision;
}
