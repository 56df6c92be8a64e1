// Loaded into the proxy's process before it by `--import`: tells the soak, on request, what the process holds. Only tests use it.
// Run with --expose-gc, so that what is told is what is really kept and not what has not been swept yet.
import { writeHeapSnapshot } from 'node:v8';

export interface Holdings {
  readonly heapKiB: number;
  readonly externalKiB: number;
  /** What Node keeps the event loop alive for, counted by kind. */
  readonly resources: Readonly<Record<string, number>>;
}

/** `'holdings'`, or `{ snapshot: path }` */
export type Question = 'holdings' | { readonly snapshot: string };

process.on('message', (question: Question) => {
  globalThis.gc?.();
  if (question === 'holdings') process.send?.(holdings());
  else process.send?.(writeHeapSnapshot(question.snapshot));
});
// A soak that was killed leaves no proxy behind.
process.on('disconnect', () => process.exit());
// The proxy ends when it has nothing left to do, whether or not somebody may still ask.
process.channel?.unref();

function holdings(): Holdings {
  const { heapUsed, external } = process.memoryUsage();
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  return { heapKiB: Math.round(heapUsed / 1024), externalKiB: Math.round(external / 1024), resources };
}
