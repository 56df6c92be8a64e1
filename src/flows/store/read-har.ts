// Owns reading an HTTP Archive on a thread of its own (har-worker.ts), which lives no longer than that.
import { on } from 'node:events';
import { statSync } from 'node:fs';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import type { HarExchanges, HarReport, HarTask } from './har-worker.ts';
import { Refused } from './sessions.ts';

/**
 * @param task what to read
 * @returns the exchanges in the archive's order, some at a time; the first come when all of it has been checked
 * @throws Refused that says which entry is at fault
 */
export async function* readHar(task: HarTask): AsyncGenerator<HarExchanges> {
  if (statSync(task.file).size > MOST_BYTES) throw new Refused(`${task.name} is larger than ${MOST_BYTES / 2 ** 20} MiB.`);
  // It has the ending of this file: `.ts` from the sources, `.js` when built.
  const file = new URL(`./har-worker${path.extname(import.meta.url)}`, import.meta.url);
  const worker = new Worker(file, { workerData: task, resourceLimits: { maxOldGenerationSizeMb: 2048 } });
  try {
    for await (const [report] of on(worker, 'message', { close: ['exit'] }) as AsyncIterable<[HarReport]>) {
      if ('problem' in report) throw new Refused(report.problem);
      yield report;
      worker.postMessage('more');
    }
  } catch (error) {
    if (error instanceof Refused) throw error;
    throw new Refused(`${task.name} cannot be read (${error instanceof Error ? error.message : String(error)}).`);
  } finally {
    await worker.terminate();
  }
}

const MOST_BYTES = 256 * 2 ** 20;
