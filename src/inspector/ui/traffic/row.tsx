// Owns what is in a row: cells by column, or two lines where the screen is narrow. Drawn again only when the row or the columns are others.
import { Component, type ComponentChild } from 'preact';
import type { Summary } from '../../../flows/recorded.ts';
import { sizeText } from '../../../match/units.ts';
import { durationText } from '../words.ts';
import { type Column, standingIcon } from './columns.tsx';
import { statusTone } from './standing.ts';
import { hostText, pathText, typeText } from './url.ts';
import { waterfall } from './waterfall.tsx';

interface RowProps {
  readonly row: Summary;
  readonly columns: readonly Column[];
  readonly isNarrow: boolean;
  /** `null` without a waterfall. */
  readonly scaleMs: number | null;
}

export class Row extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps): boolean {
    const { row, columns, isNarrow, scaleMs } = this.props;
    return row !== next.row || columns !== next.columns || isNarrow !== next.isNarrow || scaleMs !== next.scaleMs;
  }

  override render() {
    const { row, isNarrow } = this.props;
    return isNarrow ? narrowRow(row) : wideRow(this.props);
  }
}

// Calls and no components, as in `columns.tsx`.
function wideRow({ row, columns, scaleMs }: RowProps): readonly ComponentChild[] {
  const cells = columns.map((column) => cell(column.name, column.isRight === true, column.show(row)));
  return [
    cell('standing', false, standingIcon(row)),
    ...cells,
    ...(scaleMs === null ? [] : [cell('waterfall', false, waterfall(row, scaleMs))]),
  ];
}

function cell(name: string, isRight: boolean, children: ComponentChild): ComponentChild {
  return (
    // biome-ignore lint/a11y/useSemanticElements: as for the grid.
    // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus, and tells which row.
    <div key={name} class={`cell cell-${name} ${isRight ? 'is-right' : ''}`} role="gridcell">
      {children}
    </div>
  );
}

function narrowRow(row: Summary): ComponentChild {
  const size = row.responseBytes === 0 ? null : sizeText(row.responseBytes);
  const time = row.totalMs === null ? null : durationText(row.totalMs);
  return (
    // biome-ignore lint/a11y/useSemanticElements: as for the grid.
    // biome-ignore lint/a11y/useFocusableInteractive: as above.
    <div class="narrow-row" role="gridcell">
      {standingIcon(row)}
      <span class="narrow-path">
        {row.method !== 'GET' && <b>{row.method} </b>}
        {row.kind === 'tunnel' ? 'tunnel' : pathText(row)}
      </span>
      <span class={`number tone-${statusTone(row)}`}>{row.status === 0 ? '…' : row.status}</span>
      <span class="narrow-host soft">{hostText(row)}</span>
      <span class="soft number">{[typeText(row.contentType), size, time].filter(Boolean).join(' · ')}</span>
    </div>
  );
}
