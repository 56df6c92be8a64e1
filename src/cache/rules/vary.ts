// Owns what Vary selects by (RFC 9111 §4.1): which request fields it names, what they come to once differences without meaning are gone, and whether
// a request selects a stored response.
// A request is taken as the origin sees it: what the proxy keeps to itself (RFC 9110 §7.6.1, Proxy-Authorization) chose no response. By its value, one
// that was made for requests without a field could be stored as the one for requests with it, and passwords for the proxy would lie in the cache.
// What has meaning is known of two fields: in Accept-Language and Accept-Encoding, letter case does not count, and order only by weight (RFC 9110
// §12.4.2). Of every other field, lines are joined and blanks around commas fall away; quoted strings stay as they are.
import { hasField, isNamed, listMembers, splitList } from '../../http/fields.ts';
import { nominatedFields, REQUEST_DROPPED } from '../../http/forwarding.ts';
import type { Fields } from '../../http/message.ts';
import { isToken } from '../../http/token.ts';
import type { SelectingField, StoredResponse } from '../stored-response.ts';
import { digestOf, isDigest, isSecret } from './selection-digest.ts';

/**
 * The fields that a response depends on, over all Vary lines, without those that no origin sees: lower case, sorted, each once; `*` when no other
 * request can match, which is also what a name that no field can have comes to.
 */
export function varyOf(fields: Fields): readonly string[] | '*' {
  if (!hasField(fields, 'vary')) return NO_NAMES;
  const names = new Set(listMembers(fields, 'vary').map((name) => name.toLowerCase()));
  for (const name of names) if (name === '*' || !isToken(name)) return '*';
  return [...names].filter((name) => !REQUEST_DROPPED.has(name)).sort();
}

/**
 * Credentials as digests (selection-digest.ts).
 *
 * @param vary  of the response that the request brought
 * @param secretFields  what the operator calls secret beside what is known to be
 */
export function selectingFields(vary: readonly string[], requestFields: Fields, secretFields: readonly string[]): SelectingField[] {
  const nominated = vary.length === 0 ? null : nominatedFields(requestFields);
  return vary.map((name) => {
    const value = normalisedValue(name, requestFields, nominated);
    return { name, value: value !== null && isSecret(name, secretFields) ? digestOf(name, value) : value };
  });
}

/** Whether a request selects a stored response. */
export function matches(stored: StoredResponse, requestFields: Fields): boolean {
  if (stored.selectedBy.length === 0) return true;
  const nominated = nominatedFields(requestFields);
  for (let i = 0; i < stored.selectedBy.length; i += 1) {
    const selecting = stored.selectedBy[i]!;
    if (!isSelected(selecting, requestFields, nominated) && !isPreferredLanguage(selecting.name, stored, requestFields, nominated))
      return false;
  }
  return true;
}

function isSelected({ name, value }: SelectingField, requestFields: Fields, nominated: Nominated): boolean {
  const presented = joinedValue(name, requestFields, nominated);
  // Normalising what is normal changes nothing, so a request that puts it so is spared it.
  if (presented === value) return true;
  if (presented === null || value === null) return false;
  const normal = normalised(name, presented);
  return (isDigest(value) ? digestOf(name, normal) : normal) === value;
}

function normalisedValue(name: string, requestFields: Fields, nominated: Nominated): string | null {
  const value = joinedValue(name, requestFields, nominated);
  return value === null ? null : normalised(name, value);
}

/** All lines of a field as one value (RFC 9110 §5.3), without a list of them; `null` without the field, and where it goes no further than to us. */
function joinedValue(name: string, fields: Fields, nominated: Nominated): string | null {
  if (nominated?.has(name)) return null;
  let joined: string | null = null;
  for (let i = 0; i < fields.length; i += 1) {
    const field = fields[i]!;
    if (isNamed(field.name, name)) joined = joined === null ? field.value : `${joined},${field.value}`;
  }
  return joined;
}

function normalised(name: string, value: string): string {
  const last = LAST_BY_WEIGHT.get(name);
  if (last === undefined) return withoutBlanksAtCommas(value);
  if (last.value !== value) {
    last.normalised = byWeight(withoutBlanksAtCommas(value).toLowerCase());
    last.value = value;
  }
  return last.normalised;
}

/** In one pass; a value without commas is itself, but for the blanks around it. */
function withoutBlanksAtCommas(value: string): string {
  let text = '';
  let start = 0;
  let isQuoted = false;
  for (let i = 0; i < value.length; i += 1) {
    const c = value.charCodeAt(i);
    if (c === QUOTE) isQuoted = !isQuoted;
    else if (c === BACKSLASH && isQuoted) i += 1;
    else if (c === COMMA && !isQuoted) {
      text += `${withoutBlanks(value, start, i)},`;
      start = i + 1;
    }
  }
  return text + withoutBlanks(value, start, value.length);
}

function withoutBlanks(value: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(value.charCodeAt(start))) start += 1;
  while (end > start && isBlank(value.charCodeAt(end - 1))) end -= 1;
  return value.slice(start, end);
}

function isBlank(c: number): boolean {
  return c === 0x20 || c === 0x09;
}

interface Weighted {
  readonly name: string;
  /** Thousandths, 0 to 1000. */
  readonly weight: number;
}

/** A list with weights in one order: the heaviest first, equal ones by name. One that is malformed stays as it is. */
function byWeight(value: string): string {
  const members = weighted(value);
  if (members === null) return value;
  return members.map(({ name, weight }) => (weight === 1000 ? name : `${name};q=${weight / 1000}`)).join(',');
}

/** @returns `null` when a member is no name with at most a weight */
function weighted(value: string): Weighted[] | null {
  const members: Weighted[] = [];
  for (const member of splitList(value)) {
    const semicolon = member.indexOf(';');
    const name = semicolon === -1 ? member : withoutBlanks(member, 0, semicolon);
    const weight = semicolon === -1 ? 1000 : thousandths(withoutBlanks(member, semicolon + 1, member.length));
    if (weight === null || !isToken(name)) return null;
    members.push({ name, weight });
  }
  return members.sort((a, b) => b.weight - a.weight || (a.name < b.name ? -1 : 1));
}

/** `q=0.5` as 500 (RFC 9110 §12.4.2). */
function thousandths(parameter: string): number | null {
  const digits = WEIGHT.exec(parameter);
  return digits === null ? null : Math.round(Number(digits[1]) * 1000);
}

/**
 * Whether a stored response in one language is what the client likes best, although the client that fetched it put it differently: choosing by
 * Accept-Language then comes to the same (§4.1 allows what is known to have identical semantics, RFC 9110 §12.5.4 says what it means).
 */
function isPreferredLanguage(name: string, stored: StoredResponse, requestFields: Fields, nominated: Nominated): boolean {
  const language = name === ACCEPT_LANGUAGE ? joinedValue('content-language', stored.fields, null) : null;
  if (language === null) return false;
  const [first, second] = weighted(normalisedValue(name, requestFields, nominated) ?? '') ?? [];
  return first !== undefined && first.weight > 0 && first.weight !== second?.weight && language.toLowerCase() === first.name;
}

/** What Connection takes out of the request on its way to the origin. */
type Nominated = ReadonlySet<string> | null;

const NO_NAMES: readonly string[] = Object.freeze([]);
const ACCEPT_LANGUAGE = 'accept-language';
/** What each field that is ordered by weight came to last: one request is held against many variants, and many clients put it alike. */
const LAST_BY_WEIGHT: ReadonlyMap<string, { value: string; normalised: string }> = new Map(
  [ACCEPT_LANGUAGE, 'accept-encoding'].map((name) => [name, { value: '', normalised: '' }]),
);
// Nothing in it matches in two ways, and the longest match has seven characters.
const WEIGHT = /^q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$/;
const COMMA = 0x2c;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
