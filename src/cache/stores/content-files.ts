// Owns the files of contents that are too long for the log: how they are named while they are written and when they are complete, how many are written at
// once, and their removal, which nobody waits for but the end of the store.
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { contentPath, type DiskFolder, makeContentFolder, newContentName } from './disk-folder.ts';
import { removeFile } from './file-descriptor.ts';
import type { FilePlace } from './stored-record.ts';

export class ContentFiles {
  readonly #folder: DiskFolder;
  /** Begins the names of its temporary files: disk-leftovers.ts looks for the process. */
  readonly #instance = `${process.pid}-${randomBytes(6).toString('hex')}`;
  /** Being written now, and since the start. */
  #open = 0;
  #count = 0;
  readonly #removals = new Set<Promise<void>>();

  constructor(folder: DiskFolder) {
    this.#folder = folder;
  }

  /** For one that is written from now on, until `finished`; `null` when there are too many of them. */
  temporaryPath(): string | null {
    if (this.#open >= MOST_FILES) return null;
    this.#open += 1;
    this.#count += 1;
    return path.join(this.#folder.temporary, `${this.#instance}-${this.#count}`);
  }

  finished(): void {
    this.#open -= 1;
  }

  /** Of a new one. @throws an error of Node's when its folder cannot be made */
  finalPath(keyHash: number): { readonly name: string; readonly path: string } {
    const name = newContentName(keyHash);
    makeContentFolder(this.#folder, name);
    return { name, path: contentPath(this.#folder, name) };
  }

  remove({ name }: FilePlace): void {
    const removal = removeFile(contentPath(this.#folder, name));
    this.#removals.add(removal);
    void removal.then(() => this.#removals.delete(removal));
  }

  /** Resolves once all that were to be removed are. */
  async removed(): Promise<void> {
    await Promise.all(this.#removals);
  }
}

/** Written at once. Each takes a descriptor. */
const MOST_FILES = 256;
