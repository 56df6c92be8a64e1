// Owns the writing half of Structured Fields (RFC 9651 §4.1) that Proxy-Status (RFC 9209) and Cache-Status (RFC 9211) need:
// items with parameters, as members of a list. Reading, dictionaries, inner lists, decimals, dates and byte sequences are not here.
// Text can always be written: what a String cannot hold (§3.3.3) becomes `?`, so that a host name or an alert text never costs a response.
// Keys, tokens and numbers are chosen by our own code; one that cannot be written is a defect and is thrown, as §4.1 asks ("fail").

/** A value that is written bare, `dns_timeout`, where a string would be written `"dns_timeout"`. Made by `token`, so it is always a valid one. */
export interface Token {
  readonly token: string;
}

export type BareItem = string | number | boolean | Token;

/** In the order in which they are written; `undefined` and `false` are left out, as an absent boolean parameter means false to both fields. */
export type Parameters = Readonly<Record<string, BareItem | undefined>>;

/**
 * One member of a Proxy-Status or Cache-Status list: who speaks, then what it has to say (RFC 9209 §2, RFC 9211 §2).
 *
 * @param name  a token if it can be one, else a string
 * @returns the field value of one member, ASCII without control characters
 * @throws TypeError for a key or number that RFC 9651 cannot express
 */
export function serializeMember(name: string, parameters: Parameters): string {
  return (isToken(name) ? name : serializeString(name)) + serializeParameters(parameters);
}

/**
 * A bare item (RFC 9651 §4.1.3.1).
 *
 * @throws TypeError for a number that is not an integer of at most 15 digits
 */
export function serializeBareItem(item: BareItem): string {
  switch (typeof item) {
    case 'string':
      return serializeString(item);
    case 'number':
      return serializeInteger(item);
    case 'boolean':
      return item ? '?1' : '?0';
    default:
      return item.token;
  }
}

/** @throws TypeError if the text is not a token (RFC 9651 §3.3.4) */
export function token(text: string): Token {
  if (!isToken(text)) throw new TypeError(`${JSON.stringify(text)} is not a token of RFC 9651 §3.3.4`);
  return { token: text };
}

/** Whether a text can be written as a token: a letter or `*`, then tchars, `:` and `/` (RFC 9651 §3.3.4). */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

function serializeParameters(parameters: Parameters): string {
  let text = '';
  for (const key of Object.keys(parameters)) {
    const value = parameters[key];
    if (value === undefined || value === false) continue;
    if (!KEY.test(key)) throw new TypeError(`${JSON.stringify(key)} is not a key of RFC 9651 §3.1.2`);
    // A true boolean is its key alone: §4.1.1.2.
    text += value === true ? `;${key}` : `;${key}=${serializeBareItem(value)}`;
  }
  return text;
}

function serializeString(text: string): string {
  return `"${text.replace(NOT_IN_STRING, '?').replace(ESCAPED_IN_STRING, '\\$&')}"`;
}

function serializeInteger(value: number): string {
  if (!Number.isInteger(value) || Math.abs(value) > MAX_INTEGER) throw new TypeError(`${value} is not an integer of RFC 9651 §3.3.1`);
  return String(value);
}

const MAX_INTEGER = 999_999_999_999_999;
// One class, repeated at most once over: none of these can backtrack.
const TOKEN = /^[A-Za-z*][A-Za-z0-9!#$%&'*+\-.^_`|~:/]*$/;
const KEY = /^[a-z*][a-z0-9_\-.*]*$/;
const NOT_IN_STRING = /[^\x20-\x7e]/gu;
const ESCAPED_IN_STRING = /["\\]/g;
