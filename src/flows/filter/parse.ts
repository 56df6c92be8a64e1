// Owns reading a filter: text → Filter, or what is wrong with it and where. The grammar, loosest first:
//   either  = both *("|" both)                 "or" is "|"
//   both    = unary *(["&"] unary)             "and" is "&", and so is nothing
//   unary   = *"!" term                        "not" is "!"
//   term    = "(" either ")" / "~" flag / "~" word value / word ":" value / text
// A text or pattern goes up to a blank, so that URLs may hold `&` and patterns `|`, too; in front of a blank, `~`, `!`, `(` or a quote, and wherever a term
// may begin, these are operators. Anything may be quoted. Other values end at operators and parentheses, too.
import { didYouMean, nearest } from '../../errors/nearest.ts';
import { regex } from '../../match/regex.ts';
import type { Filter, FlagWord, NumberWord, PatternWord, TextWord } from './filter.ts';
import { readRange } from './read-range.ts';
import { type StateName, WORD_BY_NAME, WORDS, type Word } from './words.ts';

export interface FilterProblem {
  /** Where in the text, in UTF-16 units from 1; one behind its end where something is missing there. */
  readonly column: number;
  /** A sentence or two, to be shown as it is. */
  readonly message: string;
  /** What could stand there, where that is a list. */
  readonly expected: readonly string[];
}

export type ParsedFilter = { readonly ok: Filter } | { readonly problem: FilterProblem };

/** @throws never */
export function parseFilter(text: string): ParsedFilter {
  try {
    return { ok: new FilterReader(text).read() };
  } catch (error) {
    if (error instanceof Unreadable) return { problem: error.problem };
    throw error;
  }
}

class Unreadable extends Error {
  readonly problem: FilterProblem;

  constructor(at: number, message: string, expected: readonly string[] = []) {
    super(message);
    this.problem = { column: at + 1, message, expected };
  }
}

class FilterReader {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): Filter {
    if (this.#text.length > MAX_LENGTH) throw new Unreadable(MAX_LENGTH, `A filter has at most ${MAX_LENGTH} characters.`);
    this.#skipBlanks();
    if (this.#isAtEnd()) return { kind: 'all' };
    const filter = this.#either();
    if (!this.#isAtEnd()) throw new Unreadable(this.#at, 'Nothing is open that this ) could close.');
    return filter;
  }

  #either(): Filter {
    const terms = [this.#both()];
    while (this.#takeOperator('|', 'or')) terms.push(this.#both());
    return terms.length === 1 ? terms[0]! : { kind: 'or', terms };
  }

  #both(): Filter {
    const terms = [this.#unary()];
    while (this.#takeOperator('&', 'and') || this.#startsTerm()) terms.push(this.#unary());
    return terms.length === 1 ? terms[0]! : { kind: 'and', terms };
  }

  #unary(): Filter {
    if (!this.#takeOperator('!', 'not')) return this.#term();
    this.#enter();
    const term = this.#unary();
    this.#depth -= 1;
    return { kind: 'not', term };
  }

  #term(): Filter {
    this.#skipBlanks();
    const c = this.#text[this.#at];
    if (c === undefined || c === ')' || c === '&' || c === '|') throw this.#termMissing();
    if (c === '(') return this.#group();
    if (c === '~') return this.#tilde();
    if (c === '"' || c === "'") return this.#bare(this.#at, this.#quoted());
    return this.#wordOrText();
  }

  #group(): Filter {
    const opened = this.#at;
    this.#at += 1;
    this.#enter();
    const filter = this.#either();
    this.#depth -= 1;
    if (this.#text[this.#at] !== ')') throw new Unreadable(this.#at, `A ) is missing: the ( at column ${opened + 1} is still open.`, [')']);
    this.#at += 1;
    this.#skipBlanks();
    return filter;
  }

  #tilde(): Filter {
    const start = this.#at;
    const name = this.#take(/~[A-Za-z]*/y);
    const word = WORD_BY_NAME.get(name);
    if (word === undefined) throw unknownWord(start, name);
    this.#skipBlanks();
    if (word.value !== 'nothing') return this.#valued(word);
    return word.name === '~all' ? { kind: 'all' } : { kind: 'flag', word: word.name as FlagWord };
  }

  #wordOrText(): Filter {
    const start = this.#at;
    const name = this.#take(/[A-Za-z]+:/y);
    const word = WORD_BY_NAME.get(name.toLowerCase());
    if (word !== undefined) return this.#valued(word);
    // `http://host` and `localhost:8080` are texts; anything else with a colon is more likely a slip than a search.
    const isText = name === '' || /\/|\d/.test(this.#text[this.#at] ?? '');
    if (!isText || (name !== '' && nearest(name, FRIENDLY) !== null && this.#text[this.#at] !== '/')) throw unknownWord(start, name);
    this.#at = start;
    return this.#bare(start, this.#free(false));
  }

  #bare(start: number, text: string): Filter {
    if (text === '') throw new Unreadable(start, 'A text to look for is empty.');
    return { kind: 'text', word: null, text };
  }

  #valued(word: Word): Filter {
    const start = this.#at;
    const value = this.#value(word);
    if (value === '') throw new Unreadable(start, `${word.name} needs a value, such as ${word.example}`, Object.keys(word.choices ?? {}));
    switch (word.value) {
      case 'pattern':
        checkPattern(start, value);
        return { kind: 'pattern', word: word.name as PatternWord, pattern: value };
      case 'choice':
        return chosen(start, word, value);
      case 'term':
        checkSingle(start, word, this.#text[start] === value[0] ? value : '');
        return { kind: 'text', word: word.name as TextWord, text: value };
      case 'text':
        return { kind: 'text', word: word.name as TextWord, text: value };
      case 'nothing':
        return { kind: 'flag', word: word.name as FlagWord };
      default: {
        const range = readRange(value, word.value);
        if ('problem' in range) throw new Unreadable(start, `${word.name} ${range.problem}`);
        return { kind: 'number', word: word.name as NumberWord, range };
      }
    }
  }

  #value(word: Word): string {
    const c = this.#text[this.#at];
    if (c === '"' || c === "'") return this.#quoted();
    if (word.value === 'pattern' || word.value === 'text') return this.#free(word.value === 'pattern');
    const value = this.#take(/[^\s()&|"']*/y);
    this.#skipBlanks();
    return value;
  }

  /** Up to a blank, a parenthesis that it has not opened, or an operator that stands before something else. */
  #free(isPattern: boolean): string {
    const start = this.#at;
    let depth = 0;
    for (; !this.#isAtEnd(); this.#at += 1) {
      const c = this.#text[this.#at]!;
      if (isBlank(c) || (c === ')' && depth === 0)) break;
      if (depth === 0 && ((c === '|' && !isPattern) || ((c === '&' || c === '|') && this.#isOperatorHere()))) break;
      if (c === '(') depth += 1;
      else if (c === ')') depth -= 1;
      else if (c === '\\' && isPattern && this.#at + 1 < this.#text.length) this.#at += 1;
    }
    const value = this.#text.slice(start, this.#at);
    this.#skipBlanks();
    return value;
  }

  #isOperatorHere(): boolean {
    return /^$|[\s~!("']/.test(this.#text.charAt(this.#at + 1));
  }

  #quoted(): string {
    const opened = this.#at;
    const quote = this.#text[opened]!;
    let value = '';
    for (this.#at += 1; this.#text[this.#at] !== quote; this.#at += 1) {
      if (this.#isAtEnd()) throw new Unreadable(opened, `The text that begins here has no ${quote} at its end.`, [quote]);
      const next = this.#text[this.#at + 1];
      if (this.#text[this.#at] === '\\' && (next === quote || next === '\\')) this.#at += 1;
      value += this.#text[this.#at];
    }
    this.#at += 1;
    this.#skipBlanks();
    return value;
  }

  /** Whether another term follows without an operator. */
  #startsTerm(): boolean {
    return !this.#isAtEnd() && this.#text[this.#at] !== ')' && this.#text[this.#at] !== '|' && !this.#isWordHere('or');
  }

  #takeOperator(sign: string, name: string): boolean {
    this.#skipBlanks();
    if (this.#text[this.#at] === sign) this.#at += 1;
    else if (this.#isWordHere(name)) this.#at += name.length;
    else return false;
    this.#skipBlanks();
    return true;
  }

  #isWordHere(name: string): boolean {
    const end = this.#at + name.length;
    return this.#text.slice(this.#at, end).toLowerCase() === name && /^$|[\s()!~"']/.test(this.#text.charAt(end));
  }

  #termMissing(): Unreadable {
    const found = this.#isAtEnd() ? 'the end' : this.#text[this.#at];
    return new Unreadable(this.#at, `Expected something to look for, such as host:example.com; found ${found}.`, [...FRIENDLY, '(', '!']);
  }

  #enter(): void {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new Unreadable(this.#at, `Parentheses and ! may lie ${MAX_DEPTH} deep.`);
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }

  #skipBlanks(): void {
    while (!this.#isAtEnd() && isBlank(this.#text[this.#at]!)) this.#at += 1;
  }

  #isAtEnd(): boolean {
    return this.#at >= this.#text.length;
  }
}

function chosen(start: number, { name, choices = {} }: Word, value: string): Filter {
  const choice = value.toLowerCase();
  if (!Object.hasOwn(choices, choice)) {
    const known = Object.keys(choices);
    throw new Unreadable(start, `${name} knows no ${value}.${didYouMean(choice, known)}`, known);
  }
  if (name === 'is:') return { kind: 'state', state: choice as StateName };
  return { kind: 'choice', word: name as 'decision:' | 'cache:' | 'scheme:', choice };
}

/** A list would be looked for as one name, which nothing has. Quotes say that it is meant so. */
function checkSingle(start: number, { name }: Word, unquoted: string): void {
  const comma = unquoted.indexOf(',');
  if (comma < 0) return;
  const [first = '', second = ''] = unquoted.split(',');
  const several = first === '' || second === '' ? '' : `; for several, (${name}${first} | ${name}${second})`;
  throw new Unreadable(start + comma, `${name} takes one value${several}`, ['|']);
}

function checkPattern(start: number, pattern: string): void {
  try {
    regex(`(?i)${pattern}`);
  } catch (error) {
    throw new Unreadable(start, `This is ${error instanceof Error ? error.message : String(error)}`);
  }
}

function unknownWord(start: number, name: string): Unreadable {
  const known = name.startsWith('~') ? TILDES : FRIENDLY;
  const searched = name.startsWith('~') ? '' : ' To look for it as a text, put it in quotes.';
  return new Unreadable(start, `There is no word ${name}${didYouMean(name, known).replace(/^ /, '. ') || '.'}${searched}`, known);
}

/** As RE2 and URLs have it; a no-break space is a part of a text. */
function isBlank(c: string): boolean {
  return c === ' ' || c === '\t' || c === '\n' || c === '\r';
}

const TILDES: readonly string[] = WORDS.map(({ name }) => name).filter((name) => name.startsWith('~'));
const FRIENDLY: readonly string[] = WORDS.map(({ name }) => name).filter((name) => !name.startsWith('~'));
const MAX_LENGTH = 4_000;
const MAX_DEPTH = 50;
