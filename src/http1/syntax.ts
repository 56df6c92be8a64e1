// Owns the characters of field values (RFC 9110 §5.5) as a table, and the reading of start lines and field lines out of latin1 text.
// Strict: one SP where the grammar has one, CRLF at every line's end, no blank before a colon, no folded line, no control character.
// A departure: of a response, RFC 9112 §5.1 has a proxy take out the blank before a colon; it is refused here (502), since two readers may take it for
// two things.
import type { Field, HttpVersion } from '../http/message.ts';
import { IS_TOKEN } from '../http/token.ts';
import { ReadField } from './read-field.ts';

export interface StartLineOfRequest {
  readonly method: string;
  readonly target: string;
  readonly version: HttpVersion;
}

/** What is wrong with a head; the reader turns it into the `ProxyError` that fits its side. */
export class SyntaxProblem {
  readonly message: string;
  readonly kind: 'syntax' | 'version' | 'target-size' | 'field-count';
  constructor(message: string, kind: SyntaxProblem['kind'] = 'syntax') {
    this.message = message;
    this.kind = kind;
  }
}

/** `method SP request-target SP HTTP-version` (RFC 9112 §3). */
export function parseRequestLine(text: string, end: number, targetBytes: number): StartLineOfRequest | SyntaxProblem {
  let i = 0;
  while (i < end && IS_TOKEN[text.charCodeAt(i)] === 1) i += 1;
  if (i === 0 || text.charCodeAt(i) !== SP) return new SyntaxProblem('The request line does not begin with a method and one blank.');
  if (i > LONGEST_METHOD) return new SyntaxProblem(`The method is longer than ${LONGEST_METHOD} characters.`);
  const versionStart = end - 8;
  if (versionStart < i + 3 || text.charCodeAt(versionStart - 1) !== SP)
    return new SyntaxProblem('The request line does not end with one blank and an HTTP version.');
  const target = text.slice(i + 1, versionStart - 1);
  if (target.length > targetBytes)
    return new SyntaxProblem(`The request target has ${target.length} octets; ${targetBytes} are allowed.`, 'target-size');
  for (let k = i + 1; k < versionStart - 1; k += 1) {
    const c = text.charCodeAt(k);
    if (c <= 0x20 || c === 0x7f) return new SyntaxProblem('The request line has a blank or a control character too many.');
  }
  const version = httpVersion(text, versionStart);
  return version instanceof SyntaxProblem ? version : { method: text.slice(0, i), target, version };
}

/** `HTTP-version SP status-code SP [ reason-phrase ]` (RFC 9112 §4); the blank before an absent reason may be missing, as it often is. */
export function parseStatusLine(text: string, end: number): { version: HttpVersion; status: number; reason: string } | SyntaxProblem {
  if (end < 12) return new SyntaxProblem('The status line is too short.');
  const version = httpVersion(text, 0);
  if (version instanceof SyntaxProblem) return version;
  const status = digit(text, 9) * 100 + digit(text, 10) * 10 + digit(text, 11);
  if (text.charCodeAt(8) !== SP || !(status >= 100) || (end > 12 && text.charCodeAt(12) !== SP))
    return new SyntaxProblem('The status line has no status code of three digits.');
  for (let i = 13; i < end; i += 1)
    if (IS_FIELD_TEXT[text.charCodeAt(i)] !== 1) return new SyntaxProblem('The reason phrase has a control character in it.');
  return { version, status, reason: text.slice(13, end) };
}

/**
 * Field lines from `start` to the end of `text`, lines parted by CRLF, without the empty line (RFC 9112 §5).
 */
export function parseFieldLines(text: string, start: number, maxFields: number): Field[] | SyntaxProblem {
  const fields: Field[] = [];
  const length = text.length;
  let i = start;
  while (i < length) {
    const nameStart = i;
    while (IS_TOKEN[text.charCodeAt(i)] === 1) i += 1;
    if (i === nameStart || text.charCodeAt(i) !== COLON) return badFieldLine(text, nameStart, i);
    const name = text.slice(nameStart, i);
    i += 1;
    while (isBlank(text.charCodeAt(i))) i += 1;
    const valueStart = i;
    while (IS_FIELD_TEXT[text.charCodeAt(i)] === 1) i += 1;
    let valueEnd = i;
    if (i < length) {
      if (text.charCodeAt(i) !== CR || text.charCodeAt(i + 1) !== LF)
        return new SyntaxProblem(`The value of the field "${name.slice(0, 60)}" has a control character or a line end that is not CRLF.`);
      i += 2;
    }
    while (valueEnd > valueStart && isBlank(text.charCodeAt(valueEnd - 1))) valueEnd -= 1;
    if (fields.length === maxFields) return new SyntaxProblem(`There are more than ${maxFields} field lines.`, 'field-count');
    // As the writer would make it: then it need not be made again.
    const isWritten = valueEnd === i - 2 && valueStart === nameStart + name.length + 2 && text.charCodeAt(valueStart - 1) === SP;
    fields.push(new ReadField(name, text.slice(valueStart, valueEnd), text, nameStart, isWritten ? i : 0));
  }
  return fields;
}

function badFieldLine(text: string, start: number, at: number): SyntaxProblem {
  const c = text.charCodeAt(at);
  if (at === start) {
    if (isBlank(c)) return new SyntaxProblem('A field line begins with a blank; folded lines are not accepted.');
    return new SyntaxProblem('A field line has no name.');
  }
  const name = text.slice(start, Math.min(at, start + 60));
  if (isBlank(c)) return new SyntaxProblem(`There is a blank between the field name "${name}" and its colon.`);
  return new SyntaxProblem(`The field line "${name}" has no colon after its name, or a character that names cannot have.`);
}

function httpVersion(text: string, at: number): HttpVersion | SyntaxProblem {
  if (text.startsWith('HTTP/1.1', at)) return '1.1';
  if (text.startsWith('HTTP/1.0', at)) return '1.0';
  const isVersion = /^HTTP\/\d\.\d$/.test(text.slice(at, at + 8));
  return isVersion
    ? new SyntaxProblem(`${text.slice(at, at + 8)} is not served on this connection; HTTP/1.1 and HTTP/1.0 are.`, 'version')
    : new SyntaxProblem('There is no HTTP version where one belongs.');
}

function digit(text: string, at: number): number {
  const d = text.charCodeAt(at) - 0x30;
  return d >= 0 && d <= 9 ? d : Number.NaN;
}

function isBlank(c: number): boolean {
  return c === SP || c === HTAB;
}

const SP = 0x20;
const HTAB = 0x09;
const CR = 0x0d;
const LF = 0x0a;
const COLON = 0x3a;
// IANA's longest registered method has 17 characters; this leaves room and still bounds what a log or page repeats.
const LONGEST_METHOD = 40;

/** HTAB, SP, VCHAR and obs-text: what a field value may hold (RFC 9110 §5.5), by code. */
const IS_FIELD_TEXT = new Uint8Array(256);
for (let c = 0; c < 256; c += 1) if (c === HTAB || (c >= 0x20 && c !== 0x7f)) IS_FIELD_TEXT[c] = 1;

/** Whether a text from inside the proxy may stand as a field value or reason phrase as it is. */
export function isFieldText(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) if (IS_FIELD_TEXT[text.charCodeAt(i)] !== 1) return false;
  return true;
}
