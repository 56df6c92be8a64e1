// Owns bringing into view the row that a link leads to. Nobody knows its index, but rows are in the order of their ids with few gaps, so the list is scrolled
// to where it would be without any, and what is found there tells where to look next. In another order nothing does: then the list stays where it is.
import { useLayoutEffect, useRef } from 'preact/hooks';
import { sought } from './selection.ts';
import type { TrafficView } from './view.ts';
import type { Viewport } from './viewport.ts';

export function useSought(view: TrafficView, box: { current: HTMLDivElement | null }, viewport: Viewport): void {
  const id = sought.value;
  const search = useRef<Search | null>(null);
  const changes = view.changes.value;
  const { first, last, onScreen, scrollTopOf } = viewport;
  useLayoutEffect(() => {
    // A list that is hidden has no room; it is done when that is shown.
    if (id === null || onScreen === 0) return;
    const known = view.indexOf(id);
    if (search.current?.id !== id) search.current = { id, least: 0, most: Number.POSITIVE_INFINITY, probes: 0, first: -1 };
    const index = known ?? (view.order === 'id' ? nextGuess(search.current, view, first, last) : 'absent');
    if (index === null) return;
    if (known !== null || index === 'absent') sought.value = null;
    if (index === 'absent' || (known !== null && index > first && index < last - 2)) return;
    view.follow(false);
    box.current!.scrollTop = scrollTopOf(Math.max(0, index - Math.floor(onScreen / 2) + 1));
  }, [id, changes, first, last, onScreen]);
}

/** Where it may still be. */
interface Search {
  readonly id: number;
  least: number;
  most: number;
  probes: number;
  /** Of the last probe. */
  first: number;
}

/** @returns where to look next; `null` while the rows that are looked at have not come */
function nextGuess(search: Search, view: TrafficView, first: number, last: number): number | 'absent' | null {
  const rows = view.rows(first, last);
  if (rows.length === 0 || rows.length < last - first) return null;
  const { id } = search;
  const [lowest, highest] = [rows[0]!.id, rows.at(-1)!.id];
  if (id < lowest) search.most = Math.min(search.most, first - 1);
  else if (id > highest) search.least = Math.max(search.least, last);
  else return 'absent';
  const most = Math.min(search.most, view.total.peek() - 1);
  if (search.least > most) return 'absent';
  if (search.first !== first) search.probes += 1;
  search.first = first;
  // As if there were no gaps.
  const near = first + id - lowest;
  const isUseful = search.probes <= MOST_GUESSES && near >= search.least && near <= most;
  return isUseful ? near : Math.floor((search.least + most) / 2);
}

/** After so many, what is left is halved each time. */
const MOST_GUESSES = 4;
