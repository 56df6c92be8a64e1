// Owns by which words a filter is found: those that each URL has which it matches, looked up among all words that a URL has. The package alone does
// neither, and a filter that is never tried lets pass.
//
// It reads the words of a request into a buffer of 1,024, and of the URL what is sure to fit, 2,046 characters at most: a client could pass a filter by
// padding before its word. So longer URLs are read here, in pieces that overlap by the longest word of a filter; words that a piece cuts off are looked
// up as well, which finds nothing to match. Of a regular expression it takes words that may be in one alternative alone, or run into the next word
// where the separator is optional; such an expression is tried on each request.
import type * as Adblocker from '@ghostery/adblocker';

/** Makes the package look up all words of the request, and returns them: the labels of the page's host, the type, and what stands in the URL. */
export function readAllWords({ tokenize }: typeof Adblocker, request: Adblocker.Request): Uint32Array {
  const first = request.getTokens();
  const { normalizedUrl: url } = request;
  if (url.length <= READ_BY_PACKAGE) return first;
  const words = new Set(first);
  for (let at = 0; at < url.length; at += STEP) for (const word of tokenize(url.slice(at, at + PIECE))) words.add(word);
  const all = Uint32Array.from(words);
  request.getTokens = () => all;
  return all;
}

/** Makes the package keep filters by words that are certain, or by none. The method is one that it calls itself, for each filter of a list. */
export function keepByCertainWords({ prototype }: typeof Adblocker.NetworkFilter): void {
  const { getTokens } = prototype;
  prototype.getTokens = function certainWords(this: Adblocker.NetworkFilter) {
    return this.isFullRegex() && !hasCertainWords(this.getFilter()) ? [new Uint32Array(0)] : getTokens.call(this);
  };
}

function hasCertainWords(regularExpression: string): boolean {
  return !OPTIONAL_SEPARATOR.test(regularExpression) && !regularExpression.includes('\\%') && !hasAlternatives(regularExpression);
}

/** A `|` that stands in no group. */
function hasAlternatives(regularExpression: string): boolean {
  let depth = 0;
  for (const [character] of regularExpression.replace(ESCAPE_OR_CLASS, '').matchAll(/[()|]/g)) {
    if (character === '(') depth += 1;
    else if (character === ')') depth -= 1;
    else if (depth === 0) return true;
  }
  return false;
}

/** In characters; no word of a filter is longer. As long as a regular expression of a policy; those that people publish have a hundred at most. */
export const LONGEST_TEXT = 1_000;

/** What is left of its buffer, two characters for each word, when a host of 127 labels stands in it, and the type. */
const READ_BY_PACKAGE = (1_024 - 128) * 2;
/** The package reads 2,048 of a text alone. */
const PIECE = 2_000;
const STEP = PIECE - LONGEST_TEXT;

const OPTIONAL_SEPARATOR = /(?:\\[^a-z\d]|[^a-z\d%()[\]{}.+*?\\|^$])[?*{]/i;
const ESCAPE_OR_CLASS = /\\.|\[\^?\]?(?:\\.|[^\]\\])*\]/g;
