// Owns what is selected in the list: one exchange that the keyboard moves, whose detail is shown, and perhaps a second one, marked to be
// compared with.
import { signal } from '@preact/signals';
import type { Summary } from '../../../flows/recorded.ts';
import { go, route } from '../route.ts';
import { openedSession } from '../session.ts';

/** Where the keyboard is; `null` nowhere. */
export const current = signal<Summary | null>(null);
export const second = signal<Summary | null>(null);
/** Id of one that was come to by a link and not by the list, which still has to bring it into view; `null` is none. */
export const sought = signal<number | null>(null);

/** @param isStep  whether Back is to come back */
export function openDetail(row: Summary, tab: string | null = null): void {
  current.value = row;
  go({ page: 'traffic', id: row.id, tab: tab ?? route.value.tab }, route.value.id === null);
}

/** It was come to by a link. */
export function seek(row: Summary): void {
  current.value = row;
  sought.value = row.id;
}

/** Moves to a row, and takes the detail along where that is shown. */
export function moveTo(row: Summary): void {
  current.value = row;
  if (route.value.id !== null) openDetail(row);
}

export function toggleSecond(row: Summary): void {
  second.value = second.value?.id === row.id ? null : row;
}

/** @param session  `null` is the one that is recorded into */
export function lookAtSession(session: string | null): void {
  current.value = null;
  second.value = null;
  sought.value = null;
  openedSession.value = session;
  go({ page: 'traffic' });
}

export function closeDetail(): void {
  go({ page: 'traffic' }, false);
}
