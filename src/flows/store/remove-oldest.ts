// Owns how the oldest segment of a session goes: first what the index says of it, a little at a time, then the segment itself.
import type { FoundHead, Segments } from './segments.ts';
import type { SessionIndex } from './session-index.ts';

interface Removed {
  readonly ids: Set<number>;
  /** Of those that nobody was told of yet. */
  summaries: string[];
}

/**
 * In steps.
 *
 * @param left hears of the summaries of exchanges that have just gone from the index
 * @returns the exchanges that have gone with it
 */
export function* removeOldest(
  segments: Segments,
  index: SessionIndex,
  left: (summaries: readonly string[]) => void,
): Generator<void, ReadonlySet<number>> {
  const segment = segments.first!;
  const removed: Removed = { ids: new Set(), summaries: [] };
  const tell = (): void => {
    left(removed.summaries);
    removed.summaries = [];
  };
  while (removeBlocks(index, segment, removed)) {
    tell();
    yield;
  }
  const heads = segments.heads(segment);
  let isWhole = removeRows(index, heads, removed);
  for (; isWhole === null; isWhole = removeRows(index, heads, removed)) {
    tell();
    yield;
  }
  // Rows of what is damaged are only found by looking at all of them.
  if (!isWhole) for (const [id, summary] of index.complete.removeSegment(segment)) note(removed, id, summary);
  while (removeBlocks(index, segment, removed));
  index.writeRows();
  index.opened.removeContents(segment);
  segments.removeOldest();
  index.removed(removed.ids, segments.end);
  tell();
  return removed.ids;
}

/** Some of them. @returns whether there may be more */
function removeBlocks({ complete }: SessionIndex, segment: number, removed: Removed): boolean {
  return complete.transact(() => {
    for (let count = 0; count < BLOCKS_AT_ONCE; count += 1) {
      const rows = complete.removeBlock(segment);
      if (rows === null) return false;
      for (const [id, summary] of rows) note(removed, id, summary);
    }
    return true;
  });
}

/** Some of them; a row that has come to lie elsewhere since stays. @returns what `heads` does, `null` when there are more */
function removeRows({ complete }: SessionIndex, heads: Generator<FoundHead, boolean>, removed: Removed): boolean | null {
  return complete.transact(() => {
    for (let count = 0; count < ROWS_AT_ONCE; count += 1) {
      const { done, value } = heads.next();
      if (done === true) return value;
      if (value.kind === 'message') complete.removeMessage(value.id, value.number, value);
      else if (value.kind !== 'content') {
        const summary = complete.remove(value.id, value);
        if (summary !== null) note(removed, value.id, summary);
      }
    }
    return null;
  });
}

function note({ ids, summaries }: Removed, id: number, summary: string): void {
  ids.add(id);
  summaries.push(summary);
}

const ROWS_AT_ONCE = 500;
const BLOCKS_AT_ONCE = 50;
