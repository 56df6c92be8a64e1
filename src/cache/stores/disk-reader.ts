// Owns giving out what lies in the log (disk-log.ts) and in files of contents: what is found under a key, and content, each compared with its sums
// before any of it leaves.
import { crc32 } from 'node:zlib';
import { type Body, BytesBody } from '../../http/message.ts';
import type { StoredResponse } from '../stored-response.ts';
import type { Soon } from './cache-store.ts';
import { type ContentFile, type NotOpened, openContent, proveContent } from './content-file-body.ts';
import { contentPath, type DiskFolder } from './disk-folder.ts';
import type { DiskLog, Found } from './disk-log.ts';
import type { Entry } from './key-table.ts';
import { type FilePlace, hashOfKey } from './stored-record.ts';

export class DiskReader {
  readonly #folder: DiskFolder;
  readonly #log: DiskLog;
  /** Is told of contents that are not what was written, or are gone. */
  readonly #lost: (found: Found, why: 'damaged' | 'gone') => void;
  /** Where what was found lies, so that opening it asks for it once less. */
  readonly #found = new WeakMap<StoredResponse, Found>();
  /** Files that have been proven whole since the start: they are proven block by block from then on. */
  readonly #proven = new Set<string>();

  constructor(folder: DiskFolder, log: DiskLog, lost: (found: Found, why: 'damaged' | 'gone') => void) {
    this.#folder = folder;
    this.#log = log;
    this.#lost = lost;
  }

  /** The latest first. */
  find(key: string): readonly StoredResponse[] {
    const hash = hashOfKey(key, this.#log.seed);
    if (!this.#log.table.has(hash)) return NOTHING;
    this.#log.learn();
    const all = this.#all(key, hash);
    for (const found of all) this.#found.set(found.stored, found);
    return all.map(({ stored }) => stored);
  }

  /** Where a stored response lies now; `null` when it does not any more. */
  locate(stored: StoredResponse): Found | null {
    const found = this.#found.get(stored);
    if (found !== undefined && this.#log.isThere(found.entry)) return found;
    return this.every(stored)[0] ?? null;
  }

  /** It may lie in two places, where two processes have kept it from going at once. */
  every({ key, id }: StoredResponse): Found[] {
    return this.#all(key, hashOfKey(key, this.#log.seed)).filter(({ stored }) => stored.id === id);
  }

  /** @returns `null` when that is gone, or not what was written */
  open(found: Found, first: number, length: number): Soon<Body | null> {
    if (found.file !== null) return this.#openFile(found, found.file, first, length);
    const content = this.content(found);
    return content === null ? null : new BytesBody(content.subarray(first, first + length));
  }

  /** Of a record that has it. */
  content(found: Found): Buffer | null {
    const content = this.#log.content(found);
    if (content === null || (content.length === found.contentLength && crc32(content) === found.contentSum)) return content;
    this.#lost(found, 'damaged');
    return null;
  }

  async prove(found: Found): Promise<'whole' | NotOpened> {
    if (found.file !== null) {
      const outcome = await proveContent(this.fileOf(found.file), found.stored);
      if (outcome === 'damaged') this.#lost(found, 'damaged');
      return outcome;
    }
    const content = this.#log.content(found);
    if (content === null) return 'gone';
    if (content.length === found.contentLength && crc32(content) === found.contentSum) return 'whole';
    this.#lost(found, 'damaged');
    return 'damaged';
  }

  /** Everything that is stored when it begins, and nothing twice. */
  async *walk(): AsyncGenerator<Found> {
    const log = this.#log;
    await log.settled();
    const last = log.lastOrder;
    let passed = 0;
    let passedAt = -1;
    const met = new Set<string>();
    // What has been given out and lies elsewhere now is not given out again.
    const walker = {
      moved: (from: Entry, to: Entry) => {
        const isPassed = from.segment < passed || (from.segment === passed && from.at <= passedAt) || met.delete(nameOf(from));
        if (isPassed) met.add(nameOf(to));
      },
    };
    log.walkers.add(walker);
    try {
      for (let segment = log.segments.after(0); segment !== null; segment = log.segments.after(passed)) {
        passed = segment.number;
        passedAt = -1;
        // While this goes on, more is appended to the last of them; what is moved there has to be met.
        for (let entries = log.entriesIn(segment, -1); entries.length > 0; entries = log.entriesIn(segment, passedAt)) {
          let isOnlyNew = true;
          for (const [i, entry] of entries.entries()) {
            passedAt = entry.at;
            const found = met.delete(nameOf(entry)) || !log.isThere(entry) ? null : log.read(entry);
            if (found === null || found.order <= last) isOnlyNew = false;
            if (found !== null && found.order <= last) yield found;
            // A walk over a million must not hold up a request.
            if (i % WALKED_AT_ONCE === WALKED_AT_ONCE - 1) await new Promise(setImmediate);
          }
          if (isOnlyNew) break;
          await log.settled();
        }
      }
    } finally {
      log.walkers.delete(walker);
    }
  }

  fileOf({ name, length, sum }: FilePlace): ContentFile {
    return { path: contentPath(this.#folder, name), length, sum };
  }

  #all(key: string, hash: number): Found[] {
    const all: Found[] = [];
    for (const entry of this.#log.table.all(hash)) {
      const found = this.#log.read(entry);
      if (found !== null && found.stored.key === key) all.push(found);
    }
    if (all.length > 1) all.sort((a, b) => b.order - a.order);
    return all.length > MOST_VARIANTS ? all.slice(0, MOST_VARIANTS) : all;
  }

  async #openFile(found: Found, place: FilePlace, first: number, length: number): Promise<Body | null> {
    const file = this.fileOf(place);
    const part = { first, length, mustProve: !this.#proven.has(file.path) };
    const opened = await openContent(file, found.stored, part, () => this.#lost(found, 'damaged'));
    if (typeof opened !== 'string') {
      if (this.#proven.size >= MOST_PROVEN) this.#proven.clear();
      this.#proven.add(file.path);
      return opened;
    }
    if (opened !== 'unavailable') this.#lost(found, opened);
    return null;
  }
}

function nameOf({ segment, at }: Entry): string {
  return `${segment} ${at}`;
}

const NOTHING: readonly StoredResponse[] = Object.freeze([]);
/** More under one key are not offered to a request; they are used no more, and so evicted. */
const MOST_VARIANTS = 64;
const WALKED_AT_ONCE = 64;
const MOST_PROVEN = 10_000;
