// A process of its own that records, for tests that end it or bound its disk. It waits for a line on standard input, opens the store, looks whether what
// others were told is written is there, and says so as a line of JSON; then it writes batch after batch, and says after each how far that is acknowledged.
//   node flow-store-process.ts FOLDER ACKNOWLEDGED [BATCHES]
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { FlowStore } from '../../src/flows/store/flow-store.ts';
import { finished } from './flow-batches.ts';
import { openTestStore } from './flow-store.ts';

export interface FoundLine {
  readonly openedMs: number;
  readonly exchanges: number;
  readonly base: number;
  readonly damaged: number;
  readonly wrong: readonly string[];
}

export interface WrittenLine {
  readonly acknowledged: number;
  readonly reports: readonly string[];
}

/** Follows from the id; every third comes again and again. */
export function contentOf(id: number): Buffer {
  return id % 3 === 0 ? Buffer.alloc(2000, 'r') : Buffer.alloc(id % 5000, String(id));
}

async function main([folder = '', acknowledged = '0', batches = 'Infinity']: readonly string[]): Promise<void> {
  const lines = createInterface(process.stdin)[Symbol.asyncIterator]();
  await lines.next();
  const startedMs = performance.now();
  const opened = await openTestStore(folder, { segmentBytes: 256 << 10 });
  const openedMs = performance.now() - startedMs;
  const { exchanges, damaged } = await opened.ask({ kind: 'status' });
  const wrong = await faultsOf(opened.store, Number(acknowledged));
  say({ openedMs, exchanges, base: opened.store.base, damaged, wrong } satisfies FoundLine);
  let id = opened.store.base;
  for (let batch = 0; batch < Number(batches); batch += 1) {
    const frames = Array.from({ length: 1 + (batch % 40) }, () => finished((id += 1), { response: contentOf(id) }));
    await opened.write(...frames);
    say({ acknowledged: id, reports: opened.reports } satisfies WrittenLine);
  }
  await opened.store.close();
  process.stdin.destroy();
}

/** Of the last few hundred that have to be there. */
export async function faultsOf(store: FlowStore, acknowledged: number): Promise<string[]> {
  const faults: string[] = [];
  if (store.base < acknowledged) faults.push(`${acknowledged} was acknowledged, and there are ${store.base}`);
  for (let id = Math.max(1, acknowledged - 300); id <= acknowledged; id += 7) {
    const exchange = await store.ask({ kind: 'exchange', id });
    const content = await store.ask({ kind: 'content', id, of: 'response' });
    if (exchange?.summary.path !== `/articles/${id}?page=2`) faults.push(`${id} is not there`);
    else if (!Buffer.from(content?.bytes ?? []).equals(contentOf(id))) faults.push(`${id} has other content`);
  }
  return faults;
}

function say(line: object): void {
  // At once: what was said is known, whenever the process ends.
  writeSync(1, `${JSON.stringify(line)}\n`);
}

if (import.meta.main) await main(process.argv.slice(2));
