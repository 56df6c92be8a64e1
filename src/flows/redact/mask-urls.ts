// Owns secrets in URLs and forms: values of parameters with certain names, wherever `name=value` stands behind `?`, `&`, `;` or `#` (an access token comes
// back in a fragment, RFC 6749 §4.2.2), and the user information of an authority. It takes any text that URLs occur in: targets, Location, Link, messages.
import { readableText } from '../octet-text.ts';
import { LongText } from './long-text.ts';
import { masked, maskedInUrl } from './mask.ts';
import { maskJson } from './mask-json.ts';
import type { MaskRules } from './rules.ts';

/** Parameters and user information. @throws never */
export function maskUrls(text: string, rules: MaskRules): string {
  if (!/[=@]/.test(text)) return text;
  const start = text.search(/[?#;]/);
  const path = start === -1 ? text : text.slice(0, start);
  const withoutUser = maskUserInformation(path);
  return start === -1 ? withoutUser : withoutUser + maskUserInformation(maskParameters(text.slice(start), rules, URLS));
}

/** A form (WHATWG URL §5), where nothing but `&` ends a value. @throws never */
export function maskForm(text: string, rules: MaskRules): string {
  return maskParameters(text, rules, FORM);
}

/** Whether the value of a parameter of this name is to be masked: `password`, `PassWord`, `%70assword`, `user[password]`. */
export function isSecretName(spelled: string, { query }: MaskRules): boolean {
  const name = readable(spelled).toLowerCase();
  if (query.has(name)) return true;
  const innermost = /\[([^[\]]+)\]$/.exec(name);
  return innermost !== null && query.has(innermost[1]!);
}

function maskParameters(text: string, rules: MaskRules, { names, values }: Syntax): string {
  const result = new LongText();
  let copied = 0;
  let nameStart = 0;
  // Values of a URL within a value end where that does: no end is looked for twice, and nothing is read as JSON twice, however many they are.
  let end = 0;
  let jsonEnd = 0;
  for (let i = 0; i < text.length; i += 1) {
    const c = text.charCodeAt(i);
    if (c === EQUALS) {
      if (nameStart === -1) continue;
      if (i >= end) end = endOfValue(text, i + 1, values);
      const value = text.slice(i + 1, end);
      const mayBeJson = end > jsonEnd && JSON_START.test(value);
      if (mayBeJson) jsonEnd = end;
      const instead = maskValue(text.slice(nameStart, i), value, mayBeJson, rules);
      if (instead !== value) {
        result.add(text.slice(copied, i + 1) + instead);
        copied = end;
      }
      nameStart = -1;
      // A URL within a value may have parameters of its own.
      if (instead !== value) i = end - 1;
      continue;
    }
    const sign = names[c] ?? OTHER;
    if (sign !== OTHER) nameStart = sign === SEPARATOR ? i + 1 : -1;
  }
  if (copied === 0) return text;
  result.add(text.slice(copied));
  return String(result);
}

function maskValue(name: string, value: string, mayBeJson: boolean, rules: MaskRules): string {
  if (value === '') return value;
  if (isSecretName(name, rules)) return maskedInUrl(value);
  // GraphQL over GET has its variables here, and single-page applications their state.
  if (!mayBeJson) return value;
  const json = percentDecoded(value);
  const maskedJson = maskJson(json, rules.json);
  return maskedJson === json ? value : encodeURIComponent(readableText(maskedJson));
}

function endOfValue(text: string, start: number, values: Uint8Array): number {
  let end = start;
  while (end < text.length && (values[text.charCodeAt(end)] ?? OTHER) === OTHER) end += 1;
  return end;
}

/** RFC 3986 §3.2.1. */
function maskUserInformation(text: string): string {
  return text.includes('@')
    ? text.replace(/(:\/\/)([^\s/?#@"'<>]+)@/g, (_, slashes: string, user: string) => `${slashes}${masked(user)}@`)
    : text;
}

/** Percent-encoded octets and plus signs as a form has them; one character an octet. What is malformed stays. */
function percentDecoded(text: string): string {
  return text.replaceAll('+', ' ').replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function readable(spelled: string): string {
  return /[%+\x80-\xff]/.test(spelled) ? readableText(percentDecoded(spelled)) : spelled;
}

/** What each octet is: in names of parameters, and in their values. */
interface Syntax {
  readonly names: Uint8Array;
  readonly values: Uint8Array;
}

/** @param separators  behind which a name begins @param ends  at which no name goes on, and no value */
function signs(separators: string, ends: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const c of separators) table[c.charCodeAt(0)] = SEPARATOR;
  for (const c of ends) table[c.charCodeAt(0)] = END;
  return table;
}

const OTHER = 0;
const SEPARATOR = 1;
const END = 2;
const EQUALS = 0x3d;
/** A value may hold `/` and `?`. */
const URLS: Syntax = { names: signs('?&;#', '/ "\'<>\t\r\n'), values: signs('&;#', ' "\'<>\t\r\n') };
const FORM: Syntax = { names: signs('&', ''), values: signs('&', '') };
const JSON_START = /^(?:%7B|%5B|\{|\[)/i;
