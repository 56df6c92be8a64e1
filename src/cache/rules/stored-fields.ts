// Owns which fields of a response are stored (RFC 9111 §3.1): all of them, with their duplicates and in their order, but for those that are about one
// connection, about credentials for a proxy, or named by a no-cache or private that is about certain fields (§5.2.2.4, §5.2.2.7).
// A field that caching or reading the content depends on stays whoever names it: it is meant for every recipient, so Connection may not name it
// (RFC 9110 §7.6.1), and without it a response could be reused where its origin forbids it.
import { isNamed, listMembers } from '../../http/fields.ts';
import type { Field, Fields } from '../../http/message.ts';
import type { ResponseDirectives } from './cache-control.ts';

export function storedFields(fields: Fields, directives: ResponseDirectives): Field[] {
  const named = namedFields(fields, directives);
  return fields.filter(({ name }) => {
    const lower = name.toLowerCase();
    return !NEVER_STORED.has(lower) && (named === null || !named.has(lower) || ALWAYS_STORED.has(lower));
  });
}

/** What this response keeps out beside what every one does, in lower case; `null` for nothing. */
function namedFields(fields: Fields, { noCache, isPrivate }: ResponseDirectives): ReadonlySet<string> | null {
  const isNominating = fields.some(({ name }) => isNamed(name, 'connection') || isNamed(name, 'proxy-connection'));
  if (!isNominating && typeof noCache === 'boolean' && typeof isPrivate === 'boolean') return null;
  const named = new Set<string>();
  for (const option of listMembers(fields, 'connection')) named.add(option.toLowerCase());
  for (const option of listMembers(fields, 'proxy-connection')) named.add(option.toLowerCase());
  for (const names of [noCache, isPrivate]) if (typeof names !== 'boolean') for (const name of names) named.add(name);
  return named;
}

const NEVER_STORED: ReadonlySet<string> = new Set([
  'connection',
  'proxy-connection',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
]);

const ALWAYS_STORED: ReadonlySet<string> = new Set([
  'age',
  'cache-control',
  'content-encoding',
  'content-range',
  'date',
  'etag',
  'expires',
  'last-modified',
  'vary',
]);
