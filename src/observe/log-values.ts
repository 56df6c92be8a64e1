// Owns what every form of a log line says of an exchange in the same words: its result in Squid's codes, where it went, and values without what may not
// stand in a log.
import type { Flow } from '../flows/flow.ts';

/**
 * The outcome in Squid's words. `_ABORTED` and `_TIMEOUT` say that the client did not get a whole response; a failure that was answered
 * in full with its own status has neither.
 */
export function resultCode(flow: Flow): string {
  switch (flow.outcome) {
    case 'forwarded':
      return flow.cache?.reuse?.kind === 'validate' ? 'TCP_REFRESH_MODIFIED' : 'TCP_MISS';
    case 'reused':
      return reusedResultCode(flow);
    case 'tunnelled':
      return 'TCP_TUNNEL';
    case 'denied':
      return 'TCP_DENIED';
    case 'opened':
      return 'NONE_NONE';
    case 'answered':
      return flow.status === 407 ? 'TCP_DENIED' : 'NONE_NONE';
    case 'aborted':
      return `${attempted(flow)}_ABORTED`;
    case 'failed':
      return failedResultCode(flow);
    default:
      return flow.outcome satisfies never;
  }
}

function reusedResultCode({ cache, status }: Flow): string {
  switch (cache?.outcome) {
    case 'validated':
      return 'TCP_REFRESH_UNMODIFIED';
    case 'stale':
      return 'TCP_REFRESH_FAIL_OLD';
    case 'hit':
      return status === 304 ? 'TCP_INM_HIT' : 'TCP_HIT';
    default:
      return 'TCP_CF_HIT';
  }
}

function failedResultCode(flow: Flow): string {
  const error = flow.error;
  if (error === null) return attempted(flow);
  if (error.code === 'destination_ip_prohibited' || error.code === 'http_request_denied') return 'TCP_DENIED';
  if (error.status === flow.status) return attempted(flow);
  return `${attempted(flow)}${error.code.endsWith('_timeout') ? '_TIMEOUT' : '_ABORTED'}`;
}

/** What was under way; `NONE_NONE` when the request ended before a route was chosen. */
function attempted(flow: Flow): string {
  if (flow.cache !== null && (ANSWERED_BY_CACHE.has(flow.cache.outcome) || flow.cache.isCollapsed)) return reusedResultCode(flow);
  if (flow.route === null) return 'NONE_NONE';
  return flow.method === 'CONNECT' ? 'TCP_TUNNEL' : 'TCP_MISS';
}

const ANSWERED_BY_CACHE: ReadonlySet<string> = new Set(['hit', 'validated', 'stale']);

/** `address:port`. */
export function upstreamOf(flow: Flow): string | null {
  const address = flow.upstreamAddress;
  if (address === null) return null;
  return address.includes(':') ? `[${address}]:${flow.upstreamPort}` : `${address}:${flow.upstreamPort}`;
}

/** Without parameters. */
export function mediaType(contentType: string | null): string | null {
  if (contentType === null) return null;
  const semicolon = contentType.indexOf(';');
  return (semicolon === -1 ? contentType : contentType.slice(0, semicolon)).trim();
}

/** An absolute-form or authority-form target, or a Referer, without what stands before the last `@` of its authority. */
export function withoutUserInformation(uri: string): string {
  if (!uri.includes('@')) return uri;
  const slashes = uri.indexOf('//');
  const start = slashes === -1 || uri.indexOf('@') < slashes ? 0 : slashes + 2;
  const rest = uri.slice(start);
  const end = rest.search(/[/?#\\]/);
  const at = rest.lastIndexOf('@', end === -1 ? rest.length : end);
  return at === -1 ? uri : uri.slice(0, start) + rest.slice(at + 1);
}
