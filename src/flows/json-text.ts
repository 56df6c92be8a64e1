// Owns the pieces of JSON (RFC 8259) that are put together by hand where a value is written once an exchange: no object is built only to be serialised.
// All of it is ASCII, so that a text has as many octets as characters.

const NOT_PLAIN = /[^\x20\x21\x23-\x5b\x5d-\x7e]/;
const NOT_ASCII = /[^\x20-\x7e]/g;

/** A string, or `null`. Beyond what JSON asks, everything outside of printable ASCII is escaped (RFC 8259 §7 allows it). */
export function quoted(text: string | null): string {
  if (text === null) return 'null';
  if (!NOT_PLAIN.test(text)) return `"${text}"`;
  return ascii(JSON.stringify(text));
}

/** Any value, at leisure. */
export function serialized(value: unknown): string {
  return ascii(JSON.stringify(value) ?? 'null');
}

/** Milliseconds with two decimals at most. Most are few enough to have their text ready. */
export function hundredths(ms: number | null): string {
  if (ms === null) return 'null';
  const count = Math.round(ms * 100);
  return HUNDREDTHS[count] ?? String(count / 100);
}

function ascii(json: string): string {
  return NOT_PLAIN.test(json) ? json.replace(NOT_ASCII, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`) : json;
}

/** 0 to 19.99 */
const HUNDREDTHS: readonly string[] = Array.from({ length: 2_000 }, (_, n) => String(n / 100));
