// Owns the bound on what one word of a URL may cost with a list of filters; bounded-matching.ts bounds what all its words may. The package keeps each
// filter under the rarest of its words (words.ts), or under none when no word of it is whole (`*a*b*`), and tries on a request every filter that stands
// under a word of its URL. A list with too many under one word is refused: each request with that word would wait for all of them, and everybody
// behind it too.
import type * as Adblocker from '@ghostery/adblocker';

/** Too many filters would be tried on each request that has a certain word, or on every request. */
export class FiltersTooBroad extends Error {
  /** One of them, as the list has it. */
  readonly example: string;

  constructor(example: string) {
    super(`too many filters are like ${example}`);
    this.example = example;
  }
}

/** @throws FiltersTooBroad */
export function refuseBroadFilters(filters: readonly Adblocker.NetworkFilter[]): void {
  const frequency = new Map<number, number>();
  for (const filter of filters) {
    for (const words of filter.getTokens()) for (const word of words) frequency.set(word, (frequency.get(word) ?? 0) + 1);
  }
  const costs = new Map<number, number>();
  for (const filter of filters) {
    for (const words of filter.getTokens()) {
      const word = rarest(words, frequency);
      const cost = (costs.get(word) ?? 0) + costOf(filter);
      if (cost > MOST_COST) throw new FiltersTooBroad(filter.toString());
      costs.set(word, cost);
    }
  }
}

/**
 * The package finds the filters of a word by the last bits of its hash and looks at all that have the same ones; so whoever knows the hash could have
 * each word of a URL look at the whole list.
 *
 * @param example any filter of the list
 * @throws FiltersTooBroad
 */
export function refuseSharedSlots(engine: Adblocker.FiltersEngine, example: Adblocker.NetworkFilter): void {
  const most = slotsOf(engine).reduce((sum, slots) => sum + longestSlot(slots), 0);
  if (most > MOST_LOOKED_AT) throw new FiltersTooBroad(example.toString());
}

/** What the package keeps for itself: where the slot of each last bits begins, and the words and filters of all slots in turn. */
export interface Slots {
  readonly tokensLookupIndex: Uint32Array;
  readonly bucketsIndex: Uint32Array;
}

export function slotsOf({ importants, redirects, filters, exceptions }: Adblocker.FiltersEngine): Slots[] {
  return [importants, redirects, filters, exceptions].map(({ index }) => index as unknown as Slots);
}

/** How many filters the package looks at to find those of these words, at most: it keeps what it has found. */
export function entriesLookedAt(all: readonly Slots[], words: Uint32Array): number {
  let entries = 0;
  for (const slots of all) {
    const lastBits = slots.tokensLookupIndex.length - 1;
    if (lastBits > 0) for (const word of words) entries += slotLength(slots, word & lastBits);
  }
  return entries;
}

function longestSlot(slots: Slots): number {
  let longest = 0;
  for (let i = 0; i < slots.tokensLookupIndex.length; i += 1) longest = Math.max(longest, slotLength(slots, i));
  return longest;
}

function slotLength({ tokensLookupIndex: begins, bucketsIndex }: Slots, at: number): number {
  return ((begins[at + 1] ?? bucketsIndex.length) - begins[at]!) / 2;
}

/** All filters of a word are read before the first of them is tried, so what they say counts as well: some have thousands of domains. */
function costOf(filter: Adblocker.NetworkFilter): number {
  return (filter.isRegex() ? COST_OF_PATTERN : 1) + (filter.rawLine?.length ?? 0) * COST_OF_CHARACTER;
}

function rarest(words: Uint32Array, frequency: ReadonlyMap<number, number>): number {
  let found = EVERY_REQUEST;
  let least = Number.POSITIVE_INFINITY;
  for (const word of words) {
    const count = frequency.get(word)!;
    if (count < least) [found, least] = [word, count];
  }
  return found;
}

/** Where the package keeps what has no word. */
const EVERY_REQUEST = 0;
/** In comparisons of plain text, which take some 0.1 us. */
const COST_OF_PATTERN = 10;
const COST_OF_CHARACTER = 0.001;
/** A thousand words that each look at so many take some 20 ms. */
const MOST_LOOKED_AT = 20_000;
/** A thousand patterns. Lists that people publish stay far below. */
const MOST_COST = 10_000;
