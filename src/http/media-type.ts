// Owns the media type of a message for rules that ask for it (RFC 9110 §8.3.1): type and subtype in lower case, without parameters.
// Refuses to choose: a recipient may take any of several types, or make one out of what is malformed, so both are no media type at all.
// The grammar is as strict as the RFC's but for a parameter's form, since only a comma there can begin another type (Fetch §2.2.5).
import { IS_TOKEN } from './token.ts';

/**
 * @param values of every Content-Type field line
 * @returns `text/html`; empty when no type is given; `null` when several different ones are, or one that is malformed
 * @throws never
 */
export function mediaType(values: readonly string[]): string | null {
  let found = '';
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i]!;
    if (value === '') continue;
    const type = readMediaType(value);
    if (type === null || (found !== '' && type !== found)) return null;
    found = type;
  }
  return found;
}

function readMediaType(value: string): string | null {
  const semicolon = value.indexOf(';');
  let end = semicolon === -1 ? value.length : semicolon;
  while (end > 0 && isBlank(value.charCodeAt(end - 1))) end -= 1;
  const slash = value.indexOf('/');
  if (!isTokenBetween(value, 0, slash) || !isTokenBetween(value, slash + 1, end)) return null;
  if (semicolon !== -1 && !isOneList(value, semicolon + 1)) return null;
  return value.slice(0, end).toLowerCase();
}

/** Whether no comma begins another member: none stands outside a quoted string, and every quoted string ends. */
function isOneList(value: string, start: number): boolean {
  let isQuoted = false;
  for (let i = start; i < value.length; i += 1) {
    const c = value.charCodeAt(i);
    if (c === QUOTE) isQuoted = !isQuoted;
    else if (c === BACKSLASH && isQuoted) i += 1;
    else if (c === COMMA && !isQuoted) return false;
  }
  return !isQuoted;
}

/** RFC 9110 §5.6.2; at least one character. */
function isTokenBetween(text: string, start: number, end: number): boolean {
  for (let i = start; i < end; i += 1) if (IS_TOKEN[text.charCodeAt(i)] !== 1) return false;
  return start < end;
}

function isBlank(c: number): boolean {
  return c === 0x20 || c === 0x09;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
