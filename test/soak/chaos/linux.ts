// Owns what Linux says of processes in /proc: who runs what, what each holds, and whose a connection is.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface Holdings {
  readonly processes: number;
  readonly descriptors: number;
  /** Memory, with what is shared counted once in all. */
  readonly pssKiB: number;
}

/** Children that have not ended, whose command line contains a text. */
export function childrenOf(parent: number, text: string): readonly number[] {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return all.map(Number).filter((processId) => isChild(processId, parent) && read(`/proc/${processId}/cmdline`).includes(text));
}

export function holdingsOf(processes: readonly number[]): Holdings {
  let descriptors = 0;
  let pssKiB = 0;
  for (const processId of processes) {
    descriptors += descriptorsOf(processId).length;
    pssKiB += Number(/^Pss:\s+(\d+) kB$/m.exec(read(`/proc/${processId}/smaps_rollup`))?.[1] ?? 0);
  }
  return { processes: processes.length, descriptors, pssKiB };
}

/** By the client's port, which of these processes has its connection to a port of 127.0.0.1. What waits to be accepted is nobody's. */
export function ownersOf(processes: readonly number[], port: number): ReadonlyMap<number, number> {
  const owners = new Map<string, number>();
  for (const processId of processes) for (const target of descriptorsOf(processId)) owners.set(target, processId);
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const found = new Map<number, number>();
  for (const line of read('/proc/net/tcp').split('\n')) {
    // The socket's number (inode) is the tenth of its columns.
    const columns = line.trim().split(/\s+/);
    const owner = owners.get(`socket:[${columns[9]}]`);
    if (owner !== undefined && columns[1]?.endsWith(local)) found.set(Number.parseInt(columns[2]!.split(':')[1]!, 16), owner);
  }
  return found;
}

function isChild(processId: number, parent: number): boolean {
  const stat = read(`/proc/${processId}/stat`);
  const [state, itsParent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state !== 'Z' && Number(itsParent) === parent;
}

/** What each stands for; nothing of a process that has ended. */
function descriptorsOf(processId: number): readonly string[] {
  const folder = `/proc/${processId}/fd`;
  try {
    return readdirSync(folder).flatMap((name) => {
      try {
        return [readlinkSync(`${folder}/${name}`)];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}

/** Processes end while they are looked at. */
function read(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
