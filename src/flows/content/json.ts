// Owns laying out JSON: token by token in the text itself, so that numbers stay as they are written and no name is lost. What is cut off or malformed is
// laid out as far as it can be followed; values one behind the other (JSON lines) stand in lines of their own. One pass, no recursion.

/** @throws never */
export function layOutJson(text: string): { readonly text: string; readonly problem: string | null } {
  const pieces: string[] = [];
  let depth = 0;
  /** What stands before the next value: nothing yet in its object, array or line; or a value that it has to be kept apart from. */
  let before: 'nothing' | 'opening' | 'name' | 'value' = 'nothing';
  for (let at = 0, end = 0; at < text.length && pieces.length < MAX_PIECES; at = end) {
    end = endOfToken(text, at);
    const c = text[at]!;
    if (c === ' ' || c === '\t' || c === '\r' || c === '\n') continue;
    if (c === '}' || c === ']') {
      depth = Math.max(0, depth - 1);
      if (before !== 'opening') pieces.push(lineBreak(depth));
      pieces.push(c);
      before = 'value';
    } else if (c === ',') {
      pieces.push(',', lineBreak(depth));
      before = 'nothing';
    } else if (c === ':') {
      pieces.push(': ');
      before = 'name';
    } else {
      if (before === 'opening' || (before === 'value' && depth === 0)) pieces.push(lineBreak(depth));
      else if (before === 'value') pieces.push(' ');
      pieces.push(text.slice(at, end));
      const isOpening = c === '{' || c === '[';
      if (isOpening) depth += 1;
      before = isOpening ? 'opening' : 'value';
    }
  }
  return { text: pieces.join(''), problem: problemOf(text) };
}

function endOfToken(text: string, start: number): number {
  let at = start + 1;
  if (text[start] === '"') {
    for (; at < text.length; at += 1) {
      if (text[at] === '\\') at += 1;
      else if (text[at] === '"') return at + 1;
    }
    return text.length;
  }
  if (!SINGLE.includes(text[start]!)) while (at < text.length && !SINGLE.includes(text[at]!)) at += 1;
  return at;
}

function problemOf(text: string): string | null {
  const reason = parseFailure(text);
  if (reason === null) return null;
  const lines = text.split('\n', MAX_LINES).filter((line) => line.trim() !== '');
  if (lines.length > 1 && lines.length < MAX_LINES && lines.every((line) => parseFailure(line.replace(/^\x1e/, '')) === null)) return null;
  return `It is no JSON: ${reason}.`;
}

function parseFailure(text: string): string | null {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message.replace(/\s+/g, ' ').slice(0, 200) : String(error);
  }
}

/** What lies deeper than anybody reads is not moved further to the right: the layout would be longer than any bound. */
function lineBreak(depth: number): string {
  return `\n${'  '.repeat(Math.min(depth, MAX_INDENT))}`;
}

/** Tokens of one character, and what ends all others. */
const SINGLE = '{}[],:" \t\r\n';
const MAX_INDENT = 20;
/** More than anybody reads. */
const MAX_PIECES = 500_000;
const MAX_LINES = 20_000;
