// Owns the list's head: what each column is, ordering by it, how wide it is, by hand or with the arrow keys (ARIA Authoring Practices, "Window Splitter"),
// and which are there.
import { Icon } from '../icons.tsx';
import { type Command, showMenu } from '../shell/menu.tsx';
import { COLUMNS, type Column, columnWidths, shownColumns } from './columns.tsx';
import { order } from './order.ts';
import type { TrafficView } from './view.ts';

interface ListHeadProps {
  readonly view: TrafficView;
  readonly columns: readonly Column[];
  /** The scale of the bars; `null` without. */
  readonly waterfall: string | null;
}

export function ListHead({ columns, waterfall }: ListHeadProps) {
  const openMenu = (event: MouseEvent) => {
    event.preventDefault();
    showMenu('Columns', event.clientX, event.clientY, columnCommands);
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: as for the grid.
    <div class="list-head" role="row" aria-rowindex={1} tabIndex={-1} onContextMenu={openMenu}>
      {/* biome-ignore lint/a11y/useSemanticElements: as for the grid. */}
      <div class="head-cell" role="columnheader" tabIndex={-1}>
        <span class="unseen">Outcome</span>
      </div>
      {columns.map((column) => (
        <HeadCell key={column.name} {...column} />
      ))}
      {waterfall !== null && (
        // biome-ignore lint/a11y/useSemanticElements: as for the grid.
        <div class="head-cell" role="columnheader" tabIndex={-1}>
          <span class="head-title">Timing</span>
          <span class="head-scale">{waterfall}</span>
        </div>
      )}
    </div>
  );
}

function HeadCell({ name, title, order: key, isRight, width }: Column) {
  const isUp = order.value === key;
  const isDown = order.value === `-${key}`;
  return (
    // biome-ignore lint/a11y/useSemanticElements: as for the grid.
    <div
      class={`head-cell ${isRight ? 'is-right' : ''}`}
      role="columnheader"
      tabIndex={-1}
      aria-sort={isUp ? 'ascending' : isDown ? 'descending' : 'none'}
    >
      <button type="button" class="head-title" disabled={key === null} onClick={() => orderBy(key!)}>
        {title}
        {(isUp || isDown) && <Icon name={isUp ? 'up' : 'down'} size={10} />}
      </button>
      {/* biome-ignore lint/a11y/useSemanticElements: a rule cannot be moved. */}
      <span
        class="head-edge"
        role="separator"
        aria-label={`Width of ${title}`}
        aria-orientation="vertical"
        aria-valuenow={columnWidths.value[name] ?? width}
        aria-valuemin={LEAST_WIDTH}
        aria-valuemax={MOST_WIDTH}
        tabIndex={0}
        title="Drag, or press the arrow keys; double-click or press Enter for its own width"
        onPointerDown={(event) => resize(event, name, width)}
        onKeyDown={(event) => pressed(event, name, width)}
        onDblClick={() => forgetWidth(name)}
      />
    </div>
  );
}

/** Up, down, and back to how they came. */
function orderBy(key: string): void {
  if (order.value === key) order.value = `-${key}`;
  else order.value = order.value === `-${key}` ? 'id' : key;
}

function resize(event: PointerEvent, name: string, width: number): void {
  const edge = event.currentTarget as HTMLElement;
  const from = event.clientX;
  const initial = widthNow(edge, width);
  edge.setPointerCapture(event.pointerId);
  edge.onpointermove = (move) => setWidth(name, initial + move.clientX - from);
  edge.onpointerup = () => {
    edge.onpointermove = null;
  };
}

function pressed(event: KeyboardEvent, name: string, width: number): void {
  const step = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key];
  if (step === undefined && event.key !== 'Enter') return;
  event.preventDefault();
  // The list below has keys of its own.
  event.stopPropagation();
  if (step === undefined) forgetWidth(name);
  else setWidth(name, widthNow(event.currentTarget as HTMLElement, width) + (event.shiftKey ? 4 * step : step));
}

/** Of the column whose edge it is. */
function widthNow(edge: HTMLElement, width: number): number {
  return edge.parentElement?.getBoundingClientRect().width ?? width;
}

function setWidth(name: string, width: number): void {
  columnWidths.value = { ...columnWidths.value, [name]: Math.max(LEAST_WIDTH, Math.min(MOST_WIDTH, Math.round(width))) };
}

function forgetWidth(name: string): void {
  const { [name]: _, ...others } = columnWidths.value;
  columnWidths.value = others;
}

export function columnCommands(): readonly Command[] {
  return COLUMNS.map(({ name, title }) => ({
    label: title,
    isOn: shownColumns.value.includes(name),
    keepsOpen: true,
    run: () => {
      const names = new Set(shownColumns.value);
      if (!names.delete(name)) names.add(name);
      // A list without a path would be a list of nothing.
      shownColumns.value = names.size === 0 ? ['path'] : [...names];
    },
  }));
}

/** Pixels. */
const LEAST_WIDTH = 40;
const MOST_WIDTH = 2_000;
const STEP = 8;
