// Owns a stored response as memory keeps it, and how much memory that is. Texts that were cut out of a head section keep all of it alive, whatever of
// it is stored; here they are cut out of one text of their own, so that what is counted is what is held.
import { fieldValue, hasField } from '../../http/fields.ts';
import type { Field, Fields, HttpVersion, PreparedFields } from '../../http/message.ts';
import type { Extent, SelectingField, StoredResponse } from '../stored-response.ts';
import { IS_1_0, IS_2, IS_FROM_AUTHORIZED, IS_INVALIDATED, PackedHead } from './packed-head.ts';
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
   * @param head at its beginning
   * @param content `null` when it lies elsewhere
   */
  constructor(head: PackedHead, content: Content | null) {
    const idLength = head.nextNumber();
    const keyLength = head.nextNumber();
    const reasonLength = head.nextNumber();
    this.id = head.nextText(idLength);
    this.key = head.nextText(keyLength);
    this.reason = head.nextText(reasonLength);
    this.status = head.nextNumber();
    const flags = head.nextNumber();
    this.version = flags & IS_2 ? '2' : flags & IS_1_0 ? '1.0' : '1.1';
    this.isFromAuthorized = (flags & IS_FROM_AUTHORIZED) !== 0;
    this.isInvalidated = (flags & IS_INVALIDATED) !== 0;
    this.requestTimeMs = head.requestTimeMs;
    this.responseTimeMs = head.responseTimeMs;
    this.extent = { first: head.nextNumber(), length: head.nextNumber(), completeLength: head.nextMaybe() };
    this.selectedBy = listOf(head, nextSelectingField);
    this.tags = listOf(head, nextText);
    const lines = head.sentLines;
    this.fields = nextFields(head);
    this.#prepared = { lines, hasDate: hasField(this.fields, 'date'), contentType: fieldValue(this.fields, 'content-type') ?? null };
    const port = head.nextMaybe();
    this.origin = port === null ? null : { address: nextText(head), port };
    this.#content = content;
    this.#headBytes = headBytes(this, head.text);
  }

  static of(stored: StoredResponse, content: Content | null): KeptResponse {
    return new KeptResponse(PackedHead.of(stored), content);
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

/** Octets of a text in memory. */
function textBytes(text: string): number {
  return TEXT_BYTES + (WIDE.test(text) ? 2 : 1) * text.length;
}

/** One empty list serves all. */
function listOf<T>(head: PackedHead, next: (head: PackedHead) => T): readonly T[] {
  const count = head.nextNumber();
  if (count === 0) return NONE;
  const all: T[] = [];
  for (let i = 0; i < count; i += 1) all.push(next(head));
  return all;
}

function nextText(head: PackedHead): string {
  return head.nextText(head.nextNumber());
}

function nextSelectingField(head: PackedHead): SelectingField {
  const name = nextText(head);
  const valueLength = head.nextMaybe();
  return { name, value: valueLength === null ? null : head.nextText(valueLength) };
}

/** In their order, although the lines of those that are not sent come behind the others. */
function nextFields(head: PackedHead): Fields {
  const { text } = head;
  let sentAt = head.position;
  let otherAt = sentAt + head.sentLines.length;
  const fields = listOf(head, () => {
    const isSent = head.nextNumber() === 1;
    const start = isSent ? sentAt : otherAt;
    const valueStart = start + head.nextNumber() + ': '.length;
    const valueEnd = valueStart + head.nextNumber();
    if (isSent) sentAt = valueEnd + '\r\n'.length;
    else otherAt = valueEnd + '\r\n'.length;
    const name = text.slice(start, valueStart - ': '.length);
    return new KeptField(COMMON_NAMES.get(name) ?? name, text.slice(valueStart, valueEnd), text, start);
  });
  head.position = otherAt;
  return fields;
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

function headBytes({ selectedBy, tags, fields }: StoredResponse, text: string): number {
  let others = 0;
  for (const { name } of fields) if (!COMMON_NAMES.has(name)) others += 1;
  const parts = fields.length * FIELD_BYTES + others * NAME_BYTES + selectedBy.length * SELECTING_BYTES + tags.length * TEXT_BYTES;
  return HEAD_BYTES + textBytes(text) + parts;
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
