// Owns one proxy under honest load from its start to its end: steps are done to it in between, each judged by what clients may have to bear meanwhile.
import { auditLog } from '../log-audit.ts';
import type { OriginPorts } from '../origin-worker.ts';
import { type Counts, OUTCOMES, type Outcome } from '../tally.ts';
import { startWorker, type Worker } from '../workers.ts';
import type { ClientHandlers, Hardship, Judged, Load } from './client-worker.ts';
import { CROWD_ADDRESS } from './crowd.ts';
import type { Holdings } from './linux.ts';
import { ChaosProxy, HALF, type Surroundings } from './proxy.ts';
import { until } from './until.ts';

/** What the table says of a step. */
export interface Row {
  readonly name: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly outcomes: Readonly<Record<Outcome, number>>;
  readonly hits: number;
  readonly failures: readonly string[];
  /** What it found besides. */
  readonly notes: readonly string[];
}

export interface Ended {
  readonly base: Holdings;
  readonly after: Holdings;
  readonly logLines: number;
  readonly tornLines: number;
  readonly failures: readonly string[];
}

export class Scene {
  readonly proxy: ChaosProxy;
  readonly origins: OriginPorts;
  readonly #clients: Worker<ClientHandlers>;
  readonly #base: Holdings;
  /** Of workers and of the proxy as a whole, while no step could be blamed. */
  readonly #failures: string[];

  /** @throws Error when the proxy does not serve */
  static async open(surroundings: Surroundings, load: Omit<Load, 'proxyPort'>): Promise<Scene> {
    const proxy = await ChaosProxy.start(surroundings);
    const failures: string[] = [];
    const clients = startWorker<ClientHandlers>('chaos/client-worker.ts', (words) => failures.push(words));
    await clients.call('begin', { ...load, proxyPort: proxy.port });
    // Until everything has been used that is used later: connections to origins, files of the store, compiled code.
    await until('the first exchanges', async () => (await clients.call('progress', null)) > WARM_UP_EXCHANGES);
    return new Scene(proxy, load.origins, clients, failures);
  }

  private constructor(proxy: ChaosProxy, origins: OriginPorts, clients: Worker<ClientHandlers>, failures: string[]) {
    this.proxy = proxy;
    this.origins = origins;
    this.#clients = clients;
    this.#failures = failures;
    this.#base = proxy.holdings;
  }

  /** @param work does it, and says what it found; what it throws is the step's failure */
  async step(name: string, rounds: number, hardship: Hardship, work: (notes: string[]) => Promise<void>): Promise<Row> {
    const before = await this.#clients.call('endure', hardship);
    // What has begun before must be in the log before something is done that could lose it: twice, since lines wait a little to be written.
    await this.#clients.call('settled', null);
    await this.#clients.call('settled', null);
    const notes: string[] = [];
    const failures: string[] = [];
    try {
      await work(notes);
    } catch (error) {
      failures.push((error as Error).message);
    }
    await this.#clients.call('settled', null);
    const judged = await this.#clients.call('endure', { permitted: [], isLogged: true });
    this.#failures.push(...before.failures);
    return rowOf(name, rounds, judged, [...failures, ...judged.failures], notes);
  }

  /** Resolves when clients have made so many exchanges more. */
  async goesOn(exchanges: number): Promise<void> {
    const from = await this.#clients.call('progress', null);
    await until(`${exchanges} exchanges more`, async () => (await this.#clients.call('progress', null)) - from >= exchanges);
  }

  /**
   * Ends the load, waits for what was held to come back, stops the proxy and reads its log.
   *
   * @param mostTorn lines that may be torn: where the disk becomes full within a line of one worker, that of another may stand in its middle
   */
  async end(mostTorn: number): Promise<Ended> {
    const failures = this.#failures;
    const asked = await this.#clients.call('end', null);
    failures.push(...(await this.#clients.call('endure', { permitted: [], isLogged: true })).failures);
    this.#clients.stop();
    const after = await this.#comeBack();
    await this.proxy.stop().catch((error: Error) => failures.push(error.message));
    failures.push(...this.proxy.defects);
    let log = '';
    try {
      log = this.proxy.readLog();
    } catch (error) {
      failures.push((error as Error).message);
    }
    if (log.includes(HALF)) failures.push(`a request was judged by "${HALF}"`);
    const numbered = log.replace(OF_THE_CROWD, '').replace(WITHOUT_REQUEST, '');
    const text = mostTorn > 0 ? numbered.replace(TORN, '') : numbered;
    const tornLines = (log.match(TORN) ?? []).length;
    if (tornLines > mostTorn) failures.push(`${tornLines} lines of the log are torn`);
    const audit = auditLog(text, { ...asked, maybeMissing: new Set(asked.maybeMissing) });
    failures.push(...audit.failures);
    return { base: this.#base, after, logLines: audit.lines, tornLines, failures };
  }

  /** As many processes and descriptors as at first, or fewer, and memory in the same order. @returns what there is in the end */
  async #comeBack(): Promise<Holdings> {
    const { processes, descriptors, pssKiB } = this.#base;
    const isBack = (held: Holdings): boolean =>
      held.processes === processes &&
      held.descriptors <= descriptors + SPARE_DESCRIPTORS &&
      held.pssKiB <= pssKiB * SPARE_MEMORY + SPARE_KIB;
    await until('what was held comes back', () => isBack(this.proxy.holdings)).catch((error: Error) => {
      this.#failures.push(`${error.message}: ${JSON.stringify({ base: this.#base, now: this.proxy.holdings })}`);
    });
    return this.proxy.holdings;
  }
}

function rowOf(
  name: string,
  rounds: number,
  { counts, hits, seconds }: Judged,
  failures: readonly string[],
  notes: readonly string[],
): Row {
  return { name, rounds, seconds, outcomes: sumOf(counts), hits, failures, notes };
}

function sumOf(counts: Counts): Readonly<Record<Outcome, number>> {
  const sum = { right: 0, error: 0, broken: 0, left: 0, wrong: 0 };
  for (const row of Object.values(counts)) for (const outcome of OUTCOMES) sum[outcome] += row[outcome];
  return sum;
}

/** Lines of clients whose exchanges nobody numbers. */
const OF_THE_CROWD = new RegExp(`^.*"client":"${CROWD_ADDRESS.replaceAll('.', '\\.')}".*\\n`, 'gm');
/** Of a connection that was refused before it had asked for anything. */
const WITHOUT_REQUEST = /^.*"method":(?:null|""),.*\n/gm;
/** Two beginnings in one line. */
const TORN = /^\{"time".*\{"time".*\n/gm;
const WARM_UP_EXCHANGES = 400;
/** Segments of the cache that are there at the end and were not at first: each worker has every one open that it has read. */
const SPARE_DESCRIPTORS = 64;
const SPARE_MEMORY = 1.3;
const SPARE_KIB = 64 * 1_024;
