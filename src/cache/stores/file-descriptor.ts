// Owns the few calls on files that the disk store makes while requests wait: Node's own with callbacks, as promises. They cost half of what its
// promises of file handles do, which is most of what a disk hit costs.
import { close, open, read, rename, unlink, writev } from 'node:fs';

export function openFile(path: string, flags: 'r' | 'wx+'): Promise<number> {
  return new Promise((resolve, reject) => {
    open(path, flags, 0o600, (error, descriptor) => (error === null ? resolve(descriptor) : reject(error)));
  });
}

/** @returns how many octets it got: fewer only at the end of the file */
export function readInto(descriptor: number, buffer: Buffer, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let at = 0;
    const more = (): void => {
      read(descriptor, buffer, at, buffer.length - at, position + at, (error, bytesRead) => {
        if (error !== null) return reject(error);
        at += bytesRead;
        if (bytesRead === 0 || at === buffer.length) resolve(at);
        else more();
      });
    };
    more();
  });
}

/** Writes all of it. */
export function writeAll(descriptor: number, buffers: readonly Buffer[], position: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let left = buffers;
    let at = position;
    const more = (): void => {
      writev(descriptor, left, at, (error, bytesWritten) => {
        if (error !== null) return reject(error);
        at += bytesWritten;
        left = without(left, bytesWritten);
        if (left.length === 0) resolve();
        else more();
      });
    };
    more();
  });
}

export function moveFile(from: string, to: string): Promise<void> {
  return new Promise((resolve, reject) => {
    rename(from, to, (error) => (error === null ? resolve() : reject(error)));
  });
}

/** Whether it works or not: what is left behind is found by disk-leftovers.ts. */
export function removeFile(path: string): Promise<void> {
  return new Promise((resolve) => {
    unlink(path, () => resolve());
  });
}

export function closeFile(descriptor: number): void {
  close(descriptor, () => {});
}

/** What is left of buffers whose first `count` octets were written. */
function without(buffers: readonly Buffer[], count: number): readonly Buffer[] {
  let rest = count;
  for (let i = 0; i < buffers.length; i += 1) {
    const { length } = buffers[i]!;
    if (rest < length) return [buffers[i]!.subarray(rest), ...buffers.slice(i + 1)];
    rest -= length;
  }
  return [];
}
