// Owns `flows replay`: a recorded request once more, and what came of it.
import { setTimeout as wait } from 'node:timers/promises';
import { StartError } from '../errors/start-error.ts';
import type { Summary } from '../flows/recorded.ts';
import { askingFlows, idOf } from './asked-flows.ts';
import type { Arguments } from './command.ts';
import { EXIT_OK } from './exit-codes.ts';
import { summaryLine } from './flows-words.ts';
import type { Terminal } from './terminal.ts';

export async function replayFlow(given: Arguments, terminal: Terminal): Promise<number> {
  const flows = await askingFlows(given, terminal);
  const { id } = (await flows.post(`/api/exchanges/${idOf(given)}/replay`, {})) as { readonly id: number };
  const endMs = performance.now() + PATIENCE_MS;
  while (performance.now() < endMs) {
    const { rows } = (await flows.get('/api/exchanges', { filter: `id:${id}` })) as { readonly rows: readonly Summary[] };
    const [row] = rows;
    if (row?.state === 'done') {
      terminal.print(given.flags.has('json') ? JSON.stringify(row) : summaryLine(row));
      return EXIT_OK;
    }
    await wait(LOOK_EVERY_MS);
  }
  throw new StartError('unavailable', [
    `exchange ${id} has not ended in ${PATIENCE_MS / 1_000} s; sallyport flows show ${id} tells how far it is.`,
  ]);
}

const PATIENCE_MS = 120_000;
const LOOK_EVERY_MS = 100;
