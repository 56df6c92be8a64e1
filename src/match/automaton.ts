// Owns the automaton of a regular expression: built whole, as a table, from what re2js makes of the pattern, and run over a text with one look into the
// table a character. Every state that a text can lead to is found when the policy is read, so a text can neither backtrack nor make anything grow.
// Refuses patterns whose table would be large.
import type { RE2JS } from 're2js';

/** A table of what follows each state on each class of characters; the last class of a state is the end of the text. */
export interface Automaton {
  /** States stand in it as the place of their first class; MATCH and NO_MATCH are no states, since nothing changes after them. */
  readonly next: Int32Array;
  /** Classes of a state, the end of the text included. */
  readonly width: number;
  /** The class of each character up to U+00FF. */
  readonly latin1: Int32Array;
  /** Where classes begin, ascending; characters before the first one are class 0. */
  readonly bounds: Int32Array;
}

/** A state of re2js: it matches when a match ended before the character that led to it. */
interface State {
  readonly nfaStates: readonly number[];
  readonly isMatch: boolean;
}

/** Whether the pattern occurs in the text. @throws never */
export function isFound({ next, width, latin1, bounds }: Automaton, text: string): boolean {
  let state = 0;
  for (let i = 0; i < text.length; i += 1) {
    let c = text.charCodeAt(i);
    let characters: number;
    if (c <= 0xff) characters = latin1[c]!;
    else {
      c = text.codePointAt(i)!;
      if (c > 0xffff) i += 1;
      characters = classOf(bounds, c);
    }
    state = next[state + characters]!;
    if (state < 0) return state === MATCH;
  }
  return next[state + width - 1] === MATCH;
}

function classOf(bounds: Int32Array, codePoint: number): number {
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bounds[middle]! <= codePoint) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Every state that a text can lead to, found breadth first. What cannot be told apart from here on is one state, so the table is finite.
 *
 * @throws Error when there are too many
 */
export function buildAutomaton(pattern: RE2JS): Automaton {
  const { dfa } = pattern.re2();
  const bounds = dfa.classBounds;
  const endOfText = bounds.length + 1;
  const width = endOfText + 1;
  const start: State | null = dfa.makeState([dfa.prog.start], AT_START, []);
  const states = [start];
  const numbers = new Map([[start, 0]]);
  const next: number[] = [];
  let work = 0;
  for (const state of states) {
    work += width * ((state?.nfaStates.length ?? MAX_WORK) + 1);
    if (work > MAX_WORK)
      throw new Error('the pattern can match in too many ways; use .* in place of counted repetitions, or begin it with ^');
    for (let characters = 0; characters < width; characters += 1) {
      const character = characters === endOfText ? END_OF_TEXT : characters === 0 ? 0 : bounds[characters - 1]!;
      const following: State | null = dfa.step(state, characters, character, UNANCHORED);
      if (following?.isMatch) next.push(MATCH);
      else if (characters === endOfText) next.push(NO_MATCH);
      else {
        const known = numbers.get(following);
        if (known === undefined) numbers.set(following, states.push(following) - 1);
        next.push((known ?? states.length - 1) * width);
      }
    }
  }
  return { next: Int32Array.from(withoutDeadEnds(next, width)), width, latin1: dfa.latin1Class, bounds };
}

/** States that no match can follow, such as those of a pattern with `^` once its text has begun otherwise, are no match at once. */
function withoutDeadEnds(next: readonly number[], width: number): readonly number[] {
  const comingFrom = new Map<number, number[]>();
  for (const [place, state] of next.entries()) {
    const from = comingFrom.get(state);
    if (from === undefined) comingFrom.set(state, [place - (place % width)]);
    else from.push(place - (place % width));
  }
  const leading = new Set([MATCH]);
  for (const state of leading) for (const before of comingFrom.get(state) ?? []) leading.add(before);
  return next.map((state) => (leading.has(state) ? state : NO_MATCH));
}

/** In the table in place of a state: nothing changes any more. */
export const MATCH = -1;
const NO_MATCH = -2;
// What re2js calls by these numbers inside: a character class of its own for the end, a search that may begin anywhere, and its flags for the
// beginning of a text and of a line.
const END_OF_TEXT = -1;
const UNANCHORED = 0;
const AT_START = 0x04 | 0x01;

// States of the pattern looked at while the table is made: some 60 ms at most, and a table of at most 2 MB. Patterns from practice need a hundredth.
const MAX_WORK = 500_000;
