// Owns the moment when a connection stops being HTTP: after 200 to CONNECT, or after 101. From here on octets are relayed and counted.
import { ProxyError } from '../errors/proxy-error.ts';
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
    finish(flow, end, upstream.early.length, context);
  });
  context.tunnels.add(relay);
}

function finish(flow: Flow, end: RelayEnd, earlyFromUpstream: number, context: TunnelContext): void {
  flow.bytesFromClient += end.bytesFromClient;
  flow.bytesToClient += end.bytesToClient + earlyFromUpstream;
  flow.totalMs = performance.now() - flow.startedMs;
  flow.error = brokenOff(end.reason, context.tunnelIdleTimeoutMs);
  flow.outcome = end.reason === 'client-failed' ? 'aborted' : flow.error === null ? 'tunnelled' : 'failed';
  context.emit(flow);
}

/** Why a tunnel was cut off by anybody but the client; null when it was not. */
function brokenOff(reason: RelayEnd['reason'], idleTimeoutMs: number): ProxyError | null {
  switch (reason) {
    case 'ended':
    case 'client-failed':
      return null;
    case 'upstream-failed':
      return new ProxyError('connection_terminated', 'The other end broke the tunnel off.');
    case 'idle':
      return new ProxyError('connection_read_timeout', `Nothing came through the tunnel for ${idleTimeoutMs} ms.`);
    case 'stopped':
      return new ProxyError('connection_terminated', 'The proxy was stopped before the tunnel had ended.');
    default:
      return reason satisfies never;
  }
}
