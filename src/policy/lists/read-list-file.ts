// Owns reading the file of a list: all of it at once, and what stands in the way of that in the words of an operator.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { shownCode } from '../../errors/from-node.ts';
import type { ListProblem } from './list.ts';

/** Blocks until all of it is read: call it on a thread that has nobody waiting. @throws never */
export function readListFile(file: string): Uint8Array | ListProblem {
  try {
    const descriptor = openSync(file, READ_WITHOUT_WAITING);
    try {
      const stats = fstatSync(descriptor);
      if (stats.isDirectory()) return { message: `${file} is a folder; name the list's file in it` };
      if (!stats.isFile()) return { message: `${file} is no regular file; a list is read again whenever it changes` };
      if (stats.size > MAX_BYTES) return { message: `${file} has ${stats.size} octets; a list may have 512 MiB at most` };
      return readOctets(descriptor, stats.size);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    const code = shownCode(error);
    return { message: `${file}: ${READ_PROBLEMS[code] ?? `the list cannot be read (${code})`}` };
  }
}

function readOctets(descriptor: number, size: number): Uint8Array {
  const octets = new Uint8Array(size);
  let at = 0;
  for (let count = -1; count !== 0 && at < size; at += count) count = readSync(descriptor, octets, at, size - at, null);
  return octets.subarray(0, at);
}

/** To open a named pipe, otherwise, is to wait for whoever writes into it. */
export const READ_WITHOUT_WAITING = constants.O_RDONLY | constants.O_NONBLOCK;
const MAX_BYTES = 512 * 1024 * 1024;

const READ_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file; check the path',
  ENOTDIR: 'there is no such file; check the path',
  EACCES: 'this user may not read the list; check its permissions',
  EPERM: 'this user may not read the list; check its permissions',
};
