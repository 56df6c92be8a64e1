// Owns the joints between the line and its parts: each stage made once, with what it needs, out of a part that knows nothing of the line.

import { forwardInterimFields, forwardRequestFields, maxForwards } from '../http/forwarding.ts';
import type { Field, ResponseHead } from '../http/message.ts';
import { NO_FIELDS } from '../http/message.ts';
import type { Authorize } from '../policy/authorize.ts';
import type { Decision } from '../policy/policy.ts';
import type { GuardQuestion, Upstream } from '../upstream/forward.ts';
import { answerAsLast } from './answer-as-last.ts';
import type { Authorized, Client, Received } from './exchange.ts';
import type { Stages } from './run-exchange.ts';

export interface StageParts {
  readonly authorize: Authorize;
  readonly upstream: Upstream;
  /** Our name in Via. */
  readonly via: string;
}

export function createStages(parts: StageParts): Stages {
  const { authorize, upstream, via } = parts;
  return {
    authorize(received) {
      const { incoming, scheme, authority, pathAndQuery } = received;
      const { client, flow, head } = incoming;
      const decision = authorize({ method: head.method, scheme, authority, pathAndQuery, clientAddress: client.address, user: flow.user });
      flow.decision = decision;
      if (decision.action === 'deny') return { respond: { kind: 'denial', decision } };
      return { next: { received, decision, pathAndQuery: decision.normalisedPath ?? pathAndQuery } };
    },

    answerAsLast,

    async forward(authorized) {
      const { received, decision, pathAndQuery } = authorized;
      const { incoming, scheme, authority } = received;
      const { head, flow, cancellation, client, body } = incoming;
      const response = await upstream.forward({
        method: head.method,
        scheme,
        authority,
        pathAndQuery,
        outgoingFields: () => outgoingFields(received, via),
        body,
        guard: guardQuestion(client, decision),
        facts: flow,
        cancellation,
        onInterim: (interim) => relayInterim(authorized, interim),
      });
      flow.firstByteMs = performance.now() - flow.startedMs;
      return { kind: 'response', response };
    },

    authorizeConnect({ incoming, authority }) {
      const { client, flow } = incoming;
      const decision = authorize({
        method: 'CONNECT',
        scheme: 'tunnel',
        authority,
        pathAndQuery: null,
        clientAddress: client.address,
        user: flow.user,
      });
      flow.decision = decision;
      return decision;
    },

    openTunnel({ incoming, authority }, decision) {
      return upstream.openTunnel({
        authority,
        outgoingFields: () => forwardRequestFields(incoming.head.fields, incoming.head.version, via),
        guard: guardQuestion(incoming.client, decision),
        facts: incoming.flow,
        cancellation: incoming.cancellation,
      });
    },
  };
}

function guardQuestion(client: Client, decision: Decision): GuardQuestion {
  return { isLocalClient: client.isLocal, allowPrivate: decision.rule?.allowPrivate ?? 'none' };
}

function outgoingFields({ incoming, upgrade }: Received, via: string): readonly Field[] {
  const { head } = incoming;
  const fields = forwardRequestFields(head.fields, head.version, via);
  const hops = maxForwards(head.method, head.fields);
  if (hops !== null) fields.push({ name: 'Max-Forwards', value: String(hops - 1) });
  if (upgrade !== null) fields.push({ name: 'Connection', value: 'Upgrade' }, { name: 'Upgrade', value: upgrade });
  return fields;
}

/** 100 and 103 go on as they came; 101 is a final answer, and the client hears of nothing else in between. */
function relayInterim({ received }: Authorized, { status, reason, fields }: ResponseHead): void {
  received.incoming.responder.interim(status, reason, status === 100 ? NO_FIELDS : forwardInterimFields(fields));
}
