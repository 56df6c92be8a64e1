// Owns what a process and everything below it cost so far, read from /proc. Processes come and go while it reads: what has ended counts nothing.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { BenchError } from './bench-error.ts';
import { type ProcessStat, parseListeningInodes, parsePssKiB, parseReadOctets, parseStat } from './proc-files.ts';

/** User and system time in microseconds, to the tick of 10 ms. */
export function cpuMicrosecondsOf(root: number): number {
  return processTree(root).reduce((sum, { cpuMicroseconds }) => sum + cpuMicroseconds, 0);
}

/** Proportional set size in KiB. @throws BenchError when this user may not see it */
export function memoryKiBOf(root: number): number {
  return processTree(root).reduce((sum, { pid }) => sum + memoryKiB(pid), 0);
}

/** Octets that were read, see `parseReadOctets`. @throws BenchError when this user may not see it */
export function readOctetsOf(root: number): number {
  return processTree(root).reduce((sum, { pid }) => sum + parseReadOctets(readOwn(pid, 'io')), 0);
}

/** Whether one of the processes holds the socket that listens on a port of IPv4: another program may have been faster. */
export function holdsPort(root: number, port: number): boolean {
  const sockets = new Set(parseListeningInodes(readFileSync('/proc/net/tcp', 'latin1'), port).map((inode) => `socket:[${inode}]`));
  return processTree(root).some(({ pid }) => openFiles(pid).some((file) => sockets.has(file)));
}

interface TreeProcess extends ProcessStat {
  readonly pid: number;
}

function processTree(root: number): readonly TreeProcess[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const text = unlessEnded(() => readFileSync(`/proc/${name}/stat`, 'latin1'));
      return text === null ? [] : [{ pid: Number(name), ...parseStat(text) }];
    });
  const tree = all.filter(({ pid }) => pid === root);
  // It grows while it is walked: children are appended behind their parents.
  for (const { pid } of tree) tree.push(...all.filter(({ parent }) => parent === pid));
  return tree;
}

function memoryKiB(pid: number): number {
  return parsePssKiB(readOwn(pid, 'smaps_rollup')) ?? 0;
}

/** Empty for a process that has ended. */
function readOwn(pid: number, name: string): string {
  const file = `/proc/${pid}/${name}`;
  try {
    return unlessEnded(() => readFileSync(file, 'latin1')) ?? '';
  } catch (cause) {
    throw new BenchError(`${file} may not be read. Run the benchmark as root.`, { cause });
  }
}

function openFiles(pid: number): readonly string[] {
  const folder = `/proc/${pid}/fd`;
  const names = unlessEnded(() => readdirSync(folder)) ?? [];
  return names.flatMap((name) => unlessEnded(() => readlinkSync(`${folder}/${name}`)) ?? []);
}

/** `null` for a process or a descriptor that is gone. */
function unlessEnded<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return null;
    throw error;
  }
}
