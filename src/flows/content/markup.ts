// Owns laying out HTML and XML for reading: one line a tag of the document's structure, indented by depth; what belongs into a line stays in it, and what
// is taken literally (script, pre) stays as it is. For eyes only: white space that it adds would mean something to a browser.

/** @throws never */
export function layOutMarkup(text: string, language: 'html' | 'xml'): string {
  const layout = new Layout();
  for (const token of tokensOf(text, language)) layout.add(token);
  return layout.end();
}

/** `inline`: tags in the run of text, and text. `whole`: a line of its own that holds nothing below it. */
interface Token {
  readonly kind: 'open' | 'close' | 'whole' | 'inline';
  readonly text: string;
  readonly name: string;
}

class Layout {
  readonly #lines: string[] = [];
  #line = '';
  #lineDepth = 0;
  /** Name of the element that the line begins with, while nothing but its text has followed. */
  #opened = '';
  #depth = 0;

  add({ kind, text, name }: Token): void {
    if (kind === 'inline') {
      if (this.#line === '') this.#lineDepth = this.#depth;
      this.#line += this.#line === '' ? text.trimStart() : text;
    } else if (kind === 'close') {
      this.#depth = Math.max(0, this.#depth - 1);
      if (this.#opened === name) this.#line = this.#line.trimEnd() + text;
      else {
        this.#flush();
        this.#line = text;
        this.#lineDepth = this.#depth;
      }
      this.#flush();
    } else {
      this.#flush();
      this.#line = text;
      this.#lineDepth = this.#depth;
      if (kind === 'whole') this.#flush();
      else {
        this.#opened = name;
        this.#depth += 1;
      }
    }
  }

  end(): string {
    this.#flush();
    return this.#lines.join('\n');
  }

  #flush(): void {
    const line = this.#line.trimEnd();
    if (line !== '') this.#lines.push('  '.repeat(Math.min(this.#lineDepth, MAX_INDENT)) + line);
    this.#line = '';
    this.#opened = '';
  }
}

function* tokensOf(text: string, language: 'html' | 'xml'): Generator<Token> {
  let at = 0;
  while (at < text.length) {
    const start = text.indexOf('<', at);
    const textEnd = start === -1 ? text.length : start;
    if (textEnd > at) yield { kind: 'inline', text: text.slice(at, textEnd).replace(/\s+/g, ' '), name: '' };
    if (start === -1) return;
    const end = endOfTag(text, start);
    const token = tokenOf(text.slice(start, end), language);
    const isLiteral = language === 'html' && token.kind === 'open' && LITERAL.has(token.name);
    at = isLiteral ? endOfLiteral(text, end, token.name) : end;
    yield isLiteral ? { kind: 'whole', text: text.slice(start, at), name: token.name } : token;
  }
}

function tokenOf(text: string, language: 'html' | 'xml'): Token {
  const [, slash, spelled = ''] = /^<(\/?)([^\s/>]+)/.exec(text) ?? [];
  if (spelled.startsWith('![CDATA[') || spelled === '') return { kind: 'inline', text, name: '' };
  if (/^[!?]/.test(spelled)) return { kind: 'whole', text, name: '' };
  const name = language === 'html' ? spelled.toLowerCase() : spelled;
  if (language === 'html' && INLINE.has(name)) return { kind: 'inline', text, name };
  if (slash === '/') return { kind: 'close', text, name };
  return { kind: text.endsWith('/>') || (language === 'html' && VOID.has(name)) ? 'whole' : 'open', text, name };
}

/** Behind the `>` of a tag, a comment, a CDATA section; the end of the text where that is missing, so that nothing is searched twice. */
function endOfTag(text: string, start: number): number {
  const closing = text.startsWith('<!--', start) ? '-->' : text.startsWith('<![CDATA[', start) ? ']]>' : '';
  if (closing !== '') {
    const end = text.indexOf(closing, start + 4);
    return end === -1 ? text.length : end + closing.length;
  }
  let quote = '';
  for (let at = start + 1; at < text.length; at += 1) {
    const c = text[at]!;
    if (quote !== '') quote = c === quote ? '' : quote;
    else if (c === '>') return at + 1;
    // Only behind `=`: an apostrophe in a stray text is no quote.
    else if ((c === '"' || c === "'") && /[=\s]/.test(text[at - 1]!)) quote = c;
  }
  return text.length;
}

function endOfLiteral(text: string, from: number, name: string): number {
  const closing = new RegExp(`</${name}\\s*>`, 'gi');
  closing.lastIndex = from;
  return closing.exec(text) === null ? text.length : closing.lastIndex;
}

const MAX_INDENT = 20;
const LITERAL: ReadonlySet<string> = new Set(['script', 'style', 'pre', 'textarea', 'xmp']);
const VOID: ReadonlySet<string> = new Set('area base br col embed hr img input link meta param source track wbr'.split(' '));
const INLINE: ReadonlySet<string> = new Set(
  'a abbr b bdi bdo br cite code data dfn em font i kbd label mark q s samp small span strong sub sup time tt u var wbr'.split(' '),
);
