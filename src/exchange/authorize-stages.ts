// STAGE authorize, the joint: what the policy is asked of a request, a tunnel, its greeting and a response, and what its answers come to. A decision to let
// pass counts against the limits of its rule; a later one, of another rule, takes their place.
import type { Authenticator } from '../auth/authenticate.ts';
import { ProxyError } from '../errors/proxy-error.ts';
import { fieldValues } from '../http/fields.ts';
import { announcedLength } from '../http/framing.ts';
import type { GreetingFacts } from '../match/question.ts';
import type { Authorization, Authorize, AuthorizeRequest, ContentLimit } from '../policy/authorize.ts';
import type { Admission, Admit, Lease, Uncounted } from '../policy/limits/limits.ts';
import type { Decision } from '../policy/policy.ts';
import type { IsAddressAllowed } from '../upstream/forward.ts';
import { type ClientResponse, letGo } from '../upstream/http1-client.ts';
import { LimitedContent } from './content-limit.ts';
import type {
  Answer,
  Authorized,
  AuthorizedConnect,
  Identified,
  Incoming,
  OpenedTunnel,
  ReceivedConnect,
  Served,
  Soon,
  Step,
} from './exchange.ts';
import { guardQuestion } from './forward-request.ts';
import { throttleBody } from './throttle.ts';

export interface JudgingParts {
  /** `null` when nothing is set up that could tell who asks. */
  readonly authenticator: Authenticator | null;
  readonly authorize: Authorize;
  readonly admit: Admit;
  readonly isAddressAllowed: IsAddressAllowed;
}

export function authorizeRequest(identified: Identified, parts: JudgingParts): Soon<Step<Authorized>> {
  const authorization = parts.authorize.request(questionAbout(identified));
  return authorization instanceof Promise
    ? authorization.then((found) => authorized(identified, found, parts))
    : authorized(identified, authorization, parts);
}

/** The request has changed since it was let pass. */
export function authorizeAgain(identified: Identified, before: Authorized, parts: JudgingParts): Soon<Step<Authorized>> {
  const authorization = parts.authorize.request(questionAbout(identified));
  return authorization instanceof Promise
    ? authorization.then((found) => rejudged(identified, found, before, parts))
    : rejudged(identified, authorization, before, parts);
}

export function authorizeConnect(identified: Identified<ReceivedConnect>, parts: JudgingParts): Soon<Step<AuthorizedConnect>> {
  const authorization = parts.authorize.request(questionAboutTunnel(identified));
  return authorization instanceof Promise
    ? authorization.then((found) => authorizedConnect(identified, found, parts))
    : authorizedConnect(identified, authorization, parts);
}

/** Whether a tunnel would be opened that began this way, to this host. */
export function wouldOpen({ decision }: AuthorizedConnect, host: string, greeting: GreetingFacts, authorize: Authorize): boolean {
  const there = { ...decision, question: { ...decision.question, host, address: null } };
  return authorize.greeting(there, greeting).decision.action === 'intercept';
}

function questionAbout({ received, identity }: Identified): AuthorizeRequest {
  const { incoming, scheme, authority, pathAndQuery, upgrade } = received;
  const { head, body, client, flow, tunnel } = incoming;
  return {
    method: head.method,
    scheme,
    authority,
    pathAndQuery,
    fields: head.fields,
    contentLength: body === null ? 0 : body.length,
    upgrade,
    clientAddress: client.address,
    listener: flow.listener,
    identity,
    hello: tunnel === null ? null : greetingInside(tunnel),
  };
}

/** How the tunnel began that a request came out of. */
function greetingInside({ scheme, serverName }: OpenedTunnel): GreetingFacts {
  return { protocol: scheme === 'https' ? 'tls' : 'http', serverName };
}

function questionAboutTunnel({ received, identity }: Identified<ReceivedConnect>): AuthorizeRequest {
  const { incoming, authority } = received;
  return {
    method: 'CONNECT',
    scheme: 'tunnel',
    authority,
    pathAndQuery: null,
    fields: incoming.head.fields,
    contentLength: 0,
    upgrade: null,
    clientAddress: incoming.client.address,
    listener: incoming.flow.listener,
    identity,
    hello: null,
  };
}

function authorized(identified: Identified, found: Authorization, parts: JudgingParts): Soon<Step<Authorized>> {
  const admitted = admit(identified.received.incoming, found.decision, parts);
  return admitted instanceof Promise
    ? admitted.then((step) => authorizedUnder(step, identified, found))
    : authorizedUnder(admitted, identified, found);
}

function authorizedUnder(
  admitted: Step<Lease | null>,
  { received }: Identified,
  { decision, addresses, contentLimit }: Authorization,
): Step<Authorized> {
  if ('respond' in admitted) return admitted;
  const pathAndQuery = decision.normalisedPath ?? received.pathAndQuery;
  return { next: { received, decision, pathAndQuery, addresses, contentLimit, lease: admitted.next } };
}

/** What the same rule lets pass again counts once against its limits. */
function rejudged(identified: Identified, found: Authorization, before: Authorized, parts: JudgingParts): Soon<Step<Authorized>> {
  const { received } = identified;
  const { decision, addresses, contentLimit } = found;
  const { flow } = received.incoming;
  if (decision.action === 'deny' || decision.rule !== before.decision.rule) {
    flow.lease?.release();
    flow.lease = null;
    return authorized(identified, found, parts);
  }
  flow.decision = decision;
  const pathAndQuery = decision.normalisedPath ?? received.pathAndQuery;
  return { next: { received, decision, pathAndQuery, addresses, contentLimit, lease: before.lease } };
}

function authorizedConnect(
  { received, identity }: Identified<ReceivedConnect>,
  { decision, addresses }: Authorization,
  parts: JudgingParts,
): Soon<Step<AuthorizedConnect>> {
  const under = (admitted: Step<Lease | null>): Step<AuthorizedConnect> =>
    'respond' in admitted ? admitted : { next: { received, identity, decision, addresses, lease: admitted.next } };
  const admitted = admit(received.incoming, decision, parts);
  return admitted instanceof Promise ? admitted.then(under) : under(admitted);
}

/** Under the limits of the rule that lets it pass in the end. */
export function authorizeGreeting(connect: AuthorizedConnect, greeting: GreetingFacts, parts: JudgingParts): Soon<Step<AuthorizedConnect>> {
  const { received, decision, lease } = connect;
  const judged = decision.awaits === 'hello' ? parts.authorize.greeting(decision, greeting).decision : decision;
  const under = (admitted: Step<Lease | null>): Step<AuthorizedConnect> =>
    'respond' in admitted ? admitted : { next: { ...connect, decision: judged, lease: admitted.next } };
  const admitted = admitLater(received.incoming, decision, judged, lease, parts);
  return admitted instanceof Promise ? admitted.then(under) : under(admitted);
}

/** What the decision says, and what the rule's limits say to it. */
function admit(incoming: Incoming, decision: Decision, parts: JudgingParts): Soon<Step<Lease | null>> {
  const { flow, client } = incoming;
  flow.decision = decision;
  const { action, awaits, rule } = decision;
  if (action === 'deny') {
    if (awaits !== 'identity') return { respond: { kind: 'denial', decision } };
    return { respond: { kind: 'challenge', challenges: parts.authenticator?.challenges ?? [], reason: null } };
  }
  if (rule === null || rule.limits === null) return WITHOUT_LIMITS;
  const admission = parts.admit(rule, { user: flow.user, clientAddress: client.address }, performance.now());
  return admission instanceof Promise
    ? admission.then((found) => admitted(incoming, decision, found))
    : admitted(incoming, decision, admission);
}

function admitted({ flow }: Incoming, decision: Decision, admission: Admission | Uncounted): Step<Lease | null> {
  if (admission.kind !== 'admitted') {
    const { kind, reason, retryAfterSeconds } = admission;
    return { respond: { kind: kind === 'refused' ? 'limited' : 'uncounted', decision, reason, retryAfterSeconds } };
  }
  // A client may have left while it was found out who asks, or counted; its record is finished, and nobody would finish it again.
  if (flow.totalMs === null) flow.lease = admission.lease;
  else admission.lease.release();
  return { next: admission.lease };
}

/** What the rules say of the response itself, under whose limits its content goes out, and how much of it may. */
export function authorizeResponse(request: Authorized, served: Served, parts: JudgingParts): Soon<Answer> {
  const { decision, lease } = request;
  const { response } = served;
  if (decision.awaits !== 'response' || isWithoutContent(response)) {
    return { kind: 'response', response: lease === null ? response : held(response, lease), lease };
  }
  const { head, body, upgraded } = response;
  const judged = parts.authorize.response(decision, {
    // What comes behind a 101 is of no type, whatever its head says.
    contentTypes: upgraded === null ? fieldValues(head.fields, 'content-type') : [],
    contentLength: body === null ? (announcedLength(head.fields) ?? 0) : body.length,
  });
  const prohibited = whyProhibited(request.received.incoming, judged.decision, served, parts.isAddressAllowed);
  if (prohibited !== null) {
    letGo(response);
    throw new ProxyError('destination_ip_prohibited', `${prohibited}.`);
  }
  const under = (admitted: Step<Lease | null>): Answer => answerUnder(admitted, response, judged.contentLimit);
  const admitted = admitLater(request.received.incoming, decision, judged.decision, lease, parts);
  return admitted instanceof Promise ? admitted.then(under) : under(admitted);
}

function answerUnder(admitted: Step<Lease | null>, response: ClientResponse, contentLimit: ContentLimit | null): Answer {
  if ('respond' in admitted) {
    letGo(response);
    return admitted.respond;
  }
  const { body } = response;
  const lease = admitted.next;
  if (body === null) return { kind: 'response', response, lease };
  const counted = lease === null ? body : throttleBody(body, 'download', lease);
  const content = contentLimit === null ? counted : new LimitedContent(counted, contentLimit);
  return { kind: 'response', response: { ...response, body: content }, lease };
}

/** The rule that decided in the end may be another than the one under whose terms the request went out: then its limits hold from here on. */
function admitLater(
  incoming: Incoming,
  before: Decision,
  judged: Decision,
  lease: Lease | null,
  parts: JudgingParts,
): Soon<Step<Lease | null>> {
  const hasLimitsOfItsOwn = judged.action !== 'deny' && judged.rule !== before.rule && (judged.rule?.limits ?? null) !== null;
  if (hasLimitsOfItsOwn) lease?.release();
  if (hasLimitsOfItsOwn || judged.action === 'deny') return admit(incoming, judged, parts);
  incoming.flow.decision = judged;
  return { next: lease };
}

/** The rule that decided may except other addresses from the guard than the one under whose terms the request went out; `null` when all is well. */
function whyProhibited(
  { client, flow }: Incoming,
  judged: Decision,
  { storedFrom }: Served,
  isAddressAllowed: IsAddressAllowed,
): string | null {
  if (judged.action === 'deny') return null;
  const forwardedFrom = flow.route === 'direct' && flow.upstreamAddress !== null ? flow.upstreamAddress : null;
  const from = storedFrom ?? (forwardedFrom === null ? null : { address: forwardedFrom, port: flow.upstreamPort });
  if (from === null) return null;
  const { allowed, reason } = isAddressAllowed(from.address, from.port, guardQuestion(client, judged, null));
  return allowed ? null : reason;
}

/** Its content under the limits of the rule that let it pass. */
function held(response: ClientResponse, lease: Lease): ClientResponse {
  return response.body === null ? response : { ...response, body: throttleBody(response.body, 'download', lease) };
}

/** There is nothing that a rule about content could judge (RFC 9110 §15.3.5, §15.4.5). */
function isWithoutContent({ head }: ClientResponse): boolean {
  return head.status === 204 || head.status === 304;
}

const WITHOUT_LIMITS: Step<null> = { next: null };
