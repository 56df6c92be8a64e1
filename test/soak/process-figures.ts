// Owns what Linux says of one process in /proc: memory, descriptors and CPU time.
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessFigures {
  readonly descriptors: number;
  readonly rssKiB: number;
  readonly pssKiB: number;
  /** CPU time so far, user and system. */
  readonly cpuSeconds: number;
}

/** @throws Error when there is no such process */
export function figuresOf(processId: number): ProcessFigures {
  const folder = `/proc/${processId}`;
  const rollup = readFileSync(`${folder}/smaps_rollup`, 'latin1');
  const kibibytes = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(rollup)?.[1]);
  const stat = readFileSync(`${folder}/stat`, 'latin1');
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13);
  return {
    rssKiB: kibibytes('Rss'),
    pssKiB: kibibytes('Pss'),
    descriptors: readdirSync(`${folder}/fd`).length,
    cpuSeconds: (Number(user) + Number(system)) / TICKS_PER_SECOND,
  };
}

const TICKS_PER_SECOND = 100;
