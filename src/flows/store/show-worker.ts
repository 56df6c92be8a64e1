// Owns the thread on which contents are looked at: one task after the other, each answered once. It is started by showing.ts, which ends it where a
// task takes too long, or the thread too much memory.
import { parentPort } from 'node:worker_threads';
import { perform, type ShowTask } from './show-task.ts';

/** Once that it takes tasks; then an answer to each. `octets` are handed over. */
export type Shown = { readonly isReady: true } | { readonly octets: Uint8Array | null } | { readonly problem: string };

const port = parentPort!;

port.on('message', (task: ShowTask) => {
  perform(task).then(
    (octets) => say({ octets }, octets === null ? [] : [octets]),
    (error: unknown) => say({ problem: error instanceof Error ? error.message : String(error) }, []),
  );
});

say({ isReady: true }, []);

function say(shown: Shown, octets: readonly Uint8Array[]): void {
  // Memory that is shared with others, as that of short buffers is, is copied.
  const own = octets.filter(({ buffer, byteLength }) => buffer.byteLength === byteLength).map(({ buffer }) => buffer as ArrayBuffer);
  port.postMessage(shown, own);
}
