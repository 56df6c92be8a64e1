// Owns waiting for a condition. The machine may be busy with others, so the deadline is generous: it ends what will never come, and times nothing.
import { setTimeout as pause } from 'node:timers/promises';

/** Looks until there is something. @param what for the error @throws Error when there is nothing in two minutes */
export async function until<T>(what: string, look: () => T | Promise<T>): Promise<NonNullable<Exclude<T, false>>> {
  const endMs = performance.now() + PATIENCE_MS;
  while (performance.now() < endMs) {
    const found = await look();
    if (found !== null && found !== undefined && found !== false) return found as NonNullable<Exclude<T, false>>;
    await pause(LOOK_EVERY_MS);
  }
  throw new Error(`${what}: not in ${PATIENCE_MS / 1_000} s`);
}

const PATIENCE_MS = 120_000;
const LOOK_EVERY_MS = 25;
