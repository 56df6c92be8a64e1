// Owns where a program that embeds the proxy acts on what passes (src/adapters/): around `forward`, where it may change a request, answer it, or change
// what was answered, and at a CONNECT, whose other end it may be itself. What it has changed is judged again, as if it had come so: the rules had seen
// another request. Its limits are then those of the rule that lets it pass in the end. Without hooks none of this runs, nor costs anything.
import { ProxyError } from '../errors/proxy-error.ts';
import type { Authority } from '../http/authority.ts';
import type { Fields } from '../http/message.ts';
import type { Scheme } from '../http/target.ts';
import { explainShort } from '../policy/explain.ts';
import type { ClientResponse } from '../upstream/http1-client.ts';
import type {
  Authorized,
  AuthorizedConnect,
  Forwarded,
  Identified,
  Identity,
  Received,
  ReceivedConnect,
  Refusal,
  RequestBody,
  Step,
  Unsatisfied,
} from './exchange.ts';
import type { TunnelEnd } from './look-into-tunnel.ts';
import type { Stages } from './run-exchange.ts';

export interface ExchangeHooks {
  /** Answers a request that policy has let pass. @param send at most once; a rejection of either is the exchange's failure */
  request(received: Received, send: SendRequest): Promise<ClientResponse>;
  /** What stands at the other end of a tunnel that policy has let pass; `null` leaves it to the proxy. @throws ProxyError refuses it */
  connect(received: ReceivedConnect): Promise<TunnelEnd | null>;
}

/** A request as it is to be sent. */
export interface OutgoingRequest {
  readonly method: string;
  readonly scheme: Scheme;
  readonly authority: Authority;
  readonly pathAndQuery: string;
  /** Host, framing and whatever else ends at a proxy is left out and made anew. They have to be writable as HTTP. */
  readonly fields: Fields;
  readonly body: RequestBody | null;
}

/** @throws ProxyError `http_request_denied` when policy does not let it pass as it is now; else what `forward` fails with */
export type SendRequest = (request: OutgoingRequest) => Promise<ClientResponse>;

export function hookedStages(stages: Stages, hooks: ExchangeHooks): Stages {
  const identities = new WeakMap<Received, Identity>();
  /** What was sent in the place of what was received. */
  const sentAs = new WeakMap<Received, Authorized>();
  const ownEnds = new WeakMap<ReceivedConnect, TunnelEnd>();
  return {
    ...stages,

    authorize(identified) {
      identities.set(identified.received, identified.identity);
      return stages.authorize(identified);
    },

    async forward(request) {
      const { received } = request;
      const requestTimeMs = Date.now();
      const send: SendRequest = async (outgoing) => {
        const changed = await judged(request, outgoing, identities.get(received) ?? 'unasked', stages);
        sentAs.set(received, changed);
        return responseOf(await stages.forward(changed));
      };
      try {
        const response = await hooks.request(received, send);
        return { kind: 'response', response, requestTimeMs, responseTimeMs: Date.now() };
      } catch (thrown) {
        return { kind: 'failure', thrown };
      }
    },

    authorizeResponse(request, served) {
      return stages.authorizeResponse(sentAs.get(request.received) ?? request, served);
    },

    async authorizeConnect(identified: Identified<ReceivedConnect>): Promise<Step<AuthorizedConnect>> {
      const authorized = await stages.authorizeConnect(identified);
      if ('respond' in authorized) return authorized;
      const ownEnd = await hooks.connect(identified.received);
      if (ownEnd === null) return authorized;
      ownEnds.set(identified.received, ownEnd);
      const { decision } = authorized.next;
      return { next: { ...authorized.next, decision: { ...decision, action: 'tunnel', awaits: 'nothing' } } };
    },

    async openTunnel(authorized) {
      return ownEnds.get(authorized.received) ?? stages.openTunnel(authorized);
    },
  };
}

/** As it was judged when it came, or, if it is another by now, as it is judged now. @throws ProxyError when it is denied */
async function judged(request: Unsatisfied, outgoing: OutgoingRequest, identity: Identity, stages: Stages): Promise<Unsatisfied> {
  const { incoming, upgrade } = request.received;
  const { scheme, authority, pathAndQuery, body } = outgoing;
  const head = { ...incoming.head, method: outgoing.method, fields: outgoing.fields };
  const received: Received = { incoming: { ...incoming, head, body }, scheme, authority, pathAndQuery, upgrade };
  if (isAsItCame(request, outgoing)) return { ...request, received };
  incoming.flow.lease?.release();
  incoming.flow.lease = null;
  const authorized = await stages.authorize({ received, identity });
  if ('respond' in authorized) throw denied(authorized.respond);
  return { ...authorized.next, fetch: null };
}

function isAsItCame({ received }: Unsatisfied, outgoing: OutgoingRequest): boolean {
  const { head } = received.incoming;
  return (
    outgoing.fields === head.fields &&
    outgoing.method === head.method &&
    outgoing.scheme === received.scheme &&
    outgoing.authority === received.authority &&
    outgoing.pathAndQuery === received.pathAndQuery
  );
}

function responseOf(forwarded: Forwarded): ClientResponse {
  if (forwarded.kind === 'failure') throw forwarded.thrown;
  return forwarded.response;
}

function denied(refusal: Refusal): ProxyError {
  switch (refusal.kind) {
    case 'denial':
      return refused(explainShort(refusal.decision));
    case 'challenge':
      return refused(refusal.reason ?? 'it takes credentials');
    case 'unavailable':
    case 'limited':
    case 'uncounted':
      return refused(refusal.reason);
    default:
      return refusal satisfies never;
  }
}

function refused(why: string): ProxyError {
  return new ProxyError('http_request_denied', `The request was changed, and may not be sent so: ${why}.`);
}
