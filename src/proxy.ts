// The composition root: Config in; start, reload, drain, close out. It joins all parts, each of which lies in proxy/.
// A reload builds a new set of parts first (proxy/build-parts.ts); only when all of it stands is one reference swapped. Exchanges under way finish with the
// set they began with, but for the log; the next one has the new set, on the same connection too, whose limits and timers stay those it was accepted with.
import type { Config } from './config/config.ts';
import type { ExchangeHooks } from './exchange/hooks.ts';
import type { EmitFlow } from './flows/flow.ts';
import type { HttpListener } from './listeners/http.ts';
import type { HandedSocket, ListenAddress } from './listeners/listener.ts';
import type { Administration } from './proxy/administration.ts';
import { buildParts } from './proxy/build-parts.ts';
import { type CacheFacts, cacheAdminOf, cacheFactsOf } from './proxy/caching.ts';
import { LastingParts } from './proxy/lasting-parts.ts';
import { Listening } from './proxy/listening.ts';
import { isSame, release } from './proxy/parts.ts';
import { RejudgedTunnels } from './proxy/rejudged-tunnels.ts';
import type { SharedParts } from './proxy/shared-parts.ts';
import { summaryOf } from './proxy/tested-policy.ts';
import { countsOf, type WorkerCounts } from './proxy/worker-counts.ts';

export interface RunningProxy {
  /** Where it listens, with the ports that the system chose for 0. */
  readonly listening: readonly { readonly address: ListenAddress; readonly url: string }[];
  /** The policy that holds, in a line for people. */
  readonly policySummary: string;
  /** What the cache may take, and where; `null` when it is off. */
  readonly cacheFacts: CacheFacts | null;
  /** Whether a client that gives no credentials is asked for some. */
  readonly asksForCredentials: boolean;
  /** Everything that the policy was read from; a change of any of them is a reason to reload. */
  readonly policyFiles: readonly string[];
  /** PEM of what clients have to trust so that tunnels can be opened for them; `null` while the policy opens none. */
  readonly authority: string | null;
  /** Path of the Unix socket on which the commands of `cache` ask; `null` where there is none. */
  readonly adminSocket: string | null;
  /** All or nothing. @throws StartError, and everything stays as it was */
  reload(config: Config): Promise<void>;
  /** A link to the inspector that signs in whoever opens it first; `null` where it is served on no address. */
  newInspectorLink(): string | null;
  reopenLogs(): void;
  /**
   * Accepts no more and waits for what is under way.
   *
   * @param patienceMs that connections may wait for a last request, where others go on serving
   * @returns how many exchanges and tunnels the deadline cut off
   */
  drain(deadlineMs: number, patienceMs?: number): Promise<number>;
  close(): Promise<void>;
}

/**
 * @param report a line for the operator: problems that do not stop the proxy
 * @param onFlow hears of every exchange that has ended
 * @param hooks of a program that embeds the proxy; they see every request, so that nothing is cached
 * @param shared what it has in common with other processes; `null` for one that is all of the proxy
 * @param handed what another process has made for it; `null` makes it here
 * @throws StartError with every problem
 */
export async function startProxy(
  config: Config,
  report: (line: string) => void,
  onFlow?: EmitFlow,
  hooks: ExchangeHooks | null = null,
  shared: SharedParts | null = null,
  handed: Handed | null = null,
): Promise<RunningProxy> {
  const lasting = await LastingParts.open(config, { report, onFlow, hooks, shared, ticketSecret: handed?.ticketSecret });
  const proxy = new Composition(lasting, handed?.socket ?? null);
  await proxy.start(config);
  return proxy;
}

/** What several processes that serve the same clients have from the one that started them. */
export interface Handed {
  readonly socket: HandedSocket;
  /** 32 random octets: a session that began with one of them is resumed with any. */
  readonly ticketSecret: Uint8Array;
}

class Composition implements RunningProxy {
  readonly #lasting: LastingParts;
  readonly #listening: Listening;
  readonly #openTunnels: RejudgedTunnels;
  #administration: Administration | null = null;

  constructor(lasting: LastingParts, handed: HandedSocket | null) {
    this.#lasting = lasting;
    this.#listening = new Listening(lasting, handed, () => this.#administration?.bound ?? null);
    this.#openTunnels = new RejudgedTunnels(lasting);
  }

  async start(config: Config): Promise<void> {
    try {
      this.#lasting.parts = await buildParts(config, null, this.#lasting);
      this.#administration = await this.#openAdministration(config);
      this.#listening.replaceBy(await this.#listening.open(config.listen));
      this.#share();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Where nobody could ask, nothing that answers is loaded. */
  async #openAdministration(config: Config): Promise<Administration | null> {
    const { stateFolder, admin } = config;
    if (this.#lasting.shared?.role === 'worker') return null;
    if (stateFolder === null && (admin === null || admin.isAnyPortFine === true)) return null;
    const { Administration } = await import('./proxy/administration.ts');
    return Administration.open(config, this.#lasting, () => this.#counts());
  }

  /** From now on the other processes may ask, and are told. */
  #share(): void {
    const { shared, ownSockets, recording, rewriting } = this.#lasting;
    if (shared === null) return;
    ownSockets.hearOthers();
    if (shared.role === 'worker')
      shared.serve({
        counts: () => this.#counts(),
        active: (id) => recording?.recorder.active(id) ?? null,
        cache: () => this.#lasting.parts?.cache?.context ?? null,
        cacheAdmin: () => cacheAdminOf(this.#lasting),
        isCacheOnDisk: () => (this.cacheFacts?.disk ?? null) !== null,
        holding: rewriting,
        followRules: () => rewriting?.follow(this.#lasting.current.config.rewrite) ?? Promise.resolve(),
      });
  }

  get listening(): RunningProxy['listening'] {
    return this.#listening.addresses;
  }

  get policySummary(): string {
    return summaryOf(this.#lasting.current.policy);
  }

  get cacheFacts(): CacheFacts | null {
    return cacheFactsOf(this.#lasting.current);
  }

  get asksForCredentials(): boolean {
    return this.#lasting.current.authenticator !== null && this.listening.some(({ address }) => address.auth !== 'never');
  }

  get policyFiles(): readonly string[] {
    return this.#lasting.policyFiles;
  }

  get authority(): string | null {
    return this.#lasting.current.certification?.authority.anchor.toString() ?? null;
  }

  get adminSocket(): string | null {
    return this.#administration?.socket ?? null;
  }

  async reload(config: Config): Promise<void> {
    const { current: old, rewriting, report } = this.#lasting;
    const parts = await buildParts(config, old, this.#lasting);
    let listeners: readonly HttpListener[];
    try {
      await rewriting?.follow(config.rewrite);
      await this.#administration?.listenOn(config.admin);
      listeners = await this.#listening.open(config.listen);
    } catch (error) {
      await rewriting?.follow(old.config.rewrite).catch(() => {});
      await this.#administration?.listenOn(old.config.admin);
      await release(parts, old);
      throw error;
    }
    this.#lasting.ended.tell();
    this.#lasting.parts = parts;
    this.#listening.replaceBy(listeners);
    await release(old, parts);
    this.#openTunnels.judgeAll();
    if (!isSame(config.record, old.config.record)) report('record: it stays as it was at the start; start anew to change it');
  }

  newInspectorLink(): string | null {
    return this.#administration?.newLink() ?? null;
  }

  reopenLogs(): void {
    this.#lasting.ended.tell();
    this.#lasting.parts?.accessLog?.reopen();
  }

  async drain(deadlineMs: number, patienceMs = 0): Promise<number> {
    this.#listening.drain(patienceMs);
    this.#lasting.intercepted.drain(patienceMs);
    const endMs = performance.now() + deadlineMs;
    while (this.#listening.openConnections > 0 && performance.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 20));
    this.#lasting.ended.tell();
    this.#lasting.recording?.recorder.flush();
    return this.#listening.openConnections;
  }

  async close(): Promise<void> {
    const { tunnels, intercepted } = this.#lasting;
    await this.#administration?.close();
    this.#openTunnels.close();
    tunnels.stopAll();
    intercepted.stop();
    this.#listening.close();
    // Sockets say `close` in a later turn, and their records belong into the log.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    const { parts, ended } = this.#lasting;
    ended.tell();
    this.#lasting.parts = null;
    if (parts !== null) await release(parts, null);
    await this.#lasting.close();
  }

  /** Of this process. */
  #counts(): WorkerCounts {
    const { metrics, cacheCounts, recording, rewriting, ended } = this.#lasting;
    ended.tell();
    return countsOf({
      metrics,
      cache: cacheCounts,
      dropped: recording?.recorder.dropped ?? null,
      rewriting,
      openConnections: this.#listening.openConnections,
      shortage: this.#listening.shortage,
      listening: this.listening.map(({ url }) => url),
    });
  }
}
