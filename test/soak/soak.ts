// The soak: the proxy as a process under idle tunnels and busy clients, and whether all of it comes back. `--help` says what it judges.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createTemporaryCa } from '../support/temp-ca.ts';
import type { BusyResult, BusyWork, ClientHandlers } from './client-worker.ts';
import { optionsOf } from './command-line.ts';
import { growth } from './growth/growth.ts';
import { auditLog } from './log-audit.ts';
import { BAD_WAYS, type BadWay } from './names.ts';
import { OPENED_HOST } from './opened-tunnel.ts';
import { HELP, parseOptions, type SoakOptions, USUAL_PHASES, type UsualPhase } from './options.ts';
import type { OriginHandlers, OriginPorts } from './origin-worker.ts';
import { ProxyProcess } from './proxy-process.ts';
import { Report } from './report.ts';
import { merge } from './tally.ts';
import { startWorker, type Worker } from './workers.ts';

export async function soak(options: SoakOptions, report: Report): Promise<void> {
  const fail = (words: string): void => report.fail(words);
  const folder = mkdtempSync(path.join(tmpdir(), 'sallyport-soak-origins-'));
  const origin = startWorker<OriginHandlers>('origin-worker.ts', fail);
  const workers = Array.from({ length: WORKERS }, () => startWorker<ClientHandlers>('client-worker.ts', fail));
  try {
    const ca = createTemporaryCa(folder);
    const { key, cert } = ca.issue(OPENED_HOST);
    const origins = await origin.call('start', { key, cert });
    const usual = USUAL_PHASES.filter((phase) => options.phases.includes(phase));
    const orderly = usual.filter((phase) => phase !== 'hostile');
    const hostile = usual.filter((phase) => phase === 'hostile');
    for (const phases of [orderly, hostile]) {
      if (phases.length === 0) continue;
      const proxy = await ProxyProcess.start(Object.values(origins), ca.certFile);
      const run = new Run(options, report, proxy, origin, origins, workers);
      try {
        for (const phase of phases) await (phase === 'tunnels' ? run.tunnels() : run.busy(phase));
      } finally {
        // What hostile clients asked for, nobody knows.
        await run.stop(phases === orderly);
      }
    }
    if (options.phases.includes('growth')) {
      for (const count of options.workers) await growth(options, count, report, origin, origins);
    }
  } finally {
    for (const worker of [origin, ...workers]) worker.stop();
    rmSync(folder, { recursive: true });
  }
}

class Run {
  readonly #options: SoakOptions;
  readonly #report: Report;
  readonly #proxy: ProxyProcess;
  readonly #origin: Worker<OriginHandlers>;
  readonly #origins: OriginPorts;
  readonly #workers: readonly Worker<ClientHandlers>[];
  /** Where the numbers of exchanges go on. */
  #ids = 0;
  readonly #maybeUnlogged = new Set<number>();
  #connects = 0;
  #maybeUnloggedConnects = 0;

  constructor(
    options: SoakOptions,
    report: Report,
    proxy: ProxyProcess,
    origin: Worker<OriginHandlers>,
    origins: OriginPorts,
    workers: readonly Worker<ClientHandlers>[],
  ) {
    this.#options = options;
    this.#report = report;
    this.#proxy = proxy;
    this.#origin = origin;
    this.#origins = origins;
    this.#workers = workers;
  }

  /** Two rounds of the same: the first is the warm-up, and what it leaves is the base that the second has to come back to. */
  async tunnels(): Promise<void> {
    const report = this.#report;
    const { tunnels: count, seconds } = this.#options;
    const holdMs = Math.min(MOST_HOLD_MS, (seconds * 1_000) / 6);
    await this.#tunnelRound(SOME_TUNNELS, 0);
    const fresh = await this.#proxy.measure();
    const first = await this.#tunnelRound(count, holdMs / 2);
    const base = await this.#proxy.measure();
    await this.#tunnelRound(count, holdMs);
    const after = await this.#proxy.measure();
    report.figure('tunnels', count);
    report.figure('RSS a tunnel, KiB', (first.rssKiB - fresh.rssKiB) / count);
    report.figure('PSS a tunnel, KiB', (first.pssKiB - fresh.pssKiB) / count);
    report.figure('descriptors a tunnel', (first.descriptors - fresh.descriptors) / count);
    report.holdings('tunnels', fresh, base, after);
  }

  /** Two rounds of the same, too, and two reloads in the second. */
  async busy(phase: Exclude<UsualPhase, 'tunnels'>): Promise<void> {
    const { seconds } = this.#options;
    const start = this.#proxy.memory();
    const failuresBefore = this.#report.failures.length;
    await this.#busyRound(phase, Math.max(8, Math.min(20, Math.ceil(seconds / 4))), 1, 'warm-up');
    await this.#proxy.settle(start.descriptors);
    const base = await this.#proxy.measure();
    const startedMs = performance.now();
    const reloads = [1 / 3, 2 / 3].map((part) => setTimeout(() => this.#proxy.reload(), part * seconds * 1_000));
    const results = await this.#busyRound(phase, seconds, 2, 'with two reloads');
    for (const reload of reloads) clearTimeout(reload);
    const tookSeconds = (performance.now() - startedMs) / 1_000;
    const peak = this.#proxy.memory();
    await this.#proxy.settle(base.descriptors);
    const after = await this.#proxy.measure();
    const counts = merge(results.map((result) => result.counts));
    const exchanges = Object.values(counts).reduce((sum, row) => sum + Object.values(row).reduce((all, count) => all + count, 0), 0);
    this.#report.figure('exchanges', exchanges);
    this.#report.figure('exchanges a second', exchanges / tookSeconds);
    this.#report.figure('CPU of the proxy, s', after.cpuSeconds - base.cpuSeconds);
    this.#report.figure('RSS when busy, KiB', peak.rssKiB);
    this.#report.counts(counts);
    this.#report.holdings(phase, base, base, after, phase === 'hostile' ? SPARE_WHEN_HOSTILE : undefined);
    if (this.#report.failures.length === failuresBefore) return;
    const snapshot = process.env['SOAK_HEAP_SNAPSHOT'];
    if (snapshot !== undefined) await this.#proxy.snapshot(snapshot);
  }

  /** Ends the proxy and judges what it wrote. @param isLogKnown whether every line of the log has to be an exchange of ours */
  async stop(isLogKnown: boolean): Promise<void> {
    const report = this.#report;
    const { failures } = await this.#origin.call('report', null);
    for (const words of failures) report.fail(words);
    if (this.#proxy.hasEnded) report.fail('the proxy ended by itself');
    const log = await this.#proxy.stop().catch((error: Error) => {
      report.fail(error.message);
      return '';
    });
    for (const line of this.#proxy.reports) report.fail(`the proxy reported: ${line}`);
    if (!isLogKnown) return;
    const audit = auditLog(log, {
      ids: this.#ids,
      maybeMissing: this.#maybeUnlogged,
      connects: this.#connects,
      maybeMissingConnects: this.#maybeUnloggedConnects,
      storables: 0,
      maybeMissingStorables: 0,
    });
    report.figure('lines in the access log', audit.lines);
    report.say(`outcomes in the log: ${JSON.stringify(audit.outcomes)}`);
    for (const words of audit.failures) report.fail(words);
  }

  /** @returns what the proxy held while all of them were open */
  async #tunnelRound(count: number, holdMs: number): Promise<ReturnType<ProxyProcess['memory']>> {
    const { port } = this.#proxy;
    const before = this.#proxy.memory();
    const share = Math.ceil(count / this.#workers.length);
    const shares = this.#workers.map((_, index) => Math.min(share, count - index * share));
    await this.#each((worker, index) =>
      worker.call('openTunnels', { count: shares[index]!, proxyPort: port, echoPort: this.#origins.echo }),
    );
    this.#connects += count;
    await new Promise((resolve) => setTimeout(resolve, holdMs));
    const held = this.#proxy.memory();
    const silent = await this.#each((worker) => worker.call('speak', null));
    const dead = silent.reduce((sum, each) => sum + each, 0);
    if (dead > 0) this.#report.fail(`${dead} of ${count} tunnels did not return what was said in them`);
    await this.#each((worker) => worker.call('closeTunnels', null));
    await this.#origin.call('hangUp', null);
    await this.#proxy.settle(before.descriptors);
    return held;
  }

  async #busyRound(phase: Exclude<UsualPhase, 'tunnels'>, seconds: number, round: number, name: string): Promise<readonly BusyResult[]> {
    const { clients, seed } = this.#options;
    const ways = Array.from({ length: phase === 'busy' ? clients : 0 }, (_, index) => badWayOf(index));
    const inTunnels = Math.max(1, Math.round(clients / 10 / this.#workers.length));
    const streamClients = phase === 'busy' ? 0 : inTunnels;
    const hostileClients = phase === 'hostile' ? inTunnels : 0;
    const { authority } = this.#proxy;
    const count = ways.length + this.#workers.length * (streamClients + hostileClients);
    this.#report.say(`${phase}, ${name}: ${count} clients for ${seconds} s`);
    const idStep = this.#workers.length;
    const results = await this.#each((worker, index) =>
      worker.call('busy', {
        proxyPort: this.#proxy.port,
        origins: this.#origins,
        seconds,
        seed: seed * 1_000_003 + round * 100_003 + index,
        clients: ways.filter((_, client) => client % idStep === index),
        ...{ streamClients, hostileClients, authority },
        firstId: this.#ids + index,
        idStep,
      } satisfies BusyWork),
    );
    this.#note(results);
    return results;
  }

  #note(results: readonly BusyResult[]): void {
    const idStep = this.#workers.length;
    const end = Math.max(...results.map(({ nextId }) => nextId));
    for (const result of results) {
      for (const id of result.maybeUnlogged) this.#maybeUnlogged.add(id);
      for (let id = result.nextId; id < end + idStep; id += idStep) this.#maybeUnlogged.add(id);
      this.#connects += result.connects;
      this.#maybeUnloggedConnects += result.maybeUnloggedConnects;
      for (const words of result.failures) this.#report.fail(words);
    }
    this.#ids = end + idStep;
  }

  #each<T>(work: (worker: Worker<ClientHandlers>, index: number) => Promise<T>): Promise<T[]> {
    return Promise.all(this.#workers.map(work));
  }
}

/** One client in ten has an origin that misbehaves, each in its own way. */
function badWayOf(client: number): BadWay | null {
  if (client % 10 !== 9) return null;
  const ways = Object.keys(BAD_WAYS) as BadWay[];
  return ways[Math.floor(client / 10) % ways.length]!;
}

async function main(options: SoakOptions): Promise<number> {
  const report = new Report((line) => process.stdout.write(`${line}\n`));
  report.say(`seed ${options.seed}`);
  await soak(options, report);
  return report.end() ? 0 : 1;
}

const WORKERS = 2;
const SOME_TUNNELS = 50;
const MOST_HOLD_MS = 20_000;
const SPARE_WHEN_HOSTILE = { descriptors: 2, memoryKiB: 96 * 1_024 };

const options = optionsOf(parseOptions, HELP);
if (options !== null) process.exitCode = await main(options);
