// A process of its own that records, for tests that end it or bound its disk. It waits for a line on standard input, opens the store, looks whether what
// others were told is written is there, and says so as a line of JSON; then it writes batch after batch, and says after each how far that is acknowledged.
// With a FILLER it removes that file once it is told that nothing can be written, and looks when it is told that recording works again.
//   node flow-store-process.ts FOLDER ACKNOWLEDGED [BATCHES [FILLER]]
import { rmSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { FlowStore } from '../../src/flows/store/flow-store.ts';
import { finished } from './flow-batches.ts';
import { openTestStore, type TestStore } from './flow-store.ts';

export interface FoundLine {
  readonly openedMs: number;
  readonly exchanges: number;
  readonly base: number;
  readonly damaged: number;
  readonly wrong: readonly string[];
}

/** After the disk was full. */
export interface AgainLine {
  readonly reports: readonly string[];
  readonly lost: number;
  /** Of what was written before, and since. */
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

async function main([folder = '', acknowledged = '0', batches = 'Infinity', filler]: readonly string[]): Promise<void> {
  const lines = createInterface(process.stdin)[Symbol.asyncIterator]();
  await lines.next();
  const before = process.cpuUsage();
  const opened = await openTestStore(folder, { segmentBytes: 256 << 10 });
  const { user, system } = process.cpuUsage(before);
  const openedMs = (user + system) / 1_000;
  const { exchanges, damaged } = await opened.ask({ kind: 'status' });
  const wrong = await faultsOf(opened.store, Number(acknowledged));
  if (opened.store.base < Number(acknowledged)) wrong.push(`${acknowledged} was acknowledged, and there are ${opened.store.base}`);
  say({ openedMs, exchanges, base: opened.store.base, damaged, wrong } satisfies FoundLine);
  let id = opened.store.base;
  for (let batch = 0; batch < Number(batches); batch += 1) {
    const before = id;
    const frames = Array.from({ length: 1 + (batch % 40) }, () => finished((id += 1), { response: contentOf(id) }));
    await opened.write(...frames);
    say({ acknowledged: id, reports: opened.reports } satisfies WrittenLine);
    if (filler === undefined || opened.reports.length === 0) continue;
    // The report comes with the first batch that is lost, or just behind it.
    say(await whenItWorksAgain(opened, before - frames.length, filler));
    break;
  }
  await opened.store.close();
  process.stdin.destroy();
}

/** @param written was written before recording ended */
async function whenItWorksAgain(opened: TestStore, written: number, filler: string): Promise<AgainLine> {
  rmSync(filler);
  // Batches keep coming.
  for (let id = 900_000; opened.reports.length < 2; id += 1) await opened.write(finished(id));
  const last = 1_000_000;
  await opened.write(finished(last, { response: contentOf(last) }));
  const { lost } = await opened.ask({ kind: 'status' });
  const wrong = [...(await faultsOf(opened.store, written)), ...(await faultsOf(opened.store, last, last))];
  return { reports: opened.reports, lost, wrong };
}

/** Of the last few hundred that have to be there. */
export async function faultsOf(store: FlowStore, last: number, first = Math.max(1, last - 300)): Promise<string[]> {
  const faults: string[] = [];
  for (let id = first; id <= last; id += 7) {
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
