// Owns the joints between the line and its parts: each stage made once, with what it needs, out of a part that knows nothing of the line.
import type { CacheContext } from '../cache/cache.ts';
import { ProxyError } from '../errors/proxy-error.ts';
import type { Upstream } from '../upstream/forward.ts';
import { answerAsLast } from './answer-as-last.ts';
import {
  authorizeAgain,
  authorizeConnect,
  authorizeGreeting,
  authorizeRequest,
  authorizeResponse,
  type JudgingParts,
  wouldOpen,
} from './authorize-stages.ts';
import type { Incoming } from './exchange.ts';
import { forward, guardQuestion, openTunnel } from './forward-request.ts';
import { identify } from './identify.ts';
import type { Rejudge, RewritingStages } from './rewriting.ts';
import type { Stages } from './run-exchange.ts';
import { type CacheJoint, keepInCache, lookInCache } from './use-cache.ts';

export interface StageParts extends JudgingParts {
  readonly upstream: Upstream;
  /** `null` stores nothing. */
  readonly cache: CacheContext | null;
  /** Begins an exchange of its own that validates what has just answered (RFC 5861 §3). */
  readonly revalidateBehind: (answered: Incoming) => void;
  /** Our name in Via. */
  readonly via: string;
  /** What an operator changes; `null` changes nothing. */
  readonly rewriting: ((rejudge: Rejudge) => RewritingStages) | null;
}

export function createStages(parts: StageParts): Stages {
  const { authenticator, authorize, upstream, via } = parts;
  const rewriting = parts.rewriting?.((identified, before) => authorizeAgain(identified, before, parts)) ?? NO_REWRITING;
  const cache = parts.cache === null ? null : jointOf(parts.cache, parts, rewriting);
  return {
    authenticate: (received) => identify(received, authenticator),
    authorize: (identified) => authorizeRequest(identified, parts),
    rewriteRequest: rewriting.rewriteRequest,
    answerAsLast,
    reuseStored: (request) => (cache === null ? { next: { ...request, fetch: null } } : lookInCache(cache, request)),
    forward: (request) => forward(upstream, request, via),
    storeResponse(request, forwarded) {
      if (cache !== null) return keepInCache(cache, request, forwarded);
      if (forwarded.kind === 'failure') throw forwarded.thrown;
      return { response: forwarded.response, storedFrom: null };
    },
    authorizeResponse: (request, served) => authorizeResponse(request, served, parts),
    rewriteResponse: rewriting.rewriteResponse,

    authenticateConnect: (received) => identify(received, authenticator),
    authorizeConnect: (identified) => authorizeConnect(identified, parts),
    authorizeGreeting: (connect, greeting) => authorizeGreeting(connect, greeting, parts),
    wouldOpen: (connect, host, greeting) => wouldOpen(connect, host, greeting, authorize),
    openTunnel(connect) {
      if (parts.cache?.parts.offline === true) throw offline();
      return openTunnel(upstream, connect, via);
    },
  };
}

function jointOf(context: CacheContext, { upstream, revalidateBehind }: StageParts, rewriting: RewritingStages): CacheJoint {
  return {
    context,
    mayServe: ({ received: { incoming, authority }, decision, addresses }, origin) =>
      upstream.permits(authority, origin, guardQuestion(incoming.client, decision, addresses)),
    revalidateBehind: ({ received }) => revalidateBehind(rewriting.asItCame(received.incoming)),
  };
}

function offline(): ProxyError {
  return new ProxyError('proxy_internal_response', 'This proxy is offline: it answers with what it has stored, and opens no tunnels.');
}

const NO_REWRITING: RewritingStages = {
  rewriteRequest: (_, request) => ({ next: request }),
  rewriteResponse: (_, answer) => answer,
  asItCame: (incoming) => incoming,
};
