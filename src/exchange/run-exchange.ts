// THE LIST: what happens to a request, in order. Read src/README.md first.
// A refusal is a value and skips ahead; a failure is thrown; either way `deliver` is reached once, and nothing goes back.
import { asProxyError, ProxyError } from '../errors/proxy-error.ts';
import { type DeliverContext, deliver, deliverError } from './deliver.ts';
import type { Answer, Authorized, Incoming, Received, ReceivedConnect, Step } from './exchange.ts';
import { receive } from './receive.ts';
import { runTunnel, type TunnelStages } from './run-tunnel.ts';

export interface Stages extends TunnelStages {
  authorize(received: Received): Step<Authorized>;
  /** TRACE and OPTIONS whose Max-Forwards is used up end here (RFC 9110 §7.6.2). */
  answerAsLast(authorized: Authorized): Step<Authorized>;
  forward(authorized: Authorized): Promise<Answer>;
}

/** Everything an exchange is run with; made once by proxy.ts. */
export interface ExchangeContext extends DeliverContext {
  readonly stages: Stages;
  /** Told of defects of ours: an exchange that failed by an error nobody foresaw. */
  readonly reportDefect: (error: unknown) => void;
}

/** Runs one request to its answer. It never throws and never rejects. */
export async function runExchange(incoming: Incoming, context: ExchangeContext): Promise<void> {
  let received: Received | ReceivedConnect | null = null;
  try {
    received = receive(incoming, context.via);
    if ('scheme' in received) deliver(received, await respondTo(received, context.stages), context);
    else await runTunnel(received, context.stages, context);
  } catch (thrown) {
    if (!(thrown instanceof ProxyError)) context.reportDefect(thrown);
    // Whoever has left gets no answer, and the record of it is closed.
    if (incoming.cancellation.isCancelled) return;
    // When the client's own content broke, that is the reason, and not what it led to further up.
    try {
      deliverError(incoming, incoming.body?.failure ?? asProxyError(thrown), received, context);
    } catch (defect) {
      context.reportDefect(defect);
      incoming.responder.abort();
    }
  }
}

/** An answer that is there at once comes without a promise: there is one of these for every request. */
function respondTo(received: Received, stages: Stages): Answer | Promise<Answer> {
  const authorized = stages.authorize(received);
  if ('respond' in authorized) return authorized.respond; // 403

  const toForward = stages.answerAsLast(authorized.next);
  if ('respond' in toForward) return toForward.respond; // TRACE, OPTIONS

  return stages.forward(toForward.next);
}
