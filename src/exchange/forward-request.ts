// STAGE forward, the joint: an authorized request as the upstream takes it, and what comes of it. Limits and throttles of the rule go along; what broke
// off by our own hand is told as that.
import { fieldValue } from '../http/fields.ts';
import { forwardRequestFields, keptResponseFields, maxForwards } from '../http/forwarding.ts';
import { type Body, type Field, NO_FIELDS, type RequestHead, type ResponseHead } from '../http/message.ts';
import type { Decision } from '../policy/policy.ts';
import type { UpstreamConnection } from '../upstream/connection.ts';
import type { ForwardRequest, GuardQuestion, Upstream } from '../upstream/forward.ts';
import { LimitedContent } from './content-limit.ts';
import type { Authorized, AuthorizedConnect, Client, Forwarded, Received, Unsatisfied } from './exchange.ts';
import { exhaustionOf, throttleBody } from './throttle.ts';

/** Never rejects but by a defect. Two functions in place of `await`, which costs more than all that is done here. */
export function forward(upstream: Upstream, request: Unsatisfied, via: string): Promise<Forwarded> {
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

/** To the other end of a tunnel. */
export function openTunnel(
  upstream: Upstream,
  { received, decision, addresses }: AuthorizedConnect,
  via: string,
): Promise<{ readonly connection: UpstreamConnection; readonly early: Buffer }> {
  const { incoming, authority } = received;
  return upstream.openTunnel({
    authority,
    outgoingFields: () => forwardRequestFields(incoming.head.fields, incoming.head.version, via),
    guard: guardQuestion(incoming.client, decision, addresses),
    facts: incoming.flow,
    cancellation: incoming.cancellation,
  });
}

/** Under whose terms addresses are judged. */
export function guardQuestion(client: Client, decision: Decision, addresses: readonly string[] | null): GuardQuestion {
  return { isLocalClient: client.isLocal, allowPrivate: decision.rule?.allowPrivate ?? 'none', addresses };
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
