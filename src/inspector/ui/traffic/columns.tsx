// Owns the list's columns: what each one shows, by what it is ordered, how wide it is and which are shown.
import type { ComponentChild } from 'preact';
import type { Summary } from '../../../flows/recorded.ts';
import { sizeText } from '../../../match/units.ts';
import { Icon } from '../icons.tsx';
import { preference } from '../preferences.ts';
import { clockText, counted, durationText } from '../words.ts';
import { standingOf, statusTone } from './standing.ts';
import { hostText, isUnderstood, pathText, typeText } from './url.ts';

export interface Column {
  readonly name: string;
  readonly title: string;
  /** The key of a row that the proxy orders by; `null` for none. */
  readonly order: string | null;
  /** Pixels. */
  readonly width: number;
  readonly isRight?: boolean;
  /** Whether it is there until somebody takes it away. */
  readonly isUsual: boolean;
  readonly show: (row: Summary) => ComponentChild;
}

export const COLUMNS: readonly Column[] = [
  {
    name: 'id',
    title: 'No',
    order: 'id',
    width: 72,
    isRight: true,
    isUsual: true,
    show: ({ id }) => <span class="soft number">{id}</span>,
  },
  { name: 'time', title: 'Clock', order: 'startedAtMs', width: 96, isUsual: false, show: ({ startedAtMs }) => clockText(startedAtMs) },
  {
    name: 'method',
    title: 'Method',
    order: 'method',
    width: 80,
    isUsual: true,
    show: ({ method }) => <span class={`method is-${method.toLowerCase()}`}>{method}</span>,
  },
  { name: 'host', title: 'Host', order: 'host', width: 176, isUsual: true, show: (row) => hostText(row) },
  { name: 'path', title: 'Path', order: 'path', width: 300, isUsual: true, show: pathCell },
  { name: 'status', title: 'Status', order: 'status', width: 56, isUsual: true, show: statusCell },
  {
    name: 'type',
    title: 'Type',
    order: 'contentType',
    width: 84,
    isUsual: true,
    show: ({ contentType }) => <span class="soft">{typeText(contentType)}</span>,
  },
  { name: 'size', title: 'Size', order: 'responseBytes', width: 80, isRight: true, isUsual: true, show: sizeCell },
  {
    name: 'duration',
    title: 'Time',
    order: 'totalMs',
    width: 66,
    isRight: true,
    isUsual: true,
    show: timeCell,
  },
  { name: 'client', title: 'Client', order: 'client', width: 110, isUsual: false, show: ({ client }) => client },
  { name: 'user', title: 'User', order: 'user', width: 80, isUsual: false, show: ({ user }) => user ?? '' },
  {
    name: 'rule',
    title: 'Rule',
    order: 'rule',
    width: 130,
    isUsual: false,
    show: ({ rule, decision, deniedFor }) => rule ?? (decision === null || deniedFor !== undefined ? '' : 'default'),
  },
  { name: 'cache', title: 'Cache', order: 'cache', width: 80, isUsual: false, show: ({ cache }) => cache ?? '' },
  {
    name: 'sent',
    title: 'Sent',
    order: 'requestBytes',
    width: 80,
    isRight: true,
    isUsual: false,
    show: ({ requestBytes }) => (requestBytes === 0 ? '' : sizeText(requestBytes)),
  },
];

/** Names of those that are shown; the order is that of the table. */
export const shownColumns = preference<readonly string[]>(
  'columns',
  COLUMNS.filter(({ isUsual }) => isUsual).map(({ name }) => name),
  (value) => Array.isArray(value) && value.length > 0,
);

export const columnWidths = preference<Readonly<Record<string, number>>>('widths', {}, (value) => typeof value === 'object');

/** How the list's columns are laid out. */
export interface Layout {
  readonly columns: readonly Column[];
  readonly hasWaterfall: boolean;
  /** As `grid-template-columns` has it. */
  readonly tracks: string;
  /** Pixels that all of it takes at least. */
  readonly least: number;
}

/** In so many pixels: where they do not do, what matters least gives way before anything has to be scrolled to. The path takes what is left. */
export function layoutFor(width: number): Layout {
  let columns = COLUMNS.filter(({ name }) => shownColumns.value.includes(name));
  let hasWaterfall = true;
  const least = () => ICON_WIDTH + columns.reduce((sum, column) => sum + leastWidth(column), 0) + (hasWaterfall ? WATERFALL_WIDTH : 0);
  for (const name of GIVING_WAY) {
    if (least() <= width) break;
    if (name === 'waterfall') hasWaterfall = false;
    else columns = columns.filter((column) => column.name !== name || columns.length === 1);
  }
  const tracks = columns.map((column) => (isElastic(column) ? `minmax(${LEAST_PATH}px, 1fr)` : `${leastWidth(column)}px`));
  return {
    columns,
    hasWaterfall,
    tracks: [`${ICON_WIDTH}px`, ...tracks, ...(hasWaterfall ? [`${WATERFALL_WIDTH}px`] : [])].join(' '),
    least: least(),
  };
}

function leastWidth(column: Column): number {
  return isElastic(column) ? LEAST_PATH : (columnWidths.value[column.name] ?? column.width);
}

function isElastic({ name }: Column): boolean {
  return name === 'path' && columnWidths.value['path'] === undefined;
}

const ICON_WIDTH = 30;
const WATERFALL_WIDTH = 160;
const LEAST_PATH = 150;
const GIVING_WAY: readonly string[] = ['waterfall', 'type', 'id', 'sent', 'cache', 'client', 'user', 'size', 'time'];

// What follows are calls and no components, of which Preact keeps an object, and signals another: a list that passes by has hundreds of them drawn at once.

/** How it stands, as a picture with words. */
export function standingIcon(row: Summary): ComponentChild {
  const { icon, tone, words } = standingOf(row);
  return (
    <span class={`standing tone-${tone}`} role="img" aria-label={words} title={words}>
      {Icon({ name: icon, size: 14 })}
    </span>
  );
}

function pathCell(row: Summary): ComponentChild {
  const { touched, replayOf, reported, messages } = row;
  const isPath = row.kind !== 'tunnel' && isUnderstood(row);
  return (
    <>
      <span class={`path ${isPath ? '' : 'soft'}`}>{pathText(row)}</span>
      {messages > 0 && <span class="mark-of soft">{counted(messages, 'message')}</span>}
      {replayOf !== null && markOf('replay', `Repeats ${replayOf}`)}
      {touched.length > 0 && markOf('edit', `Changed by ${touched.join(', ')}`)}
      {reported > 0 && markOf('policy', 'A rule on trial would have denied it')}
    </>
  );
}

function markOf(icon: 'replay' | 'edit' | 'policy', words: string): ComponentChild {
  return (
    <span class="mark-of tone-opened" role="img" aria-label={words} title={words}>
      {Icon({ name: icon, size: 12 })}
    </span>
  );
}

function statusCell(row: Summary): ComponentChild {
  const { status, state } = row;
  if (status === 0) return <span class="soft">{state === 'pending' ? '…' : '–'}</span>;
  return <span class={`number status tone-${statusTone(row)}`}>{status}</span>;
}

function timeCell({ totalMs }: Summary): ComponentChild {
  if (totalMs === null) return <span class="soft">…</span>;
  return <span class={totalMs > SLOW_MS ? 'number tone-failed' : 'number'}>{durationText(totalMs)}</span>;
}

function sizeCell({ responseBytes, state }: Summary): ComponentChild {
  return responseBytes === 0 ? (
    <span class="soft">{state === 'pending' ? '…' : '–'}</span>
  ) : (
    <span class="number">{sizeText(responseBytes)}</span>
  );
}

/** As the filter's `is:slow` has it. */
const SLOW_MS = 1_000;
