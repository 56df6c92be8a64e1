// The inspector's soak: a proxy that records under an hour's worth of traffic, and whether all of it can be seen afterwards. `--help` says what it judges.
import { hash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createTemporaryCa } from '../../support/temp-ca.ts';
import { optionsOf } from '../command-line.ts';
import { OPENED_HOST } from '../opened-tunnel.ts';
import { Report } from '../report.ts';
import { startWorker, type Worker } from '../workers.ts';
import { Asking } from './asking.ts';
import { LookingBrowser } from './browser.ts';
import type { ClientHandlers, Replayed } from './client-worker.ts';
import { type Comparison, compare } from './compare.ts';
import { LivePage } from './live-page.ts';
import type { Made } from './names.ts';
import { HELP, parseOptions, type SoakOptions } from './options.ts';
import type { OriginHandlers, OriginPorts } from './origin-worker.ts';
import { RecordedProxy } from './recorded-proxy.ts';

export async function soak(options: SoakOptions, report: Report): Promise<void> {
  const fail = (words: string): void => report.fail(words);
  const folder = mkdtempSync(path.join(tmpdir(), 'sallyport-soak-inspector-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const origin = startWorker<OriginHandlers>('inspector/origin-worker.ts', fail);
  const clients = startWorker<ClientHandlers>('inspector/client-worker.ts', fail);
  try {
    const ca = createTemporaryCa(folder);
    const { key, cert } = ca.issue(OPENED_HOST);
    const ports = await origin.call('start', { key, cert });
    const run = new Run(options, report, path.join(folder, 'proxy'), ca.certFile, ports, clients);
    try {
      await run.replay();
      await run.kill();
      await run.narrow();
    } finally {
      await run.end();
    }
  } finally {
    for (const worker of [origin, clients]) worker.stop();
  }
}

class Run {
  readonly #options: SoakOptions;
  readonly #report: Report;
  readonly #folder: string;
  readonly #roots: string;
  readonly #origins: OriginPorts;
  readonly #clients: Worker<ClientHandlers>;
  readonly #made: Made[] = [];
  #proxy: RecordedProxy | null = null;
  #nextNumber = 1;

  constructor(options: SoakOptions, report: Report, folder: string, roots: string, origins: OriginPorts, clients: Worker<ClientHandlers>) {
    this.#options = options;
    this.#report = report;
    this.#folder = folder;
    this.#roots = roots;
    this.#origins = origins;
    this.#clients = clients;
  }

  /** All of the traffic, with somebody who looks at it; and then whether all of it is there. */
  async replay(): Promise<void> {
    const report = this.#report;
    const proxy = await this.#start(USUAL_SIZE);
    report.figure('first start, ms', Math.round(proxy.startedInMs));
    report.figure('first start, CPU, s', proxy.cpuSeconds);
    const page = await LivePage.open(proxy);
    page.follow();
    const browser = this.#options.hasBrowser ? await LookingBrowser.open(proxy, true) : null;
    const startedMs = performance.now();
    const ended = this.#pass(proxy, this.#options.exchanges, false);
    const asking = new Asking(page);
    await Promise.all([asking.until(ended), this.#watch(proxy, USUAL_SIZE, ended)]);
    const seconds = (performance.now() - startedMs) / 1_000;
    report.figure('exchanges', this.#made.length);
    report.figure('exchanges a second', this.#made.length / seconds);
    report.figure('content, MiB', this.#made.reduce((sum, each) => sum + (each.requestBytes ?? 0) + (each.responseBytes ?? 0), 0) / MIB);
    report.figure('CPU of the proxy, s', proxy.cpuSeconds);
    report.figure('windows pushed to the page', page.windows);
    this.#judgeAsking('under load', asking);
    if (browser !== null) await this.#judgeBrowser(browser, page);
    await this.#judgeRecord(page);
    await this.#atRest(page);
    page.close();
    await browser?.close();
    report.figure('largest RSS, MiB', proxy.peakKiB / 1_024);
    if (proxy.peakKiB >= MOST_RSS_KIB) report.fail(`the proxy took ${Math.round(proxy.peakKiB / 1_024)} MiB`);
    this.#judgeComplaints();
  }

  /** SIGKILL in the middle of traffic: what ended a second before is there when the session opens again, and that takes no time. */
  async kill(): Promise<void> {
    const report = this.#report;
    const proxy = this.#proxy!;
    const before = this.#made.length;
    const ended = this.#pass(proxy, Number.POSITIVE_INFINITY, true);
    const wanted = Math.max(300, this.#options.exchanges / 20);
    while ((await this.#clients.call('count', null)) < wanted && !proxy.hasEnded) await pause(50);
    const killedAtMs = Date.now();
    await proxy.kill();
    await this.#clients.call('giveUp', null);
    await ended;
    const again = await this.#start(USUAL_SIZE);
    this.#judgeTime('start after SIGKILL, ms', again.startedInMs, LONGEST_START_MS);
    report.figure('start after SIGKILL, CPU, s', again.cpuSeconds);
    const page = await LivePage.open(again);
    const rows = await page.allRows();
    const sure = this.#made.filter(({ endedAtMs }) => endedAtMs < killedAtMs - SURE_AFTER_MS);
    report.figure('exchanges until SIGKILL', this.#made.length - before);
    report.figure('of those not there', compare(this.#made, rows).missing.length);
    this.#judge('after SIGKILL', { ...compare(sure, rows), surplus: [] });
    page.close();
    this.#judgeComplaints();
  }

  /** Started again with less room than the session takes. */
  async narrow(): Promise<void> {
    const report = this.#report;
    await this.#proxy!.stop();
    const size = Math.max(LEAST_SIZE, Math.floor(this.#proxy!.storedBytes / 4));
    const proxy = await this.#start(size);
    const firstNew = this.#made.length;
    const ended = this.#pass(proxy, Math.max(500, this.#options.exchanges / 10), false);
    await this.#watch(proxy, Number.POSITIVE_INFINITY, ended);
    const page = await LivePage.open(proxy);
    const endMs = performance.now() + SETTLE_MS;
    while (proxy.storedBytes > size + SPARE_BYTES && performance.now() < endMs) await pause(100);
    report.figure('room given, MiB', size / MIB);
    report.figure('room taken, MiB', proxy.storedBytes / MIB);
    if (proxy.storedBytes > size + SPARE_BYTES) report.fail(`the store takes ${proxy.storedBytes} octets, and may take ${size}`);
    await this.#settle(page);
    const rows = await page.allRows();
    report.figure('exchanges kept in it', rows.length);
    const added = this.#made.slice(firstNew).toSorted((a, b) => a.endedAtMs - b.endedAtMs);
    const newest = added.slice(-Math.min(MOST_NEWEST, Math.ceil(added.length / 5)));
    this.#judge('with less room', { ...compare(newest, rows), surplus: [] });
    page.close();
    this.#judgeComplaints();
  }

  async end(): Promise<void> {
    await this.#proxy?.stop().catch((error: Error) => this.#report.fail(error.message));
  }

  async #start(maxSize: number): Promise<RecordedProxy> {
    const ports = Object.values(this.#origins);
    this.#proxy = await RecordedProxy.start({ folder: this.#folder, ports, roots: this.#roots, maxSize });
    return this.#proxy;
  }

  async #pass(proxy: RecordedProxy, exchanges: number, mayBreak: boolean): Promise<Replayed> {
    const replayed = await this.#clients.call('replay', {
      ...{ proxyPort: proxy.port, origins: this.#origins, authority: proxy.authority, mayBreak },
      ...{ seed: this.#options.seed + this.#nextNumber, clients: this.#options.clients, firstNumber: this.#nextNumber },
      exchanges: Math.min(exchanges, Number.MAX_SAFE_INTEGER),
    });
    for (const each of replayed.made) this.#made.push(each);
    this.#nextNumber = replayed.nextNumber;
    for (const words of replayed.failures) this.#report.fail(words);
    return replayed;
  }

  /** Says how it goes, and holds what is stored to its bound. */
  async #watch(proxy: RecordedProxy, mostBytes: number, until: Promise<unknown>): Promise<void> {
    let isOver = false;
    let most = 0;
    let saidMs = performance.now();
    let before = 0;
    void until.finally(() => (isOver = true)).catch(() => {});
    while (!isOver) {
      await pause(WATCH_MS);
      most = Math.max(most, proxy.storedBytes);
      if (performance.now() - saidMs < SAY_MS) continue;
      saidMs = performance.now();
      const count = await this.#clients.call('count', null);
      if (count === before) {
        this.#report.fail(`nothing has ended in ${SAY_MS / 1_000} s, after ${count} exchanges`);
        await this.#clients.call('giveUp', null);
      }
      before = count;
      const [resident, stored] = [proxy.residentKiB / 1_024, proxy.storedBytes / MIB].map(Math.round);
      this.#report.say(`${count} exchanges, RSS ${resident} MiB, stored ${stored} MiB`);
    }
    if (most > mostBytes) this.#report.fail(`the store took ${most} octets, and may take ${mostBytes}`);
    this.#report.figure('stored, MiB', most / MIB);
  }

  async #judgeBrowser(browser: LookingBrowser, page: LivePage): Promise<void> {
    const frames = await browser.frames();
    this.#report.say(`frames in Chromium: ${frames}`);
    this.#judgeTime('from frame to frame, p99, ms', frames.quantile(0.99), LONGEST_FRAME_MS);
    await this.#settle(page);
    await pause(SETTLED_MS);
    const [shown, newest] = [await browser.newestShown(), page.newest.rows[0]?.id];
    if (shown !== newest) this.#report.fail(`the list in Chromium ends with ${shown}, and the record with ${newest}`);
    for (const words of browser.problems) this.#report.fail(`the page: ${words}`);
  }

  async #judgeRecord(page: LivePage): Promise<void> {
    await this.#settle(page);
    const found = compare(this.#made, await page.allRows());
    this.#judge('after the traffic', found);
    const status = JSON.parse(String(await page.get('/api/status'))) as { readonly dropped: object; readonly recording: object };
    this.#report.say(`dropped: ${JSON.stringify(status.dropped)}; recording: ${JSON.stringify(status.recording)}`);
    if (Object.values(status.dropped).some((count) => count !== 0)) this.#report.fail(`it left out ${JSON.stringify(status.dropped)}`);
    const { damaged, lost, problem } = status.recording as { readonly damaged: number; readonly lost: number; readonly problem: unknown };
    if (damaged !== 0 || lost !== 0 || problem !== null) this.#report.fail(`its store says ${JSON.stringify(status.recording)}`);
    await this.#judgeContents(page, found.digested);
  }

  async #judgeContents(page: LivePage, digested: Comparison['digested']): Promise<void> {
    let wrong = 0;
    for (const [at, [id, digest]] of digested.entries()) {
      const exchange = JSON.parse(String(await page.get(`/api/exchanges/${id}`))) as {
        readonly responseContent: { readonly digest: string };
      };
      const isRight = exchange.responseContent?.digest === digest && (at % 10 !== 0 || (await contentDigest(page, id)) === digest);
      if (isRight) continue;
      wrong += 1;
      this.#report.fail(`exchange ${id} is kept with other content than came`);
    }
    this.#report.figure('contents compared', digested.length);
    this.#report.figure('contents that are wrong', wrong);
  }

  /** Until everything that has begun has ended in the record, too. */
  async #settle(page: LivePage): Promise<void> {
    const endMs = performance.now() + SETTLE_MS;
    while (performance.now() < endMs) {
      const { total } = await page.search('is:pending');
      if (total === 0) break;
      await pause(100);
    }
    await pause(SETTLED_MS);
  }

  #judge(when: string, { missing, surplus, different }: Comparison): void {
    for (const [what, keys] of Object.entries({ missing, surplus, different })) {
      this.#report.figure(`${when}: ${what}`, keys.length);
      if (keys.length > 0) this.#report.fail(`${when}, ${keys.length} are ${what}: ${keys.slice(0, 5).join('; ')}`);
    }
  }

  async #atRest(page: LivePage): Promise<void> {
    const asking = new Asking(page);
    for (let round = 0; round < ROUNDS_AT_REST; round += 1) await asking.once(round);
    this.#judgeAsking('at rest', asking);
  }

  #judgeAsking(when: string, { timings }: Asking): void {
    for (const [name, took, most] of timings) {
      this.#report.say(`${name} ${when}: ${took}`);
      this.#judgeTime(`${name} ${when}, p99, ms`, took.quantile(0.99), most);
    }
  }

  #judgeTime(name: string, tookMs: number, mostMs: number): void {
    this.#report.figure(name, Math.round(tookMs));
    if (this.#options.isTimed && tookMs > mostMs) this.#report.fail(`${name}: ${Math.round(tookMs)}, and ${mostMs} at most`);
  }

  #judgeComplaints(): void {
    for (const line of this.#proxy?.complaints ?? []) {
      if (!line.startsWith('inspector  ')) this.#report.fail(`the proxy reported: ${line}`);
    }
  }
}

async function contentDigest(page: LivePage, id: number): Promise<string> {
  return hash('sha256', await page.get(`/api/exchanges/${id}/response/content?reveal=1`));
}

async function main(options: SoakOptions): Promise<number> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(EXIT_INTERRUPTED));
  const report = new Report((line) => process.stdout.write(`${line}\n`));
  report.say(`seed ${options.seed}`);
  await soak(options, report);
  return report.end() ? 0 : 1;
}

const EXIT_INTERRUPTED = 130;
const MIB = 2 ** 20;
/** What holds when nobody says. */
const USUAL_SIZE = 2 * 2 ** 30;
const LEAST_SIZE = 8 * MIB;
/** Pages that the index has free count for nothing, since rows to come will fill them, and there may be so many. */
const SPARE_BYTES = 8 * MIB;
const MOST_RSS_KIB = 400 * 1_024;
const LONGEST_START_MS = 2_000;
const SURE_AFTER_MS = 1_000;
const LONGEST_FRAME_MS = 100;
const MOST_NEWEST = 500;
const ROUNDS_AT_REST = 100;
const WATCH_MS = 100;
const SAY_MS = 10_000;
const SETTLE_MS = 15_000;
const SETTLED_MS = 1_200;

const options = optionsOf(parseOptions, HELP);
if (options !== null) process.exitCode = await main(options);
