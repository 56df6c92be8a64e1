// THE OTHER LIST: what happens to a CONNECT (RFC 9110 §9.3.6).
// 200 is said only when the other end stands, unless the tunnel is to be looked into: then the client has to speak first (look-into-tunnel.ts).
import { NO_FIELDS } from '../http/message.ts';
import { isForOnboarding } from './answer-onboarding.ts';
import type { DeliverContext } from './deliver.ts';
import { deliverRefusal } from './deliver-refusal.ts';
import type { AuthorizedConnect, Identified, ReceivedConnect, Soon, Step } from './exchange.ts';
import { type LookStages, lookIntoTunnel, openOwnTunnel } from './look-into-tunnel.ts';
import { startRelay } from './start-relay.ts';

export interface TunnelStages extends LookStages {
  authenticateConnect(received: ReceivedConnect): Soon<Step<Identified<ReceivedConnect>>>;
  authorizeConnect(identified: Identified<ReceivedConnect>): Soon<Step<AuthorizedConnect>>;
}

/** @throws ProxyError when the other end cannot be reached */
export async function runTunnel(received: ReceivedConnect, stages: TunnelStages, context: DeliverContext): Promise<void> {
  // To our own page, which is for everybody: there is nothing to decide, and nowhere to connect to.
  if (isForOnboarding(received) && context.onboarding.certificate !== null) return openOwnTunnel(received, context);

  const asked = stages.authenticateConnect(received);
  const identified = asked instanceof Promise ? await asked : asked;
  if ('respond' in identified) return deliverRefusal(received, identified.respond, context); // 407

  const judged = stages.authorizeConnect(identified.next);
  const authorized = judged instanceof Promise ? await judged : judged;
  if ('respond' in authorized) return deliverRefusal(received, authorized.respond, context); // 403

  const { decision } = authorized.next;
  if (decision.action === 'intercept' || decision.awaits === 'hello') return lookIntoTunnel(authorized.next, stages, context);

  const upstream = await stages.openTunnel(authorized.next);
  const { status, reason, fields } = upstream.head ?? ESTABLISHED;
  startRelay(received.incoming, upstream, status, reason, fields, context, authorized.next.lease);
}

const ESTABLISHED = { status: 200, reason: 'Connection established', fields: NO_FIELDS };
