// Owns reading forms: names and values of a URL-encoded one (WHATWG URL §5.1), and the parts of multipart content (RFC 2046 §5.1, RFC 7578).
import type { RecordedFields } from '../recorded.ts';

/** @throws never */
export function formRows(text: string): [name: string, value: string][] {
  return text.split('&', MAX_ROWS).flatMap((pair) => [...new URLSearchParams(pair)]);
}

export interface Part {
  readonly fields: RecordedFields;
  readonly octets: Buffer;
  /** `field name`, `file avatar.png`, `part 2`. */
  readonly title: string;
}

/**
 * @param boundary  of the media type
 * @returns its parts, without preamble and epilogue; none where the boundary does not occur
 * @throws never
 */
export function partsOf(octets: Buffer, boundary: string): Part[] {
  const delimiter = Buffer.from(`--${boundary}`, 'latin1');
  const parts: Part[] = [];
  let start = octets.indexOf(delimiter);
  while (start !== -1 && parts.length < MAX_PARTS) {
    const head = start + delimiter.length;
    if (octets.toString('latin1', head, head + 2) === '--') break;
    const next = octets.indexOf(Buffer.from(`\r\n--${boundary}`, 'latin1'), head);
    parts.push(readPart(octets.subarray(head, next === -1 ? octets.length : next), parts.length + 1));
    start = next === -1 ? -1 : next + 2;
  }
  return parts;
}

/** The boundary parameter; `null` without one. */
export function boundaryOf(contentType: string): string | null {
  const found = /;\s*boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(contentType);
  return found?.[1] ?? found?.[2] ?? null;
}

/** From behind the delimiter: the rest of its line, fields, an empty line, content. */
function readPart(octets: Buffer, number: number): Part {
  const lineEnd = octets.indexOf('\r\n');
  const headEnd = octets.indexOf('\r\n\r\n');
  // Without fields the empty line is the delimiter's own.
  const head = headEnd <= lineEnd ? '' : octets.toString('latin1', lineEnd + 2, Math.min(headEnd, lineEnd + MAX_HEAD));
  const fields = head.split('\r\n').flatMap((line): [string, string][] => {
    const colon = line.indexOf(':');
    return colon < 1 ? [] : [[line.slice(0, colon), line.slice(colon + 1).trim()]];
  });
  const disposition = fields.find(([name]) => name.toLowerCase() === 'content-disposition')?.[1] ?? '';
  const file = parameterOf(disposition, 'filename');
  const name = parameterOf(disposition, 'name');
  const title = file !== null ? `file ${file}` : name !== null ? `field ${name}` : `part ${number}`;
  return { fields, octets: headEnd === -1 ? octets.subarray(octets.length) : octets.subarray(headEnd + 4), title };
}

function parameterOf(disposition: string, name: string): string | null {
  const found = new RegExp(`;\\s*${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s;]+))`, 'i').exec(disposition);
  return found === null ? null : Buffer.from(found[1] ?? found[2]!, 'latin1').toString('utf8');
}

const MAX_ROWS = 10_000;
const MAX_PARTS = 1_000;
const MAX_HEAD = 16 * 1024;
