// Owns the answer that a stored response makes: 200 or whatever its status is, 206, 304 or 416, with its fields and which stored octets
// (RFC 9111 §4, §4.3.2; RFC 9110 §13.2.2, §14, §15.3.7, §15.4.5, §15.5.17). Date and Expires stay as they came; Age is exactly one, ours.
// Conditions and ranges count only where the answer would otherwise be a 200: on a stored 404 both are ignored.
import { fieldValue, isNamed } from '../../http/fields.ts';
import type { Field, Fields, HttpVersion, ResponseHead } from '../../http/message.ts';
import type { StoredResponse } from '../stored-response.ts';
import { isNotModified } from './preconditions.ts';
import { contentFor, formatContentRange, type Section } from './ranges.ts';

export interface Answer extends ResponseHead {
  readonly fields: Field[];
  /** The octets of the stored content that it sends; `null` for none (304, 416), and where it is multipart. */
  readonly content: { readonly first: number; readonly length: number } | null;
  /** Several ranges: multipart/byteranges (RFC 9110 §14.6). */
  readonly multipart: Multipart | null;
}

export interface Multipart {
  readonly parts: readonly Part[];
  /** What comes behind the last of them. */
  readonly end: string;
  /** Octets of all that. */
  readonly length: number;
}

export interface Part {
  /** What comes before its octets: ASCII. */
  readonly head: string;
  /** In the stored content. */
  readonly first: number;
  readonly length: number;
}

/**
 * The answer to a GET or HEAD that `judgeReuse` lets a stored response answer. To a HEAD the content is not to be sent; its fields speak of it.
 *
 * @param nowMs  for the years of RFC 850 dates
 * @param boundary  makes a boundary that does not occur in any content, by chance; asked only for multipart content
 */
export function shapeAnswer(
  request: { readonly method: string; readonly fields: Fields },
  stored: StoredResponse,
  ageSeconds: number,
  nowMs: number,
  boundary: () => string,
): Answer {
  if ((stored.status === 200 || stored.status === 206) && isNotModified(request.fields, stored, nowMs)) {
    const fields = notModifiedFields(stored, ageSeconds);
    return { status: 304, reason: 'Not Modified', version: stored.version, fields, content: null, multipart: null };
  }
  const choice = contentFor(request.method, request.fields, stored);
  if (choice === 'unsatisfiable') return unsatisfiable(stored, ageSeconds);
  if (choice === 'whole' && stored.status === 206) return wholeOfPart(stored, ageSeconds);
  if (typeof choice === 'string') return new AnswerAsStored(stored, ageSeconds);
  return choice.length === 1 ? partial(stored, ageSeconds, choice[0]!) : multipart(stored, ageSeconds, choice, boundary());
}

/**
 * What is stored as it is; what is still on its way, too, which has no length yet. Most answers are of this kind, and most are written from what is
 * prepared: the list of fields is made for those who ask for it.
 */
class AnswerAsStored implements Answer {
  readonly status: number;
  readonly reason: string;
  readonly version: HttpVersion;
  readonly content: { readonly first: number; readonly length: number };
  readonly multipart = null;
  // Not to be seen by those who copy the answer to change its fields.
  readonly #stored: StoredResponse;
  readonly #ageSeconds: number;

  constructor(stored: StoredResponse, ageSeconds: number) {
    this.status = stored.status;
    this.reason = stored.reason;
    this.version = stored.version;
    this.content = { first: 0, length: stored.extent.length };
    this.#stored = stored;
    this.#ageSeconds = ageSeconds;
  }

  get fields(): Field[] {
    return fieldsWith(this.#stored.fields, this.#ageSeconds, null);
  }

  get prepared(): ResponseHead['prepared'] {
    const shared = this.#stored.prepared;
    return shared && { shared, own: [ageField(this.#ageSeconds)] };
  }
}

/** A part that is all there is answers as a 200 (RFC 9111 §3.3). */
function wholeOfPart(stored: StoredResponse, ageSeconds: number): Answer {
  const fields = fieldsWith(stored.fields, ageSeconds, DESCRIBES_RANGE);
  const content = { first: 0, length: stored.extent.length };
  return { status: 200, reason: 'OK', version: stored.version, fields, content, multipart: null };
}

function partial(stored: StoredResponse, ageSeconds: number, { first, length, offset }: Section): Answer {
  const fields = fieldsWith(stored.fields, ageSeconds, DESCRIBES_CONTENT);
  fields.push({ name: 'Content-Range', value: formatContentRange(first, length, stored.extent.completeLength) });
  fields.push({ name: 'Content-Length', value: String(length) });
  const content = { first: offset, length };
  return { status: 206, reason: 'Partial Content', version: stored.version, fields, content, multipart: null };
}

/** RFC 9110 §15.3.7.2: the media type moves into the parts. */
function multipart(stored: StoredResponse, ageSeconds: number, sections: readonly Section[], boundary: string): Answer {
  const type = fieldValue(stored.fields, 'content-type');
  const typeLine = type === undefined ? '' : `Content-Type: ${type}\r\n`;
  const end = `\r\n--${boundary}--\r\n`;
  let total = end.length;
  const parts = sections.map(({ first, length, offset }): Part => {
    const range = formatContentRange(first, length, stored.extent.completeLength);
    const head = `\r\n--${boundary}\r\n${typeLine}Content-Range: ${range}\r\n\r\n`;
    total += head.length + length;
    return { head, first: offset, length };
  });
  const fields = fieldsWith(stored.fields, ageSeconds, DESCRIBES_CONTENT).filter(({ name }) => !isNamed(name, 'content-type'));
  fields.push({ name: 'Content-Type', value: `multipart/byteranges; boundary=${boundary}` });
  fields.push({ name: 'Content-Length', value: String(total) });
  const several = { parts, end, length: total };
  return { status: 206, reason: 'Partial Content', version: stored.version, fields, content: null, multipart: several };
}

/** The fields of a representation that is not sent would be taken for those of this answer: only what a 304 has, too, goes along. */
function unsatisfiable(stored: StoredResponse, ageSeconds: number): Answer {
  const fields = notModifiedFields(stored, ageSeconds);
  fields.push({ name: 'Content-Range', value: `bytes */${stored.extent.completeLength ?? stored.extent.length}` });
  fields.push({ name: 'Content-Length', value: '0' });
  return { status: 416, reason: 'Range Not Satisfiable', version: stored.version, fields, content: null, multipart: null };
}

/** RFC 9110 §15.4.5: what updates the copy that the client has. */
function notModifiedFields(stored: StoredResponse, ageSeconds: number): Field[] {
  const fields = stored.fields.filter(({ name }) => {
    const lower = name.toLowerCase();
    return IN_NOT_MODIFIED.has(lower) || lower.endsWith('-cache-control'); // those of RFC 9213 speak to caches, too
  });
  fields.push(ageField(ageSeconds));
  return fields;
}

function fieldsWith(stored: Fields, ageSeconds: number, dropped: ReadonlySet<string> | null): Field[] {
  const fields: Field[] = [];
  for (let i = 0; i < stored.length; i += 1) {
    const field = stored[i]!;
    const { name } = field;
    if (name.length === 3 && isNamed(name, 'age')) continue;
    if (dropped?.has(name.toLowerCase())) continue;
    fields.push(field);
  }
  fields.push(ageField(ageSeconds));
  return fields;
}

function ageField(seconds: number): Field {
  return { name: 'Age', value: String(seconds) };
}

const IN_NOT_MODIFIED: ReadonlySet<string> = new Set([
  'cache-control',
  'content-location',
  'date',
  'etag',
  'expires',
  'last-modified',
  'vary',
]);
const DESCRIBES_RANGE: ReadonlySet<string> = new Set(['content-range']);
/** What the origin said of the content as it sent it; a digest of the representation stays true (RFC 9530). */
const DESCRIBES_CONTENT: ReadonlySet<string> = new Set(['content-range', 'content-length', 'content-md5', 'content-digest']);
