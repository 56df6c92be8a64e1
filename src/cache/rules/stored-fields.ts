// Owns which fields of a response are stored (RFC 9111 §3.1): all of them, with their duplicates and in their order, but for those that are about one
// connection, about credentials for a proxy, or named by a no-cache or private that is about certain fields (§5.2.2.4, §5.2.2.7).
// A field that caching or reading the content depends on stays whoever names it: it is meant for every recipient, so Connection may not name it
// (RFC 9110 §7.6.1), and without it a response could be reused where its origin forbids it.
import { HOP_BY_HOP, lengthMask, nominatedFields } from '../../http/forwarding.ts';
import type { Field, Fields } from '../../http/message.ts';
import type { ResponseDirectives } from './cache-control.ts';

/** @returns the same list where all of them are */
export function storedFields(fields: Fields, directives: ResponseDirectives): Fields {
  const named = namedFields(fields, directives);
  let stored: Field[] | null = null;
  let count = 0;
  for (let i = 0; i < fields.length; i += 1) {
    const field = fields[i]!;
    // Most are known by the length of their name not to be among them.
    const mayBeLeftOut = named !== null || (field.name.length < 32 && (NEVER_STORED_LENGTHS & (1 << field.name.length)) !== 0);
    if (mayBeLeftOut && isLeftOut(field.name.toLowerCase(), named)) stored ??= fields.slice();
    else {
      if (stored !== null) stored[count] = field;
      count += 1;
    }
  }
  if (stored === null) return fields;
  stored.length = count;
  return stored;
}

function isLeftOut(lower: string, named: ReadonlySet<string> | null): boolean {
  return NEVER_STORED.has(lower) || (named?.has(lower) === true && !ALWAYS_STORED.has(lower));
}

/** What this response keeps out beside what every one does, in lower case; `null` for nothing. */
function namedFields(fields: Fields, { noCache, isPrivate }: ResponseDirectives): ReadonlySet<string> | null {
  const nominated = nominatedFields(fields);
  if (typeof noCache === 'boolean' && typeof isPrivate === 'boolean') return nominated;
  const named = nominated ?? new Set<string>();
  for (const names of [noCache, isPrivate]) if (typeof names !== 'boolean') for (const name of names) named.add(name);
  return named;
}

const NEVER_STORED: ReadonlySet<string> = new Set(HOP_BY_HOP);
const NEVER_STORED_LENGTHS = lengthMask(NEVER_STORED);

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
