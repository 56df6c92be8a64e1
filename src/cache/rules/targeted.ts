// Owns which field controls this cache: Cache-Control, or one that is targeted at it (RFC 9213 §2.2). Only configured fields are looked at, and the
// first of them that is there, not empty and well formed decides alone: Cache-Control is then as if it were absent, and so is Expires.
// A targeted field is a Dictionary of Structured Fields; a member of another type than its directive's is not looked at (§2.1).
import { fieldValues } from '../../http/fields.ts';
import type { Fields } from '../../http/message.ts';
import { type Dictionary, parseDictionary } from '../../http/parse-structured-fields.ts';
import { type Delta, fieldNames, MAX_DELTA_SECONDS, type ResponseDirectives, responseDirectives } from './cache-control.ts';

export interface Control {
  readonly directives: ResponseDirectives;
  /** The field they come from, as configured; `Cache-Control` also when there is none. */
  readonly from: string;
}

/** @param targeted  the names of fields, in lower case and order of precedence */
export function controlOf(fields: Fields, targeted: readonly string[]): Control {
  for (const name of targeted) {
    const values = fieldValues(fields, name);
    const dictionary = values.length === 0 ? null : parseDictionary(values);
    if (dictionary !== null && dictionary.size > 0) return { directives: directivesOf(dictionary), from: name };
  }
  return { directives: responseDirectives(fields), from: CACHE_CONTROL };
}

export const CACHE_CONTROL = 'Cache-Control';

function directivesOf(members: Dictionary): ResponseDirectives {
  return {
    maxAge: deltaOf(members, 'max-age'),
    sMaxAge: deltaOf(members, 's-maxage'),
    noStore: isTrue(members, 'no-store'),
    noCache: fieldsOf(members, 'no-cache'),
    isPrivate: fieldsOf(members, 'private'),
    isPublic: isTrue(members, 'public'),
    mustRevalidate: isTrue(members, 'must-revalidate'),
    proxyRevalidate: isTrue(members, 'proxy-revalidate'),
    mustUnderstand: isTrue(members, 'must-understand'),
    isImmutable: isTrue(members, 'immutable'),
    staleWhileRevalidate: secondsOf(members, 'stale-while-revalidate'),
    staleIfError: secondsOf(members, 'stale-if-error'),
  };
}

function isTrue(members: Dictionary, name: string): boolean {
  const member = members.get(name);
  return member?.kind === 'boolean' && member.value;
}

/** An Integer; a negative one is of the right type and means nothing. */
function deltaOf(members: Dictionary, name: string): Delta {
  const member = members.get(name);
  if (member?.kind !== 'integer') return null;
  return member.value < 0 ? 'invalid' : Math.min(member.value, MAX_DELTA_SECONDS);
}

function secondsOf(members: Dictionary, name: string): number | null {
  const delta = deltaOf(members, name);
  return delta === 'invalid' ? null : delta;
}

/** True, or a String or Token with the names of fields, as in Cache-Control. */
function fieldsOf(members: Dictionary, name: string): boolean | readonly string[] {
  const member = members.get(name);
  if (member?.kind === 'boolean') return member.value;
  return member?.kind === 'string' || member?.kind === 'token' ? (fieldNames(member.value) ?? true) : false;
}
