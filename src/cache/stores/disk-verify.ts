// Owns going over everything a disk store has, and telling how far it has come and what it has found (`sallyport cache verify`).
import type { Found } from './disk-log.ts';

export interface Verified {
  readonly checked: number;
  readonly contentBytes: number;
  /** Not what was written. */
  readonly damaged: number;
  /** In the index, and no longer on the disk: removed meanwhile, or by somebody else. */
  readonly gone: number;
}

/**
 * @param prove reads the content, and deals with it if it is damaged
 * @param damaged how much of the store has been found damaged, rows of the index included
 */
export async function* verifyAll(
  all: AsyncIterable<Found>,
  prove: (found: Found) => Promise<'whole' | 'damaged' | 'gone' | 'unavailable'>,
  damaged: () => number,
): AsyncGenerator<Verified> {
  const before = damaged();
  let checked = 0;
  let contentBytes = 0;
  let gone = 0;
  for await (const found of all) {
    if ((await prove(found)) === 'gone') gone += 1;
    checked += 1;
    contentBytes += found.stored.extent.length;
    if (checked % TOLD_EVERY === 0) yield { checked, contentBytes, damaged: damaged() - before, gone };
  }
  yield { checked, contentBytes, damaged: damaged() - before, gone };
}

const TOLD_EVERY = 64;
