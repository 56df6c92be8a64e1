// Owns what a filter's pattern with `*` or `^` matches: `*` stands for any characters, `^` for one separator (what is no letter, digit, `_`, `-`, `.` or
// `%`) or the end of the URL; all else is itself. There is no document but Adblock Plus's "How to write filters"; the readers of lists agree on this.
// No regular expression: nothing grows while it matches, and the time is at most URL times the longest text between two stars.

export interface WildcardPattern {
  /** What stands between the stars, in order. */
  readonly pieces: readonly Piece[];
  /** `|` before it: it begins where the URL does. */
  readonly isAtStart: boolean;
  /** `|` behind it: it ends where the URL does. */
  readonly isAtEnd: boolean;
}

interface Piece {
  readonly text: string;
  /** What is looked for: the longest part without `^`, and where it stands in the text; empty when there is none. */
  readonly literal: string;
  readonly literalAt: number;
}

/** @param text in lower case */
export function wildcardPattern(text: string, isAtStart: boolean, isAtEnd: boolean): WildcardPattern {
  return { pieces: text.split('*').map(pieceOf), isAtStart, isAtEnd };
}

/**
 * @param url in lower case
 * @param spend is told of each comparison how many characters it looks at, at most; it may throw
 */
export function matchesWildcards({ pieces, isAtStart, isAtEnd }: WildcardPattern, url: string, spend: Spend): boolean {
  const last = pieces.length - 1;
  let from = 0;
  for (let i = 0; i <= last; i += 1) {
    const piece = pieces[i]!;
    if (i === last && isAtEnd) return endsWith(piece, url, from, i === 0 && isAtStart, spend);
    // Leftmost is enough: it leaves the most room for the pieces that follow.
    from = i === 0 && isAtStart ? endOfMatch(piece, url, 0) : findPiece(piece, url, from, spend);
    if (from === -1) return false;
  }
  return true;
}

type Spend = (characters: number) => void;

/** @returns where the leftmost match ends, or -1 */
function findPiece(piece: Piece, url: string, from: number, spend: Spend): number {
  const { literal, literalAt } = piece;
  if (literal === '') return findSeparators(piece, url, from, spend);
  if (literal === piece.text) {
    const at = url.indexOf(literal, from);
    return at === -1 ? -1 : at + literal.length;
  }
  for (let at = url.indexOf(literal, from + literalAt); at !== -1; at = url.indexOf(literal, at + 1)) {
    spend(piece.text.length);
    const end = endOfMatch(piece, url, at - literalAt);
    if (end !== -1) return end;
  }
  return -1;
}

/** A piece of nothing but `^`, or of nothing at all. */
function findSeparators(piece: Piece, url: string, from: number, spend: Spend): number {
  for (let at = from; at <= url.length; at += 1) {
    spend(piece.text.length);
    const end = endOfMatch(piece, url, at);
    if (end !== -1) return end;
  }
  return -1;
}

/** A separator may be the end itself, so a match that ends there may be shorter than the piece. */
function endsWith(piece: Piece, url: string, from: number, isAtStart: boolean, spend: Spend): boolean {
  if (isAtStart) return endOfMatch(piece, url, 0) === url.length;
  for (let at = Math.max(from, url.length - piece.text.length); at <= url.length; at += 1) {
    spend(piece.text.length);
    if (endOfMatch(piece, url, at) === url.length) return true;
  }
  return false;
}

function endOfMatch({ text }: Piece, url: string, start: number): number {
  let at = start;
  for (let i = 0; i < text.length; i += 1) {
    const expected = text.charCodeAt(i);
    if (expected !== CARET) {
      if (at >= url.length || url.charCodeAt(at) !== expected) return -1;
      at += 1;
    } else if (at < url.length) {
      if (!isSeparator(url.charCodeAt(at))) return -1;
      at += 1;
    }
  }
  return at;
}

function pieceOf(text: string): Piece {
  let literal = '';
  let literalAt = 0;
  let at = 0;
  for (const part of text.split('^')) {
    if (part.length > literal.length) [literal, literalAt] = [part, at];
    at += part.length + 1;
  }
  return { text, literal, literalAt };
}

function isSeparator(c: number): boolean {
  const isDigit = c >= 0x30 && c <= 0x39;
  const isLetter = (c >= 0x61 && c <= 0x7a) || (c >= 0x41 && c <= 0x5a);
  return !isDigit && !isLetter && c !== UNDERSCORE && c !== HYPHEN && c !== DOT && c !== PERCENT;
}

const CARET = 0x5e;
const UNDERSCORE = 0x5f;
const HYPHEN = 0x2d;
const DOT = 0x2e;
const PERCENT = 0x25;
