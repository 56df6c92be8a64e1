// Owns how the oldest segment of a session goes: first what the index says of it, a little at a time, then the segment itself.
import type { FoundHead, Segments } from './segments.ts';
import type { SessionIndex } from './session-index.ts';

/** In steps. @returns the exchanges that have gone with it */
export function* removeOldest(segments: Segments, index: SessionIndex): Generator<void, ReadonlySet<number>> {
  const segment = segments.first!;
  const removed = new Set<number>();
  while (removeBlocks(index, segment, removed)) yield;
  const isWhole = yield* removeRows(index, segments.heads(segment), removed);
  // Rows of what is damaged are only found by looking at all of them.
  if (!isWhole) for (const id of index.complete.removeSegment(segment)) removed.add(id);
  while (removeBlocks(index, segment, removed));
  index.writeRows();
  index.opened.removeContents(segment);
  segments.removeOldest();
  index.removed(removed, segments.end);
  return removed;
}

/** Some of them. @returns whether there may be more */
function removeBlocks({ complete }: SessionIndex, segment: number, removed: Set<number>): boolean {
  return complete.transact(() => {
    for (let count = 0; count < BLOCKS_AT_ONCE; count += 1) {
      const ids = complete.removeBlock(segment);
      if (ids === null) return false;
      for (const id of ids) removed.add(id);
    }
    return true;
  });
}

/** A row that has come to lie elsewhere since stays. @returns what `heads` does */
function* removeRows(index: SessionIndex, heads: Generator<FoundHead, boolean>, removed: Set<number>): Generator<void, boolean> {
  for (;;) {
    const end = index.complete.transact(() => removeSome(index, heads, removed));
    if (end !== null) return end;
    yield;
  }
}

/** @returns `null` when there are more */
function removeSome({ opened }: SessionIndex, heads: Generator<FoundHead, boolean>, removed: Set<number>): boolean | null {
  for (let count = 0; count < ROWS_AT_ONCE; count += 1) {
    const { done, value } = heads.next();
    if (done === true) return value;
    if (value.kind === 'message') opened.removeMessage(value.id, value.number, value);
    else if (value.kind !== 'content' && opened.remove(value.id, value)) removed.add(value.id);
  }
  return null;
}

const ROWS_AT_ONCE = 500;
const BLOCKS_AT_ONCE = 50;
