// A worker process: all of the clients that make requests without a pause, as many at once as keep the proxy busy.
import type { OriginPorts } from '../origin-worker.ts';
import { Random } from '../random.ts';
import { type Counts, Tally } from '../tally.ts';
import { serve } from '../workers.ts';
import { GrowthClient } from './client.ts';

export interface Burst {
  readonly proxyPort: number;
  readonly origins: OriginPorts;
  readonly seed: number;
  readonly requests: number;
  /** The number of its first request. */
  readonly firstId: number;
}

export interface BurstResult {
  readonly counts: Counts;
  readonly failures: readonly string[];
  readonly hits: number;
}

const handlers = {
  async burst({ proxyPort, origins, seed, requests, firstId }: Burst): Promise<BurstResult> {
    const tally = new Tally();
    let made = 0;
    let hits = 0;
    const nextId = (): number | null => {
      if (made === requests) return null;
      made += 1;
      return firstId + made - 1;
    };
    const countHit = (): void => {
      hits += 1;
    };
    const around = { proxyPort, origins, tally, nextId, countHit };
    const clients = Array.from(
      { length: CLIENTS },
      (_, index) => new GrowthClient(new Random(seed * 1_000_003 + firstId + index * 7_919), around),
    );
    await Promise.all(clients.map((client) => client.run()));
    return { counts: tally.counts, failures: tally.failures, hits };
  },
};

export type ClientHandlers = typeof handlers;

serve(handlers);

const CLIENTS = 64;
