// Owns under which terms of the policy the cache would be asked for a request that nobody has made: the rule that would decide, by the same judging
// as every request (policy/ask.ts). It is taken for one of a client on this machine, and of a user whose groups and claims nobody knows here.
import type { Question, Terms } from '../cache/cache-admin.ts';
import { NO_OVERRIDES } from '../cache/rules/options.ts';
import { parseTarget } from '../http/target.ts';
import { usualGreeting } from '../match/question.ts';
import { ask } from '../policy/ask.ts';
import type { CompiledPolicy } from '../policy/compile.ts';
import { explainShort } from '../policy/explain.ts';

/** @param policy  that of the moment  @param question  its URL has been read before, and is good */
export function policyTerms(policy: CompiledPolicy, { method, url, fields, user }: Question, nowMs: number): Terms {
  const target = parseTarget(method, Buffer.from(url, 'utf8').toString('latin1'));
  if (target.form !== 'absolute-form') return { overrides: NO_OVERRIDES, sentence: null };
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
  return { overrides: decision.rule?.cache ?? NO_OVERRIDES, sentence: explainShort(decision) };
}
