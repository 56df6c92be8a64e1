// Owns how long something took where a bound is held: as CPU time of the thread, since others may have the machine for a while.

/** Milliseconds of CPU that this thread has spent so far. */
export function threadMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
