// Owns the reading of Proxy-Authorization (RFC 9110 §11.4, §11.7.2): Basic (RFC 7617, in UTF-8 as our challenge says) and Bearer (RFC 6750 §2.1).
// Strict, since each credential has one spelling only: base64 is canonical and padded, and neither a user name nor a password has control
// characters (RFC 7617 §2). The reasons say what is wrong with the form and repeat nothing of the value.
import { IS_TOKEN } from '../http/token.ts';

export type Credentials =
  | { readonly scheme: 'basic'; readonly user: string; readonly password: string }
  | { readonly scheme: 'bearer'; readonly token: string }
  | { readonly scheme: 'other'; readonly name: string }
  | { readonly scheme: 'malformed'; readonly reason: string };

/** Characters of a field value; more is malformed. A token of an identity provider takes some 2,000. */
export const MAX_FIELD_LENGTH = 8_192;

/** @param value of the one Proxy-Authorization field, without the blanks around it @throws never */
export function parseCredentials(value: string): Credentials {
  if (value.length > MAX_FIELD_LENGTH) return malformed('it is longer than 8 KiB');
  const end = endOfToken(value);
  if (end === 0 || end > MAX_SCHEME_LENGTH) return malformed('it does not begin with the name of a scheme');
  let start = end;
  while (value.charCodeAt(start) === SPACE) start += 1;
  // Whatever else follows the scheme's name is not what separates it from the credentials.
  if (start === end && end < value.length) return malformed('it does not begin with the name of a scheme');
  const name = value.slice(0, end);
  switch (name.toLowerCase()) {
    case 'basic':
      return parseBasic(value.slice(start));
    case 'bearer':
      return parseBearer(value.slice(start));
    default:
      return { scheme: 'other', name };
  }
}

function parseBasic(encoded: string): Credentials {
  const bytes = Buffer.from(encoded, 'base64');
  if (encoded === '' || bytes.toString('base64') !== encoded) return malformed('what follows Basic is not base64');
  let text: string;
  try {
    text = UTF8.decode(bytes);
  } catch {
    return malformed('the user name and password are not UTF-8');
  }
  if (hasControlCharacter(text)) return malformed('the user name or the password has a control character');
  const colon = text.indexOf(':');
  if (colon < 0) return malformed('no colon parts the user name from the password');
  return { scheme: 'basic', user: text.slice(0, colon), password: text.slice(colon + 1) };
}

function parseBearer(token: string): Credentials {
  let end = 0;
  while (isTokenCharacter(token.charCodeAt(end))) end += 1;
  const hasCharacters = end > 0;
  while (token.charCodeAt(end) === EQUALS_SIGN) end += 1;
  return hasCharacters && end === token.length ? { scheme: 'bearer', token } : malformed('what follows Bearer is not a token');
}

function malformed(reason: string): Credentials {
  return { scheme: 'malformed', reason };
}

/** @returns the length of the RFC 9110 §5.6.2 token that a text begins with */
function endOfToken(text: string): number {
  let end = 0;
  while (IS_TOKEN[text.charCodeAt(end)] === 1) end += 1;
  return end;
}

/** RFC 6750 §2.1: the characters of `b64token` before its padding. */
function isTokenCharacter(c: number): boolean {
  return isAlphanumeric(c) || (c < 0x80 && c > SPACE && '-._~+/'.includes(String.fromCharCode(c)));
}

function isAlphanumeric(c: number): boolean {
  return (c >= 0x61 && c <= 0x7a) || (c >= 0x41 && c <= 0x5a) || (c >= 0x30 && c <= 0x39);
}

/** C0, DEL and C1. */
export function hasControlCharacter(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) {
    const c = text.charCodeAt(i);
    if (c < SPACE || (c >= 0x7f && c <= 0x9f)) return true;
  }
  return false;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const SPACE = 0x20;
const EQUALS_SIGN = 0x3d;
const MAX_SCHEME_LENGTH = 32;
