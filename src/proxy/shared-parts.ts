// Owns what proxy.ts is given where one proxy runs as several processes: what a worker has of the keeper, and what the keeper has of all workers. With
// `null` in its place a process is all of the proxy.
//
// Workers have the listeners and run exchanges. The keeper has what must be there once: the store of what is recorded, the counts of limits, the admin API
// with the inspector; and a line of its own for requests that the inspector sends. What lies between them (src/cluster) is not known here.
import type { CacheContext } from '../cache/cache.ts';
import type { CacheAdmin } from '../cache/cache-admin.ts';
import type { Neighbours } from '../cache/neighbours.ts';
import type { PassingSubject } from '../flows/filter/verdict.ts';
import type { RecordedExchange } from '../flows/recorded.ts';
import type { FlowStore } from '../flows/store/flow-store.ts';
import type { ByteRate } from '../net/byte-rate.ts';
import type { ListeningSocket } from '../policy/address-guard.ts';
import type { DailyBytes } from '../policy/limits/daily-bytes.ts';
import type { Admit, Limits } from '../policy/limits/limits.ts';
import type { BreakpointQueue } from '../rewrite/breakpoints.ts';
import type { Rewriting } from './rewriting.ts';
import type { WorkerCounts } from './worker-counts.ts';

export type SharedParts = WorkerParts | KeeperParts;

interface CommonParts {
  /** Of exchanges and connections, which no other process uses; below 0 while the keeper gives none: then nothing of them is recorded. */
  readonly nextId: () => number;
  /** Those that others listen on: they are this proxy itself, and no destination. */
  readonly otherSockets: readonly ListeningSocket[];
  /** Hears of each change of `otherSockets`. */
  onSockets: () => void;
  /** Where this process listens, for the others. */
  tellSockets(own: readonly ListeningSocket[]): void;
  close(): Promise<void>;
}

export interface WorkerParts extends CommonParts {
  readonly role: 'worker';
  /** `null` where the keeper records nothing. */
  readonly store: FlowStore | null;
  /** The caches of the other workers. */
  readonly neighbours: Neighbours;
  /** @param createRate makes what octets of one key pass through */
  openLimits(createRate: (bytesPerSecond: number) => ByteRate): Admit;
  /** The proxy runs, and may be asked from now on. */
  serve(worker: ServingWorker): void;
}

/** What the keeper asks of a worker. */
export interface ServingWorker {
  counts(): WorkerCounts;
  /** An exchange that is under way; `null` where it is none. */
  active(id: number): RecordedExchange | null;
  /** That of the moment; `null` while it is off. */
  cache(): CacheContext | null;
  cacheAdmin(): CacheAdmin | null;
  /** What is stored lies where other workers find it. */
  isCacheOnDisk(): boolean;
  /** `null` where nothing can be held. */
  readonly holding: Pick<Rewriting, 'breakpoints' | 'compileMatch'> | null;
  /** Takes up the file of rewriting rules as it is now. @throws StartError with every problem */
  followRules(): Promise<void>;
}

export interface KeeperParts extends CommonParts {
  readonly role: 'keeper';
  readonly workers: Workers;
  /** @returns the same store, for the keeper's own exchanges and questions beside those of workers */
  shareStore(store: FlowStore): FlowStore;
  /** Workers are admitted by these from now on. */
  shareLimits(limits: Limits, dailyBytes: DailyBytes): void;
}

/** All workers at once. One that is gone is asked nothing; what it counted stays in the sums. */
export interface Workers {
  /** As they were told last, at most a second ago. */
  readonly counts: WorkerCounts;
  /** As they are now. */
  freshCounts(): Promise<WorkerCounts>;
  active(id: number): Promise<RecordedExchange | null>;
  /** What they have stored, together; what is changed is changed in all when it answers. */
  readonly cache: CacheAdmin;
  /** Those of the keeper's own line, and of all workers. */
  breakpointsWith(own: Rewriting['breakpoints']): BreakpointQueue<PassingSubject>;
  /** Ends when all have taken up the file of rewriting rules. */
  followRules(): Promise<void>;
}
