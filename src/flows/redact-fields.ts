// Owns what of an exchange is masked while it is encoded, so that nobody can find it in what is kept: credentials for this proxy, always; other secrets
// where the settings say that they are to be unwritten. Which those are is not decided here.
import { masked } from './redact/mask.ts';

/** What else is secret, where nothing secret may be kept. */
export interface Unwritten {
  /** @returns the value with what is secret in it masked; itself where nothing is */
  maskedValue(name: string, value: string): string;
  /** @returns the text with the values of secret query parameters masked; itself where it has none */
  maskedUrl(url: string): string;
}

/** The same with contents, as far as they have no coding: nothing is unpacked on this thread. */
export interface UnwrittenSecrets extends Unwritten {
  /** @returns the octets with what is secret in them masked; themselves where nothing is */
  maskedContent(octets: Buffer, contentType: string | null): Buffer;
}

/** The value of a field as it may be kept. */
export function keptValue(name: string, value: string, unwritten: Unwritten | null): string {
  if (isOfTheProxy(name)) return masked(value);
  return unwritten === null ? value : unwritten.maskedValue(name, value);
}

/** Whether a field of that name has credentials for this proxy. Asked of every field: most names are told apart by their length. */
export function isOfTheProxy(name: string): boolean {
  const { length } = name;
  return (length === 18 || length === 19) && OF_THE_PROXY.has(name.toLowerCase());
}

const OF_THE_PROXY: ReadonlySet<string> = new Set(['proxy-authorization', 'proxy-authenticate']);
