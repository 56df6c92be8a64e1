// Owns the key of a response: its target URI in one canonical form (RFC 9111 §2). The method is not in it, since only what answers a GET is stored, and
// Vary is not, since rules/vary.ts chooses among the responses of one key. Never from the Host field, and the path and query byte for byte.
// A blank cannot stand in a URI: what follows one is a part of the key that a rule of the policy adds.
import type { Authority } from '../../http/authority.ts';
import { formatAuthority } from '../../http/authority.ts';
import { DEFAULT_PORTS, type Scheme } from '../../http/target.ts';
import type { CacheOverrides } from './options.ts';

/** @param user  who asks, for a rule that keeps each user's responses apart; `null` for nobody */
export function cacheKey(
  scheme: Scheme,
  authority: Authority,
  pathAndQuery: string,
  overrides: CacheOverrides,
  user: string | null,
): string {
  const path = overrides.ignoreQuery === false ? pathAndQuery : withoutQuery(pathAndQuery, overrides.ignoreQuery);
  const uri = `${scheme}://${formatAuthority(authority, DEFAULT_PORTS[scheme])}${path}`;
  if (overrides.partition === null) return uri;
  return user === null ? `${uri} nobody` : `${uri} user=${user}`;
}

/** Without the query, or without the parameters of these names. A key without query is the key of the URI that has none. */
function withoutQuery(pathAndQuery: string, ignored: true | readonly string[]): string {
  const question = pathAndQuery.indexOf('?');
  if (question === -1) return pathAndQuery;
  const path = pathAndQuery.slice(0, question);
  if (ignored === true) return path;
  const parameters = pathAndQuery.slice(question + 1).split('&');
  const kept = parameters.filter((parameter) => !ignored.includes(nameOf(parameter)));
  if (kept.length === parameters.length) return pathAndQuery;
  return kept.length === 0 ? path : `${path}?${kept.join('&')}`;
}

function nameOf(parameter: string): string {
  const equals = parameter.indexOf('=');
  return equals === -1 ? parameter : parameter.slice(0, equals);
}
