// Owns a stored response as memory keeps it, and how much memory that is. Texts that were cut out of a head section keep all of it alive, whatever of
// it is stored; here they are cut out of one text of their own, so that what is counted is what is held.
import { fieldValue, hasField, isNamed } from '../../http/fields.ts';
import { keptResponseFields } from '../../http/forwarding.ts';
import type { Field, Fields, HttpVersion, PreparedFields } from '../../http/message.ts';
import type { Extent, SelectingField, StoredResponse } from '../stored-response.ts';
import type { Content } from './slabs.ts';

export class KeptResponse implements StoredResponse {
  readonly id: string;
  readonly key: string;
  readonly selectedBy: readonly SelectingField[];
  readonly status: number;
  readonly reason: string;
  readonly version: HttpVersion;
  readonly fields: Fields;
  readonly requestTimeMs: number;
  readonly responseTimeMs: number;
  readonly extent: Extent;
  readonly isFromAuthorized: boolean;
  readonly isInvalidated: boolean;
  readonly origin: StoredResponse['origin'];
  readonly tags: readonly string[];
  // Not to be seen by those who copy a stored response to change it: their copies would keep the content alive, and answer with the old fields.
  readonly #content: Content | null;
  readonly #prepared: PreparedFields;
  readonly #headBytes: number;

  /**
   * @param key the same text for all of a key
   * @param content `null` when it lies elsewhere
   */
  constructor(stored: StoredResponse, key: string, content: Content | null) {
    const isSent = whichAreSent(stored.fields);
    const texts = new OwnTexts(textsOf(stored, isSent));
    this.id = texts.next(stored.id.length);
    this.key = key;
    this.reason = texts.next(stored.reason.length);
    this.selectedBy = copyOf(stored.selectedBy, ({ name, value }) => ({
      name: texts.next(name.length),
      value: value === null ? null : texts.next(value.length),
    }));
    this.tags = copyOf(stored.tags, (tag) => texts.next(tag.length));
    const { fields, lines } = texts.nextFields(stored.fields, isSent);
    this.fields = fields;
    this.#prepared = { lines, hasDate: hasField(fields, 'date'), contentType: fieldValue(fields, 'content-type') ?? null };
    this.status = stored.status;
    this.version = stored.version;
    this.requestTimeMs = stored.requestTimeMs;
    this.responseTimeMs = stored.responseTimeMs;
    const { first, length, completeLength } = stored.extent;
    this.extent = { first, length, completeLength };
    this.isFromAuthorized = stored.isFromAuthorized;
    this.isInvalidated = stored.isInvalidated;
    this.origin = stored.origin && { address: texts.next(stored.origin.address.length), port: stored.origin.port };
    this.#content = content;
    this.#headBytes = texts.bytes + headBytes(stored);
  }

  get prepared(): PreparedFields {
    return this.#prepared;
  }

  /** Apart from the object, lest a copy of it has it too. */
  static contentOf(kept: KeptResponse): Content | null {
    return kept.#content;
  }

  static bytesOf(kept: KeptResponse): number {
    return kept.#headBytes + contentBytes(kept.#content);
  }
}

/** A text of its own, not a part of another one. */
export function ownText(text: string): string {
  return new OwnTexts([text, ' ']).next(text.length);
}

/** Octets of a text in memory. */
export function textBytes(text: string): number {
  return TEXT_BYTES + (WIDE.test(text) ? 2 : 1) * text.length;
}

/** Of each field, whether it goes to every client as it is. */
function whichAreSent(fields: Fields): readonly boolean[] {
  const kept = keptResponseFields(fields);
  let next = 0;
  return fields.map((field) => {
    if (field !== kept[next]) return false;
    next += 1;
    return !isNamed(field.name, 'age');
  });
}

/** In the order in which the constructor asks for them again. */
function textsOf({ id, reason, selectedBy, tags, fields, origin }: StoredResponse, isSent: readonly boolean[]): string[] {
  const texts = [id, reason];
  for (const { name, value } of selectedBy) texts.push(name, value ?? '');
  texts.push(...tags);
  // Those that are sent lie next to each other, so that their lines are one part of the text.
  for (const { name, value } of fields.filter((_, i) => isSent[i])) texts.push(`${name}: ${value}\r\n`);
  for (const { name, value } of fields.filter((_, i) => !isSent[i])) texts.push(`${name}: ${value}\r\n`);
  if (origin !== null) texts.push(origin.address);
  return texts;
}

class OwnTexts {
  readonly #all: string;
  #at = 0;

  constructor(texts: readonly string[]) {
    this.#all = texts.join('');
  }

  get bytes(): number {
    return textBytes(this.#all);
  }

  next(length: number): string {
    this.#at += length;
    return this.#all.slice(this.#at - length, this.#at);
  }

  /** All fields in their order, and the lines of those that are sent. */
  nextFields(all: Fields, isSent: readonly boolean[]): { readonly fields: Fields; readonly lines: string } {
    const fields = copyOf(all, (field) => field) as Field[];
    const start = this.#at;
    for (let i = 0; i < all.length; i += 1) if (isSent[i]) fields[i] = this.#nextField(all[i]!);
    const lines = this.#all.slice(start, this.#at);
    for (let i = 0; i < all.length; i += 1) if (!isSent[i]) fields[i] = this.#nextField(all[i]!);
    return { fields, lines };
  }

  #nextField({ name, value }: Field): Field {
    const start = this.#at;
    this.#at += name.length + value.length + LINE_OCTETS;
    const valueStart = start + name.length + ': '.length;
    const ownName = COMMON_NAMES.get(name) ?? this.#all.slice(start, start + name.length);
    return new KeptField(ownName, this.#all.slice(valueStart, valueStart + value.length), this.#all, start);
  }
}

class KeptField implements Field {
  readonly name: string;
  readonly value: string;
  readonly #text: string;
  readonly #start: number;

  constructor(name: string, value: string, text: string, start: number) {
    this.name = name;
    this.value = value;
    this.#text = text;
    this.#start = start;
  }

  /** Cut out when it is written: that is cheaper than making it, and than keeping it. A copy of the field with another value has none. */
  get line(): string {
    return this.#text.slice(this.#start, this.#start + this.name.length + this.value.length + LINE_OCTETS);
  }
}

/** One empty list serves all. */
function copyOf<T>(all: readonly T[], copy: (one: T) => T): readonly T[] {
  return all.length === 0 ? (NONE as readonly T[]) : all.map(copy);
}

function headBytes({ selectedBy, tags, fields }: StoredResponse): number {
  const others = fields.filter(({ name }) => !COMMON_NAMES.has(name)).length;
  return HEAD_BYTES + fields.length * FIELD_BYTES + others * NAME_BYTES + selectedBy.length * SELECTING_BYTES + tags.length * TEXT_BYTES;
}

function contentBytes(content: Content | null): number {
  if (content === null) return 0;
  if (Buffer.isBuffer(content)) return content.length === 0 ? 0 : BUFFER_BYTES + content.length;
  return content.reduce((sum, slab) => sum + BUFFER_BYTES + slab.length, 0);
}

// Most fields of most responses: one text serves them all, in either spelling.
const COMMON_NAMES = new Map(
  [
    'Accept-Ranges',
    'Access-Control-Allow-Origin',
    'Alt-Svc',
    'Cache-Control',
    'Content-Disposition',
    'Content-Encoding',
    'Content-Language',
    'Content-Length',
    'Content-Location',
    'Content-Range',
    'Content-Security-Policy',
    'Content-Type',
    'Date',
    'ETag',
    'Expires',
    'Last-Modified',
    'Link',
    'Referrer-Policy',
    'Server',
    'Set-Cookie',
    'Strict-Transport-Security',
    'Timing-Allow-Origin',
    'Vary',
    'Via',
    'X-Cache',
    'X-Content-Type-Options',
    'X-Frame-Options',
    'X-Served-By',
  ]
    .flatMap((name) => [name, name.toLowerCase()])
    .map((name) => [name, name]),
);
const NONE: readonly never[] = Object.freeze([]);
const WIDE = /[^\0-\xff]/;
const LINE_OCTETS = ': \r\n'.length;
// Measured with Node 26 on 64 bits (test/bench/cache-memory.ts): objects, lists and the headers of texts.
const HEAD_BYTES = 370;
const FIELD_BYTES = 96;
const NAME_BYTES = 32;
const SELECTING_BYTES = 112;
const TEXT_BYTES = 40;
// A third of it lies outside of the heap, where nobody counts: seen in the resident set alone.
const BUFFER_BYTES = 300;
