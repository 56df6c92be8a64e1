// Owns the reading half of Structured Fields (RFC 9651 §4.2), as far as Dictionaries need it, which is everything but the top-level List and Item.
// Refuses the whole field at the first octet that does not fit, as §4.2 demands ("fail"): there is no lenient reading.
// Reads with one index that only moves forwards.

export type Bare =
  | { readonly kind: 'integer'; readonly value: number }
  | { readonly kind: 'decimal'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'token'; readonly value: string }
  | { readonly kind: 'byte-sequence'; readonly value: Uint8Array }
  | { readonly kind: 'boolean'; readonly value: boolean }
  /** Seconds since the epoch (§3.3.7). */
  | { readonly kind: 'date'; readonly value: number }
  | { readonly kind: 'display-string'; readonly value: string };

export type ParsedParameters = ReadonlyMap<string, Bare>;
export type Item = Bare & { readonly parameters: ParsedParameters };
export interface InnerList {
  readonly kind: 'inner-list';
  readonly items: readonly Item[];
  readonly parameters: ParsedParameters;
}

/** In the order in which the keys first came; of a key that comes twice the last value counts (§4.2.2). */
export type Dictionary = ReadonlyMap<string, Item | InnerList>;

/**
 * @param lines  the values of all lines of the field, in order, one character an octet
 * @returns empty for a field without members; `null` for anything that is no Dictionary; never throws
 */
export function parseDictionary(lines: readonly string[]): Dictionary | null {
  const reader: Reader = { text: lines.join(', '), at: 0 };
  skipSpaces(reader);
  const members = new Map<string, Item | InnerList>();
  if (isAtEnd(reader)) return members;
  for (;;) {
    const key = readKey(reader);
    if (key === null) return null;
    const member = skip(reader, '=') ? readItemOrInnerList(reader) : withParameters(reader, TRUE);
    if (member === null) return null;
    members.set(key, member);
    skipBlanks(reader);
    if (isAtEnd(reader)) return members;
    if (!skip(reader, ',')) return null;
    skipBlanks(reader);
    if (isAtEnd(reader)) return null; // a comma at the end
  }
}

interface Reader {
  readonly text: string;
  at: number;
}

function readItemOrInnerList(reader: Reader): Item | InnerList | null {
  return skip(reader, '(') ? readInnerList(reader) : readItem(reader);
}

/** §4.2.1.2, after its parenthesis. */
function readInnerList(reader: Reader): InnerList | null {
  const items: Item[] = [];
  for (;;) {
    const before = reader.at;
    skipSpaces(reader);
    if (skip(reader, ')')) {
      const parameters = readParameters(reader);
      return parameters === null ? null : { kind: 'inner-list', items, parameters };
    }
    if (items.length > 0 && reader.at === before) return null; // members have to stand apart
    const item = readItem(reader);
    if (item === null) return null;
    items.push(item);
  }
}

function readItem(reader: Reader): Item | null {
  const bare = readBare(reader);
  return bare === null ? null : withParameters(reader, bare);
}

function withParameters(reader: Reader, bare: Bare): Item | null {
  const parameters = readParameters(reader);
  return parameters === null ? null : { ...bare, parameters };
}

/** §4.2.3.2 */
function readParameters(reader: Reader): ParsedParameters | null {
  if (reader.text[reader.at] !== ';') return NO_PARAMETERS;
  const parameters = new Map<string, Bare>();
  while (skip(reader, ';')) {
    skipSpaces(reader);
    const key = readKey(reader);
    if (key === null) return null;
    const value = skip(reader, '=') ? readBare(reader) : TRUE;
    if (value === null) return null;
    parameters.set(key, value);
  }
  return parameters;
}

/** §4.2.3.3 */
function readKey(reader: Reader): string | null {
  return isIn(KEY_STARTS, reader) ? takeWhile(reader, KEY_CHARACTERS) : null;
}

/** §4.2.3.1: the first octet tells the type. */
function readBare(reader: Reader): Bare | null {
  switch (reader.text[reader.at]) {
    case '"':
      return readString(reader);
    case ':':
      return readByteSequence(reader);
    case '?':
      return readBoolean(reader);
    case '@':
      return readDate(reader);
    case '%':
      return readDisplayString(reader);
    default:
      return isIn(TOKEN_STARTS, reader) ? { kind: 'token', value: takeWhile(reader, TOKEN_CHARACTERS) } : readNumber(reader);
  }
}

/** §4.2.4 */
function readNumber(reader: Reader): Bare | null {
  const sign = skip(reader, '-') ? -1 : 1;
  const whole = takeWhile(reader, DIGITS);
  if (whole === '') return null;
  if (!skip(reader, '.')) return whole.length > 15 ? null : { kind: 'integer', value: sign * Number(whole) };
  const fraction = takeWhile(reader, DIGITS);
  if (whole.length > 12 || fraction === '' || fraction.length > 3) return null;
  return { kind: 'decimal', value: sign * Number(`${whole}.${fraction}`) };
}

/** §4.2.5 */
function readString(reader: Reader): Bare | null {
  let value = '';
  for (reader.at += 1; reader.at < reader.text.length; reader.at += 1) {
    let character = reader.text[reader.at]!;
    if (character === '"') {
      reader.at += 1;
      return { kind: 'string', value };
    }
    if (character === '\\') {
      reader.at += 1;
      character = reader.text[reader.at] ?? '';
      if (character !== '"' && character !== '\\') return null;
    }
    if (!isPrintable(character)) return null;
    value += character;
  }
  return null;
}

/** §4.2.7. Padding may be missing, as §4.2.7 asks; where it is not, it has to be right. */
function readByteSequence(reader: Reader): Bare | null {
  reader.at += 1;
  const encoded = takeWhile(reader, BASE64_CHARACTERS);
  const unpadded = encoded.length;
  const padding = takeWhile(reader, '=').length;
  if (!skip(reader, ':') || unpadded % 4 === 1 || (padding > 0 && padding !== (4 - (unpadded % 4)) % 4)) return null;
  return { kind: 'byte-sequence', value: Buffer.from(encoded, 'base64') };
}

/** §4.2.8 */
function readBoolean(reader: Reader): Bare | null {
  reader.at += 1;
  if (skip(reader, '1')) return TRUE;
  return skip(reader, '0') ? { kind: 'boolean', value: false } : null;
}

/** §4.2.9 */
function readDate(reader: Reader): Bare | null {
  reader.at += 1;
  const number = readNumber(reader);
  return number?.kind === 'integer' ? { kind: 'date', value: number.value } : null;
}

/** §4.2.10 */
function readDisplayString(reader: Reader): Bare | null {
  if (!reader.text.startsWith('%"', reader.at)) return null;
  const octets: number[] = [];
  for (reader.at += 2; reader.at < reader.text.length; reader.at += 1) {
    const character = reader.text[reader.at]!;
    if (character === '"') {
      reader.at += 1;
      return decodedDisplayString(octets);
    }
    if (!isPrintable(character)) return null;
    if (character !== '%') octets.push(character.charCodeAt(0));
    else {
      const high = LOWER_HEX.indexOf(reader.text[reader.at + 1] ?? '?');
      const low = LOWER_HEX.indexOf(reader.text[reader.at + 2] ?? '?');
      if (high < 0 || low < 0) return null;
      octets.push(high * 16 + low);
      reader.at += 2;
    }
  }
  return null;
}

function decodedDisplayString(octets: readonly number[]): Bare | null {
  try {
    return { kind: 'display-string', value: UTF8.decode(Uint8Array.from(octets)) };
  } catch {
    return null;
  }
}

function isAtEnd(reader: Reader): boolean {
  return reader.at === reader.text.length;
}

function skip(reader: Reader, character: string): boolean {
  if (reader.text[reader.at] !== character) return false;
  reader.at += 1;
  return true;
}

function skipSpaces(reader: Reader): void {
  while (reader.text[reader.at] === ' ') reader.at += 1;
}

/** OWS: between members of a Dictionary a tab may stand too. */
function skipBlanks(reader: Reader): void {
  while (reader.text[reader.at] === ' ' || reader.text[reader.at] === '\t') reader.at += 1;
}

function isIn(characters: string, reader: Reader): boolean {
  return !isAtEnd(reader) && characters.includes(reader.text[reader.at]!);
}

function takeWhile(reader: Reader, characters: string): string {
  const start = reader.at;
  while (isIn(characters, reader)) reader.at += 1;
  return reader.text.slice(start, reader.at);
}

function isPrintable(character: string): boolean {
  return character >= ' ' && character <= '~';
}

const TRUE: Bare = Object.freeze({ kind: 'boolean', value: true });
const NO_PARAMETERS: ParsedParameters = new Map();

const LOWER = 'abcdefghijklmnopqrstuvwxyz';
const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const DIGITS = '0123456789';
const KEY_STARTS = `${LOWER}*`;
const KEY_CHARACTERS = `${LOWER}${DIGITS}_-.*`;
const TOKEN_STARTS = `${LOWER}${UPPER}*`;
const TOKEN_CHARACTERS = `${LOWER}${UPPER}${DIGITS}!#$%&'*+-.^_\`|~:/`;
const BASE64_CHARACTERS = `${LOWER}${UPPER}${DIGITS}+/`;
const LOWER_HEX = '0123456789abcdef';
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
