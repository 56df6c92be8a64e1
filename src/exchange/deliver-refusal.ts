// Owns which answer a refusal becomes: a denial (403 or what the rule says), a challenge (407), a limit (429), credentials and limits that cannot be
// checked now (503), each with its page. After a CONNECT the reason phrase carries the rule too: most programs show nothing else.
// The connection goes on after each of them, but for CONNECT: behind one that is refused nothing may be read as a request, not even behind a 407
// (RFC 9931), so its client comes back on a new connection.
import { ProxyError } from '../errors/proxy-error.ts';
import type { Fields } from '../http/message.ts';
import { token } from '../http/structured-fields.ts';
import {
  type Contact,
  type Refused,
  wordsForChallenge,
  wordsForDenial,
  wordsForLimit,
  wordsForUnavailable,
  wordsForUncounted,
} from '../pages/block-page.ts';
import type { DecisionFacts } from '../pages/page.ts';
import { explainShort } from '../policy/explain.ts';
import type { Decision, Rule } from '../policy/policy.ts';
import { answerWithPage, type PageContext } from './answer-with-page.ts';
import type { Received, ReceivedConnect, Refusal } from './exchange.ts';

type AnyReceived = Received | ReceivedConnect;
type RefusalOf<K extends Refusal['kind']> = Extract<Refusal, { readonly kind: K }>;

export function deliverRefusal(received: AnyReceived, refusal: Refusal, context: PageContext): void {
  switch (refusal.kind) {
    case 'denial':
      deliverDenial(received, refusal.decision, context);
      return;
    case 'challenge':
      deliverChallenge(received, refusal, context);
      return;
    case 'limited':
      deliverLimited(received, refusal, context);
      return;
    case 'unavailable':
    case 'uncounted':
      deliverUnavailable(received, refusal, context);
      return;
    default:
      refusal satisfies never;
  }
}

/**
 * The rule's status or 403, with the rule, its words, and whom to ask.
 *
 * @param refused  by default what the decision was about
 */
export function deliverDenial(
  received: AnyReceived,
  decision: Decision,
  context: PageContext,
  refused: Refused = decision.question.response === null ? 'request' : 'answer',
): void {
  const { incoming } = received;
  incoming.flow.outcome = 'denied';
  const { rule, decidedBy } = decision;
  const why = decisionFacts(decision, refused);
  const facts = {
    ...wordsForDenial(decidedBy, refused, contactOf(rule)),
    status: (decidedBy === 'rule' ? rule?.denial?.status : undefined) ?? 403,
    kind: 'denied',
    code: 'http_request_denied',
    blame: 'client',
    decision: why,
    retryAfterSeconds: null,
  } as const;
  const phrases = [why.sentence, `denied by ${why.file}:${why.line}`];
  answerWithPage(incoming, received, { facts, proxyStatus: denied(why.sentence), phrases }, context);
}

/**
 * 407 (RFC 9110 §15.5.8). The plain question is no error, so Proxy-Status says only that the answer is ours; credentials that were refused are
 * a denial, and it says why.
 */
function deliverChallenge(received: AnyReceived, { challenges, reason }: RefusalOf<'challenge'>, context: PageContext): void {
  const { incoming } = received;
  incoming.flow.outcome = 'denied';
  const facts = {
    ...wordsForChallenge(reason),
    status: 407,
    kind: 'challenge',
    code: reason === null ? 'proxy_internal_response' : 'http_request_denied',
    blame: 'client',
    decision: null,
    retryAfterSeconds: null,
  } as const;
  const proxyStatus = reason === null ? { error: token('proxy_internal_response'), details: 'credentials are needed' } : denied(reason);
  const fields: Fields = challenges.map((value) => ({ name: 'Proxy-Authenticate', value }));
  answerWithPage(incoming, received, { facts, proxyStatus, fields }, context);
}

/** 429 (RFC 6585 §4). */
function deliverLimited(received: AnyReceived, { decision, reason, retryAfterSeconds }: RefusalOf<'limited'>, context: PageContext): void {
  const { incoming } = received;
  incoming.flow.outcome = 'denied';
  const seconds = wholeSeconds(retryAfterSeconds);
  const facts = {
    ...wordsForLimit(reason, seconds),
    status: 429,
    kind: 'limited',
    code: 'http_request_denied',
    blame: 'client',
    decision: decisionFacts(decision, 'request'),
    retryAfterSeconds: seconds,
  } as const;
  answerWithPage(incoming, received, { facts, proxyStatus: denied(reason), phrases: [reason] }, context);
}

/** 503: whether the credentials are good, or a limit is reached, cannot be found out yet. */
function deliverUnavailable(received: AnyReceived, refusal: RefusalOf<'unavailable' | 'uncounted'>, context: PageContext): void {
  const { kind, reason, retryAfterSeconds } = refusal;
  const { flow } = received.incoming;
  flow.outcome = 'failed';
  flow.error = new ProxyError('proxy_internal_error', reason);
  const seconds = wholeSeconds(retryAfterSeconds);
  const facts = {
    ...(kind === 'unavailable' ? wordsForUnavailable(reason, seconds) : wordsForUncounted(reason, seconds)),
    status: 503,
    kind: kind === 'unavailable' ? 'challenge' : 'limited',
    code: 'proxy_internal_error',
    blame: 'proxy',
    decision: kind === 'unavailable' ? null : decisionFacts(refusal.decision, 'request'),
    retryAfterSeconds: seconds,
  } as const;
  const proxyStatus = { error: token('proxy_internal_error'), details: reason };
  answerWithPage(received.incoming, received, { facts, proxyStatus }, context);
}

function decisionFacts(decision: Decision, refused: Refused): DecisionFacts {
  const { rule, decidedBy, position } = decision;
  const denial = decidedBy === 'rule' ? rule?.denial : null;
  return {
    sentence: explainShort(decision),
    decidedBy,
    refused,
    rule: rule?.name ?? null,
    file: position.file.slice(position.file.lastIndexOf('/') + 1),
    line: position.line,
    ruleMessage: denial?.message ?? null,
    owner: denial?.owner ?? null,
    requestAccess: denial?.requestAccess ?? null,
  };
}

function contactOf(rule: Rule | null): Contact {
  if ((rule?.denial?.requestAccess ?? null) !== null) return 'link';
  return (rule?.denial?.owner ?? null) === null ? 'operator' : 'owner';
}

function denied(details: string): { error: ReturnType<typeof token>; details: string } {
  return { error: token('http_request_denied'), details };
}

/** As Retry-After has it (RFC 9110 §10.2.3): never too early, and never now. */
function wholeSeconds(seconds: number): number {
  return Math.max(1, Math.ceil(seconds));
}
