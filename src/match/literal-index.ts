// Owns finding, in one pass over a text, everything that was filed under a literal that the text contains (Aho and Corasick, 1975). The time grows
// with the length of the text, not with the number of literals. What is found is put into a set of bits, so that nothing is allocated.
// A literal too long for the table is filed under its last characters: then more is found than contains it, and never less.

export interface LiteralIndex {
  /** What follows each state on each class of characters, and last in its row its end in `ends`, or -1. States stand in it as the place of their row. */
  readonly table: Int32Array;
  /** Where in a row the end stands. */
  readonly endColumn: number;
  /** The class of each ASCII character; 0 for those that no literal has, and for all beyond. */
  readonly classes: Uint8Array;
  readonly ends: readonly End[];
}

/** The end of a literal, and the next shorter literal that ends there. */
interface End {
  readonly bits: readonly number[];
  readonly shorter: End | null;
  isFound: boolean;
}

/** @param filed by literal of ASCII characters, one at least: the bits to set */
export function buildLiteralIndex(filed: ReadonlyMap<string, readonly number[]>): LiteralIndex {
  const classes = new Uint8Array(0x80);
  let count = 1;
  for (const literal of filed.keys()) {
    for (let i = 0; i < literal.length; i += 1) if (classes[literal.charCodeAt(i)] === 0) classes[literal.charCodeAt(i)] = count++;
  }
  let kept = MAX_LITERAL;
  let trie = buildTrie(filed, classes, count, kept);
  // Of two characters there are so few that their table is small whatever is filed.
  while (trie.table.length > MAX_TABLE && kept > 2) {
    kept >>= 1;
    trie = buildTrie(filed, classes, count, kept);
  }
  const ends = complete(trie, count);
  return { table: Int32Array.from(trie.table), endColumn: count, classes, ends };
}

/** Sets the bits of everything filed under a literal that the text contains; those that are set stay so. @throws never */
export function findLiterals({ table, endColumn, classes, ends }: LiteralIndex, text: string, into: Int32Array): void {
  let state = 0;
  let count = 0;
  for (let i = 0; i < text.length; i += 1) {
    const c = text.charCodeAt(i);
    state = table[state + (c < 0x80 ? classes[c]! : 0)]!;
    const number = table[state + endColumn]!;
    // Each end once: a text that has one literal a thousand times costs no more than its length.
    for (let end = number === NOTHING ? null : ends[number]!; end !== null && !end.isFound; end = end.shorter) {
      end.isFound = true;
      found[count++] = end;
      for (const bit of end.bits) into[bit >> 5]! |= 1 << (bit & 31);
    }
  }
  for (let i = 0; i < count; i += 1) found[i]!.isFound = false;
}

/** While it is built: the table, NOTHING where nothing follows yet, and the bits of each state. */
interface Trie {
  readonly table: number[];
  readonly bits: ReadonlyMap<number, readonly number[]>;
}

function buildTrie(filed: ReadonlyMap<string, readonly number[]>, classes: Uint8Array, endColumn: number, kept: number): Trie {
  const row = new Array<number>(endColumn + 1).fill(NOTHING);
  const table = [...row];
  const bits = new Map<number, number[]>();
  for (const [literal, own] of filed) {
    let state = 0;
    for (let i = Math.max(0, literal.length - kept); i < literal.length; i += 1) {
      const place = state + classes[literal.charCodeAt(i)]!;
      if (table[place] === NOTHING) table[place] = table.push(...row) - row.length;
      state = table[place]!;
    }
    const known = bits.get(state);
    if (known === undefined) bits.set(state, [...own]);
    else for (const bit of own) known.push(bit);
  }
  return { table, bits };
}

/** Where nothing follows, puts in what follows the longest ending of the text that a literal begins with; breadth first, so that it is there already. */
function complete({ table, bits }: Trie, endColumn: number): readonly End[] {
  const ends: End[] = [];
  const fallBacks = new Map([[0, 0]]);
  for (const [state, fallBack] of fallBacks) {
    const own = bits.get(state);
    const shorter = state === 0 ? NOTHING : table[fallBack + endColumn]!;
    table[state + endColumn] =
      own === undefined ? shorter : ends.push({ bits: own, shorter: shorter === NOTHING ? null : ends[shorter]!, isFound: false }) - 1;
    for (let characters = 0; characters < endColumn; characters += 1) {
      const without = state === 0 ? 0 : table[fallBack + characters]!;
      const following = table[state + characters]!;
      if (following === NOTHING) table[state + characters] = without;
      else fallBacks.set(following, without);
    }
  }
  return ends;
}

const NOTHING = -1;
const MAX_LITERAL = 16;
/** Places of a table: 4 MB. */
const MAX_TABLE = 1_000_000;

/** The ends found in this pass, so that the next one begins with none. */
const found: End[] = [];
