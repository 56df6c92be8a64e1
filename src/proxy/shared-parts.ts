// Owns what proxy.ts is given where one proxy runs as several processes: what a worker has of the keeper, and what the keeper has of all workers. With
// `null` in its place a process is all of the proxy, and nothing here is loaded.
//
// Workers have the listeners and run exchanges. The keeper has what must be there once: the store of what is recorded, the counts of limits, the admin API
// with the inspector; and a line of its own for requests that the inspector sends. What lies between them (src/cluster) is not known here.
import type { CacheAdmin } from '../cache/cache-admin.ts';
import type { CacheAnswers } from '../cache/cache-counts.ts';
import type { RecordedExchange } from '../flows/recorded.ts';
import type { Dropped } from '../flows/recorder.ts';
import type { FlowStore } from '../flows/store/flow-store.ts';
import type { ByteRate } from '../net/byte-rate.ts';
import type { MetricCounts } from '../observe/metrics.ts';
import type { ListeningSocket } from '../policy/address-guard.ts';
import type { DailyBytes } from '../policy/limits/daily-bytes.ts';
import type { Admit, Limits } from '../policy/limits/limits.ts';

export type SharedParts = WorkerParts | KeeperParts;

export interface WorkerParts {
  readonly role: 'worker';
  /** Of exchanges and connections, which no other process uses; below 0 while the keeper gives none: then nothing of them is recorded. */
  readonly nextId: () => number;
  /** `null` where the keeper records nothing. */
  readonly store: FlowStore | null;
  /** Those that the keeper listens on: they are this proxy itself, and no destination. */
  keeperSockets(): readonly ListeningSocket[];
  /** Hears of each change of `keeperSockets`. */
  onSockets: () => void;
  /** @param createRate makes what octets of one key pass through */
  openLimits(createRate: (bytesPerSecond: number) => ByteRate): Admit;
  /** The proxy runs, and may be asked from now on. */
  serve(worker: ServingWorker): void;
  /** Ends when what was recorded has been handed over. */
  close(): Promise<void>;
}

/** What the keeper asks of a worker. */
export interface ServingWorker {
  counts(): WorkerCounts;
  /** An exchange that is under way; `null` where it is none. */
  active(id: number): RecordedExchange | null;
  /** That of the moment; `null` while it is off. */
  cache(): CacheAdmin | null;
  /** Takes up the file of rewriting rules as it is now. @throws StartError with every problem */
  followRules(): Promise<void>;
}

/** Since the start of the worker, but for what is measured when it is asked for. */
export interface WorkerCounts {
  readonly metrics: MetricCounts;
  readonly cache: CacheAnswers;
  readonly dropped: Dropped;
  /** How often each rewriting rule did something, and when last, in milliseconds since the epoch. */
  readonly touches: readonly (readonly [rule: string, count: number, lastMs: number])[];
  readonly openConnections: number;
  readonly residentBytes: number;
  /** URLs of listeners. */
  readonly listening: readonly string[];
  readonly sockets: readonly ListeningSocket[];
}

export interface KeeperParts {
  readonly role: 'keeper';
  readonly nextId: () => number;
  readonly workers: Workers;
  /** @returns the same store, for the keeper's own exchanges and questions beside those of workers */
  shareStore(store: FlowStore): FlowStore;
  /** Workers are admitted by these from now on. */
  shareLimits(limits: Limits, dailyBytes: DailyBytes): void;
  close(): Promise<void>;
}

/** All workers at once. One that is gone is asked nothing; what it counted stays in the sums. */
export interface Workers {
  /** As they were told last, at most a second ago. */
  readonly counts: WorkerCounts;
  /** As they are now. */
  freshCounts(): Promise<WorkerCounts>;
  active(id: number): Promise<RecordedExchange | null>;
  /** What they have stored, together; what it changes is changed in all when it answers. */
  readonly cache: CacheAdmin;
  /** Ends when all have taken up the file of rewriting rules. */
  followRules(): Promise<void>;
  /** Where the keeper listens. */
  tellSockets(sockets: readonly ListeningSocket[]): void;
}
