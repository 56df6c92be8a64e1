// Owns the reading of what Linux says about processes (proc_pid_stat(5), proc_pid_smaps(5), proc_pid_io(5), proc_net_tcp): text in, facts out.

export interface ProcessStat {
  readonly parent: number;
  /** User and system time of the process and of those of its children that have ended and were waited for. */
  readonly cpuMicroseconds: number;
}

/** `/proc/PID/stat`. The command's name may hold blanks and parentheses, so what follows is found from its last one. */
export function parseStat(text: string): ProcessStat {
  const [, parent, ...rest] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  // utime, stime, cutime, cstime: fields 14 to 17; `rest` begins at field 5.
  const ticks = rest.slice(9, 13).reduce((sum, field) => sum + Number(field), 0);
  return { parent: Number(parent), cpuMicroseconds: ticks * MICROSECONDS_PER_TICK };
}

/** `/proc/PID/smaps_rollup`; `null` for a process without memory, which has ended. */
export function parsePssKiB(text: string): number | null {
  const found = /^Pss:\s+(\d+) kB$/m.exec(text);
  return found === null ? null : Number(found[1]);
}

/** `/proc/PID/io`: octets that the process took in by read(2) and its kin, whether out of files, the page cache or sockets. */
export function parseReadOctets(text: string): number {
  return Number(/^rchar: (\d+)$/m.exec(text)?.[1] ?? 0);
}

/** The inodes of the sockets that listen on a port, from `/proc/net/tcp`. */
export function parseListeningInodes(text: string, port: number): readonly string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return text.split('\n').flatMap((line) => {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
    return state === LISTENING && inode !== undefined && local?.endsWith(suffix) ? [inode] : [];
  });
}

/** The cores this process may use, from `/proc/self/status`: `Cpus_allowed_list: 0-1,4`. */
export function parseAllowedCores(text: string): readonly number[] {
  const ranges = /^Cpus_allowed_list:\s+(\S+)$/m.exec(text)?.[1]?.split(',') ?? [];
  return ranges.flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

/** USER_HZ, the unit in which the kernel reports times, is 100 wherever Node runs on Linux. */
const MICROSECONDS_PER_TICK = 10_000;
const LISTENING = '0A';
