// A worker process: some of the clients.
import { BusyClient } from './busy-client.ts';
import { IdleTunnels } from './idle-tunnels.ts';
import type { BadWay } from './names.ts';
import type { OriginPorts } from './origin-worker.ts';
import { Random } from './random.ts';
import { type Counts, Tally } from './tally.ts';
import { serve } from './workers.ts';

export interface BusyWork {
  readonly proxyPort: number;
  readonly origins: OriginPorts;
  readonly seconds: number;
  readonly seed: number;
  /** One entry a client: what its origin does wrong, or `null`. */
  readonly clients: readonly (BadWay | null)[];
  /** The first number that this worker may give to an exchange, and the distance to the next: no two workers meet. */
  readonly firstId: number;
  readonly idStep: number;
}

export interface BusyResult {
  readonly counts: Counts;
  readonly failures: readonly string[];
  /** The number that the next exchange would have had. */
  readonly nextId: number;
  /** Exchanges that may be missing from the access log. */
  readonly maybeUnlogged: readonly number[];
  readonly connects: number;
  readonly maybeUnloggedConnects: number;
}

const tunnels = new IdleTunnels();

const handlers = {
  openTunnels({ count, proxyPort, echoPort }: { count: number; proxyPort: number; echoPort: number }): Promise<void> {
    return tunnels.open(count, proxyPort, echoPort);
  },
  speak(_: null): Promise<number> {
    return tunnels.speak();
  },
  closeTunnels(_: null): void {
    tunnels.close();
  },
  async busy(work: BusyWork): Promise<BusyResult> {
    const tally = new Tally();
    const maybeUnlogged: number[] = [];
    let nextId = work.firstId;
    let connects = 0;
    let maybeUnloggedConnects = 0;
    const around = {
      proxyPort: work.proxyPort,
      origins: work.origins,
      tally,
      nextId: () => {
        nextId += work.idStep;
        return nextId - work.idStep;
      },
      mayBeUnlogged: (id: number) => maybeUnlogged.push(id),
      countConnect: (isSure: boolean) => {
        if (isSure) connects += 1;
        else maybeUnloggedConnects += 1;
      },
    };
    const endMs = performance.now() + work.seconds * 1_000;
    const clients = work.clients.map((badWay, index) => new BusyClient(new Random(work.seed + index * 7_919), badWay, around));
    await Promise.all(clients.map((client) => client.run(endMs)));
    return { counts: tally.counts, failures: tally.failures, nextId, maybeUnlogged, connects, maybeUnloggedConnects };
  },
};

export type ClientHandlers = typeof handlers;

serve(handlers);
