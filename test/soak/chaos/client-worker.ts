// A worker process: honest clients without a pause, judged by what the step that is done to the proxy permits.
import { BusyClient } from '../busy-client.ts';
import type { OriginPorts } from '../origin-worker.ts';
import { Random } from '../random.ts';
import { type Counts, type Outcome, Tally } from '../tally.ts';
import { serve } from '../workers.ts';
import { StoringClient, type StoringSurroundings } from './storing-client.ts';

export interface Load {
  readonly proxyPort: number;
  readonly origins: OriginPorts;
  readonly clients: number;
  readonly seed: number;
}

/** What clients have to bear with while a step is done. */
export interface Hardship {
  /** How exchanges may end besides as they should. */
  readonly permitted: readonly Outcome[];
  /** Whether every exchange has to be in the access log. */
  readonly isLogged: boolean;
}

export interface Judged {
  readonly counts: Counts;
  readonly failures: readonly string[];
  /** Answers that came out of the cache. */
  readonly hits: number;
  readonly seconds: number;
}

/** What has to be in the access log. */
export interface Asked {
  readonly ids: number;
  readonly maybeMissing: readonly number[];
  readonly connects: number;
  readonly maybeMissingConnects: number;
  readonly storables: number;
  readonly maybeMissingStorables: number;
}

class HardTally extends Tally {
  readonly hardship: Hardship;
  readonly startedMs = performance.now();
  hits = 0;

  constructor(hardship: Hardship) {
    super();
    this.hardship = hardship;
  }

  override count(kind: string, outcome: Outcome, expected: readonly Outcome[], words: () => string): void {
    super.count(kind, outcome, [...expected, ...this.hardship.permitted], words);
  }
}

class Clients {
  readonly #loops: Promise<void>[];
  /** What each client does at the moment, which takes a slice of time and what its last exchange takes besides. */
  readonly #slices: Promise<void>[] = [];
  readonly #maybeMissing: number[] = [];
  readonly #sure = { connects: 0, storables: 0 };
  readonly #maybe = { connects: 0, storables: 0 };
  #tally = new HardTally({ permitted: [], isLogged: true });
  #nextId = 0;
  #isOver = false;

  constructor({ proxyPort, origins, clients, seed }: Load) {
    const around = this.#around(proxyPort, origins);
    this.#loops = Array.from({ length: clients }, (_, index) => {
      const random = new Random(seed * 1_000_003 + index * 7_919);
      return this.#repeat(index, index % 4 === 3 ? new StoringClient(random, around) : new BusyClient(random, null, around));
    });
  }

  /** Exchanges since the hardship began. */
  get progress(): number {
    return Object.values(this.#tally.counts).reduce((sum, row) => sum + Object.values(row).reduce((all, count) => all + count, 0), 0);
  }

  /** From now on. @returns the judgement of what was until now */
  endure(hardship: Hardship): Judged {
    const { counts, failures, hits, startedMs } = this.#tally;
    this.#tally = new HardTally(hardship);
    return { counts, failures, hits, seconds: (performance.now() - startedMs) / 1_000 };
  }

  /** Once every exchange has ended that is under way now. */
  async settled(): Promise<void> {
    await Promise.all([...this.#slices]);
  }

  async end(): Promise<Asked> {
    this.#isOver = true;
    await Promise.all(this.#loops);
    const { connects, storables } = this.#sure;
    const maybe = { maybeMissingConnects: this.#maybe.connects, maybeMissingStorables: this.#maybe.storables };
    return { ids: this.#nextId, maybeMissing: this.#maybeMissing, connects, storables, ...maybe };
  }

  async #repeat(index: number, client: { run(endMs: number): Promise<void> }): Promise<void> {
    while (!this.#isOver) {
      this.#slices[index] = client.run(performance.now() + SLICE_MS).catch((error: Error) => {
        this.#tally.count('connect', 'broken', [], () => error.message);
      });
      await this.#slices[index];
    }
  }

  #around(proxyPort: number, origins: OriginPorts): StoringSurroundings {
    const clients = this;
    return {
      proxyPort,
      origins,
      get tally() {
        return clients.#tally;
      },
      nextId: () => {
        if (!this.#isLogged) this.#maybeMissing.push(this.#nextId);
        this.#nextId += 1;
        return this.#nextId - 1;
      },
      mayBeUnlogged: (id) => this.#maybeMissing.push(id),
      countConnect: (isSure) => {
        (isSure && this.#isLogged ? this.#sure : this.#maybe).connects += 1;
      },
      countStorable: () => {
        (this.#isLogged ? this.#sure : this.#maybe).storables += 1;
      },
      countHit: () => {
        this.#tally.hits += 1;
      },
    };
  }

  get #isLogged(): boolean {
    return this.#tally.hardship.isLogged;
  }
}

let clients: Clients | null = null;

const handlers = {
  begin(load: Load): void {
    clients = new Clients(load);
  },
  progress(_: null): number {
    return clients!.progress;
  },
  endure(hardship: Hardship): Judged {
    return clients!.endure(hardship);
  },
  settled(_: null): Promise<void> {
    return clients!.settled();
  },
  end(_: null): Promise<Asked> {
    return clients!.end();
  },
};

export type ClientHandlers = typeof handlers;

serve(handlers);

const SLICE_MS = 1_000;
