// Owns the list by keyboard: the row that is current moves, and stays in sight.
import { useKeys } from '../keyboard.ts';
import { route } from '../route.ts';
import { showMenu } from '../shell/menu.tsx';
import { rowCommands } from './row-commands.ts';
import { current, moveTo, openDetail } from './selection.ts';
import type { TrafficView } from './view.ts';
import type { Viewport } from './viewport.ts';

export function useListKeys(view: TrafficView, box: { current: HTMLDivElement | null }, viewport: Viewport): void {
  const { first, last, scrollTopOf } = viewport;
  const move = (step: number) => {
    const here = current.value === null ? null : view.indexOf(current.value.id);
    const to = here === null ? (step > 0 ? first : last - 1) : here + step;
    const row = view.row(to);
    if (row === undefined) return;
    moveTo(row);
    showIndex(box.current!, viewport, to);
  };
  const jump = (index: number) => {
    view.follow(index > 0 && view.order === 'id');
    box.current!.scrollTop = scrollTopOf(index);
  };
  const page = Math.max(1, last - first - 2);
  const menu = () => {
    const row = current.value;
    const place =
      row === null ? null : (document.getElementById(`row-${row.id}`)?.getBoundingClientRect() ?? box.current!.getBoundingClientRect());
    if (row !== null && place !== null) showMenu(`Exchange ${row.id}`, place.left + 40, place.bottom, () => rowCommands(row));
  };
  const moves = {
    j: () => move(1),
    k: () => move(-1),
    g: () => jump(0),
    G: () => jump(view.total.value),
    f: () => jump(view.total.value),
    m: menu,
  };
  const arrows = { ArrowDown: () => move(1), ArrowUp: () => move(-1), PageDown: () => move(page), PageUp: () => move(-page) };
  const isDetailAlone = route.value.id !== null && matchMedia('(max-width: 720px)').matches;
  useKeys({ ...moves, ...(isDetailAlone ? {} : arrows), Home: () => jump(0), End: () => jump(view.total.value), Enter: openCurrent });
}

/** Scrolls as far as it has to, so that a row is seen as a whole. */
export function showIndex(box: HTMLElement, { first, last, onScreen, scrollTopOf }: Viewport, index: number): void {
  // The first may be half out of sight, as may the last two: the head covers one.
  if (index <= first) box.scrollTop = scrollTopOf(index);
  else if (index >= last - 2) box.scrollTop = scrollTopOf(index - onScreen + 2);
}

function openCurrent(): void {
  if (current.value !== null) openDetail(current.value);
}
