// Owns replacing in a text: one that is looked for as it is, or a pattern of RE2, which takes linear time whatever it is used on. In what a pattern is
// replaced with, `$1` stands for its first group, `$0` for all that it has found, and `$$` for a dollar sign.
import { RE2JS } from 're2js';
import type { Replacement } from './rule.ts';

export function literalReplacement(text: string, by: string): Replacement {
  return { text, replaceIn: (within) => within.replaceAll(text, () => by) };
}

/** @throws Error that says what is wrong with the pattern, or with what it is replaced with */
export function patternReplacement(text: string, by: string): Replacement {
  const expression = compile(text);
  const pieces = piecesOf(by, expression.groupCount());
  return {
    text,
    replaceIn(within) {
      const matcher = expression.matcher(within);
      let result = '';
      let from = 0;
      while (matcher.find()) {
        result += within.slice(from, matcher.start());
        for (const piece of pieces) result += typeof piece === 'string' ? piece : (matcher.group(piece) ?? '');
        from = matcher.end();
      }
      return result + within.slice(from);
    },
  };
}

function compile(text: string): RE2JS {
  if (text.length > MOST_CHARACTERS) throw new Error(`a pattern of ${text.length} characters; at most ${MOST_CHARACTERS} fit`);
  try {
    return RE2JS.compile(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : String(error);
    throw new Error(`not a regular expression of RE2: ${reason}`, { cause: error });
  }
}

/** Texts, and the numbers of groups. */
function piecesOf(by: string, groups: number): readonly (string | number)[] {
  return by.split(/(\$\$|\$\d{1,2}|\$)/).flatMap((piece): readonly (string | number)[] => {
    if (piece === '') return [];
    if (piece === '$$') return ['$'];
    if (piece === '$') throw new Error('"$" stands before the number of a group; write $$ for a dollar sign');
    if (!/^\$\d/.test(piece)) return [piece];
    const group = Number(piece.slice(1));
    if (group > groups) throw new Error(`${piece}: the pattern has ${groups} ${groups === 1 ? 'group' : 'groups'}`);
    return [group];
  });
}

const MOST_CHARACTERS = 1_000;
