// Owns what is shown in passing: a sentence at the bottom about something that was done or could not be.
import { signal } from '@preact/signals';
import { problemText } from '../api.ts';

export interface Notice {
  readonly number: number;
  readonly text: string;
  readonly isProblem: boolean;
  /** What can be done next. */
  readonly action: { readonly label: string; readonly run: () => void } | null;
}

export const notices = signal<readonly Notice[]>([]);

let lastNumber = 0;

export function tell(text: string, action: Notice['action'] = null): void {
  show({ number: ++lastNumber, text, isProblem: false, action });
}

export function tellProblem(error: unknown): void {
  show({ number: ++lastNumber, text: problemText(error), isProblem: true, action: null });
}

/** Runs what a button asks for, and tells what went wrong. */
export function attempt(act: () => Promise<unknown>): void {
  act().catch(tellProblem);
}

export function dismiss(number: number): void {
  notices.value = notices.value.filter((notice) => notice.number !== number);
}

function show(notice: Notice): void {
  // What is said again takes the place of what was said.
  const others = notices.value.filter(({ text }) => text !== notice.text);
  notices.value = [...others.slice(1 - MOST_NOTICES), notice];
  setTimeout(() => dismiss(notice.number), notice.isProblem ? 10_000 : 5_000);
}

/** @throws where the browser does not let a page write to the clipboard */
export async function copyText(text: string, what: string): Promise<void> {
  await navigator.clipboard.writeText(text);
  tell(`Copied ${what}.`);
}

/** Hands octets over as a file. It is the browser's download, so nothing of it is rendered here. */
export function saveFile(name: string, octets: BlobPart, type = 'application/octet-stream'): void {
  const url = URL.createObjectURL(new Blob([octets], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

const MOST_NOTICES = 3;
