// Owns the moment when a connection stops being HTTP: after 200 to CONNECT, or after 101. From here on octets are relayed and counted.
import type { EmitFlow, Flow } from '../flows/flow.ts';
import type { Fields } from '../http/message.ts';
import type { Deadlines } from '../net/deadlines.ts';
import { Relay, type RelayEnd } from '../tunnel/relay.ts';
import type { UpstreamConnection } from '../upstream/connection.ts';
import type { Incoming } from './exchange.ts';

export interface TunnelContext {
  readonly deadlines: Deadlines;
  readonly tunnelIdleTimeoutMs: number;
  /** Open tunnels, for whoever stops the proxy. */
  readonly tunnels: Set<Relay>;
  readonly emit: EmitFlow;
}

/** Writes the head, joins both ends, and finishes the record when both have closed. */
export function startRelay(
  incoming: Incoming,
  upstream: { readonly connection: UpstreamConnection; readonly early: Buffer },
  status: number,
  reason: string,
  fields: Fields,
  context: TunnelContext,
): void {
  const { flow } = incoming;
  flow.firstByteMs = performance.now() - flow.startedMs;
  const { socket, early } = incoming.responder.takeOver(status, reason, fields);
  if (upstream.early.length > 0) socket.write(upstream.early);
  const relay = new Relay(socket, upstream.connection, early, context.tunnelIdleTimeoutMs, context.deadlines, (end) => {
    context.tunnels.delete(relay);
    finish(flow, end, upstream.early.length, context.emit);
  });
  context.tunnels.add(relay);
}

function finish(flow: Flow, end: RelayEnd, earlyFromUpstream: number, emit: EmitFlow): void {
  flow.bytesFromClient += end.bytesFromClient;
  flow.bytesToClient += end.bytesToClient + earlyFromUpstream;
  flow.totalMs = performance.now() - flow.startedMs;
  flow.outcome = end.reason === 'client-failed' ? 'aborted' : 'tunnelled';
  emit(flow);
}
