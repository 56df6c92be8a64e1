// Owns what a request may have made untrue: the stored responses to its target, and to the URIs that its answer names (RFC 9111 §4.4).
// Only methods that are registered as safe (RFC 9110 §16.1.1) leave everything as it is. URIs of other origins are not looked at, since one origin
// could empty the cache of another; those of the same origin come back in the form that keys are made of.
import { formatAuthority } from '../../http/authority.ts';
import { isNamed } from '../../http/fields.ts';
import type { Fields } from '../../http/message.ts';
import { normalisePath } from '../../http/path.ts';
import { DEFAULT_PORTS } from '../../http/target.ts';
import type { CacheRequest } from './reuse.ts';

export interface Invalidated {
  /** All variants stored under the key of the request. */
  readonly isTarget: boolean;
  /** Other targets of the same scheme and authority, each as path and query. */
  readonly others: readonly string[];
}

/** What the final response to a request invalidates. Errors (4xx, 5xx) have changed nothing. */
export function invalidated(
  request: Pick<CacheRequest, 'method' | 'scheme' | 'authority' | 'pathAndQuery'>,
  response: { readonly status: number; readonly fields: Fields },
): Invalidated {
  const { status, fields } = response;
  if (isSafe(request.method) || status < 200 || status > 399) return NOTHING;
  const origin = `${request.scheme}://${formatAuthority(request.authority, DEFAULT_PORTS[request.scheme])}`;
  const others = new Set<string>();
  for (const { name, value } of fields) {
    if (!isNamed(name, 'location') && !isNamed(name, 'content-location')) continue;
    const pathAndQuery = sameOriginPath(value, origin, request.pathAndQuery);
    if (pathAndQuery !== null && pathAndQuery !== request.pathAndQuery) others.add(pathAndQuery);
    if (others.size === MAX_OTHERS) break;
  }
  return { isTarget: true, others: [...others] };
}

/** Whether a method is registered as safe (RFC 9110 §9.2.1, §16.1.1). Method names have one spelling: `get` is unknown. */
export function isSafe(method: string): boolean {
  return SAFE_METHODS.has(method);
}

/** Resolves a reference (RFC 3986 §5.2) to path and query; `null` where it leads to another origin, or nowhere. */
function sameOriginPath(reference: string, origin: string, pathAndQuery: string): string | null {
  const base = URL.parse(origin + pathAndQuery);
  const url = base === null ? null : URL.parse(reference, base);
  if (base === null || url === null || url.origin !== base.origin) return null;
  return normalisePath(url.pathname + url.search).pathAndQuery;
}

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY', 'PROPFIND', 'REPORT', 'SEARCH']);
const NOTHING: Invalidated = Object.freeze({ isTarget: false, others: Object.freeze([]) });
/** No answer has reason to name more: each field may come once. */
const MAX_OTHERS = 4;
