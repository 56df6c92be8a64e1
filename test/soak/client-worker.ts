// A worker process: some of the clients.
import { BusyClient } from './busy-client.ts';
import { HostileClient } from './hostile-client.ts';
import { IdleTunnels } from './idle-tunnels.ts';
import type { BadWay } from './names.ts';
import type { OriginPorts } from './origin-worker.ts';
import { Random } from './random.ts';
import { StreamClient } from './stream-client.ts';
import { type Counts, Tally } from './tally.ts';
import { serve } from './workers.ts';

export interface BusyWork {
  readonly proxyPort: number;
  readonly origins: OriginPorts;
  readonly seconds: number;
  readonly seed: number;
  /** One entry a client of plain HTTP: what its origin does wrong, or `null`. */
  readonly clients: readonly (BadWay | null)[];
  /** How many there are besides that speak HTTP/2 in opened tunnels, and how many that are hostile there. */
  readonly streamClients: number;
  readonly hostileClients: number;
  /** PEM, of the authority that they have to believe. */
  readonly authority: string;
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
    let made = 0;
    const random = (): Random => {
      made += 1;
      return new Random(work.seed + made * 7_919);
    };
    const { authority, streamClients, hostileClients } = work;
    const clients = [
      ...work.clients.map((badWay) => new BusyClient(random(), badWay, around)),
      ...Array.from({ length: streamClients }, () => new StreamClient(random(), authority, around)),
      ...Array.from({ length: hostileClients }, () => new HostileClient(random(), authority, around)),
    ];
    await Promise.all(clients.map((client) => client.run(endMs)));
    return { counts: tally.counts, failures: tally.failures, nextId, maybeUnlogged, connects, maybeUnloggedConnects };
  },
};

export type ClientHandlers = typeof handlers;

serve(handlers);
