// THE OTHER LIST, second half: a CONNECT that is to be opened, or about which rules want to know what it carries. 200 has been said, since nothing comes
// before it; so whatever happens from here on has no page, and the record says what it was.
//
//   read the greeting ─ unclear ────────────────────────────────► alert, close: whatever rules said, it would be about something else
//                     → authorizeGreeting ┬ denied ─────────────► alert, close
//                                         ├ allow, tunnel ──────► connect → relay, the greeting first
//                                         └ intercept ┬ pinned ─► the same, where the rule lets it
//                                                     ├ TLS ────► handshake with a certificate of ours → hand on
//                                                     ├ HTTP ───► hand on
//                                                     └ else ───► close: nothing of it could be seen
//
// What is handed on is a connection like any other: its requests begin at `receive`, and know the tunnel they came out of.
import { asProxyError, ProxyError } from '../errors/proxy-error.ts';
import type { Flow } from '../flows/flow.ts';
import { NO_FIELDS, type ResponseHead } from '../http/message.ts';
import type { GreetingFacts } from '../match/question.ts';
import { breakOff } from '../net/break-off.ts';
import type { Rule } from '../policy/policy.ts';
import type { Handshake } from '../tls/handshake.ts';
import type { Greeting } from '../tls/read-greeting.ts';
import type { UpstreamConnection } from '../upstream/connection.ts';
import type { AuthorizedConnect, ClientSocket, Identified, Incoming, OpenedTunnel, ReceivedConnect, Soon, Step } from './exchange.ts';
import type { PlaintextConnection } from './interception.ts';
import { relayBetween, type TunnelContext } from './start-relay.ts';

/** What a tunnel leads to. */
export interface TunnelEnd {
  readonly connection: UpstreamConnection;
  /** Sent by it already. */
  readonly early: Buffer;
  /** What the client is answered; left out, the proxy's own 200. */
  readonly head?: Pick<ResponseHead, 'status' | 'reason' | 'fields'> | undefined;
}

/** What is asked of the parts on the way. */
export interface LookStages {
  /** What the rules say once it is known how the client begins. */
  authorizeGreeting(authorized: AuthorizedConnect, greeting: GreetingFacts): Soon<Step<AuthorizedConnect>>;
  /** Whether a tunnel to a host of this name that began like that would be opened, too. */
  wouldOpen(authorized: AuthorizedConnect, host: string, greeting: GreetingFacts): boolean;
  /** @throws ProxyError */
  openTunnel(authorized: AuthorizedConnect): Promise<TunnelEnd>;
}

export function lookIntoTunnel(authorized: AuthorizedConnect, stages: LookStages, context: TunnelContext): Promise<void> {
  const { incoming } = authorized.received;
  return begin(incoming, context, async (socket, greeting) => {
    const { flow } = incoming;
    const found = stages.authorizeGreeting(authorized, greetingOf(greeting));
    const judged = found instanceof Promise ? await found : found;
    if ('respond' in judged) {
      flow.interception = { outcome: 'refused', reason: `it was denied once it was known how it begins: ${beginningOf(greeting)}` };
      close(socket, greeting.kind === 'tls', context);
      return finish(flow, 'denied', context);
    }

    const { decision } = judged.next;
    if (decision.action !== 'intercept') return await pass(judged.next, socket, greeting, stages, context);
    const evidence = decision.rule === null ? null : whyPassthrough(judged.next, decision.rule, greeting, context);
    if (evidence !== null) {
      flow.interception = { outcome: 'passed', reason: evidence };
      return await pass(judged.next, socket, greeting, stages, context);
    }
    const mayVouchFor = (name: string): boolean => stages.wouldOpen(judged.next, name, greetingOf(greeting));
    await open(judged.next, socket, greeting, mayVouchFor, context);
  });
}

/** A tunnel to a name of ours: it ends here, and nobody is asked whether it may be opened. */
export function openOwnTunnel(received: ReceivedConnect, context: TunnelContext): Promise<void> {
  const identified = { received, identity: 'unasked' } as const;
  return begin(received.incoming, context, (socket, greeting) => open(identified, socket, greeting, () => false, context));
}

/** Says 200, reads how the client begins, and does what is to be done then; whatever fails has no page any more. */
async function begin(
  incoming: Incoming,
  context: TunnelContext,
  then: (socket: ClientSocket, greeting: Began) => Promise<void>,
): Promise<void> {
  const { flow } = incoming;
  const client = incoming.responder.takeOver(200, 'Connection established', NO_FIELDS);
  flow.firstByteMs = performance.now() - flow.startedMs;
  try {
    const greeting = await context.interception.readGreeting(client.socket, client.early);
    if (greeting.kind === 'gone') {
      // It may have ended its side alone, and nobody else has the socket.
      client.socket.destroy();
      return finish(flow, 'aborted', context);
    }
    if (greeting.kind === 'unclear')
      return refuse(client.socket, flow, greeting.isTls, `its beginning cannot be read: ${greeting.reason}`, context);
    if (greeting.kind === 'tls') flow.hello = greeting.hello;
    await then(client.socket, greeting);
  } catch (thrown) {
    if (incoming.cancellation.isCancelled) return finish(flow, 'aborted', context);
    flow.error = asProxyError(thrown);
    breakOff(client.socket);
    finish(flow, 'failed', context);
  }
}

/** As it is, beginning with what was read. */
async function pass(
  authorized: AuthorizedConnect,
  socket: ClientSocket,
  greeting: Began,
  stages: LookStages,
  context: TunnelContext,
): Promise<void> {
  const { flow, cancellation } = authorized.received.incoming;
  flow.interception ??= { outcome: 'passed', reason: null };
  // Until it is relayed, nobody else hears the client leave; and whoever relayed for one that has left would never hear it.
  const left = (): void => cancellation.cancel();
  socket.once('close', left);
  if (socket.destroyed) left();
  const upstream = await stages.openTunnel(authorized);
  socket.off('close', left);
  const guard = greeting.kind === 'tls' ? context.interception.guardName(greeting) : null;
  relayBetween(flow, { socket, early: greeting.octets }, upstream, context, authorized.lease, null, guard);
}

/** @param mayVouchFor asked for names other than the CONNECT's: our certificate is for hosts that policy opens, whoever asks for it */
async function open(
  authorized: Identified<ReceivedConnect>,
  socket: ClientSocket,
  greeting: Began,
  mayVouchFor: (name: string) => boolean,
  context: TunnelContext,
): Promise<void> {
  const { incoming, authority } = authorized.received;
  const { flow, client } = incoming;
  const { interception } = context;
  switch (greeting.kind) {
    case 'tls': {
      const name = greeting.hello.serverName ?? authority.host;
      if (name !== authority.host && !mayVouchFor(name)) {
        return refuse(socket, flow, true, `TLS was begun with ${name}, which is not to be opened`, context);
      }
      let handshake: Handshake;
      try {
        handshake = await interception.openTls(socket, greeting, name);
      } catch (thrown) {
        if (incoming.cancellation.isCancelled) throw thrown;
        return cannotVouch(socket, flow, name, asProxyError(thrown), context);
      }
      if (handshake.kind === 'refused') {
        interception.noteRefusal(client.address, authority.host, handshake);
        flow.interception = { outcome: 'refused', reason: handshake.reason };
        return finish(flow, 'aborted', context);
      }
      return handOn(authorized, handshake.socket, NOTHING, handshake.protocol, 'https', context);
    }
    case 'http':
      return handOn(authorized, socket, greeting.octets, greeting.protocol, 'http', context);
    case 'other':
      flow.interception = { outcome: 'refused', reason: greeting.reason };
      throw new ProxyError('http_request_denied', `This tunnel is to be opened, and cannot be: ${greeting.reason}.`);
    default:
      return greeting satisfies never;
  }
}

function handOn(
  authorized: Identified<ReceivedConnect>,
  socket: ClientSocket,
  early: Buffer,
  protocol: PlaintextConnection['protocol'],
  scheme: OpenedTunnel['scheme'],
  context: TunnelContext,
): void {
  const { received, identity } = authorized;
  const { flow } = received.incoming;
  flow.interception = { outcome: 'opened', reason: null };
  // From here on it is the requests inside that the rule limits.
  flow.lease?.release();
  flow.lease = null;
  const serverName = scheme === 'https' ? (flow.hello?.serverName ?? null) : null;
  const { decision } = flow;
  const tunnel: OpenedTunnel = { connectId: flow.id, authority: received.authority, scheme, serverName, decision, identity };
  context.interception.handOn(
    { socket, early, protocol, tunnel, incoming: received.incoming },
    ({ bytesFromClient, bytesToClient, refusal }) => {
      flow.bytesFromClient += bytesFromClient;
      flow.bytesToClient += bytesToClient;
      if (refusal !== null) flow.interception = { outcome: 'refused', reason: refusal };
      finish(flow, refusal === null ? 'opened' : 'aborted', context);
    },
  );
}

/** What may neither be opened nor pass. @param why a clause */
function refuse(socket: ClientSocket, flow: Flow, isTls: boolean, why: string, context: TunnelContext): void {
  flow.interception = { outcome: 'refused', reason: why };
  flow.error = new ProxyError('http_request_denied', `This tunnel can neither be opened nor pass: ${why}.`);
  close(socket, isTls, context);
  finish(flow, 'failed', context);
}

/** There is no certificate of ours for it: a CA that is limited to other hosts signs none. */
function cannotVouch(socket: ClientSocket, flow: Flow, name: string, error: ProxyError, context: TunnelContext): void {
  flow.interception = { outcome: 'refused', reason: `no certificate can be made for ${name}` };
  flow.error = error;
  close(socket, true, context);
  finish(flow, 'failed', context);
}

/** In TLS the client is told that access is denied; anything else is closed without a word. */
function close(socket: ClientSocket, isTls: boolean, context: TunnelContext): void {
  if (isTls) {
    socket.end(context.interception.deniedAlert);
    socket.resume();
    // Time to read it; whoever does not close then is closed.
    context.deadlines.create(() => socket.destroy()).set(LINGER_MS);
  } else socket.destroy();
}

function whyPassthrough({ received }: AuthorizedConnect, rule: Rule, greeting: Began, { interception }: TunnelContext): string | null {
  return greeting.kind === 'tls' ? interception.whyPassthrough(received.incoming.client.address, received.authority.host, rule) : null;
}

function greetingOf(greeting: Began): GreetingFacts {
  return { protocol: greeting.kind, serverName: greeting.kind === 'tls' ? greeting.hello.serverName : null };
}

/** For the record: a rule may have gone by any of it. */
function beginningOf(greeting: Began): string {
  switch (greeting.kind) {
    case 'tls':
      return `TLS with ${greeting.hello.serverName ?? 'no name'}`;
    case 'http':
      return 'HTTP without TLS';
    case 'other':
      return greeting.reason;
    default:
      return greeting satisfies never;
  }
}

function finish(flow: Flow, outcome: Flow['outcome'], context: TunnelContext): void {
  flow.outcome = outcome;
  flow.totalMs = performance.now() - flow.startedMs;
  context.emit(flow);
}

/** The client has said something, or at least has not left. */
type Began = Exclude<Greeting, { kind: 'gone' | 'unclear' }>;

const LINGER_MS = 2_000;
const NOTHING = Buffer.alloc(0);
