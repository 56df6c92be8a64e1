// Owns asking a policy about a request that is not under way: one of a test, of a log, or of a command line. It takes the way that a request takes
// (authorize.ts), with the addresses and the response that are known beforehand; nothing is judged here a second way.
import type { Authority } from '../http/authority.ts';
import type { Question } from '../match/question.ts';
import { parseIpAddress } from '../net/ip-address.ts';
import { type Authorization, createAuthorize } from './authorize.ts';
import type { CompiledPolicy } from './compile.ts';
import { decide } from './decide.ts';
import type { Action, Decision } from './policy.ts';

/** A request to be judged, with what its name resolves to; no addresses while nobody knows. */
export interface Asked {
  readonly question: Question;
  readonly addresses: readonly string[];
}

/**
 * The verdict of the last stage that can be asked. Its decision awaits `address` when a rule asks for one and none is known, and `hello` or `response`
 * when the question has none.
 */
export function ask(compiled: CompiledPolicy, { question, addresses: known }: Asked): Authorization {
  const isTunnel = question.scheme === 'tunnel';
  // Nobody has looked into a tunnel when its CONNECT comes.
  const atFirst: Question = { ...question, hello: isTunnel ? null : question.hello, response: null };
  const addresses = known.length === 0 && question.address !== null ? [question.address] : known;
  const authority = authorityOf(question);
  if (addresses.length === 0 && authority.kind === 'name') {
    const unresolved = decide(compiled, atFirst);
    if (unresolved.awaits === 'address') return { decision: unresolved, addresses: null, contentLimit: null };
  }
  const authorize = createAuthorize(
    compiled,
    () => addresses,
    () => question.nowMs,
  );
  const authorization = authorize.request({ ...atFirst, authority });
  if (authorization instanceof Promise) throw new Error('a name whose addresses are known is not waited for');
  const { decision } = authorization;
  if (decision.awaits === 'hello' && question.hello !== null)
    return { ...authorize.greeting(decision, question.hello), addresses: authorization.addresses };
  if (decision.awaits !== 'response' || question.response === null) return authorization;
  return { ...authorize.response(decision, question.response), addresses: authorization.addresses };
}

/** What becomes of the request: `challenge` where the client is asked who it is, `unresolved` where nobody can say without the address. */
export type Verdict = Exclude<Action, 'report'> | 'challenge' | 'unresolved';

export function verdictOf({ action, awaits }: Decision): Verdict {
  if (awaits === 'identity') return 'challenge';
  return awaits === 'address' ? 'unresolved' : action;
}

function authorityOf({ host, port }: Question): Authority {
  const version = parseIpAddress(host)?.version;
  return { host, port, kind: version === undefined ? 'name' : version === 4 ? 'ipv4' : 'ipv6' };
}
