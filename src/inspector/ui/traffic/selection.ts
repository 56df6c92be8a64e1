// Owns what is selected in the list: one exchange that the keyboard moves, whose detail is shown, and perhaps a second one to compare it with.
import { signal } from '@preact/signals';
import type { Summary } from '../../../flows/recorded.ts';
import { go, route } from '../route.ts';

/** Where the keyboard is; `null` nowhere. */
export const current = signal<Summary | null>(null);
export const second = signal<Summary | null>(null);

/** @param isStep  whether Back is to come back */
export function openDetail(row: Summary, tab: string | null = null): void {
  current.value = row;
  go({ page: 'traffic', id: row.id, tab: tab ?? route.value.tab }, route.value.id === null);
}

/** Moves to a row, and takes the detail along where that is shown. */
export function moveTo(row: Summary): void {
  current.value = row;
  second.value = null;
  if (route.value.id !== null) openDetail(row);
}

export function toggleSecond(row: Summary): void {
  if (current.value === null) current.value = row;
  else if (current.value.id !== row.id) second.value = second.value?.id === row.id ? null : row;
}

export function closeDetail(): void {
  go({ page: 'traffic' }, false);
}
