// Owns the start of the thread that writes a disk store (disk-worker.ts): until it has opened the index, or says why it cannot.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { StartError } from '../../errors/start-error.ts';
import type { DiskStoreOptions } from '../options.ts';
import type { FromWorker, StoreSize, WorkerTask } from './disk-messages.ts';

/**
 * @param opened called within the turn in which the thread says so: who then listens hears whatever it says next
 * @throws StartError when the index cannot be opened
 */
export function startDiskThread<T>(
  options: DiskStoreOptions,
  report: (line: string) => void,
  opened: (worker: Worker, size: StoreSize) => T,
): Promise<T> {
  const task: WorkerTask = { options };
  // The build writes .js where the source has .ts, and rewrites imports alone.
  const file = new URL(`./disk-worker${path.extname(fileURLToPath(import.meta.url))}`, import.meta.url);
  const worker = new Worker(file, { workerData: task, resourceLimits: { maxYoungGenerationSizeMb: 4 } });
  return new Promise((resolve, reject) => {
    const hear = (message: FromWorker): void => {
      if (message.kind === 'report') report(message.line);
      else if (message.kind === 'unusable') reject(new StartError('unavailable', [message.problem]));
      if (message.kind !== 'opened') return;
      worker.off('message', hear);
      worker.off('error', reject);
      // A thread that waits for messages must not keep a process alive that has nothing else to do.
      worker.unref();
      try {
        resolve(opened(worker, message.size));
      } catch (error) {
        void worker.terminate();
        reject(error);
      }
    };
    worker.on('message', hear);
    worker.on('error', reject);
  });
}
