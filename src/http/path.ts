// Owns the normal form of a path: the one that path rules are matched against, and the one that is then sent (RFC 3986 §6.2.2).
// Two spellings that an origin may take for one must not pass a rule differently, so what cannot be put into one form is not usable:
// encoded slashes and backslashes, control characters, percent-codes that are no UTF-8 (overlong ones too), `..;` segments.
// Reserved characters and their percent-codes stay apart (RFC 3986 §2.2): `/a;b` and `/a%3Bb` are two paths. The query is left as it is.

export interface NormalisedPath {
  readonly path: string;
  /** From the `?` on, as it came; empty without one. */
  readonly query: string;
  /** What to send. */
  readonly pathAndQuery: string;
  /** False when `problem` says why the path has no safe normal form; the other members then hold it as it came. */
  readonly isUsable: boolean;
  /** A few words that follow "the path": `has an encoded slash (%2F)`; empty when usable. */
  readonly problem: string;
}

/**
 * The normal form: dot segments resolved (`%2e` too), codes of unreserved characters decoded, other codes in upper case, characters that
 * a path cannot hold encoded, repeated slashes folded. A path in normal form is returned as the very same string.
 *
 * @param pathAndQuery origin-form as it came, one character an octet; or `*`, the asterisk-form, which has no path to change
 * @throws never
 */
export function normalisePath(pathAndQuery: string): NormalisedPath {
  const end = pathEnd(pathAndQuery);
  const path = end === pathAndQuery.length ? pathAndQuery : pathAndQuery.slice(0, end);
  const query = end === pathAndQuery.length ? '' : pathAndQuery.slice(end);
  if (isNormal(path) || pathAndQuery === '*') return { path, query, pathAndQuery, isUsable: true, problem: '' };

  const decoded = path.charCodeAt(0) === SLASH ? normalCodes(path) : { problem: 'does not begin with a slash' };
  if (typeof decoded !== 'string') return { path, query, pathAndQuery, isUsable: false, problem: decoded.problem };
  const resolved = resolveSegments(decoded);
  if (resolved === null) return { path, query, pathAndQuery, isUsable: false, problem: 'has a dot segment with a parameter (..;)' };
  return { path: resolved, query, pathAndQuery: resolved + query, isUsable: true, problem: '' };
}

function pathEnd(pathAndQuery: string): number {
  const mark = pathAndQuery.indexOf('?');
  return mark === -1 ? pathAndQuery.length : mark;
}

/** The common case, in one pass without allocating: only characters that stand for themselves, and no slash before a slash or a dot. */
function isNormal(path: string): boolean {
  if (path.charCodeAt(0) !== SLASH) return false;
  let previous = 0;
  for (let i = 0; i < path.length; i += 1) {
    const c = path.charCodeAt(i);
    if (c > 0x7f || CLASSES[c] === ENCODE) return false;
    if (previous === SLASH && (c === SLASH || c === DOT)) return false;
    previous = c;
  }
  return true;
}

/** Every character in its one spelling, or why there is none. */
function normalCodes(path: string): string | { readonly problem: string } {
  let out = '';
  let utf8: Utf8Sequence = UTF8_START;
  for (let i = 0; i < path.length; i += 1) {
    let octet = path.charCodeAt(i);
    const isCode = octet === PERCENT;
    if (isCode) {
      octet = hexPair(path, i + 1);
      if (octet === -1) return { problem: 'has a % that is not followed by two hexadecimal digits' };
      i += 2;
    }
    const problem = refusal(octet, isCode);
    if (problem !== '') return { problem };
    const next = nextUtf8(utf8, octet);
    if (next === null) return { problem: 'has percent-codes that are not UTF-8' };
    utf8 = next;
    out += spell(octet, isCode);
  }
  return utf8.missing === 0 ? out : { problem: 'has percent-codes that are not UTF-8' };
}

function refusal(octet: number, isCode: boolean): string {
  if (octet < 0x20 || octet === 0x7f) return octet === 0 && isCode ? 'has an encoded NUL (%00)' : 'has a control character';
  if (octet === BACKSLASH) return isCode ? 'has an encoded backslash (%5C)' : 'has a backslash';
  if (octet === SLASH && isCode) return 'has an encoded slash (%2F)';
  if (octet === HASH && !isCode) return 'has a fragment (#)';
  if (octet > 0xff) return 'has a character that is not an octet';
  return '';
}

/** A code becomes its character only if that is unreserved; a character becomes a code only if a path cannot hold it (RFC 3986 §3.3). */
function spell(octet: number, isCode: boolean): string {
  const kind = octet < 0x80 ? CLASSES[octet] : ENCODE;
  if (kind === UNRESERVED || (kind === RESERVED && !isCode)) return String.fromCharCode(octet);
  return `%${octet < 0x10 ? '0' : ''}${octet.toString(16).toUpperCase()}`;
}

/** RFC 3986 §5.2.4, with empty segments dropped; `null` when a dot segment carries a parameter, which some origins resolve and others do not. */
function resolveSegments(path: string): string | null {
  const kept: string[] = [];
  const segments = path.split('/');
  for (const segment of segments) {
    if (/^\.\.?(?:;|%3B)/.test(segment)) return null;
    if (segment === '..') kept.pop();
    else if (segment !== '.' && segment !== '') kept.push(segment);
  }
  const last = segments.at(-1);
  const endsInSlash = kept.length > 0 && (last === '' || last === '.' || last === '..');
  return `/${kept.join('/')}${endsInSlash ? '/' : ''}`;
}

/** How far a UTF-8 sequence has come: continuation octets still missing, and the bounds of the next one (RFC 3629 §4). */
interface Utf8Sequence {
  readonly missing: 0 | 1 | 2 | 3;
  readonly low: number;
  readonly high: number;
}

const UTF8_START: Utf8Sequence = { missing: 0, low: 0, high: 0 };

function nextUtf8(sequence: Utf8Sequence, octet: number): Utf8Sequence | null {
  if (sequence.missing > 0) {
    if (octet < sequence.low || octet > sequence.high) return null;
    return sequence.missing === 1 ? UTF8_START : { missing: sequence.missing === 3 ? 2 : 1, low: 0x80, high: 0xbf };
  }
  if (octet < 0x80) return UTF8_START;
  // The bounds of the second octet rule out overlong forms, surrogates and what lies beyond U+10FFFF.
  if (octet >= 0xc2 && octet <= 0xdf) return { missing: 1, low: 0x80, high: 0xbf };
  if (octet >= 0xe0 && octet <= 0xef) return { missing: 2, low: octet === 0xe0 ? 0xa0 : 0x80, high: octet === 0xed ? 0x9f : 0xbf };
  if (octet >= 0xf0 && octet <= 0xf4) return { missing: 3, low: octet === 0xf0 ? 0x90 : 0x80, high: octet === 0xf4 ? 0x8f : 0xbf };
  return null;
}

function hexPair(text: string, at: number): number {
  const high = hexDigit(text.charCodeAt(at));
  const low = hexDigit(text.charCodeAt(at + 1));
  return high === -1 || low === -1 ? -1 : high * 16 + low;
}

/** @param c a character code, or NaN past the end */
function hexDigit(c: number): number {
  if (c >= 0x30 && c <= 0x39) return c - 0x30;
  const lower = c | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

const SLASH = 0x2f;
const DOT = 0x2e;
const PERCENT = 0x25;
const HASH = 0x23;
const BACKSLASH = 0x5c;

// What an ASCII character of a path is (RFC 3986 §2.2, §2.3, §3.3): unreserved, reserved but fit for a path, or only fit as a code.
const ENCODE = 0;
const UNRESERVED = 1;
const RESERVED = 2;
const CLASSES = new Uint8Array(0x80);
for (const c of 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~') CLASSES[c.charCodeAt(0)] = UNRESERVED;
for (const c of "/!$&'()*+,;=:@") CLASSES[c.charCodeAt(0)] = RESERVED;
