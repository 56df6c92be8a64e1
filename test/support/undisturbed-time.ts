// Owns how long something took where an upper bound is held on what waits for timers and for somebody else, and uses little CPU: time in which nothing
// of this process came to run is left out, since others may have the machine for a while. What only computes is measured by thread-time.ts.

export interface UndisturbedTime {
  /** Milliseconds since the start. */
  elapsedMs(): number;
  [Symbol.dispose](): void;
}

export function startUndisturbedTime(): UndisturbedTime {
  let elapsedMs = 0;
  let last = performance.now();
  const look = (): void => {
    const now = performance.now();
    elapsedMs += Math.min(now - last, MOST_BETWEEN_MS);
    last = now;
  };
  const looking = setInterval(look, EVERY_MS);
  return {
    elapsedMs() {
      look();
      return elapsedMs;
    },
    [Symbol.dispose]: () => clearInterval(looking),
  };
}

const EVERY_MS = 5;
/** As far apart as two looks are when nobody holds them up. */
const MOST_BETWEEN_MS = 15;
