// Owns the descriptor by which a process makes and flushes the index (disk-index.ts), beside SQLite's own. As soon as a process closes any descriptor of a
// file, POSIX takes all locks off that file which the process has, SQLite's too (sqlite.org/howtocorrupt.html, "Posix advisory locks canceled by a separate
// thread doing close()"): one of another version would then believe that nobody uses the index, and take it away. So what is opened stays open until
// nobody in this process uses that file any more.
import { closeSync, fstatSync, fsync, openSync, statSync } from 'node:fs';
import { promisify } from 'node:util';

export interface IndexFile {
  readonly inode: number;
  /** What was written is on the disk. @throws an error of Node's */
  flush(): Promise<void>;
  /** To be called once, when SQLite has closed it. */
  release(): void;
}

/** Makes the file where there is none: readable by its user alone, and so are SQLite's `-wal` and `-shm`. @throws an error of Node's */
export function holdIndexFile(file: string): IndexFile {
  const known = HELD.get(inodeOf(file));
  const held = known ?? opened(openSync(file, 'a', 0o600));
  held.users += 1;
  return {
    inode: held.inode,
    flush: () => flush(held.descriptors[0]!),
    release: () => {
      held.users -= 1;
      if (held.users > 0) return;
      HELD.delete(held.inode);
      for (const descriptor of held.descriptors) closeSync(descriptor);
    },
  };
}

/** 0 where there is no such file. */
export function inodeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.ino ?? 0;
}

interface Held {
  readonly inode: number;
  readonly descriptors: number[];
  users: number;
}

function opened(descriptor: number): Held {
  const inode = fstatSync(descriptor).ino;
  // Put there a moment ago: one that this process holds already.
  const held = HELD.get(inode) ?? { inode, descriptors: [], users: 0 };
  held.descriptors.push(descriptor);
  HELD.set(inode, held);
  return held;
}

/** Of this process, by inode. */
const HELD = new Map<number, Held>();
const flush = promisify(fsync);
