// THE LIST: what happens to a request, in order. Read src/README.md first.
// A refusal is a value and skips ahead; a failure is thrown; either way `deliver` is reached once, and nothing goes back.
import { asProxyError, ProxyError } from '../errors/proxy-error.ts';
import { answerByName, isForOnboarding } from './answer-onboarding.ts';
import { ContentDenied } from './content-limit.ts';
import { type DeliverContext, deliver, deliverError } from './deliver.ts';
import { deliverDenial } from './deliver-refusal.ts';
import type {
  Answer,
  Authorized,
  Forwarded,
  Identified,
  Incoming,
  Received,
  ReceivedConnect,
  Served,
  Soon,
  Step,
  Unsatisfied,
} from './exchange.ts';
import { receive } from './receive.ts';
import { runTunnel, type TunnelStages } from './run-tunnel.ts';

export interface Stages extends TunnelStages {
  authenticate(received: Received): Soon<Step<Identified>>;
  authorize(identified: Identified): Soon<Step<Authorized>>;
  /** What an operator's rules, and people at breakpoints, change about a request. It is judged again then. */
  rewriteRequest(identified: Identified, authorized: Authorized): Soon<Step<Authorized, Answer>>;
  /** TRACE and OPTIONS whose Max-Forwards is used up end here (RFC 9110 §7.6.2). */
  answerAsLast(authorized: Authorized): Step<Authorized, Answer>;
  /** A stored response answers (RFC 9111 §4), or it is known what to ask the origin for. */
  reuseStored(authorized: Authorized): Soon<Step<Unsatisfied, Served>>;
  /** Never rejects: a stored response may answer where the origin does not. */
  forward(unsatisfied: Unsatisfied): Promise<Forwarded>;
  /** Stores what may be stored, freshens what is stored, and answers with the one or the other (RFC 9111 §3, §4.3). @throws ProxyError */
  storeResponse(unsatisfied: Unsatisfied, forwarded: Forwarded): Soon<Served | Unsatisfied>;
  /** What a rule says of the response itself. */
  authorizeResponse(authorized: Authorized, served: Served): Soon<Answer>;
  /** What they change about a response, stored or not. */
  rewriteResponse(received: Received, answer: Answer): Soon<Answer>;
}

/** Everything an exchange is run with; made once for each set of parts (proxy/line.ts). */
export interface ExchangeContext extends DeliverContext {
  readonly stages: Stages;
  /** Told of defects of ours: an exchange that failed by an error nobody foresaw. */
  readonly reportDefect: (error: unknown) => void;
}

/**
 * Runs one request to its answer. It never rejects. What is known at once is not waited for, and all stages are in one function: a hit then costs no
 * turn of the queue of microtasks.
 */
export async function runExchange(incoming: Incoming, context: ExchangeContext): Promise<void> {
  const { stages } = context;
  let received: Received | ReceivedConnect | null = null;
  try {
    received = receive(incoming, context.via);
    if (!('scheme' in received)) return await runTunnel(received, stages, context);
    if (isForOnboarding(received)) return answerByName(received, context); // our own page

    const asked = stages.authenticate(received);
    const identified = asked instanceof Promise ? await asked : asked;
    if ('respond' in identified) return deliver(received, identified.respond, context); // 407

    const judged = stages.authorize(identified.next);
    const authorized = judged instanceof Promise ? await judged : judged;
    if ('respond' in authorized) return deliver(received, authorized.respond, context); // 403

    const changed = stages.rewriteRequest(identified.next, authorized.next);
    const rewritten = changed instanceof Promise ? await changed : changed;
    if ('respond' in rewritten) return deliver(received, rewritten.respond, context); // a mock, a file, 403

    const toForward = stages.answerAsLast(rewritten.next);
    if ('respond' in toForward) return deliver(received, toForward.respond, context); // TRACE, OPTIONS

    const looked = stages.reuseStored(toForward.next);
    const reused = looked instanceof Promise ? await looked : looked;
    let served: Served;
    if ('respond' in reused)
      served = reused.respond; // a hit
    else {
      const stored = stages.storeResponse(reused.next, await stages.forward(reused.next));
      const kept = stored instanceof Promise ? await stored : stored;
      served = 'response' in kept ? kept : await askForWhole(kept, stages);
    }
    const allowed = stages.authorizeResponse(toForward.next, served); // 403, where a rule asks for the type or the size
    const answer = stages.rewriteResponse(received, allowed instanceof Promise ? await allowed : allowed);
    deliver(received, answer instanceof Promise ? await answer : answer, context);
  } catch (thrown) {
    deliverFailure(incoming, received, thrown, context);
  }
}

/** A part came that cannot be combined with what is stored: the origin is asked again, once, for all of it (RFC 9110 §15.3.7.3). */
async function askForWhole(request: Unsatisfied, stages: Stages): Promise<Served> {
  const kept = await stages.storeResponse(request, await stages.forward(request));
  if ('response' in kept) return kept;
  throw new ProxyError('http_protocol_error', 'The origin sent parts that do not fit each other. Ask again.');
}

function deliverFailure(incoming: Incoming, received: Received | ReceivedConnect | null, thrown: unknown, context: ExchangeContext): void {
  if (!(thrown instanceof ProxyError)) context.reportDefect(thrown);
  // Whoever has left gets no answer, and the record of it is closed.
  if (incoming.cancellation.isCancelled) return;
  try {
    if (thrown instanceof ContentDenied && received !== null) {
      incoming.flow.decision = thrown.decision;
      deliverDenial(received, thrown.decision, context, 'content');
    } else {
      // When the client's own content broke, that is the reason, and not what it led to further up.
      deliverError(incoming, incoming.body?.failure ?? asProxyError(thrown), received, context);
    }
  } catch (defect) {
    context.reportDefect(defect);
    incoming.responder.abort();
  }
}
