// Owns secrets in JSON: values at paths, replaced in the text itself, so that all else stays octet by octet. It reads with patience: what is cut off or no
// JSON at all is masked as far as it can be followed, and values one behind the other (JSON lines) begin at the root each. One pass, no recursion.
import { readableText } from '../octet-text.ts';
import { LongText } from './long-text.ts';
import { masked } from './mask.ts';

/** One step of a path. `descent`: any number of steps. */
export type JsonStep = { readonly kind: 'member'; readonly name: string } | { readonly kind: 'any' } | { readonly kind: 'descent' };
export type JsonPath = readonly JsonStep[];

/** Paths in the form in which they are looked for: most are `$..name`, and a name is found at once. */
export interface JsonPaths {
  /** Names of members, wherever they stand. */
  readonly anywhere: ReadonlySet<string>;
  readonly others: readonly JsonPath[];
}

export function jsonPaths(paths: readonly JsonPath[]): JsonPaths {
  const nameAnywhere = ([first, second, ...more]: JsonPath): string | null =>
    first?.kind === 'descent' && second?.kind === 'member' && more.length === 0 ? second.name : null;
  return {
    anywhere: new Set(paths.map(nameAnywhere).filter((name) => name !== null)),
    others: paths.filter((path) => nameAnywhere(path) === null),
  };
}

/**
 * `$.a.b`, `$..token`, `$.list[*].x`, `$['a b'][0]`: the part of RFC 9535 that names members, elements and all of them.
 *
 * @throws Error that says what is wrong, fit to be printed behind the name of a setting
 */
export function parseJsonPath(text: string): JsonPath {
  const steps: JsonStep[] = [];
  let at = text.startsWith('$') ? 1 : 0;
  for (let step = at === 0 ? null : stepAt(text, at); step !== null; step = stepAt(text, at)) {
    const [whole, dots, spelled = ''] = step;
    if (dots === '..') steps.push({ kind: 'descent' });
    const name = /^['"]/.test(spelled) ? spelled.slice(1, -1).replace(/\\(.)/g, '$1') : spelled;
    steps.push(spelled === '*' ? { kind: 'any' } : { kind: 'member', name });
    at += whole.length;
  }
  if (at < text.length || steps.length === 0) {
    throw new Error(
      `expected a path such as $.user.password, $..token or $.list[*].key; ${JSON.stringify(text)} is none from its character ${at + 1}`,
    );
  }
  if (steps.length > MAX_STEPS) throw new Error(`expected a path of at most ${MAX_STEPS} steps; found ${steps.length}`);
  return steps;
}

function stepAt(text: string, at: number): RegExpExecArray | null {
  const step = text[at] === '[' || text.startsWith('..[', at) ? BRACKETED : DOTTED;
  step.lastIndex = at;
  return step.exec(text);
}

/** @param text  one character an octet. @returns the same text where nothing is masked. @throws never */
export function maskJson(text: string, paths: JsonPaths): string {
  return new JsonMasker(text, paths).run();
}

/** An open object or array: where in each path its own place is, as bits, and what is next in it. */
interface Open {
  readonly places: readonly number[];
  readonly isObject: boolean;
  awaitsName: boolean;
  name: string;
  index: number;
}

class JsonMasker {
  readonly #text: string;
  readonly #anywhere: ReadonlySet<string>;
  readonly #paths: readonly JsonPath[];
  readonly #atRoot: readonly number[];
  readonly #open: Open[] = [];
  readonly #result = new LongText();
  #copied = 0;

  constructor(text: string, { anywhere, others }: JsonPaths) {
    this.#text = text;
    this.#anywhere = anywhere;
    this.#paths = others;
    this.#atRoot = others.map((path) => withDescents(path, 1));
  }

  run(): string {
    for (let at = 0; at < this.#text.length; ) at = this.#read(at);
    if (this.#copied === 0) return this.#text;
    this.#result.add(this.#text.slice(this.#copied));
    return String(this.#result);
  }

  /** @returns where to read on */
  #read(at: number): number {
    const top = this.#open.at(-1);
    switch (this.#text[at]) {
      case ' ':
      case '\t':
      case '\r':
      case '\n':
      case ':':
        return at + 1;
      case '}':
      case ']':
        this.#open.pop();
        return at + 1;
      case ',':
        if (top?.isObject) top.awaitsName = true;
        else if (top !== undefined) top.index += 1;
        return at + 1;
      case '"':
        if (top?.awaitsName !== true) return this.#value(at, top);
        return this.#name(at, top);
      default:
        return this.#value(at, top);
    }
  }

  #name(at: number, top: Open): number {
    const end = endOfString(this.#text, at);
    top.awaitsName = false;
    top.name = nameOf(this.#text.slice(at, end));
    return end;
  }

  #value(at: number, top: Open | undefined): number {
    const places = top === undefined || this.#paths.length === 0 ? this.#atRoot : this.#placesBelow(top);
    const c = this.#text[at];
    const isOpening = c === '{' || c === '[';
    const isNamed = top?.isObject === true && this.#anywhere.has(top.name);
    const isReached = isNamed || (this.#paths.length > 0 && places.some((bits, i) => (bits & (1 << this.#paths[i]!.length)) !== 0));
    if (isReached || (isOpening && this.#open.length >= MAX_DEPTH)) {
      const end = endOfValue(this.#text, at);
      this.#mask(at, end);
      return end;
    }
    if (!isOpening) return endOfValue(this.#text, at);
    this.#open.push({ places, isObject: c === '{', awaitsName: c === '{', name: '', index: 0 });
    return at + 1;
  }

  #placesBelow(top: Open): number[] {
    const name = top.isObject ? top.name : String(top.index);
    return this.#paths.map((path, i) => {
      let next = 0;
      for (let place = 0; place < path.length; place += 1) {
        if ((top.places[i]! & (1 << place)) === 0) continue;
        const step = path[place]!;
        if (step.kind === 'descent') next |= 1 << place;
        else if (step.kind === 'any' || step.name === name) next |= 1 << (place + 1);
      }
      return withDescents(path, next);
    });
  }

  #mask(start: number, end: number): void {
    const isText = this.#text[start] === '"';
    const isClosed = isText && end > start + 1 && this.#text[end - 1] === '"';
    const secret = this.#text.slice(isText ? start + 1 : start, isClosed ? end - 1 : end);
    this.#result.add(`${this.#text.slice(this.#copied, start)}"${masked(secret)}"`);
    this.#copied = end;
  }
}

/** Where `..` stands, the step behind it may begin at once. */
function withDescents(path: JsonPath, places: number): number {
  let all = places;
  for (let place = 0; place < path.length; place += 1) {
    if (path[place]!.kind === 'descent' && (all & (1 << place)) !== 0) all |= 1 << (place + 1);
  }
  return all;
}

/** A name without quotes and escapes: `pass\u0077ord` is one, too. */
function nameOf(spelled: string): string {
  if (!/[\\\x80-\xff]/.test(spelled)) return spelled.slice(1, -1);
  try {
    return JSON.parse(readableText(spelled)) as string;
  } catch {
    return spelled.slice(1, -1);
  }
}

/** Behind a string, an object or array with all in it, or whatever else goes up to a delimiter; at the end of the text where it is cut off. */
function endOfValue(text: string, start: number): number {
  const c = text[start];
  if (c === '"') return endOfString(text, start);
  if (c !== '{' && c !== '[') {
    let end = start + 1;
    while (end < text.length && DELIMITERS[text.charCodeAt(end)] !== 1) end += 1;
    return end;
  }
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const each = text[at];
    if (each === '"') at = endOfString(text, at) - 1;
    else if (each === '{' || each === '[') depth += 1;
    else if ((each === '}' || each === ']') && (depth -= 1) === 0) return at + 1;
  }
  return text.length;
}

function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let slash = at - 1;
    while (slash > start && text[slash] === '\\') slash -= 1;
    // An even number of backslashes are pairs.
    if ((at - slash) % 2 === 1) return at + 1;
  }
  return text.length;
}

const DOTTED = /(\.\.?)([^\s.[\]'"*]+|\*)/y;
const BRACKETED = /(\.\.)?\[('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\d+|\*)\]/y;
const DELIMITERS = Uint8Array.from({ length: 256 }, (_, octet) => (',:]}[{" \t\r\n'.includes(String.fromCharCode(octet)) ? 1 : 0));
/** One bit each, and one for the end. */
const MAX_STEPS = 30;
const MAX_DEPTH = 500;
