// Owns validation: the conditions that we send, what a 304 says about a stored response, and what the answer to a HEAD does (RFC 9111 §4.3, §3.2).
// A 304 replaces every stored field that it has, except those that are about the octets it did not send: framing, content coding, digests of the
// content. Age goes, and Date is the time of receipt where the 304 has none, so that age and lifetime begin anew.
//
// One departure. A 304 to our condition that has the validator of another representation must not update what is stored (§4.3.4). But the origin has
// said that what we named is current, and servers that compress on the way do answer so (the entity tag of the 304 lacks their suffix). So Date and
// Age are taken from it and nothing else: what is stored counts as validated, and its fields stay. Asking again without the condition would double
// every request to such an origin.
import { formatHttpDate } from '../../http/date.ts';
import { fieldValue, hasField, isNamed, withoutField } from '../../http/fields.ts';
import { type Field, type Fields, NO_FIELDS } from '../../http/message.ts';
import type { StoredResponse } from '../stored-response.ts';
import { NO_RESPONSE_DIRECTIVES } from './cache-control.ts';
import type { CacheRuleOptions } from './options.ts';
import { isConditional, singleValue, strongTag, strongValidator, tagsMatch } from './preconditions.ts';
import { updatedTags } from './purge-tags.ts';
import type { MissingRange } from './ranges.ts';
import { storedFields } from './stored-fields.ts';
import { controlOf } from './targeted.ts';
import { selectingFields, varyOf } from './vary.ts';

/** A 304, or another response whose fields update stored ones, and when it was asked for and came. */
export interface Update {
  readonly fields: Fields;
  readonly requestTimeMs: number;
  readonly responseTimeMs: number;
}

/** What a request to the origin is for: a `Reuse` of reuse.ts is one. */
export type Purpose =
  | { readonly kind: 'hit' | 'validate'; readonly stored: StoredResponse }
  | { readonly kind: 'complete'; readonly stored: StoredResponse; readonly missing: MissingRange }
  | { readonly kind: 'miss' };

/** The conditions that validate a stored response (RFC 9111 §4.3.1), as the origin sent its validators; none where it sent none. */
export function conditionsFor(stored: StoredResponse): Field[] {
  const conditions: Field[] = [];
  const tag = singleValue(stored.fields, 'etag');
  const modified = singleValue(stored.fields, 'last-modified');
  if (tag !== null) conditions.push({ name: 'If-None-Match', value: tag });
  if (modified !== null) conditions.push({ name: 'If-Modified-Since', value: modified });
  return conditions;
}

/**
 * Fields of the request to the origin: the client's, which the Vary of the answer may name. Where we validate, our conditions replace the client's,
 * and its Range stays: it counts only if the representation has changed (RFC 9110 §13.2.2). Where we complete a part, Range and If-Range are ours.
 */
export function outgoingFields(fields: Fields, purpose: Purpose): Fields {
  switch (purpose.kind) {
    case 'hit':
    case 'validate': {
      const conditions = conditionsFor(purpose.stored);
      return conditions.length === 0 && !isConditional(fields) ? fields : [...without(fields, CONDITIONS), ...conditions];
    }
    case 'complete': {
      const { first, last } = purpose.missing;
      const range = { name: 'Range', value: `bytes=${first}-${last ?? ''}` };
      const validator = strongValidator(purpose.stored);
      return [...without(fields, RANGES), range, ...(validator === null ? [] : [{ name: 'If-Range', value: validator }])];
    }
    case 'miss':
      return fields;
    default:
      return purpose satisfies never;
  }
}

/**
 * Whether the fields of a 304 are about this stored response (RFC 9111 §4.3.4): by its strong validator, else by its weak one; a 304 without any is
 * about what the request asked about.
 */
export function updates(stored: StoredResponse, notModified: { readonly fields: Fields }): boolean {
  const tag = fieldValue(notModified.fields, 'etag');
  const storedTag = fieldValue(stored.fields, 'etag');
  if (tag !== undefined && storedTag !== undefined) {
    return tag === storedTag || (strongTag(notModified.fields) === null && tagsMatch(tag, storedTag));
  }
  if (tag !== undefined && strongTag(notModified.fields) !== null) return false;
  const modified = fieldValue(notModified.fields, 'last-modified');
  return modified === undefined || modified === fieldValue(stored.fields, 'last-modified');
}

/**
 * A stored response after the origin has confirmed it with a 304 to our condition (RFC 9111 §4.3.4), or after a HEAD (§4.3.5): the same id and content.
 *
 * @param requestFields  of the request that brought it: should Vary have changed, it is selected by what this one had
 */
export function freshened(stored: StoredResponse, update: Update, requestFields: Fields, options: CacheRuleOptions): StoredResponse {
  const { requestTimeMs, responseTimeMs } = update;
  const confirmed = { ...stored, requestTimeMs, responseTimeMs, isInvalidated: false };
  if (!updates(stored, update)) return { ...confirmed, fields: withTimesOf(stored.fields, update) };
  const fields = replacedFields(stored.fields, update, options);
  const tags = updatedTags(stored.tags, update.fields, fields);
  if (!hasField(update.fields, 'vary')) return { ...confirmed, fields, tags };
  const vary = varyOf(fields);
  // Nothing that is stored fits a Vary of `*`: it is asked about every time.
  if (vary === '*') return { ...confirmed, fields, tags, isInvalidated: true };
  return { ...confirmed, fields, tags, selectedBy: selectingFields(vary, requestFields, options.secretFields) };
}

/**
 * What a 200 to HEAD does to a stored response that could have been chosen for the request (RFC 9111 §4.3.5). `invalidate`: it is to be marked so.
 */
export function headUpdate(
  stored: StoredResponse,
  head: { readonly status: number; readonly fields: Fields },
): 'update' | 'invalidate' | 'nothing' {
  if (head.status !== 200) return 'nothing';
  if (stored.status !== 200 && stored.status !== 206) return 'invalidate';
  const length = fieldValue(head.fields, 'content-length');
  const { completeLength } = stored.extent;
  const isSameLength = length === undefined || (completeLength !== null && length === String(completeLength));
  return isSameLength && agrees(stored, head.fields, 'etag') && agrees(stored, head.fields, 'last-modified') ? 'update' : 'invalidate';
}

/**
 * Stored fields, with those of an update in place of all of the same name (RFC 9111 §3.2). What the Cache-Control that holds from now on names as
 * private, or not to be used unasked, is not among them, from before the update either: an update need not repeat the directives.
 */
export function replacedFields(stored: Fields, update: Update, options: CacheRuleOptions): Fields {
  const replacing = storedFields(update.fields, NO_RESPONSE_DIRECTIVES).filter(({ name }) => !DESCRIBES_CONTENT.has(name.toLowerCase()));
  const names = new Set(replacing.map(({ name }) => name.toLowerCase()));
  const fields = stored.filter(({ name }) => !names.has(name.toLowerCase()) && !isNamed(name, 'age') && !isNamed(name, 'date'));
  fields.push(...replacing);
  if (!names.has('date')) fields.push(dateOf(update));
  return storedFields(fields, controlOf(fields, options.targeted).directives);
}

/**
 * Fields of a 304 that are for whoever asked and for nobody else (RFC 9111 §5.2.2.4, §5.2.2.7): they are not stored.
 *
 * @param stored  as the 304 has left it
 */
export function fieldsForAsker(stored: StoredResponse, { fields }: Update, options: CacheRuleOptions): Fields {
  const { directives } = controlOf(stored.fields, options.targeted);
  if (typeof directives.noCache === 'boolean' && typeof directives.isPrivate === 'boolean') return NO_FIELDS;
  const forAll = new Set(storedFields(fields, directives));
  return storedFields(fields, NO_RESPONSE_DIRECTIVES).filter((field) => !forAll.has(field));
}

function withTimesOf(stored: Fields, update: Update): Field[] {
  const fields = withoutField(withoutField(stored, 'age'), 'date');
  const age = fieldValue(update.fields, 'age');
  fields.push(dateOf(update));
  if (age !== undefined) fields.push({ name: 'Age', value: age });
  return fields;
}

/** A message without Date counts from its receipt (RFC 9110 §6.6.1). */
function dateOf({ fields, responseTimeMs }: Update): Field {
  return { name: 'Date', value: fieldValue(fields, 'date') ?? formatHttpDate(responseTimeMs) };
}

function agrees(stored: StoredResponse, received: Fields, validator: string): boolean {
  const value = fieldValue(received, validator);
  return value === undefined || value === fieldValue(stored.fields, validator);
}

function without(fields: Fields, names: ReadonlySet<string>): Field[] {
  return fields.filter(({ name }) => !names.has(name.toLowerCase()));
}

const CONDITIONS: ReadonlySet<string> = new Set(['if-none-match', 'if-modified-since']);
const RANGES: ReadonlySet<string> = new Set(['range', 'if-range']);
/** What a message says of the content in it; RFC 9111 §3.2 lets a cache keep what its processing depends on. */
const DESCRIBES_CONTENT: ReadonlySet<string> = new Set([
  'content-length',
  'content-encoding',
  'content-range',
  'content-md5',
  'content-digest',
]);
