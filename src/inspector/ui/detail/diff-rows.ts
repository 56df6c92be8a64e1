// Owns how lines of a difference stand beside each other: what was removed on the left of what was added in its place, what is alike on both sides, and
// long stretches of that folded away.
import type { DiffLine } from '../wire.ts';

export interface DiffRow {
  /** `null` where only the other side has a line. */
  readonly left: string | null;
  readonly right: string | null;
  readonly isSame: boolean;
}

/** The n-th line that was removed in one place is beside the n-th that was added there. */
export function besideEachOther(lines: readonly DiffLine[]): readonly DiffRow[] {
  const rows: DiffRow[] = [];
  let removed: string[] = [];
  let added: string[] = [];
  const flush = () => {
    for (let at = 0; at < Math.max(removed.length, added.length); at += 1)
      rows.push({ left: removed[at] ?? null, right: added[at] ?? null, isSame: false });
    removed = [];
    added = [];
  };
  for (const { kind, text } of lines) {
    if (kind === 'removed') removed.push(text);
    else if (kind === 'added') added.push(text);
    else {
      flush();
      rows.push({ left: text, right: text, isSame: true });
    }
  }
  flush();
  return rows;
}

/** @returns rows to show, and how many alike are left out between them */
export function foldRows(rows: readonly DiffRow[]): readonly (readonly DiffRow[] | number)[] {
  const isNear = new Uint8Array(rows.length);
  for (const [at, { isSame }] of rows.entries()) if (!isSame) isNear.fill(1, Math.max(0, at - CONTEXT), at + CONTEXT + 1);
  const groups: (readonly DiffRow[] | number)[] = [];
  for (let from = 0; from < rows.length; ) {
    let to = from + 1;
    while (to < rows.length && isNear[to] === isNear[from]) to += 1;
    // A line about two lines saves nothing.
    groups.push(isNear[from] === 0 && to - from > 2 ? to - from : rows.slice(from, to));
    from = to;
  }
  return groups;
}

/**
 * Where a line differs from the one beside it: what both begin with, what is its own, what both end in.
 *
 * @param other  `null` for none: then nothing is marked
 */
export function changedPart(text: string, other: string | null): readonly [before: string, changed: string, after: string] {
  if (other === null) return [text, '', ''];
  const most = Math.min(text.length, other.length);
  let start = 0;
  while (start < most && text[start] === other[start]) start += 1;
  let end = 0;
  while (end < most - start && text.at(-1 - end) === other.at(-1 - end)) end += 1;
  // Lines that have next to nothing in common are other lines.
  if (start + end < most * LEAST_ALIKE) return [text, '', ''];
  return [text.slice(0, start), text.slice(start, text.length - end), text.slice(text.length - end)];
}

/** Lines around a change. */
const CONTEXT = 3;
const LEAST_ALIKE = 0.3;
