// Owns the list's columns: what each one shows, by what it is ordered, how wide it is and which are shown.
import type { ComponentChildren } from 'preact';
import type { Summary } from '../../../flows/recorded.ts';
import { Icon } from '../icons.tsx';
import { preference } from '../preferences.ts';
import { bytesText, clockText, durationText, readable } from '../words.ts';
import { standingOf, statusTone } from './standing.ts';
import { hostText, typeText } from './url.ts';

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
  readonly show: (row: Summary) => ComponentChildren;
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
  { name: 'path', title: 'Path', order: 'path', width: 300, isUsual: true, show: (row) => <PathCell {...row} /> },
  { name: 'status', title: 'Status', order: 'status', width: 56, isUsual: true, show: (row) => <StatusCell {...row} /> },
  {
    name: 'type',
    title: 'Type',
    order: 'contentType',
    width: 84,
    isUsual: true,
    show: ({ contentType }) => <span class="soft">{typeText(contentType)}</span>,
  },
  { name: 'size', title: 'Size', order: 'responseBytes', width: 66, isRight: true, isUsual: true, show: (row) => sizeText(row) },
  {
    name: 'duration',
    title: 'Time',
    order: 'totalMs',
    width: 66,
    isRight: true,
    isUsual: true,
    show: ({ totalMs }) => <TimeCell totalMs={totalMs} />,
  },
  { name: 'client', title: 'Client', order: 'client', width: 110, isUsual: false, show: ({ client }) => client },
  { name: 'user', title: 'User', order: 'user', width: 80, isUsual: false, show: ({ user }) => user ?? '' },
  {
    name: 'rule',
    title: 'Rule',
    order: 'rule',
    width: 130,
    isUsual: false,
    show: ({ rule, decision }) => rule ?? (decision === null ? '' : 'default'),
  },
  { name: 'cache', title: 'Cache', order: 'cache', width: 80, isUsual: false, show: ({ cache }) => cache ?? '' },
  {
    name: 'sent',
    title: 'Sent',
    order: 'requestBytes',
    width: 66,
    isRight: true,
    isUsual: false,
    show: ({ requestBytes }) => (requestBytes === 0 ? '' : bytesText(requestBytes)),
  },
];

/** Names of those that are shown; the order is that of the table. */
export const shownColumns = preference<readonly string[]>(
  'columns',
  COLUMNS.filter(({ isUsual }) => isUsual).map(({ name }) => name),
  (value) => Array.isArray(value) && value.length > 0,
);

export const columnWidths = preference<Readonly<Record<string, number>>>('widths', {}, (value) => typeof value === 'object');

/** The path takes what the others leave, and never less than `least`. */
export function trackOf({ name, width }: Column, least: number): string {
  const chosen = columnWidths.value[name];
  if (name === 'path' && chosen === undefined) return `minmax(${least}px, 1fr)`;
  return `${chosen ?? width}px`;
}

export function columnsShown(): readonly Column[] {
  return COLUMNS.filter(({ name }) => shownColumns.value.includes(name));
}

export function StandingIcon({ row }: { readonly row: Summary }) {
  const { icon, tone, words } = standingOf(row);
  return (
    <span class={`standing tone-${tone}`} title={words}>
      <Icon name={icon} size={14} />
      <span class="unseen">{words}</span>
    </span>
  );
}

function PathCell({ path, kind, port, touched, replayOf, reported, messages }: Summary) {
  const text = kind === 'tunnel' ? `tunnel to port ${port}` : readable(path);
  return (
    <>
      <span class={`path ${kind === 'tunnel' ? 'soft' : ''}`}>{text}</span>
      {messages > 0 && <span class="mark-of soft">{messages} messages</span>}
      {replayOf !== null && <MarkOf icon="replay" words={`Repeats ${replayOf}`} />}
      {touched.length > 0 && <MarkOf icon="edit" words={`Changed by ${touched.join(', ')}`} />}
      {reported > 0 && <MarkOf icon="policy" words="A rule on trial would have denied it" />}
    </>
  );
}

function MarkOf({ icon, words }: { readonly icon: 'replay' | 'edit' | 'policy'; readonly words: string }) {
  return (
    <span class="mark-of tone-opened" title={words}>
      <Icon name={icon} size={12} />
      <span class="unseen">{words}</span>
    </span>
  );
}

function StatusCell(row: Summary) {
  const { status, state } = row;
  if (status === 0) return <span class="soft">{state === 'pending' ? '…' : '–'}</span>;
  return <span class={`number status tone-${statusTone(row)}`}>{status}</span>;
}

function TimeCell({ totalMs }: { readonly totalMs: number | null }) {
  if (totalMs === null) return <span class="soft">…</span>;
  return <span class={totalMs > SLOW_MS ? 'number tone-failed' : 'number'}>{durationText(totalMs)}</span>;
}

function sizeText({ responseBytes, state }: Summary): ComponentChildren {
  return responseBytes === 0 ? (
    <span class="soft">{state === 'pending' ? '…' : '–'}</span>
  ) : (
    <span class="number">{bytesText(responseBytes)}</span>
  );
}

/** As the filter's `is:slow` has it. */
const SLOW_MS = 1_000;
