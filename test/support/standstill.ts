// Owns waiting until a count does not change any more, where back-pressure has stopped it and no event tells.
import { setTimeout as delay } from 'node:timers/promises';

/**
 * The count once it has begun, and has not moved for a while. One look alone could come before what has waited for this process to be held up no longer:
 * timers go first.
 */
export async function standstill(count: () => number): Promise<number> {
  let last = 0;
  for (let looks = 0; looks < LOOKS; looks += 1) {
    const now = count();
    if (now !== last || now === 0) looks = 0;
    last = now;
    await delay(BETWEEN_MS);
  }
  return last;
}

const LOOKS = 6;
const BETWEEN_MS = 40;
