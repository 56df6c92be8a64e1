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

listen((message) => {
  if (message.type === 'breakpoints') held.value = message.held;
  if (message.type !== 'status') return;
  status.value = message;
  const exchanges = message.recording?.exchanges ?? 0;
  const now = { atMs: performance.now(), exchanges };
  // A session that was cleared or changed has fewer.
  counts = [...(counts.at(-1) !== undefined && counts.at(-1)!.exchanges > exchanges ? [] : counts), now].slice(-RATE_OVER);
  const first = counts[0]!;
  perSecond.value = counts.length < 2 ? null : (1_000 * (exchanges - first.exchanges)) / Math.max(1, now.atMs - first.atMs);
});

/** Statuses; one comes a second. */
const RATE_OVER = 6;
