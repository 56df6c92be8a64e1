// The growth phase of the soak: millions of requests in slices, a quiet moment behind each, and whether what the proxy holds then goes up.

import { until } from '../chaos/until.ts';
import type { OriginHandlers, OriginPorts } from '../origin-worker.ts';
import type { Report } from '../report.ts';
import { type Counts, merge } from '../tally.ts';
import { startWorker, type Worker } from '../workers.ts';
import type { ClientHandlers } from './client-worker.ts';
import { judgeGrowth, type Sample } from './judge-growth.ts';
import { GrowthProxy } from './proxy.ts';

export interface GrowthOptions {
  readonly requests: number;
  readonly seed: number;
}

/** One run with its own proxy. @param workers 1 for one process */
export async function growth(
  { requests, seed }: GrowthOptions,
  workers: number,
  report: Report,
  origin: Worker<OriginHandlers>,
  origins: OriginPorts,
): Promise<void> {
  report.say(
    `growth, ${workers === 1 ? 'one process' : `${workers} workers`}: ${requests} requests; MiB of RSS when busy, RSS, heap, external; descriptors`,
  );
  const failuresBefore = report.failures.length;
  const clients = startWorker<ClientHandlers>('growth/client-worker.ts', (words) => report.fail(words));
  const proxy = await GrowthProxy.start(Object.values(origins), workers);
  const run = new Run(report, proxy, clients, origin, origins);
  try {
    for (let slice = 0; slice < SLICES; slice += 1) await run.slice(Math.ceil(requests / SLICES), seed);
    run.judge(workers);
    const snapshot = process.env['SOAK_HEAP_SNAPSHOT'];
    if (snapshot !== undefined && report.failures.length > failuresBefore) await proxy.snapshot(snapshot);
  } catch (error) {
    report.fail((error as Error).message);
  } finally {
    clients.stop();
    for (const words of proxy.complaints) report.fail(`the proxy said: ${words}`);
    await proxy.stop().catch((error: Error) => report.fail(error.message));
  }
}

class Run {
  readonly #report: Report;
  readonly #proxy: GrowthProxy;
  readonly #clients: Worker<ClientHandlers>;
  readonly #origin: Worker<OriginHandlers>;
  readonly #origins: OriginPorts;
  readonly #samples: Sample[] = [];
  readonly #counts: Counts[] = [];
  readonly #startedMs = performance.now();
  #requests = 0;
  #hits = 0;
  #busyMs = 0;

  constructor(report: Report, proxy: GrowthProxy, clients: Worker<ClientHandlers>, origin: Worker<OriginHandlers>, origins: OriginPorts) {
    this.#report = report;
    this.#proxy = proxy;
    this.#clients = clients;
    this.#origin = origin;
    this.#origins = origins;
  }

  /** Some requests, a quiet moment, a sample. @throws Error when it does not become quiet */
  async slice(requests: number, seed: number): Promise<void> {
    const { port: proxyPort } = this.#proxy;
    const startedMs = performance.now();
    const made = this.#clients.call('burst', { proxyPort, origins: this.#origins, seed, requests, firstId: this.#requests });
    const { counts, failures, hits } = await made;
    const busyKiB = this.#proxy.residentKiB;
    this.#busyMs += performance.now() - startedMs;
    this.#requests += requests;
    this.#hits += hits;
    this.#counts.push(counts);
    for (const words of failures) this.#report.fail(words);
    await until('the proxy lets go of the origins', async () => (await this.#origin.call('report', null)).open === 0);
    await this.#proxy.takeLog(requests);
    const sample = { requests: this.#requests, processes: await this.#proxy.measure(busyKiB) };
    this.#samples.push(sample);
    this.#report.say(this.#line(sample));
  }

  judge(workers: number): void {
    const report = this.#report;
    report.figure('requests', this.#requests);
    report.figure('requests a second when busy', this.#requests / (this.#busyMs / 1_000));
    report.figure('CPU of the proxy, s', this.#proxy.cpuSeconds);
    report.figure('out of the cache', this.#hits);
    report.counts(merge(this.#counts));
    const warm = this.#samples.slice(Math.ceil(SLICES * WARM_UP));
    for (const { process, figure, rise, atMost } of judgeGrowth(warm)) {
      report.figure(`${process}, ${figure} rises by`, rise);
      if (rise > atMost) report.fail(`with ${workers} workers, ${figure} of the ${process} rises by ${rise.toFixed(1)}; at most ${atMost}`);
    }
  }

  #line({ requests, processes }: Sample): string {
    const seconds = ((performance.now() - this.#startedMs) / 1_000).toFixed(0);
    const held = processes.map(({ name, busyKiB, rssKiB, heapKiB, externalKiB, descriptors }) => {
      const sizes = [busyKiB, rssKiB, heapKiB, externalKiB].map((size) => (size / 1_024).toFixed(1).padStart(6)).join('');
      return `${name}${sizes}${String(descriptors).padStart(4)}`;
    });
    return `${String(requests).padStart(8)} ${seconds.padStart(4)} s  ${held.join('  ')}`;
  }
}

const SLICES = 40;
/** The share of requests after which it has to be flat. */
const WARM_UP = 0.15;
