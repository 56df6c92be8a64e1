// Owns laying out minified CSS and JavaScript for reading: a line for each statement, indented by braces. It knows strings, comments, templates and where
// a regular expression may begin, and adds line breaks nowhere else. Where the braces do not come out even, it has misread something: the text stays as it is.

/** A text whose lines are short is left as somebody wrote it. @throws never */
export function layOutScript(text: string, language: 'css' | 'javascript'): string {
  const lines = text.split('\n').length;
  return text.length / lines < MINIFIED_LINE ? text : (new ScriptLayout(text, language).run() ?? text);
}

class ScriptLayout {
  readonly #text: string;
  readonly #isScript: boolean;
  readonly #pieces: string[] = [];
  /** How many parentheses are open in each open brace: a semicolon in one ends no line. */
  readonly #parentheses: number[] = [0];
  /** The last character that means something, to tell a division from a regular expression. */
  #last = '';
  #lines = 0;

  constructor(text: string, language: 'css' | 'javascript') {
    this.#text = text;
    this.#isScript = language === 'javascript';
  }

  /** @returns `null` where braces are not even, or there would be more lines than anybody wrote */
  run(): string | null {
    for (let at = 0; at < this.#text.length; ) {
      const literalEnd = this.#endOfLiteral(at);
      const end = literalEnd ?? at + 1;
      if (literalEnd !== null) this.#push(this.#text.slice(at, end));
      else if (!this.#add(this.#text[at]!, this.#text[at + 1] ?? '') || this.#lines > MAX_LINES) return null;
      at = end;
    }
    return this.#parentheses.length === 1 ? this.#pieces.join('') : null;
  }

  /** @returns `false` where a brace closes that nothing has opened */
  #add(c: string, next: string): boolean {
    const depth = this.#parentheses.length - 1;
    if (c === '\n') this.#breakLine(depth);
    else if (c === '{') {
      this.#push(c);
      this.#parentheses.push(0);
      if (next !== '}') this.#breakLine(depth + 1);
    } else if (c === '}') {
      if (this.#parentheses.length === 1) return false;
      this.#parentheses.pop();
      if (this.#last !== '{') this.#breakLine(depth - 1);
      this.#push(c);
      if (!/[)\],;.}\s]/.test(next)) this.#breakLine(depth - 1);
    } else {
      if (c === '(' || c === '[') this.#parentheses[depth]! += 1;
      if (c === ')' || c === ']') this.#parentheses[depth]! -= 1;
      this.#push(c);
      if (c === ';' && this.#parentheses[depth]! <= 0 && next !== '}') this.#breakLine(depth);
    }
    return true;
  }

  /** Behind a string, a comment, a template or a regular expression that begins here; `null` where none does. */
  #endOfLiteral(at: number): number | null {
    const c = this.#text[at];
    if (c === '"' || c === "'" || (c === '`' && this.#isScript)) return this.#behind(at + 1, c);
    if (c !== '/') return null;
    const next = this.#text[at + 1];
    if (next === '*') return this.#found('*/', at + 2);
    if (!this.#isScript) return null;
    if (next === '/') return this.#found('\n', at + 2);
    return /[\w$)\]"'`}]/.test(this.#last) && !this.#followsKeyword() ? null : this.#behind(at + 1, '/');
  }

  /** Behind the next of `closing` that no backslash is before, and no class of a regular expression around. */
  #behind(from: number, closing: string): number {
    let isInClass = false;
    for (let at = from; at < this.#text.length; at += 1) {
      const c = this.#text[at];
      if (c === '\\') at += 1;
      else if (closing === '/' && c === '[') isInClass = true;
      else if (closing === '/' && c === ']') isInClass = false;
      else if (c === closing && !isInClass) return at + 1;
      else if (c === '\n' && closing !== '`') return at;
    }
    return this.#text.length;
  }

  #found(closing: string, from: number): number {
    const at = this.#text.indexOf(closing, from);
    return at === -1 ? this.#text.length : at + closing.length;
  }

  #followsKeyword(): boolean {
    return /(?:^|[^\w$.])(?:return|typeof|case|in|of|do|else|void|delete|throw|new)$/.test(this.#pieces.slice(-12).join('').trimEnd());
  }

  #push(piece: string): void {
    this.#pieces.push(piece);
    const last = piece.trimEnd().at(-1);
    if (last !== undefined) this.#last = last;
  }

  #breakLine(depth: number): void {
    while (this.#pieces.at(-1)?.trim() === '') this.#pieces.pop();
    if (this.#pieces.length === 0) return;
    this.#pieces.push(LINE_STARTS[Math.min(Math.max(0, depth), MAX_INDENT)]!);
    this.#lines += 1;
  }
}

/** Characters a line, on average. */
const MINIFIED_LINE = 200;
const MAX_INDENT = 20;
const MAX_LINES = 200_000;
const LINE_STARTS: readonly string[] = Array.from({ length: MAX_INDENT + 1 }, (_, depth) => `\n${'  '.repeat(depth)}`);
