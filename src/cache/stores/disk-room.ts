// Owns how much the store on disk takes with everything, and making room for what is to be stored: when it comes, and ahead of it, so that it need not wait.
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { errorCode } from '../../errors/from-node.ts';
import type { DiskFolder } from './disk-folder.ts';
import type { OpenedDisk } from './opened-disk.ts';

/** Works on what is open, and copes with its errors. @returns `null` when it cannot be done now */
type Guarded = (work: (opened: OpenedDisk) => boolean) => boolean | null;

export class DiskRoom {
  readonly #folder: DiskFolder;
  readonly #maxBytes: number;
  readonly #guarded: Guarded;
  /** Contents that are not complete, by all processes, and an index that was set aside. */
  #otherBytes = 0;
  #isMakingRoom = false;

  constructor(folder: DiskFolder, maxBytes: number, guarded: Guarded) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
    this.#guarded = guarded;
  }

  /** What lies there beside the log and the contents that it refers to, as it was measured last. */
  get otherBytes(): number {
    return this.#otherBytes;
  }

  /** @throws errors of Node's */
  measureOthers(): void {
    const { temporary, setAside: aside } = this.#folder;
    const unfinished = namesIn(temporary).reduce((sum, name) => sum + fileSize(path.join(temporary, name)), 0);
    this.#otherBytes = unfinished + fileSize(aside) + fileSize(`${aside}-wal`);
  }

  /** @returns false when there is no room for so many octets @throws errors of SQLite's and of Node's */
  make({ log, eviction }: OpenedDisk, bytes: number): boolean {
    if (this.#excess(log, bytes) > 0) {
      // What was not complete then may have found its place since, and another process may have made room.
      this.measureOthers();
      log.learn();
    }
    let hasEvicted = false;
    const isEnough = (): boolean => this.#excess(log, bytes) <= 0;
    while (!isEnough()) {
      if (!log.writeNowIfMuch() || !eviction.step(isEnough)) return false;
      hasEvicted = true;
    }
    return !hasEvicted || log.writeNowIfMuch();
  }

  /** Ahead of what comes; a little at a time. */
  makeAhead(): void {
    if (!this.#isMakingRoom) this.#makeAhead();
  }

  #makeAhead(): void {
    const room = this.#maxBytes < LARGE_BYTES ? 0 : Math.min(HEADROOM_BYTES, this.#maxBytes / 32);
    const step = ({ log, eviction }: OpenedDisk): boolean => {
      const isEnough = (): boolean => this.#excess(log, room) <= 0;
      return !isEnough() && eviction.step(isEnough);
    };
    const isMore = this.#guarded(step) ?? false;
    this.#isMakingRoom = isMore;
    if (isMore) setImmediate(() => this.#makeAhead());
  }

  #excess(log: OpenedDisk['log'], bytes: number): number {
    return log.bytes + this.#otherBytes + bytes - this.#maxBytes;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    return [];
  }
}

function fileSize(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

const LARGE_BYTES = 64 << 20;
const HEADROOM_BYTES = 32 << 20;
