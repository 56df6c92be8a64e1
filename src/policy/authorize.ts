// STAGE authorize: what is about to be done → the decision on it. The question is made of the canonical destination, the same values that will be
// dialled and sent, and the answer carries what was judged: the path, and the addresses where a rule asked for them.
import type { Authority } from '../http/authority.ts';
import type { Fields } from '../http/message.ts';
import type { Scheme } from '../http/target.ts';
import { type GreetingFacts, type Question, UNSEEN } from '../match/question.ts';
import { createSubject } from '../match/subject.ts';
import type { CompiledPolicy } from './compile.ts';
import { decide } from './decide.ts';
import type { Decision } from './policy.ts';

export interface AuthorizeRequest {
  readonly method: string;
  readonly scheme: Scheme | 'tunnel';
  readonly authority: Authority;
  readonly pathAndQuery: string | null;
  readonly fields: Fields;
  /** Octets as announced, 0 without content; `null` when only its end will tell. */
  readonly contentLength: number | null;
  readonly upgrade: string | null;
  readonly clientAddress: string;
  readonly listener: string;
  readonly identity: Question['identity'];
  /** What the tunnel began with that the request came out of; `null` outside of tunnels, and for the CONNECT itself. */
  readonly hello: GreetingFacts | null;
}

export interface Authorization {
  readonly decision: Decision;
  /** The only addresses that may be dialled, judged one by one; `null` when no rule asked for the address. */
  readonly addresses: readonly string[] | null;
  /** How much content of unknown length may come before a rule denies it, and that denial; `null` without such a rule. */
  readonly contentLimit: ContentLimit | null;
}

export interface ContentLimit {
  readonly maxBytes: number;
  readonly denial: Decision;
}

/** What of a response a rule may ask for. */
export interface AuthorizeResponse {
  readonly contentTypes: readonly string[];
  /** As announced; `null` when only its end will tell. */
  readonly contentLength: number | null;
}

export interface Authorize {
  /** A promise only where a rule asks for the address of a name. @throws what `resolve` throws; no address, no verdict */
  request(request: AuthorizeRequest): Authorization | Promise<Authorization>;
  /** The final decision on a CONNECT, for one that awaits the greeting. The addresses that may be dialled stay those of the first authorization. */
  greeting(decision: Decision, greeting: GreetingFacts): Authorization;
  /** The final decision, for one that awaits the response. */
  response(decision: Decision, response: AuthorizeResponse): Authorization;
}

/**
 * @param resolve  the addresses of a name, never empty; `null` where a parent proxy resolves it, so that rules about addresses do not match
 * @param nowMs  milliseconds since the epoch, on the wall clock
 */
export function createAuthorize(
  policy: CompiledPolicy,
  resolve: (host: string, port: number) => readonly string[] | Promise<readonly string[]> | null,
  nowMs: () => number,
): Authorize {
  return {
    request(request) {
      const question = questionOf(request, policy.asksTime ? nowMs() : 0);
      const isOpenEnded = request.contentLength === null;
      const judged = judgeRequest(policy, question, isOpenEnded);
      if (judged.decision.awaits !== 'address') return judged;
      const judgeEach = (addresses: readonly string[]) => judgeAddresses(policy, question, addresses, isOpenEnded);
      const addresses = resolve(question.host, question.port);
      if (addresses === null) return judgeRequest(policy, { ...question, address: UNSEEN }, isOpenEnded);
      return addresses instanceof Promise ? addresses.then(judgeEach) : judgeEach(addresses);
    },

    greeting({ question }, greeting) {
      return { decision: decide(policy, { ...question, hello: greeting }), addresses: null, contentLimit: null };
    },

    response({ question }, { contentTypes, contentLength }) {
      const decision = decide(policy, { ...question, response: { contentTypes, contentLength: contentLength ?? 0 } });
      const contentLimit = contentLength === null && decision.action !== 'deny' ? responseLimit(policy, decision) : null;
      return { decision, addresses: null, contentLimit };
    },
  };
}

function questionOf(request: AuthorizeRequest, nowMs: number): Question {
  const { method, scheme, authority, pathAndQuery, fields, contentLength, upgrade, clientAddress, listener, identity, hello } = request;
  return {
    method,
    scheme,
    host: authority.host,
    port: authority.port,
    pathAndQuery,
    fields,
    contentLength: contentLength ?? 0,
    upgrade,
    clientAddress,
    listener,
    identity,
    address: authority.kind === 'name' ? null : authority.host,
    hello,
    response: null,
    nowMs,
  };
}

/**
 * The decision, and how much content of unknown length it lets pass. Such content passes one bound after the other while it grows: the first beyond
 * which it is denied is the limit, and what has to be known there is asked for now. Where that is the response, the content counts as that long.
 */
function judgeRequest(policy: CompiledPolicy, question: Question, isOpenEnded: boolean): Authorization {
  let decision = decide(policy, question);
  if (!isOpenEnded) return { decision, addresses: null, contentLimit: null };
  for (const maxBytes of policy.requestSizes) {
    if (decision.action === 'deny') break;
    const grown = decide(policy, { ...question, contentLength: maxBytes + 1 });
    decision = grown.awaits === 'nothing' ? withPathOf(grown, decision) : withPathOf(decision, grown);
    if (grown.awaits === 'nothing' && grown.action === 'deny')
      return { decision, addresses: null, contentLimit: { maxBytes, denial: grown } };
  }
  return { decision, addresses: null, contentLimit: null };
}

/** The path that was looked at for one size is the one to send, whatever size it comes to. */
function withPathOf(looked: Decision, decision: Decision): Decision {
  const { normalisedPath } = looked;
  return normalisedPath === null || decision.normalisedPath !== null ? decision : { ...decision, normalisedPath };
}

/** Each address on its own. What holds for the first that may pass holds for those that no criterion tells from it; the others are not dialled. */
function judgeAddresses(policy: CompiledPolicy, question: Question, addresses: readonly string[], isOpenEnded: boolean): Authorization {
  const each = addresses.map((address) => judgeRequest(policy, { ...question, address: withoutZone(address) }, isOpenEnded));
  const passing = each.find(mayPass);
  if (passing === undefined) return { ...each[0]!, addresses: [] };
  const permitted = addresses.filter((_, index) => mayPass(each[index]!) && areAlike(policy, each[index]!, passing));
  return { ...passing, addresses: permitted };
}

function mayPass({ decision }: Authorization): boolean {
  return decision.action !== 'deny';
}

/** Then they are alike in whatever is still to be judged, too: the size of content, and the response. */
function areAlike({ addressCriteria }: CompiledPolicy, one: Authorization, other: Authorization): boolean {
  const [subject, otherSubject] = [createSubject(one.decision.question), createSubject(other.decision.question)];
  return addressCriteria.every((judgement) => judgement(subject) === judgement(otherSubject));
}

function responseLimit(policy: CompiledPolicy, { question }: Decision): ContentLimit | null {
  const { response } = question;
  if (response === null) return null;
  for (const maxBytes of policy.responseSizes) {
    const denial = decide(policy, { ...question, response: { ...response, contentLength: maxBytes + 1 } });
    if (denial.action === 'deny') return { maxBytes, denial };
  }
  return null;
}

function withoutZone(address: string): string {
  const percent = address.indexOf('%');
  return percent === -1 ? address : address.slice(0, percent);
}
