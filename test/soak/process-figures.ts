// Owns what Linux says of one process in /proc: memory, descriptors and CPU time.
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessFigures {
  readonly descriptors: number;
  readonly rssKiB: number;
  /** Of these, the heap of C: what is got by malloc and is neither large nor of another thread. */
  readonly cHeapKiB: number;
  /** And all else. */
  readonly restKiB: number;
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
  const rssKiB = kibibytes('Rss');
  const cHeapKiB = Number(/ \[heap\]\n(?:\w+: .*\n)*?Rss: +(\d+) kB$/m.exec(readFileSync(`${folder}/smaps`, 'latin1'))?.[1] ?? 0);
  return {
    ...{ rssKiB, cHeapKiB, restKiB: rssKiB - cHeapKiB },
    pssKiB: kibibytes('Pss'),
    descriptors: readdirSync(`${folder}/fd`).length,
    cpuSeconds: (Number(user) + Number(system)) / TICKS_PER_SECOND,
  };
}

const TICKS_PER_SECOND = 100;
