// THE OTHER LIST: what happens to a CONNECT (RFC 9110 §9.3.6).
// 200 is said only when the other end stands.
import type { Decision } from '../policy/policy.ts';
import type { UpstreamConnection } from '../upstream/connection.ts';
import { type DeliverContext, deliverDenial } from './deliver.ts';
import type { ReceivedConnect } from './exchange.ts';
import { startRelay } from './start-relay.ts';

export interface TunnelStages {
  authorizeConnect(received: ReceivedConnect): Decision;
  /** @throws ProxyError */
  openTunnel(received: ReceivedConnect, decision: Decision): Promise<{ readonly connection: UpstreamConnection; readonly early: Buffer }>;
}

/** @throws ProxyError when the other end cannot be reached */
export async function runTunnel(received: ReceivedConnect, stages: TunnelStages, context: DeliverContext): Promise<void> {
  const { incoming } = received;
  const decision = stages.authorizeConnect(received);
  if (decision.action === 'deny') {
    deliverDenial(received, decision, context);
    return;
  }
  const upstream = await stages.openTunnel(received, decision);
  startRelay(incoming, upstream, 200, 'Connection established', [], context);
}
