// Owns reading single values and lists of them: texts of the file → values, each problem at the text that it is about.
import { isScalar } from 'yaml';
import { ProxyError } from '../errors/proxy-error.ts';
import type { Block, PortRange } from '../match/condition.ts';
import { parseCidr, unmapped } from '../net/ip-address.ts';
import { type Entry, hint, readText, readTexts, report, type Source, shown } from './yaml-source.ts';

/** Why a value cannot be taken. */
export class Refused {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

export type ReadValue<T> = (text: string) => T | Refused;

/** What stands outside this folder throws what it refuses. */
export function refusing<T>(read: (text: string) => T): ReadValue<T> {
  return (text) => {
    try {
      return read(text);
    } catch (error) {
      if (error instanceof ProxyError || (error instanceof Error && error.constructor === Error)) return new Refused(error.message);
      throw error;
    }
  };
}

/**
 * One value or a list of at least one; what is refused is reported and left out.
 *
 * @param expected completes "expected …" where there is no text at all
 */
export function readValues<T>(source: Source, entry: Entry, key: string, expected: string, read: ReadValue<T>): readonly T[] {
  return readTexts(source, entry, key, expected).flatMap(({ text, offset }) => {
    const value = read(text);
    if (!(value instanceof Refused)) return [value];
    report(source, offset, `${key}: ${value.message}`);
    return [];
  });
}

/** Nothing where the key is left out. */
export function readValuesIfAny<T>(
  source: Source,
  entry: Entry | undefined,
  key: string,
  expected: string,
  read: ReadValue<T>,
): readonly T[] {
  return entry === undefined ? [] : readValues(source, entry, key, expected, read);
}

/** One value. @returns `null` where the key is left out, and, with a problem, where the value is refused */
export function readValue<T>(source: Source, entry: Entry | undefined, key: string, expected: string, read: ReadValue<T>): T | null {
  const text = entry === undefined ? null : readText(source, entry, key, expected);
  if (text === null) return null;
  const value = read(text.text);
  if (!(value instanceof Refused)) return value;
  report(source, text.offset, `${key}: ${value.message}`);
  return null;
}

/** One of a few words. */
export function oneOf<T extends string>(words: readonly T[]): ReadValue<T> {
  return (text) => {
    const word = words.find((each) => each === text);
    return word ?? new Refused(`expected ${inWords(words)}; found ${shown(text)}${hint(text, words)}`);
  };
}

/** `a`, `a or b`, `a, b or c`. */
export function inWords(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

/** @returns false where the key is left out */
export function readTruth(source: Source, entry: Entry | undefined, key: string): boolean {
  return readValue(source, entry, key, 'true or false', oneOf(['true', 'false'])) === 'true';
}

export function isWord(entry: Entry, word: string): boolean {
  return isScalar(entry.value) && entry.value.value === word;
}

/** Text for people, on one line. */
export function sentence(mostCharacters: number): ReadValue<string> {
  return (text) => {
    const line = text.trim().replace(/\s+/g, ' ');
    if (line === '') return new Refused('the text is blank');
    if (/\p{Cc}/u.test(line)) return new Refused('the text has a control character in it');
    return line.length <= mostCharacters ? line : new Refused(`${line.length} characters; at most ${mostCharacters} fit`);
  };
}

/** `443` or `8000-8999`. */
export function portRange(text: string): PortRange | Refused {
  const match = /^([1-9]\d{0,4})(?:-([1-9]\d{0,4}))?$/.exec(text);
  const from = Number(match?.[1]);
  const to = Number(match?.[2] ?? match?.[1]);
  if (match === null || from > 65535 || to > 65535) return new Refused(`expected ${PORT_EXPECTED}, from 1 to 65535; found ${shown(text)}`);
  return from <= to ? { from, to } : new Refused(`the range ${text} runs backwards; write ${to}-${from}`);
}

/** `10.0.0.0/8` or one address. */
export function addressBlock(text: string): Block | Refused {
  const cidr = parseCidr(text);
  if (cidr === null) return new Refused(`expected ${BLOCK_EXPECTED}, with no bits set behind its length; found ${shown(text)}`);
  const inside = unmapped(cidr.address);
  // Addresses are compared as the IPv4 address that they are.
  if (inside.version !== cidr.address.version && cidr.prefixLength >= 96)
    return new Refused(`${shown(text)} holds IPv4 addresses; write ${inside.text}/${cidr.prefixLength - 96}`);
  return { text, cidr };
}

/** A path of this machine. */
export function filePath(text: string): string | Refused {
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(text)) return new Refused(`${shown(text)} is a URL; name a file of this machine`);
  return text.includes('\0') ? new Refused('a path has no NUL in it') : text;
}

/** Text beyond ASCII as it comes over the wire: UTF-8, one character an octet. */
export function asOctets(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

export const PORT_EXPECTED = 'a port, or a range such as 8000-8999';
export const BLOCK_EXPECTED = 'a CIDR block such as 10.0.0.0/8 or fc00::/7';
