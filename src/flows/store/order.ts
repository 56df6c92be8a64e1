// Owns the orders in which a list can be shown, and what of each row is kept for them: a number, or the beginning of a text, beside the heap.
import { urlOf } from '../filter/text-tests.ts';
import type { Summary } from '../recorded.ts';

export interface Order {
  /** `null`: the order in which exchanges began. */
  readonly column: Column | null;
  readonly isDescending: boolean;
}

export interface Column {
  makeKeys(): SortKeys;
}

/** Of a list of rows, each at its place. */
export interface SortKeys {
  /** Room for so many. */
  grow(capacity: number): void;
  set(at: number, summary: Summary): void;
  isSame(at: number, summary: Summary): boolean;
  /** Moves `count` of them; like `TypedArray.copyWithin`. */
  move(to: number, from: number, count: number): void;
  /** Below zero: the one here comes first. */
  compare(at: number, other: SortKeys, otherAt: number): number;
}

/** @returns `null` when there is no such column */
export function parseOrder(text: string): Order | null {
  const isDescending = text.startsWith('-');
  const name = isDescending ? text.slice(1) : text;
  if (name === 'id' || name === '') return { column: null, isDescending };
  const asNumber = NUMBERS.get(name);
  if (asNumber !== undefined) return { column: { makeKeys: () => new NumberKeys(asNumber) }, isDescending };
  const asText = TEXTS.get(name);
  return asText === undefined ? null : { column: { makeKeys: () => new TextKeys(asText) }, isDescending };
}

class NumberKeys implements SortKeys {
  readonly #of: (summary: Summary) => number | null;
  #keys = new Float64Array(0);

  constructor(of: (summary: Summary) => number | null) {
    this.#of = of;
  }

  grow(capacity: number): void {
    const keys = new Float64Array(capacity);
    keys.set(this.#keys);
    this.#keys = keys;
  }

  set(at: number, summary: Summary): void {
    this.#keys[at] = this.#key(summary);
  }

  isSame(at: number, summary: Summary): boolean {
    return this.#keys[at] === this.#key(summary);
  }

  move(to: number, from: number, count: number): void {
    this.#keys.copyWithin(to, from, from + count);
  }

  compare(at: number, other: NumberKeys, otherAt: number): number {
    const a = this.#keys[at]!;
    const b = other.#keys[otherAt]!;
    return a < b ? -1 : a > b ? 1 : 0;
  }

  /** What is not known yet comes before what is. */
  #key(summary: Summary): number {
    return this.#of(summary) ?? -1;
  }
}

/** By the first 32 characters, in either case. */
class TextKeys implements SortKeys {
  readonly #of: (summary: Summary) => string | null;
  /** Of each row eight words of four octets, the first one the highest. */
  #words = new Uint32Array(0);

  constructor(of: (summary: Summary) => string | null) {
    this.#of = of;
  }

  grow(capacity: number): void {
    const words = new Uint32Array(capacity * WORDS);
    words.set(this.#words);
    this.#words = words;
  }

  set(at: number, summary: Summary): void {
    const text = this.#text(summary);
    for (let i = 0; i < WORDS; i += 1) this.#words[at * WORDS + i] = wordAt(text, 4 * i);
  }

  isSame(at: number, summary: Summary): boolean {
    const text = this.#text(summary);
    for (let i = 0; i < WORDS; i += 1) if (this.#words[at * WORDS + i] !== wordAt(text, 4 * i)) return false;
    return true;
  }

  move(to: number, from: number, count: number): void {
    this.#words.copyWithin(to * WORDS, from * WORDS, (from + count) * WORDS);
  }

  compare(at: number, other: TextKeys, otherAt: number): number {
    for (let i = 0; i < WORDS; i += 1) {
      const a = this.#words[at * WORDS + i]!;
      const b = other.#words[otherAt * WORDS + i]!;
      if (a !== b) return a < b ? -1 : 1;
    }
    return 0;
  }

  #text(summary: Summary): string {
    return (this.#of(summary) ?? '').slice(0, 4 * WORDS).toLowerCase();
  }
}

function wordAt(text: string, at: number): number {
  return ((octetAt(text, at) << 24) | (octetAt(text, at + 1) << 16) | (octetAt(text, at + 2) << 8) | octetAt(text, at + 3)) >>> 0;
}

/** Behind its end there is nothing, which comes first. */
function octetAt(text: string, at: number): number {
  return at < text.length ? text.charCodeAt(at) & 0xff : 0;
}

const WORDS = 8;
const NUMBERS = new Map<string, (summary: Summary) => number | null>(
  Object.entries({
    startedAtMs: (summary: Summary) => summary.startedAtMs,
    port: (summary: Summary) => summary.port,
    status: (summary: Summary) => summary.status,
    reported: (summary: Summary) => summary.reported,
    requestBytes: (summary: Summary) => summary.requestBytes,
    responseBytes: (summary: Summary) => summary.responseBytes,
    bytes: (summary: Summary) => summary.requestBytes + summary.responseBytes,
    resolveMs: (summary: Summary) => summary.resolveMs,
    connectMs: (summary: Summary) => summary.connectMs,
    tlsMs: (summary: Summary) => summary.tlsMs,
    firstByteMs: (summary: Summary) => summary.firstByteMs,
    totalMs: (summary: Summary) => summary.totalMs,
    messages: (summary: Summary) => summary.messages,
  }),
);
const TEXTS = new Map<string, (summary: Summary) => string | null>(
  Object.entries({
    state: (summary: Summary) => summary.state,
    kind: (summary: Summary) => summary.kind,
    client: (summary: Summary) => summary.client,
    user: (summary: Summary) => summary.user,
    method: (summary: Summary) => summary.method,
    scheme: (summary: Summary) => summary.scheme,
    host: (summary: Summary) => summary.host,
    path: (summary: Summary) => summary.path,
    url: urlOf,
    version: (summary: Summary) => summary.version,
    outcome: (summary: Summary) => summary.outcome,
    error: (summary: Summary) => summary.error,
    decision: (summary: Summary) => summary.decision,
    rule: (summary: Summary) => summary.rule,
    cache: (summary: Summary) => summary.cache,
    interception: (summary: Summary) => summary.interception,
    contentType: (summary: Summary) => summary.contentType,
  }),
);
