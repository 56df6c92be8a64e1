// Owns opening what lies in the folder of the store on disk: one index with the log that it says everything of, and those who work on both. An index that is
// damaged is set aside, and another one begun.
import { isDamage } from '../../errors/from-sqlite.ts';
import type { DiskStoreOptions } from '../options.ts';
import { Eviction } from './disk-eviction.ts';
import type { DiskFolder } from './disk-folder.ts';
import { type DiskIndex, openToRead, openToWrite, setAside } from './disk-index.ts';
import { removeLeftovers, removeUnfinished } from './disk-leftovers.ts';
import { DiskLog, type Found, type LogHost } from './disk-log.ts';
import { DiskReader } from './disk-reader.ts';
import type { FilePlace } from './stored-record.ts';

/** What there is of one index. */
export interface OpenedDisk {
  readonly index: DiskIndex;
  readonly log: DiskLog;
  readonly reader: DiskReader;
  readonly eviction: Eviction;
  /** What a crash left, as far as it has not been looked at. */
  leftovers: Generator<void> | null;
}

export interface DiskParts {
  readonly folder: DiskFolder;
  readonly options: DiskStoreOptions;
  /** A line for the operator. */
  readonly report: (line: string) => void;
  /** Otherwise it is to look into only. */
  readonly mayWrite: boolean;
}

/** The store whose disk this is. */
export interface DiskHost extends LogHost {
  /** A response cannot be given out. */
  lost(found: Found, why: 'damaged' | 'gone'): void;
  removeContent(file: FilePlace): void;
}

/** @throws IndexInUse, errors of SQLite's and of Node's */
export function openDisk(parts: DiskParts, host: DiskHost): OpenedDisk {
  const { folder, report, mayWrite } = parts;
  if (!mayWrite) return openOver(openToRead(folder), parts, host);
  const index = openToWrite(folder, report);
  removeUnfinished(folder);
  try {
    return openOver(index, parts, host);
  } catch (error) {
    index.close();
    if (!isDamage(error)) throw error;
  }
  setAside(folder, 'is damaged', report);
  return openOver(openToWrite(folder, report), parts, host);
}

function openOver(index: DiskIndex, { folder, options, mayWrite }: DiskParts, host: DiskHost): OpenedDisk {
  const log = new DiskLog(folder, index, mayWrite ? options.maxBytes : null, host);
  const reader = new DiskReader(folder, log, (found, why) => host.lost(found, why));
  const eviction = new Eviction(log, options.maxBytes, (entry) => {
    const file = entry.fileBlocks > 0 ? log.read(entry)?.file : null;
    if (file) host.removeContent(file);
  });
  const hasContent = (hash: number, name: string): boolean => log.table.all(hash).some((entry) => log.read(entry)?.file?.name === name);
  const leftovers = removeLeftovers(folder, { hasSegment: (id) => log.hasSegment(id), hasContent });
  return { index, log, reader, eviction, leftovers };
}
