// Owns what a filter could go on with: words where a term is being written, and choices where a word has some. Works on what is not a filter yet, so it
// looks at the text up to the cursor and no further.
import { STATES, WORD_BY_NAME, WORDS } from './words.ts';

export interface Completion {
  /** What stands from `from` to the cursor once it is chosen. */
  readonly text: string;
  readonly meaning: string;
}

export interface Completions {
  /** Where in the text what is completed begins; it ends at the cursor. UTF-16 units from 0. */
  readonly from: number;
  readonly items: readonly Completion[];
}

/**
 * @param known  values that have been seen, for words like `host:` and `rule:`; in the order in which they are to be offered
 * @throws never
 */
export function completionsAt(text: string, cursor: number, known: Readonly<Record<string, readonly string[]>> = {}): Completions {
  const before = text.slice(0, cursor);
  const from = startOfTerm(before);
  if (from === null) return { from: cursor, items: [] };
  const begun = before.slice(from);
  const colon = begun.indexOf(':') + 1;
  const word = WORD_BY_NAME.get(begun.slice(0, colon).toLowerCase());
  if (word === undefined) return { from, items: colon === 0 ? wordsLike(begun) : [] };
  const values = Object.entries(word.choices ?? {}).map(([value, meaning]) => ({ text: value, meaning }));
  const seen = [...(known[word.name] ?? []), ...(USUAL[word.name] ?? [])].map((value) => ({ text: asValue(value), meaning: '' }));
  return { from: from + colon, items: like([...values, ...seen], begun.slice(colon).replace(/^["']/, '')) };
}

/** Where the term begins that is under way at the end of the text; `null` inside of quotes that are a text of their own. */
function startOfTerm(before: string): number | null {
  let start = 0;
  let quote = '';
  for (let i = 0; i < before.length; i += 1) {
    const c = before[i]!;
    if (quote !== '') {
      if (c === '\\') i += 1;
      else if (c === quote) quote = '';
    } else if (c === '"' || c === "'") quote = c;
    else if (/[\s()&|!]/.test(c)) start = i + 1;
  }
  return quote !== '' && before[start] === quote ? null : start;
}

function wordsLike(begun: string): Completion[] {
  // `denied` finds `is:denied`: who knows the state need not know the word for it.
  const states = begun === '' ? [] : Object.entries(STATES).map(([state, meaning]) => ({ text: `is:${state}`, meaning, key: state }));
  const words = WORDS.map(({ name, meaning, value }) => ({
    text: name.startsWith('~') && value !== 'nothing' ? `${name} ` : name,
    meaning,
    key: name,
  }));
  const wanted = begun.toLowerCase();
  return [...words, ...states].filter(({ key }) => key.startsWith(wanted)).map(({ text, meaning }) => ({ text, meaning }));
}

/** What begins so, and then what has it somewhere. */
function like(items: readonly Completion[], begun: string): Completion[] {
  const wanted = begun.toLowerCase();
  const positions = items.map((item) => ({ item, at: item.text.toLowerCase().replace(/^"/, '').indexOf(wanted) }));
  const first = positions.filter(({ at }) => at === 0);
  return [...first, ...positions.filter(({ at }) => at > 0)].slice(0, MOST).map(({ item }) => item);
}

function asValue(text: string): string {
  return /^[^\s()&|"'\\]+$/.test(text) ? text : `"${text.replace(/[\\"]/g, '\\$&')}"`;
}

const USUAL: Readonly<Record<string, readonly string[]>> = {
  'method:': ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'CONNECT'],
  'status:': [
    '2xx',
    '3xx',
    '4xx',
    '5xx',
    '>=400',
    '200',
    '204',
    '301',
    '302',
    '304',
    '400',
    '401',
    '403',
    '404',
    '429',
    '500',
    '502',
    '503',
    '504',
  ],
  'type:': ['json', 'html', 'javascript', 'css', 'image/', 'font/', 'video/', 'xml', 'text/event-stream', 'grpc'],
  'size:': ['>100KiB', '>1MiB', '>10MiB'],
  'time:': ['>100ms', '>500ms', '>1s', '>10s'],
};
const MOST = 50;
