// The thread that writes the index of a disk store: batches of changes, eviction, the filter of keys, what a crash left behind. So no request waits
// for a disk that is busy, or for another process that writes. Started by disk.ts with a `WorkerTask`; what it is told and what it says is in
// disk-messages.ts.
import { statSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { errorCode } from '../../errors/from-node.ts';
import { StartError } from '../../errors/start-error.ts';
import { type DiskFolder, diskFolder } from './disk-folder.ts';
import { isDamage, openToWrite, setAside } from './disk-index.ts';
import { IndexWriter } from './disk-index-writer.ts';
import { removeLeftovers, removeUnfinished } from './disk-leftovers.ts';
import type { Applied, Batch, Failure, FromWorker, ToWorker, WorkerTask } from './disk-messages.ts';
import { KeyFilter } from './key-filter.ts';
import { reasonOf } from './storing-pause.ts';

class DiskWorker {
  readonly #task: WorkerTask;
  readonly #folder: DiskFolder;
  #writer: IndexWriter;
  #inode: number;
  #generation = 0;
  #filter: KeyFilter | null = null;
  /** How many more keys the filter takes. */
  #filterRoom = 0;
  /** The filter that is being built, and the last row whose key it has. */
  #nextFilter: { readonly filter: KeyFilter; row: number; room: number } | null = null;
  /** The last row whose key the filter has, and what the index said when that was so. */
  #knownRow = 0;
  #knownVersion = -1;
  #leftovers: Generator<void> | null;
  #ticks: NodeJS.Timeout;

  /** @throws when the index cannot be opened */
  constructor(task: WorkerTask) {
    this.#task = task;
    this.#folder = diskFolder(task.options.folder);
    this.#writer = this.#open();
    this.#inode = inodeOf(this.#folder.index);
    this.#leftovers = this.#beginLeftovers();
    this.#ticks = setInterval(() => this.#guarded(() => this.#tick()), TICK_MS);
    say({ kind: 'opened', size: this.#writer.size() });
    this.#buildFilter();
  }

  hear(message: ToWorker): void {
    switch (message.kind) {
      case 'batch':
        this.#apply(message);
        return;
      case 'damaged':
        if (message.generation === this.#generation) this.#beginAnew();
        return;
      case 'close':
        this.#close();
        return;
      default:
        message satisfies never;
    }
  }

  #apply(batch: Batch): void {
    let failure: Failure | null = null;
    let applied: Applied = { stored: 0, refusals: 0 };
    try {
      applied = this.#writer.apply(batch, (keyHash) => this.#addKey(keyHash));
    } catch (error) {
      failure = { code: errorCode(error), message: error instanceof Error ? error.message : String(error) };
      this.#writer.removeFilesOf(batch.changes);
      if (isDamage(error)) this.#beginAnew();
    }
    this.#guarded(() => say({ kind: 'done', number: batch.number, failure, ...applied, size: this.#writer.size() }));
    if (this.#filterRoom <= 0) this.#buildFilter();
  }

  #tick(): void {
    if (inodeOf(this.#folder.index) !== this.#inode) {
      // Another process has found it damaged, or somebody has removed it.
      this.#renew();
      return;
    }
    this.#writer.measureTemporary();
    // Ahead of what comes, so that storing need not wait for it.
    const { maxBytes } = this.#task.options;
    this.#writer.makeRoom(maxBytes < LARGE_BYTES ? 0 : Math.min(HEADROOM_BYTES, maxBytes / 32));
    this.#learnKeys();
    say({ kind: 'size', size: this.#writer.size() });
    for (let i = 0; i < LEFTOVERS_A_TICK && this.#leftovers !== null; i += 1) {
      if (this.#leftovers.next().done === true) this.#leftovers = null;
    }
  }

  /** What goes wrong outside a batch is tried again by the next tick; damage alone is dealt with. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (isDamage(error)) this.#beginAnew();
    }
  }

  #beginAnew(): void {
    this.#writer.close();
    try {
      if (inodeOf(this.#folder.index) === this.#inode) setAside(this.#folder, 'is damaged', report);
    } catch (error) {
      report(`cache: ${this.#folder.index} is damaged and cannot be set aside (${reasonOf(error)})`);
      throw error;
    }
    this.#renew();
  }

  #renew(): void {
    this.#writer.close();
    this.#writer = this.#open();
    this.#inode = inodeOf(this.#folder.index);
    this.#generation += 1;
    this.#leftovers = this.#beginLeftovers();
    say({ kind: 'renewed', generation: this.#generation, size: this.#writer.size() });
    this.#filter = null;
    this.#nextFilter = null;
    this.#knownRow = 0;
    this.#buildFilter();
  }

  #open(): IndexWriter {
    removeUnfinished(this.#folder);
    return new IndexWriter(openToWrite(this.#folder, report), this.#folder, this.#task.options.maxBytes);
  }

  #beginLeftovers(): Generator<void> {
    return removeLeftovers(this.#folder, (keyHash, name) => this.#writer.isReferredTo(keyHash, name));
  }

  #addKey(keyHash: number): void {
    this.#filter?.add(keyHash);
    this.#nextFilter?.filter.add(keyHash);
    this.#filterRoom -= 1;
  }

  /** Keys that other processes have stored. */
  #learnKeys(): void {
    const version = this.#writer.dataVersion();
    if (version === this.#knownVersion || this.#filter === null) return;
    const { last, hashes } = this.#writer.keysAfter(this.#knownRow, KEYS_AT_ONCE);
    for (const hash of hashes) this.#addKey(hash);
    this.#knownRow = last;
    if (hashes.length < KEYS_AT_ONCE) this.#knownVersion = version;
  }

  /** Anew, for twice as many keys as there are: those of what is gone are still in the old one. */
  #buildFilter(): void {
    if (this.#nextFilter !== null) return;
    const { entries } = this.#writer.size();
    const room = Math.max(entries, LEAST_KEYS);
    this.#nextFilter = { filter: KeyFilter.forKeys(entries + room), row: 0, room };
    this.#filterRoom = room;
    this.#buildOn();
  }

  #buildOn(): void {
    const next = this.#nextFilter;
    if (next === null) return;
    const { last, hashes } = this.#writer.keysAfter(next.row, KEYS_AT_ONCE);
    for (const hash of hashes) next.filter.add(hash);
    next.row = last;
    if (hashes.length > 0) {
      setImmediate(() => this.#guarded(() => this.#buildOn()));
      return;
    }
    this.#filter = next.filter;
    this.#knownRow = last;
    this.#nextFilter = null;
    say({ kind: 'filter', memory: next.filter.memory });
  }

  #close(): void {
    clearInterval(this.#ticks);
    this.#nextFilter = null;
    this.#writer.close();
    say({ kind: 'closed' });
    port.close();
  }
}

function say(message: FromWorker): void {
  port.postMessage(message);
}

function report(line: string): void {
  say({ kind: 'report', line });
}

function inodeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.ino ?? 0;
}

const TICK_MS = 250;
const LARGE_BYTES = 64 << 20;
const HEADROOM_BYTES = 32 << 20;
const LEFTOVERS_A_TICK = 200;
const KEYS_AT_ONCE = 4096;
const LEAST_KEYS = 65_536;

if (parentPort === null) throw new Error('disk-worker.ts runs as a thread');
const port = parentPort;
try {
  const worker = new DiskWorker(workerData as WorkerTask);
  port.on('message', (message: ToWorker) => worker.hear(message));
} catch (error) {
  const { folder } = (workerData as WorkerTask).options;
  const problem = error instanceof StartError ? error.message : `${folder} cannot be used for the cache (${reasonOf(error)})`;
  say({ kind: 'unusable', problem });
}
