// Owns the moment when a connection stops being HTTP: after 200 to CONNECT, or after 101. From here on octets are relayed and counted.
import { ProxyError } from '../errors/proxy-error.ts';
import type { EmitFlow, Flow } from '../flows/flow.ts';
import { fieldValues } from '../http/fields.ts';
import type { Fields } from '../http/message.ts';
import type { Deadlines } from '../net/deadlines.ts';
import { explainShort } from '../policy/explain.ts';
import type { Lease } from '../policy/limits/limits.ts';
import type { Decision } from '../policy/policy.ts';
import { Relay, type RelayEnd, type TunnelObserver } from '../tunnel/relay.ts';
import { WebSocketObserver } from '../tunnel/websocket-observer.ts';
import type { UpstreamConnection } from '../upstream/connection.ts';
import type { ClientSocket, Incoming } from './exchange.ts';
import type { BeginningGuard, Interception } from './interception.ts';
import type { MessageGate } from './message-gate.ts';
import { OpenTunnel, type OpenTunnels } from './open-tunnels.ts';
import { exhaustionOf } from './throttle.ts';

export interface TunnelContext {
  readonly deadlines: Deadlines;
  readonly tunnelIdleTimeoutMs: number;
  readonly tunnels: OpenTunnels;
  readonly emit: EmitFlow;
  readonly interception: Interception;
}

/**
 * Writes the head, joins both ends, and finishes the record when both have closed.
 *
 * @param lease what the rule that let it pass limits; whoever was given it releases it when the record is emitted
 * @param gate who may hold messages of a WebSocket
 */
export function startRelay(
  incoming: Incoming,
  upstream: { readonly connection: UpstreamConnection; readonly early: Buffer },
  status: number,
  reason: string,
  fields: Fields,
  context: TunnelContext,
  lease: Lease | null,
  gate: MessageGate | null = null,
): void {
  const { flow } = incoming;
  flow.firstByteMs = performance.now() - flow.startedMs;
  const observer = status === 101 ? observerOf(fields, flow) : null;
  flow.websocket = observer?.counts ?? null;
  if (observer !== null) gate?.follow(observer);
  relayBetween(flow, incoming.responder.takeOver(status, reason, fields), upstream, context, lease, observer, null, gate);
}

function observerOf(fields: Fields, flow: Flow): WebSocketObserver {
  return new WebSocketObserver(fieldValues(fields, 'sec-websocket-extensions').join() || undefined, flow.capture);
}

/** The same when the head is written already. */
export function relayBetween(
  flow: Flow,
  { socket, early }: { readonly socket: ClientSocket; readonly early: Buffer },
  upstream: { readonly connection: UpstreamConnection; readonly early: Buffer },
  context: TunnelContext,
  lease: Lease | null,
  observer: TunnelObserver | null = null,
  guard: BeginningGuard | null = null,
  gate: MessageGate | null = null,
): void {
  if (upstream.early.length > 0 && gate === null) {
    guard?.fromServer(upstream.early);
    socket.write(upstream.early);
    observer?.toClient(upstream.early);
    // Too many are noticed with the next octets.
    lease?.spend(upstream.early.length);
  }
  const onEnd = (end: RelayEnd): void => {
    context.tunnels.delete(tunnel);
    flow.error = end.reason === 'objected' ? objectionOf(guard) : lease && exhaustionOf(lease);
    finish(flow, end, gate === null ? upstream.early.length : 0, context);
  };
  const { tunnelIdleTimeoutMs, deadlines } = context;
  const relay = new Relay({
    client: socket,
    upstream: upstream.connection,
    early,
    idleTimeoutMs: tunnelIdleTimeoutMs,
    deadlines,
    onEnd,
    limits: lease,
    observer,
    guard,
    diversion: gate,
  });
  const tunnel = new OpenTunnel(relay, flow);
  context.tunnels.add(tunnel);
  if (gate !== null && upstream.early.length > 0) relay.readEarly(upstream.early);
}

function finish(flow: Flow, end: RelayEnd, earlyFromUpstream: number, context: TunnelContext): void {
  flow.bytesFromClient += end.bytesFromClient;
  flow.bytesToClient += end.bytesToClient + earlyFromUpstream;
  flow.totalMs = performance.now() - flow.startedMs;
  flow.error ??= brokenOff(end.reason, flow, context.tunnelIdleTimeoutMs);
  flow.outcome = end.reason === 'client-failed' ? 'aborted' : flow.error === null ? 'tunnelled' : 'failed';
  context.emit(flow);
}

/** Why a tunnel was cut off by anybody but the client; null when it was not. */
function brokenOff(reason: RelayEnd['reason'], { decision }: Flow, idleTimeoutMs: number): ProxyError | null {
  switch (reason) {
    case 'ended':
    case 'client-failed':
    case 'exhausted': // the lease says why
    case 'objected': // and the guard
      return null;
    case 'upstream-failed':
      return new ProxyError('connection_terminated', 'The other end broke the tunnel off.');
    case 'idle':
      return new ProxyError('connection_read_timeout', `Nothing came through the tunnel for ${idleTimeoutMs} ms.`);
    case 'stopped':
      return new ProxyError('connection_terminated', 'The proxy was stopped before the tunnel had ended.');
    case 'denied':
      return new ProxyError('http_request_denied', `The policy has changed${decision === null ? '' : `: ${nowSays(decision)}`}.`);
    default:
      return reason satisfies never;
  }
}

function objectionOf(guard: BeginningGuard | null): ProxyError {
  return new ProxyError('http_request_denied', `This tunnel may not go on: ${guard?.objection}.`);
}

function nowSays(decision: Decision): string {
  return decision.action === 'intercept' ? 'this tunnel may not pass unopened any more' : `this tunnel is ${explainShort(decision)}`;
}
