// Owns the list: of a hundred thousand rows, those on the screen are drawn. Rows are all of one height, so where one is is a multiplication; elements are
// used again for other rows as they pass by. It is a grid to whoever hears it (ARIA Authoring Practices), and one stop for the Tab key.
import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import type { Summary } from '../../../flows/recorded.ts';
import { route } from '../route.ts';
import { showMenu } from '../shell/menu.tsx';
import { durationText } from '../words.ts';
import { type Column, columnWidths, type Layout, layoutFor, shownColumns } from './columns.tsx';
import { ListHead } from './list-head.tsx';
import { showIndex, useListKeys } from './list-keys.ts';
import { Row } from './row.tsx';
import { rowCommands } from './row-commands.ts';
import { useSought } from './seek-row.ts';
import { current, moveTo, openDetail, second, toggleSecond } from './selection.ts';
import type { TrafficView } from './view.ts';
import { viewportOf } from './viewport.ts';
import { scaleFor } from './waterfall.tsx';

interface ListProps {
  readonly view: TrafficView;
  readonly isNarrow: boolean;
}

export function List({ view, isNarrow }: ListProps) {
  const box = useRef<HTMLDivElement>(null);
  const height = useSignal(600);
  const width = useSignal(900);
  const scrolled = useSignal(0);
  const total = view.total.value;
  view.changes.value;
  const rowHeight = isNarrow ? NARROW_ROW : WIDE_ROW;
  const isFollowing = view.isFollowing.value;
  const viewport = viewportOf({
    // While the end is followed it matters nothing, and what it comes to need not be drawn.
    ...{ total, rowHeight, isFollowing, height: height.value, scrollTop: isFollowing ? 0 : scrolled.value },
    headHeight: isNarrow ? 0 : WIDE_ROW,
  });
  const { whole, end, first, last, onScreen, placeOf } = viewport;
  useLayoutEffect(() => measure(box.current!, height, width), []);
  useLayoutEffect(() => {
    if (!isFollowing) return;
    scrolled.value = end;
    box.current!.scrollTop = end;
  }, [end, isFollowing]);
  // The detail takes room from the list; what it is of stays in sight.
  const isBesideDetail = route.value.id !== null;
  useLayoutEffect(() => {
    const index = isBesideDetail && current.value !== null ? view.indexOf(current.value.id) : null;
    if (index !== null) showIndex(box.current!, viewport, index);
  }, [height.value, isBesideDetail]);
  useEffect(() => view.see(first, last), [view, first, last]);
  useSought(view, box, viewport);
  useListKeys(view, box, viewport);

  const layout = useMemo(() => layoutFor(width.value), [width.value, shownColumns.value, columnWidths.value]);
  const { columns, tracks, least, hasWaterfall } = isNarrow ? NARROW : layout;
  const drawn = view.rows(first, last);
  const scaleMs = scaleFor(drawn);
  const isDrawn = drawn.some(({ id }) => id === current.value?.id);
  const base = useBase(first, last);

  return (
    // biome-ignore lint/a11y/useSemanticElements: a table cannot be of rows that are not there.
    <div
      class={`list ${isNarrow ? 'is-narrow' : ''}`}
      id="traffic-list"
      role="grid"
      aria-label="Exchanges"
      aria-rowcount={total + 1}
      aria-colcount={columns.length + 2}
      aria-activedescendant={isDrawn ? `row-${current.value?.id}` : undefined}
      tabIndex={0}
      ref={box}
      style={{ '--tracks': tracks, '--least': `${least}px` }}
      onScroll={({ currentTarget }) => {
        scrolled.value = currentTarget.scrollTop;
        view.follow(currentTarget.scrollTop >= end - 2 * rowHeight);
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter' && current.value !== null) openDetail(current.value);
      }}
    >
      {!isNarrow && <ListHead view={view} columns={columns} waterfall={hasWaterfall ? `0 – ${durationText(scaleMs)}` : null} />}
      <div class="list-whole" style={{ height: `${whole}px` }} role="presentation">
        <div class="list-rows" style={{ transform: `translateY(${placeOf(base)}px)` }} role="presentation">
          {Array.from({ length: Math.max(0, last - first) }, (_, at) => {
            const index = first + at;
            const places = onScreen + 2;
            return (
              <Place
                // The same element for every index that leaves the same rest, so that scrolling makes none.
                key={(((index - base) % places) + places) % places}
                {...{ index, columns, isNarrow }}
                y={(index - base) * rowHeight}
                row={view.row(index)}
                scaleMs={hasWaterfall ? scaleMs : null}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}

interface PlaceProps {
  readonly index: number;
  readonly y: number;
  readonly columns: readonly Column[];
  readonly isNarrow: boolean;
  readonly row: Summary | undefined;
  readonly scaleMs: number | null;
}

function Place({ index, y, columns, isNarrow, row, scaleMs }: PlaceProps) {
  if (row === undefined) return <div class="row is-coming" style={{ top: `${y}px` }} role="presentation" />;
  const isCurrent = current.value?.id === row.id;
  const isSecond = second.value?.id === row.id;
  return (
    // biome-ignore lint/a11y/useSemanticElements: as for the grid.
    // biome-ignore lint/a11y/useKeyWithClickEvents: the grid has the keys.
    <div
      class={`row ${row.outcome === 'denied' ? 'is-denied' : row.outcome === 'failed' ? 'is-failed' : ''} ${isSecond ? 'is-second' : ''}`}
      role="row"
      id={`row-${row.id}`}
      aria-rowindex={index + 2}
      aria-selected={isCurrent || isSecond}
      tabIndex={-1}
      style={{ top: `${y}px` }}
      onClick={(event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) toggleSecond(row);
        else openDetail(row);
      }}
      onContextMenu={(event) => {
        event.preventDefault();
        moveTo(row);
        showMenu(`Exchange ${row.id}`, event.clientX, event.clientY, () => rowCommands(row));
      }}
    >
      <Row row={row} columns={columns} isNarrow={isNarrow} scaleMs={scaleMs} />
    </div>
  );
}

/** @returns the index that rows are placed by: while any of them stays, none of those moves, and where none does, all that are new come where others were */
function useBase(first: number, last: number): number {
  const drawn = useRef({ base: first, first, last });
  const { base, first: firstBefore, last: lastBefore } = drawn.current;
  const isAllNew = first >= lastBefore || last <= firstBefore;
  drawn.current = { base: isAllNew ? first : base, first, last };
  return drawn.current.base;
}

function measure(element: HTMLElement, height: { value: number }, width: { value: number }): () => void {
  const observer = new ResizeObserver(() => {
    height.value = element.clientHeight;
    width.value = element.clientWidth;
  });
  observer.observe(element);
  return () => observer.disconnect();
}

const WIDE_ROW = 28;
const NARROW_ROW = 56;
const NARROW: Layout = { columns: [], hasWaterfall: false, tracks: 'minmax(0, 1fr)', least: 0 };
