// Owns the joints between the line and its parts: each stage made once, with what it needs, out of a part that knows nothing of the line.

import type { Authenticator } from '../auth/authenticate.ts';
import type { CacheContext } from '../cache/cache.ts';
import { ProxyError } from '../errors/proxy-error.ts';
import { fieldValue, fieldValues } from '../http/fields.ts';
import { forwardRequestFields, keptResponseFields, maxForwards } from '../http/forwarding.ts';
import { announcedLength } from '../http/framing.ts';
import type { Body, Field, RequestHead, ResponseHead } from '../http/message.ts';
import { NO_FIELDS } from '../http/message.ts';
import type { GreetingFacts } from '../match/question.ts';
import type { Authorization, Authorize, AuthorizeRequest, ContentLimit } from '../policy/authorize.ts';
import type { Admission, Admit, Lease, Uncounted } from '../policy/limits/limits.ts';
import type { Decision } from '../policy/policy.ts';
import type { ForwardRequest, GuardQuestion, IsAddressAllowed, Upstream } from '../upstream/forward.ts';
import type { ClientResponse } from '../upstream/http1-client.ts';
import { answerAsLast } from './answer-as-last.ts';
import { LimitedContent } from './content-limit.ts';
import type {
  Answer,
  Authorized,
  AuthorizedConnect,
  Client,
  Forwarded,
  Identified,
  Incoming,
  OpenedTunnel,
  Received,
  ReceivedConnect,
  Served,
  Soon,
  Step,
  Unsatisfied,
} from './exchange.ts';
import { identify } from './identify.ts';
import type { Rejudge, RewritingStages } from './rewriting.ts';
import type { Stages } from './run-exchange.ts';
import { exhaustionOf, throttleBody } from './throttle.ts';
import { type CacheJoint, keepInCache, lookInCache } from './use-cache.ts';

export interface StageParts {
  /** `null` when nothing is set up that could tell who asks. */
  readonly authenticator: Authenticator | null;
  readonly authorize: Authorize;
  readonly admit: Admit;
  readonly isAddressAllowed: IsAddressAllowed;
  readonly upstream: Upstream;
  /** `null` stores nothing. */
  readonly cache: CacheContext | null;
  /** Begins an exchange of its own that validates what has just answered (RFC 5861 §3). */
  readonly revalidateBehind: (answered: Incoming) => void;
  /** Our name in Via. */
  readonly via: string;
  /** What an operator changes; `null` changes nothing. */
  readonly rewriting: ((rejudge: Rejudge) => RewritingStages) | null;
}

export function createStages(parts: StageParts): Stages {
  const { authenticator, authorize, upstream, via } = parts;
  const cache: CacheJoint | null =
    parts.cache === null
      ? null
      : {
          context: parts.cache,
          mayServe: ({ received: { incoming, authority }, decision, addresses }, origin) =>
            upstream.permits(authority, origin, guardQuestion(incoming.client, decision, addresses)),
          revalidateBehind: ({ received }) => parts.revalidateBehind(rewriting.asItCame(received.incoming)),
        };
  const authorizeStage: Stages['authorize'] = (identified) => {
    const authorization = authorize.request(questionAbout(identified));
    return authorization instanceof Promise
      ? authorization.then((found) => authorized(identified, found, parts))
      : authorized(identified, authorization, parts);
  };
  const rejudge: Rejudge = (identified, before) => {
    const authorization = authorize.request(questionAbout(identified));
    return authorization instanceof Promise
      ? authorization.then((found) => rejudged(identified, found, before, parts))
      : rejudged(identified, authorization, before, parts);
  };
  const rewriting = parts.rewriting?.(rejudge) ?? NO_REWRITING;
  return {
    authenticate(received) {
      return identify(received, authenticator);
    },

    authorize: authorizeStage,

    rewriteRequest: rewriting.rewriteRequest,

    answerAsLast,

    reuseStored(request) {
      return cache === null ? { next: { ...request, fetch: null } } : lookInCache(cache, request);
    },

    forward(request) {
      return forward(upstream, request, via);
    },

    storeResponse(request, forwarded) {
      if (cache !== null) return keepInCache(cache, request, forwarded);
      if (forwarded.kind === 'failure') throw forwarded.thrown;
      return { response: forwarded.response, storedFrom: null };
    },

    authorizeResponse(request, served) {
      return authorizeResponse(request, served, parts);
    },

    rewriteResponse: rewriting.rewriteResponse,

    authenticateConnect(received) {
      return identify(received, authenticator);
    },

    authorizeConnect(identified) {
      const authorization = authorize.request(questionAboutTunnel(identified));
      return authorization instanceof Promise
        ? authorization.then((found) => authorizedConnect(identified, found, parts))
        : authorizedConnect(identified, authorization, parts);
    },

    authorizeGreeting(connect, greeting) {
      return authorizeGreeting(connect, greeting, parts);
    },

    wouldOpen({ decision }, host, greeting) {
      const there = { ...decision, question: { ...decision.question, host, address: null } };
      return authorize.greeting(there, greeting).decision.action === 'intercept';
    },

    openTunnel({ received, decision, addresses }) {
      if (parts.cache?.parts.offline === true) throw offline();
      const { incoming, authority } = received;
      return upstream.openTunnel({
        authority,
        outgoingFields: () => forwardRequestFields(incoming.head.fields, incoming.head.version, via),
        guard: guardQuestion(incoming.client, decision, addresses),
        facts: incoming.flow,
        cancellation: incoming.cancellation,
      });
    },
  };
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

function authorized(identified: Identified, found: Authorization, parts: StageParts): Soon<Step<Authorized>> {
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

/** The request has changed since it was let pass. What the same rule lets pass again counts once against its limits. */
function rejudged(identified: Identified, found: Authorization, before: Authorized, parts: StageParts): Soon<Step<Authorized>> {
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
  parts: StageParts,
): Soon<Step<AuthorizedConnect>> {
  const under = (admitted: Step<Lease | null>): Step<AuthorizedConnect> =>
    'respond' in admitted ? admitted : { next: { received, identity, decision, addresses, lease: admitted.next } };
  const admitted = admit(received.incoming, decision, parts);
  return admitted instanceof Promise ? admitted.then(under) : under(admitted);
}

/** Under the limits of the rule that lets it pass in the end. */
function authorizeGreeting(connect: AuthorizedConnect, greeting: GreetingFacts, parts: StageParts): Soon<Step<AuthorizedConnect>> {
  const { received, decision, lease } = connect;
  const judged = decision.awaits === 'hello' ? parts.authorize.greeting(decision, greeting).decision : decision;
  const under = (admitted: Step<Lease | null>): Step<AuthorizedConnect> =>
    'respond' in admitted ? admitted : { next: { ...connect, decision: judged, lease: admitted.next } };
  const admitted = admitLater(received.incoming, decision, judged, lease, parts);
  return admitted instanceof Promise ? admitted.then(under) : under(admitted);
}

/** What the decision says, and what the rule's limits say to it. */
function admit(incoming: Incoming, decision: Decision, parts: StageParts): Soon<Step<Lease | null>> {
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
function authorizeResponse(request: Authorized, served: Served, parts: StageParts): Soon<Answer> {
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
  parts: StageParts,
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

/** Of what the origin sends, nothing is wanted. */
function letGo({ body, upgraded }: ClientResponse): void {
  body?.cancel();
  upgraded?.connection.destroy();
}

/** Never rejects but by a defect. Two functions in place of `await`, which costs more than all that is done here. */
function forward(upstream: Upstream, request: Unsatisfied, via: string): Promise<Forwarded> {
  const { received, contentLimit, lease } = request;
  const { incoming } = received;
  const { flow } = incoming;
  const limited = incoming.body === null || contentLimit === null ? null : new LimitedContent(incoming.body, contentLimit);
  const requestTimeMs = Date.now();
  // When we broke its content off, that is the reason, and not what the origin made of it.
  const failed = (thrown: unknown): Forwarded => ({
    kind: 'failure',
    thrown: limited?.failure ?? (lease === null ? null : exhaustionOf(lease)) ?? thrown,
  });
  try {
    return upstream.forward(requestTo(request, limited ?? incoming.body, via)).then((response): Forwarded => {
      flow.firstByteMs = performance.now() - flow.startedMs;
      flow.capture?.noteReceived(response.head);
      return { kind: 'response', response, requestTimeMs, responseTimeMs: Date.now() };
    }, failed);
  } catch (thrown) {
    return Promise.resolve(failed(thrown));
  }
}

function requestTo(request: Unsatisfied, body: Body | null, via: string): ForwardRequest {
  const { received, decision, pathAndQuery, addresses, lease, fetch } = request;
  const { incoming, scheme, authority } = received;
  const { head, flow, client } = incoming;
  return {
    method: head.method,
    scheme,
    authority,
    pathAndQuery,
    outgoingFields: () => {
      const fields = outgoingFields(received, fetch, via);
      flow.capture?.noteSent(head.method, scheme, authority, pathAndQuery, fields, body === null ? 0 : body.length);
      return fields;
    },
    body: body === null || lease === null ? body : throttleBody(body, 'upload', lease),
    tls: scheme === 'https' ? originTls(head, decision) : null,
    wantsTrailers: head.version === '2' && fieldValue(head.fields, 'te') === 'trailers',
    guard: guardQuestion(client, decision, addresses),
    facts: flow,
    // Others may wait for the same, and then it goes on without whoever asked first.
    cancellation: fetch?.cancellation ?? incoming.cancellation,
    onInterim: (interim) => relayInterim(request, interim),
  };
}

/** The origin is offered what the client speaks, so that nothing has to be turned into another protocol that need not be. */
function originTls({ version }: RequestHead, { rule }: Decision): NonNullable<ForwardRequest['tls']> {
  return { alpn: version === '2' ? 'h2' : 'http/1.1', accept: rule?.acceptCertificate ?? null };
}

function guardQuestion(client: Client, decision: Decision, addresses: readonly string[] | null): GuardQuestion {
  return { isLocalClient: client.isLocal, allowPrivate: decision.rule?.allowPrivate ?? 'none', addresses };
}

function offline(): ProxyError {
  return new ProxyError('proxy_internal_response', 'This proxy is offline: it answers with what it has stored, and opens no tunnels.');
}

/** There is nothing that a rule about content could judge (RFC 9110 §15.3.5, §15.4.5). */
function isWithoutContent({ head }: ClientResponse): boolean {
  return head.status === 204 || head.status === 304;
}

function outgoingFields({ incoming, upgrade }: Received, fetch: Unsatisfied['fetch'], via: string): readonly Field[] {
  const { head } = incoming;
  const fields = forwardRequestFields(fetch?.fieldsToForward(head.fields) ?? head.fields, head.version, via);
  const hops = maxForwards(head.method, head.fields);
  if (hops !== null) fields.push({ name: 'Max-Forwards', value: String(hops - 1) });
  if (upgrade !== null) fields.push({ name: 'Connection', value: 'Upgrade' }, { name: 'Upgrade', value: upgrade });
  return fields;
}

/** 100 and 103 go on as they came; 101 is a final answer, and the client hears of nothing else in between. */
function relayInterim({ received }: Authorized, { status, reason, fields }: ResponseHead): void {
  received.incoming.responder.interim(status, reason, status === 100 ? NO_FIELDS : keptResponseFields(fields));
}

const WITHOUT_LIMITS: Step<null> = { next: null };

const NO_REWRITING: RewritingStages = {
  rewriteRequest: (_, request) => ({ next: request }),
  rewriteResponse: (_, answer) => answer,
  asItCame: (incoming) => incoming,
};
