// THE LIST: what happens to a request, in order. Read src/README.md first.
// A refusal is a value and skips ahead; a failure is thrown; either way `deliver` is reached once, and nothing goes back.
import { asProxyError, ProxyError } from '../errors/proxy-error.ts';
import type { ClientResponse } from '../upstream/http1-client.ts';
import { ContentDenied } from './content-limit.ts';
import { type DeliverContext, deliver, deliverError } from './deliver.ts';
import { deliverDenial } from './deliver-refusal.ts';
import type { Answer, Authorized, Identified, Incoming, Received, ReceivedConnect, Soon, Step } from './exchange.ts';
import { receive } from './receive.ts';
import { runTunnel, type TunnelStages } from './run-tunnel.ts';

export interface Stages extends TunnelStages {
  authenticate(received: Received): Soon<Step<Identified>>;
  authorize(identified: Identified): Soon<Step<Authorized>>;
  /** TRACE and OPTIONS whose Max-Forwards is used up end here (RFC 9110 §7.6.2). */
  answerAsLast(authorized: Authorized): Step<Authorized, Answer>;
  forward(authorized: Authorized): Promise<ClientResponse>;
  /** What a rule says of the response itself. */
  authorizeResponse(authorized: Authorized, response: ClientResponse): Answer;
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
      if (thrown instanceof ContentDenied && received !== null) {
        incoming.flow.decision = thrown.decision;
        deliverDenial(received, thrown.decision, context, 'content');
      } else deliverError(incoming, incoming.body?.failure ?? asProxyError(thrown), received, context);
    } catch (defect) {
      context.reportDefect(defect);
      incoming.responder.abort();
    }
  }
}

/** What is known at once is not waited for: a turn of the event loop's queue for each stage adds up. */
async function respondTo(received: Received, stages: Stages): Promise<Answer> {
  const asked = stages.authenticate(received);
  const identified = asked instanceof Promise ? await asked : asked;
  if ('respond' in identified) return identified.respond; // 407

  const judged = stages.authorize(identified.next);
  const authorized = judged instanceof Promise ? await judged : judged;
  if ('respond' in authorized) return authorized.respond; // 403

  const toForward = stages.answerAsLast(authorized.next);
  if ('respond' in toForward) return toForward.respond; // TRACE, OPTIONS

  const response = await stages.forward(toForward.next);
  return stages.authorizeResponse(toForward.next, response); // 403, where a rule asks for the type or the size
}
