// Owns what is in a row: cells by column, or two lines where the screen is narrow. Drawn again only when the row or the columns are others.
import { Component } from 'preact';
import type { Summary } from '../../../flows/recorded.ts';
import { bytesText, durationText } from '../words.ts';
import { type Column, StandingIcon } from './columns.tsx';
import { statusTone } from './standing.ts';
import { hostText, pathText, typeText } from './url.ts';
import { Waterfall } from './waterfall.tsx';

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
    const { row, columns, isNarrow, scaleMs } = this.props;
    return isNarrow ? <NarrowRow {...row} /> : <WideRow row={row} columns={columns} scaleMs={scaleMs} />;
  }
}

function WideRow({ row, columns, scaleMs }: Omit<RowProps, 'isNarrow'>) {
  return (
    <>
      <Cell name="standing">
        <StandingIcon row={row} />
      </Cell>
      {columns.map((column) => (
        <Cell key={column.name} name={column.name} isRight={column.isRight === true}>
          {column.show(row)}
        </Cell>
      ))}
      {scaleMs !== null && (
        <Cell name="waterfall">
          <Waterfall row={row} scaleMs={scaleMs} />
        </Cell>
      )}
    </>
  );
}

function Cell({
  name,
  isRight = false,
  children,
}: {
  readonly name: string;
  readonly isRight?: boolean;
  readonly children?: preact.ComponentChildren;
}) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: as for the grid.
    // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus, and tells which row.
    <div class={`cell cell-${name} ${isRight ? 'is-right' : ''}`} role="gridcell">
      {children}
    </div>
  );
}

function NarrowRow(row: Summary) {
  const size = row.responseBytes === 0 ? null : bytesText(row.responseBytes);
  const time = row.totalMs === null ? null : durationText(row.totalMs);
  return (
    // biome-ignore lint/a11y/useSemanticElements: as for the grid.
    // biome-ignore lint/a11y/useFocusableInteractive: as above.
    <div class="narrow-row" role="gridcell">
      <StandingIcon row={row} />
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
