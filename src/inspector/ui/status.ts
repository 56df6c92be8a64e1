// Owns what the proxy last said of itself, for the header and whoever counts, how fast exchanges come, and what waits at breakpoints.
import { signal } from '@preact/signals';
import { listen } from './live.ts';
import type { Held, Status } from './wire.ts';

/** `null` until it is known. */
export const status = signal<Status | null>(null);
/** Exchanges a second, over the last few; `null` until two statuses have come. */
export const perSecond = signal<number | null>(null);
export const held = signal<readonly Held[]>([]);

/** What was recorded when, the oldest first. */
let counts: readonly { readonly atMs: number; readonly exchanges: number }[] = [];
let windowAtMs = Number.NEGATIVE_INFINITY;
/** Has come, and is shown with the next window of a list, since each time that something is drawn costs the machine that the traffic passes through. */
let waiting: (() => void) | null = null;
let waitingTimer: ReturnType<typeof setTimeout> | undefined;

listen((message) => {
  if (message.type === 'breakpoints') held.value = message.held;
  if (message.type === 'window') {
    windowAtMs = performance.now();
    showWaiting();
  }
  if (message.type !== 'status') return;
  const exchanges = message.recording?.exchanges ?? 0;
  const now = { atMs: performance.now(), exchanges };
  // A session that was cleared or changed has fewer.
  counts = [...(counts.at(-1) !== undefined && counts.at(-1)!.exchanges > exchanges ? [] : counts), now].slice(-RATE_OVER);
  const first = counts[0]!;
  const rate = counts.length < 2 ? null : (1_000 * (exchanges - first.exchanges)) / Math.max(1, now.atMs - first.atMs);
  waiting = () => {
    status.value = message;
    perSecond.value = rate;
  };
  clearTimeout(waitingTimer);
  if (now.atMs - windowAtMs > WINDOWS_PASS_MS) showWaiting();
  else waitingTimer = setTimeout(showWaiting, LONGEST_WAIT_MS);
});

function showWaiting(): void {
  clearTimeout(waitingTimer);
  waiting?.();
  waiting = null;
}

/** Statuses; one comes a second. */
const RATE_OVER = 6;
/** Where traffic passes, a window comes once a second at least. */
const WINDOWS_PASS_MS = 1_500;
const LONGEST_WAIT_MS = 900;
