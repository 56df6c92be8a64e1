// Loaded into every process of the proxy before it by `--import`: tells the soak, on request, what that process holds. Only tests use it.
// Run with --expose-gc, so that what is told is what is really kept and not what has not been swept yet. It has a socket of its own: the channel
// that a worker has to the primary is theirs.
import { createServer } from 'node:net';
import path from 'node:path';
import { writeHeapSnapshot } from 'node:v8';

export interface Holdings {
  readonly heapKiB: number;
  readonly externalKiB: number;
  /** What Node keeps the event loop alive for, counted by kind. */
  readonly resources: Readonly<Record<string, number>>;
}

/** `'holdings'`, or `{ snapshot: path }`; one line of JSON each way. */
export type Question = 'holdings' | { readonly snapshot: string };

/** Names the folder in which each process has its socket. */
export const PROBES_VARIABLE = 'SOAK_PROBES';

export function probeFile(folder: string, processId: number): string {
  return path.join(folder, `probe-${processId}`);
}

function answer(question: Question): unknown {
  // Of the thorough kind, which lets go of compiled code that has not run lately and of pages that V8 would keep for later.
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  return question === 'holdings' ? holdings() : writeHeapSnapshot(question.snapshot);
}

function holdings(): Holdings {
  const { heapUsed, external } = process.memoryUsage();
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  return { heapKiB: Math.round(heapUsed / 1024), externalKiB: Math.round(external / 1024), resources };
}

const folder = process.env[PROBES_VARIABLE];
if (folder !== undefined) {
  const server = createServer((socket) => {
    // The proxy ends when it has nothing left to do, whether or not somebody may still ask.
    socket.unref();
    socket.on('data', (line) => socket.write(`${JSON.stringify(answer(JSON.parse(String(line))))}\n`));
    // A soak that was killed leaves no proxy behind.
    socket.on('error', () => socket.destroy()).on('close', () => process.exit());
  });
  server.listen(probeFile(folder, process.pid)).unref();
}
