// Owns going through a list line by line and counting what became of each. Lines are octets in the file's own memory: a string for each of a
// million lines would cost more than all the rest. A line ends with LF or CRLF; blanks around it and a byte order mark mean nothing.
import type { ListCounts, SkippedLine } from './list.ts';

/** What a line was: an entry, nothing (blank, a comment), something that is of no use here, or nothing that this format knows. */
export type LineVerdict = 'entry' | 'nothing' | 'ignored' | 'unreadable';

export type LineTally = Omit<ListCounts, 'entries'> & { readonly lines: number };

/** The list has more than can be held. */
export class ListTooLong extends Error {}

/**
 * Gives each line that is not blank to `readLine`, blanks around it cut off.
 *
 * @param maxLength  octets; a longer line is unreadable
 * @param isIndented  whether blanks came before it; to an RPZ zone, they say something
 * @returns how many lines said something, and what became of them
 */
export function readLines(
  octets: Uint8Array,
  maxLength: number,
  readLine: (octets: Uint8Array, start: number, end: number, isIndented: boolean) => LineVerdict,
): LineTally {
  const counts = { entry: 0, nothing: 0, ignored: 0, unreadable: 0 };
  const firstSkipped: SkippedLine[] = [];
  let line = 0;
  for (let at = hasByteOrderMark(octets) ? 3 : 0; at < octets.length; ) {
    line += 1;
    let end = at;
    while (end < octets.length && octets[end] !== LF) end += 1;
    const next = end + 1;
    let start = at;
    while (start < end && isBlank(octets[start]!)) start += 1;
    while (start < end && isBlank(octets[end - 1]!)) end -= 1;
    if (start < end) {
      const verdict = end - start > maxLength ? 'unreadable' : readLine(octets, start, end, start > at);
      counts[verdict] += 1;
      if (verdict === 'unreadable' && firstSkipped.length < SKIPPED_SHOWN) firstSkipped.push({ line, text: shown(octets, start, end) });
    }
    at = next;
  }
  const { entry, ignored, unreadable } = counts;
  return { lines: entry + ignored + unreadable, skipped: unreadable, ignored, firstSkipped };
}

/** A part of a line as text; octets beyond ASCII are taken for ISO-8859-1, for parsers that know none of them. */
export function asciiText(octets: Uint8Array, start: number, end: number): string {
  return Buffer.from(octets.buffer, octets.byteOffset + start, end - start).toString('latin1');
}

export function utf8Text(octets: Uint8Array, start: number, end: number): string {
  return Buffer.from(octets.buffer, octets.byteOffset + start, end - start).toString();
}

/** Where a comment begins, the line's end when there is none. In front of it stands a blank or nothing: `example.com##.ad` has none. */
export function commentStart(octets: Uint8Array, start: number, end: number): number {
  for (let i = start; i < end; i += 1) {
    if (octets[i] === NUMBER_SIGN && (i === start || isBlank(octets[i - 1]!))) return i;
  }
  return end;
}

/** A space, a tab, or the CR of a line's end. */
export function isBlank(octet: number): boolean {
  return octet === 0x20 || octet === 0x09 || octet === 0x0d;
}

function hasByteOrderMark(octets: Uint8Array): boolean {
  return octets[0] === 0xef && octets[1] === 0xbb && octets[2] === 0xbf;
}

/** The file may be anybody's, and the text may end in a terminal. */
function shown(octets: Uint8Array, start: number, end: number): string {
  const text = asciiText(octets, start, Math.min(end, start + SHOWN_LENGTH)).replace(/[^ -~]/g, '?');
  return end - start > SHOWN_LENGTH ? `${text}...` : text;
}

const SKIPPED_SHOWN = 5;
const SHOWN_LENGTH = 80;
const LF = 0x0a;
const NUMBER_SIGN = 0x23;
