// A worker process: all clients.
import { Random } from '../random.ts';
import { serve } from '../workers.ts';
import { Client } from './client.ts';
import type { Made } from './names.ts';
import type { OriginPorts } from './origin-worker.ts';

export interface Replay {
  readonly proxyPort: number;
  readonly origins: OriginPorts;
  /** PEM. */
  readonly authority: string;
  readonly seed: number;
  readonly clients: number;
  /** Where the numbers of exchanges go on: none is given twice. */
  readonly firstNumber: number;
  /** Ends soon after so many. */
  readonly exchanges: number;
  /** The proxy may go away; whoever ends it says so (`giveUp`). */
  readonly mayBreak: boolean;
}

export interface Replayed {
  readonly made: readonly Made[];
  readonly nextNumber: number;
  /** The first of what went wrong. */
  readonly failures: readonly string[];
}

let count = 0;
let gone = Promise.withResolvers<void>();

const handlers = {
  async replay(work: Replay): Promise<Replayed> {
    const { proxyPort, origins, authority, mayBreak } = work;
    const made: Made[] = [];
    const failures: string[] = [];
    let nextNumber = work.firstNumber;
    count = 0;
    gone = Promise.withResolvers();
    let isOver = false;
    void gone.promise.then(() => (isOver = true));
    const around = {
      ...{ proxyPort, origins, authority },
      nextNumber: () => nextNumber++,
      made: (exchange: Made) => {
        count = made.push(exchange);
      },
    };
    const run = async (index: number): Promise<void> => {
      const client = new Client(new Random(work.seed * 1_000_003 + index * 7_919), around);
      while (!isOver && made.length < work.exchanges && failures.length < MOST_FAILURES) {
        try {
          await Promise.race([client.act(), gone.promise]);
        } catch (error) {
          if (mayBreak) return;
          failures.push((error as Error).stack ?? (error as Error).message);
        }
      }
      client.close();
    };
    await Promise.all(Array.from({ length: work.clients }, (_, index) => run(index)));
    return { made, nextNumber, failures };
  },
  /** Nobody waits for what is under way. */
  giveUp(_: null): void {
    gone.resolve();
  },
  /** Exchanges that have ended in the replay that runs. */
  count(_: null): number {
    return count;
  },
};

export type ClientHandlers = typeof handlers;

const MOST_FAILURES = 20;

serve(handlers);
