// Owns what a text must contain before a pattern can match it: a few characters in a row, so that many patterns can be told apart in one pass over
// the text (literal-index.ts). Only ASCII is looked for: hosts and paths in normal form have nothing else.
import { type Automaton, MATCH } from './automaton.ts';
import type { Glob } from './glob.ts';

/** @returns the longest that is known; empty when none is */
export function literalOfGlob({ pieces }: Glob): string {
  return pieces.reduce((longest, piece) => (piece.length > longest.length && isAscii(piece) ? piece : longest), '');
}

/**
 * Literals that are in every match are in the shortest one too, so that one is gone through: for each of its characters, the longest literal that ends
 * there and without which the automaton comes to no match.
 *
 * @returns the longest; empty when there is none, or the automaton is so large that to look for it would take long
 */
export function literalOfAutomaton(automaton: Automaton): string {
  if (automaton.next.length > MAX_TABLE) return '';
  let longest: readonly number[] = [];
  let literal: readonly number[] = [];
  for (const characters of shortestMatch(automaton).slice(0, MAX_WAY)) {
    literal = isOneAsciiCharacter(automaton, characters) ? [...literal.slice(1 - MAX_LITERAL), characters] : [];
    while (literal.length > 0 && !isRequired(automaton, literal)) literal = literal.slice(1);
    if (literal.length > longest.length) longest = literal;
  }
  return String.fromCharCode(...longest.map((characters) => automaton.bounds[characters - 1]!));
}

/** The classes of the characters on the shortest way to a match, found breadth first; none when nothing matches. */
function shortestMatch({ next, width }: Automaton): readonly number[] {
  const comingFrom = new Map<number, number>([[0, 0]]);
  for (const state of comingFrom.keys()) {
    // From the end on: a match that the end of the text makes has no character too many.
    for (let place = state + width - 1; place >= state; place -= 1) {
      const following = next[place]!;
      if (following === MATCH)
        return place === state + width - 1 ? wayTo(state, comingFrom, width) : [...wayTo(state, comingFrom, width), place - state];
      if (following >= 0 && !comingFrom.has(following)) comingFrom.set(following, place);
    }
  }
  return [];
}

function wayTo(state: number, comingFrom: ReadonlyMap<number, number>, width: number): readonly number[] {
  const way: number[] = [];
  for (let at = state; at !== 0; ) {
    const place = comingFrom.get(at)!;
    way.push(place % width);
    at = place - (place % width);
  }
  return way.reverse();
}

/** Whether no text leads to a match that does not have the literal in it: the automaton is run together with one that looks for the literal. */
function isRequired({ next, width }: Automaton, literal: readonly number[]): boolean {
  const endOfText = width - 1;
  const fallBack = fallBacks(literal);
  // A state of both, as one number: the place in the table, and how much of the literal the text ends with.
  const reached = [0];
  const isReached = new Uint8Array(next.length * literal.length);
  for (const both of reached) {
    const found = both % literal.length;
    const state = (both - found) / literal.length;
    for (let characters = 0; characters < width; characters += 1) {
      const nowFound = characters === endOfText ? 0 : lengthened(literal, fallBack, found, characters);
      if (nowFound === literal.length) continue;
      const following = next[state + characters]!;
      if (following === MATCH) return false;
      const nowBoth = following * literal.length + nowFound;
      if (following < 0 || isReached[nowBoth] === 1) continue;
      isReached[nowBoth] = 1;
      reached.push(nowBoth);
    }
  }
  return true;
}

/** How much of the literal a text ends with after one more character (Knuth, Morris and Pratt, 1977). */
function lengthened(literal: readonly number[], fallBack: readonly number[], found: number, character: number): number {
  let length = found;
  while (length > 0 && literal[length] !== character) length = fallBack[length]!;
  return literal[length] === character ? length + 1 : 0;
}

/** For each beginning of the literal, the length of the longest shorter one that it ends with. */
function fallBacks(literal: readonly number[]): readonly number[] {
  const lengths = [0, 0];
  for (let length = 1; length < literal.length; length += 1) lengths.push(lengthened(literal, lengths, lengths[length]!, literal[length]!));
  return lengths;
}

function isOneAsciiCharacter({ bounds }: Automaton, characters: number): boolean {
  const first = bounds[characters - 1];
  return first !== undefined && first < 0x80 && bounds[characters] === first + 1;
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) if (text.charCodeAt(i) >= 0x80) return false;
  return true;
}

/** Together they bound the search to some milliseconds. Patterns from practice need a hundredth. */
const MAX_TABLE = 4_096;
const MAX_WAY = 64;
const MAX_LITERAL = 16;
