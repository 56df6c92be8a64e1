// Owns what the proxy last said of itself, for the header and whoever counts, and what waits at breakpoints.
import { signal } from '@preact/signals';
import { listen } from './live.ts';
import type { Held, Status } from './wire.ts';

/** `null` until it is known. */
export const status = signal<Status | null>(null);
export const held = signal<readonly Held[]>([]);

listen((message) => {
  if (message.type === 'status') status.value = message;
  if (message.type === 'breakpoints') held.value = message.held;
});
