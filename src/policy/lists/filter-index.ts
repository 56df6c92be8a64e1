// Owns the bound on what one word of a URL may cost with a list of filters; bounded-matching.ts bounds what all its words may. The package keeps each filter under the rarest of its words, or under none when
// no word of it is whole (`*a*b*`), and tries on a request every filter that stands under a word of its URL. A list with too many under one word is
// refused: each request with that word would wait for all of them, and everybody behind it too.
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
/** A thousand patterns. Lists that people publish stay far below. */
const MOST_COST = 10_000;
