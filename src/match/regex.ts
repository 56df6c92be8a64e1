// Owns regular expressions whose time is bounded: RE2 syntax, searched for anywhere in a text (`^` and `$` are its ends, case counts unless the
// pattern says `(?i)`). The whole automaton is built when the policy is read, so a client's text costs one look into a table a character and
// can neither backtrack nor make anything grow; what re2js builds while it matches costs a state, some ten microseconds, a character.
// Refuses look-around and back-references, which no automaton has, and patterns whose automaton would be large.
import { RE2JS } from 're2js';
import { buildAutomaton, isFound } from './automaton.ts';
import { literalOfAutomaton } from './required-literal.ts';

export interface Regex {
  /** As written. */
  readonly text: string;
  /** Whether the pattern occurs in the text. @throws never */
  matches(text: string): boolean;
  /** A text that is in every text that matches, worked out when it is asked for; empty when none is known. */
  requiredLiteral(): string;
}

/** @throws Error that says what is wrong with the pattern */
export function regex(text: string): Regex {
  if (text.length > MAX_CHARACTERS) throw new Error(`a pattern of ${text.length} characters; at most ${MAX_CHARACTERS} fit`);
  refuseLongRepetitions(text);
  const automaton = buildAutomaton(parsePattern(text));
  return { text, matches: (subject) => isFound(automaton, subject), requiredLiteral: () => literalOfAutomaton(automaton) };
}

function parsePattern(text: string): RE2JS {
  try {
    return RE2JS.compile(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : String(error);
    throw new Error(`not a regular expression of RE2: ${reason}`, { cause: error });
  }
}

/** Copies of a long group would be made before their number could be looked at. */
function refuseLongRepetitions(text: string): void {
  for (const [repetition, least, most] of text.matchAll(/\{(\d+)(?:,(\d*))?\}/g)) {
    if (Math.max(Number(least), Number(most ?? 0)) > MAX_REPETITIONS)
      throw new Error(`${repetition} repeats more than ${MAX_REPETITIONS} times`);
  }
}

const MAX_CHARACTERS = 1_000;
const MAX_REPETITIONS = 255; // as long as a host name; RE2 itself takes 1,000
