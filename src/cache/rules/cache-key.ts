// Owns the key of a response: its target URI in one canonical form (RFC 9111 §2). The method is not in it, since only what answers a GET is stored, and
// Vary is not, since rules/vary.ts chooses among the responses of one key. Never from the Host field, and the path and query byte for byte.
// A blank cannot stand in a URI: what follows one is a part of the key that a rule of the policy adds.
import { type Authority, formatAuthority } from '../../http/authority.ts';
import { DEFAULT_PORTS, type Scheme } from '../../http/target.ts';
import { type CacheOverrides, NO_OVERRIDES } from './options.ts';

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

/**
 * Under which keys a GET of this target by this user may have stored something: the rule that decides on an unsafe request need not be the one that
 * decides on a GET. Only what another rule leaves out of the query by name is not known.
 *
 * @param overrides  of the rule that decides on the request
 */
export function keysToInvalidate(
  scheme: Scheme,
  authority: Authority,
  pathAndQuery: string,
  overrides: CacheOverrides,
  user: string | null,
): readonly string[] {
  const keys = new Set<string>();
  for (const ways of [overrides, ...WAYS]) keys.add(cacheKey(scheme, authority, pathAndQuery, ways, user));
  return [...keys];
}

const WAYS: readonly CacheOverrides[] = [false, true].flatMap((ignoreQuery) =>
  ([null, 'user'] as const).map((partition) => ({ ...NO_OVERRIDES, ignoreQuery, partition })),
);

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
