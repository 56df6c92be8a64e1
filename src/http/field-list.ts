// Owns the fields of a message in HTTP/2 as Node gives and takes them: a list of names and values in turn, in order and with duplicates, one character
// an octet; and what no message has in it there (RFC 9113 §8.2). What a list means, and whether it is believed, is for whoever reads it.
import type { Field, Fields } from './message.ts';

export type FieldList = readonly string[];

/** Octets of names and values: what of a list can be known of its size, which compression hides. */
export function octetsOf(list: FieldList): number {
  let octets = 0;
  for (let i = 0; i < list.length; i += 1) octets += list[i]!.length;
  return octets;
}

/** A list without pseudo-header fields, as ours. */
export function fieldsOf(list: FieldList): Field[] {
  const fields: Field[] = [];
  for (let i = 0; i < list.length; i += 2) fields.push({ name: list[i]!, value: list[i + 1]! });
  return fields;
}

/** Adds a field in lower case; none of a connection. */
export function pushField(list: string[], name: string, value: string): void {
  const lower = name.toLowerCase();
  if (!CONNECTION_SPECIFIC.has(lower)) list.push(lower, value);
}

/** Interim responses and trailers, by name, several values of one name in order: Node takes no list of them. */
export function fieldsByName(fields: Fields): Record<string, string[]> {
  const byName: Record<string, string[]> = Object.create(null);
  for (const { name, value } of fields) {
    const lower = name.toLowerCase();
    if (!CONNECTION_SPECIFIC.has(lower)) (byName[lower] ??= []).push(value);
  }
  return byName;
}

/** §8.2.2, in lower case. TE is one of them but for one value, which is for whoever reads it. */
export const CONNECTION_SPECIFIC: ReadonlySet<string> = new Set([
  'connection',
  'proxy-connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  // Of the upgrade to HTTP/2 itself, which RFC 9113 §3.1 has taken back.
  'http2-settings',
]);
