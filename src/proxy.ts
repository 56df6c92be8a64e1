// The composition root: Config in; start, reload, drain, close out. It joins all parts; what is longer lies in proxy/.
// A reload builds a new set of parts first; only when all of it stands is one reference swapped. Exchanges under way finish with the set they began
// with, but for the log; the next one has the new set, on the same connection too, whose limits and timers stay those it was accepted with.
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AdminServer } from './admin/admin-server.ts';
import { policyTerms } from './admin/policy-terms.ts';
import type { Authenticator } from './auth/authenticate.ts';
import type { AuthOptions } from './auth/options.ts';
import type { CacheContext } from './cache/cache.ts';
import { type CacheAdmin, createCacheAdmin } from './cache/cache-admin.ts';
import { CacheCounts } from './cache/cache-counts.ts';
import { createCacheContext, type OpenedStore, openStore } from './cache/open-cache.ts';
import type { CacheConfig } from './cache/options.ts';
import { CACHE_RULE_DEFAULTS } from './cache/rules/options.ts';
import type { Config } from './config/config.ts';
import { formatListenAddress } from './config/listen-address.ts';
import { ProxyError } from './errors/proxy-error.ts';
import { cannotListen, StartError } from './errors/start-error.ts';
import { deliverError } from './exchange/deliver.ts';
import type { Incoming } from './exchange/exchange.ts';
import { type ExchangeHooks, hookedStages } from './exchange/hooks.ts';
import { type Judge, OpenTunnels } from './exchange/open-tunnels.ts';
import { behind } from './exchange/revalidate-behind.ts';
import { type ExchangeContext, runExchange } from './exchange/run-exchange.ts';
import { createStages } from './exchange/stages.ts';
import { TrustingClients } from './exchange/trusting-clients.ts';
import { type Flow, numberFlowsBy } from './flows/flow.ts';
import type { Inspector } from './inspector/inspector.ts';
import { ConnectionCounts, HttpListener, type HttpListenerContext } from './listeners/http.ts';
import type { ConnectionContext } from './listeners/http1-connection.ts';
import { InterceptedConnections } from './listeners/intercepted.ts';
import { type HandedSocket, isSameSocket, type ListenAddress } from './listeners/listener.ts';
import { ByteRate } from './net/byte-rate.ts';
import { Deadlines } from './net/deadlines.ts';
import { type AccessLog, openAccessLog } from './observe/access-log.ts';
import { Metrics } from './observe/metrics.ts';
import { createOwnSockets, judgeAddress, type ListeningSocket, type OwnSockets } from './policy/address-guard.ts';
import { createAuthorize } from './policy/authorize.ts';
import type { CompiledPolicy } from './policy/compile.ts';
import { decide } from './policy/decide.ts';
import { DailyBytes } from './policy/limits/daily-bytes.ts';
import { type Admit, Limits } from './policy/limits/limits.ts';
import { openQuotaFile, type QuotaFile } from './policy/limits/quota-file.ts';
import { loadPolicy } from './policy/load.ts';
import { formatProblem } from './policy/parse.ts';
import type { Decision } from './policy/policy.ts';
import { describeExpectation, describeOutcome, runPolicyTests, type TestOutcome } from './policy/run-tests.ts';
import type { Certification } from './proxy/certification.ts';
import { createInterception } from './proxy/interception.ts';
import type { Recording } from './proxy/recording.ts';
import type { Rewriting } from './proxy/rewriting.ts';
import type { SharedParts } from './proxy/shared-parts.ts';
import { createLocalAddresses, mostDescriptors } from './proxy/this-machine.ts';
import { countsOf, type WorkerCounts } from './proxy/worker-counts.ts';
import { Pinned } from './tls/pinned.ts';
import { createUpstream, type IsAddressAllowed } from './upstream/forward.ts';
import { KeyLog } from './upstream/key-log.ts';
import { ConnectionPool } from './upstream/pool.ts';
import { ReadBuffers } from './upstream/read-buffers.ts';
import { Resolver } from './upstream/resolve.ts';
import { createRoute } from './upstream/route.ts';
import { type OriginTls, openOriginTls } from './upstream/tls-options.ts';

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

export interface CacheFacts extends Pick<CacheConfig, 'disk' | 'offline' | 'staleOk'> {
  /** 0 keeps nothing in memory. */
  readonly memoryBytes: number;
}

/** For tests and, later, the inspector: every finished exchange. */
export type OnFlow = (flow: Flow) => void;

/**
 * @param report a line for the operator: problems that do not stop the proxy
 * @param hooks of a program that embeds the proxy; they see every request, so that nothing is cached
 * @param shared what it has in common with other processes; `null` for one that is all of the proxy
 * @param handed what another process has made for it; `null` makes it here
 * @throws StartError with every problem
 */
export async function startProxy(
  config: Config,
  report: (line: string) => void,
  onFlow?: OnFlow,
  hooks: ExchangeHooks | null = null,
  shared: SharedParts | null = null,
  handed: Handed | null = null,
): Promise<RunningProxy> {
  const proxy = new Composition({ config, report, onFlow, hooks, shared, handed });
  await proxy.start();
  return proxy;
}

/** What several processes that serve the same clients have from the one that started them. */
export interface Handed {
  readonly socket: HandedSocket;
  /** 32 random octets: a session that began with one of them is resumed with any. */
  readonly ticketSecret: Uint8Array;
}

/** What a reload replaces as a whole. */
interface Parts {
  readonly config: Config;
  readonly policy: CompiledPolicy;
  readonly authenticator: Authenticator | null;
  readonly resolver: Resolver;
  readonly pool: ConnectionPool;
  readonly originTls: OriginTls;
  readonly cache: (OpenedStore & { readonly context: CacheContext }) | null;
  /** What vouches for tunnels that are opened; `null` while the policy opens none. */
  readonly certification: Certification | null;
  readonly accessLog: AccessLog | null;
  readonly exchange: ExchangeContext;
  readonly connection: ConnectionContext;
}

interface OpenedParts extends Pick<Parts, 'resolver' | 'accessLog'> {
  readonly route: ReturnType<typeof createRoute>;
}

interface Given {
  readonly config: Config;
  readonly report: (line: string) => void;
  readonly onFlow: OnFlow | undefined;
  readonly hooks: ExchangeHooks | null;
  readonly shared: SharedParts | null;
  readonly handed: Handed | null;
}

class Composition implements RunningProxy {
  readonly #report: (line: string) => void;
  readonly #onFlow: OnFlow | undefined;
  readonly #hooks: ExchangeHooks | null;
  readonly #shared: SharedParts | null;
  readonly #handed: Handed | null;
  readonly #deadlines = new Deadlines();
  readonly #buffers = new ReadBuffers('lossy');
  readonly #tunnelBuffers = new ReadBuffers('lossless');
  readonly #counts = new ConnectionCounts();
  readonly #tunnels = new OpenTunnels();
  readonly #intercepted = new InterceptedConnections(() => this.#current().connection);
  readonly #trusting = new TrustingClients();
  readonly #pinned = new Pinned();
  readonly #date = createDateClock();
  readonly #localAddresses = createLocalAddresses();
  readonly #descriptors = mostDescriptors();
  readonly #madeName = `sallyport-${randomBytes(4).toString('hex')}`;
  #listeners: HttpListener[] = [];
  /** Dropped by a reload, with connections that are not done yet. */
  #leaving: HttpListener[] = [];
  #bound: readonly ListeningSocket[] = [];
  #ownSockets: OwnSockets = createOwnSockets([], () => []);
  #parts: Parts | null = null;
  readonly #cacheCounts = new CacheCounts();
  #admin: AdminServer | null = null;
  #inspector: Inspector | null = null;
  readonly #metrics = new Metrics();
  /** Made at the start, and kept: `null` records nothing. */
  #recording: Recording | null = null;
  /** The same; `null` for a program that embeds the proxy, and changes what it likes itself. */
  #rewriting: Rewriting | null = null;
  #policyFiles: readonly string[] = [];
  /** Counts go on through a reload. */
  #admit: Admit | null = null;
  #quotas: QuotaFile | null = null;
  readonly #keyLogs = new Map<string, KeyLog>();
  /** Of tunnels that a new policy denies. */
  readonly #graces = new Set<NodeJS.Timeout>();
  #firstConfig: Config;
  /** Where the process is all of the proxy. */
  #connections = 0;
  readonly #nextConnectionId: () => number;

  constructor({ config, report, onFlow, hooks, shared, handed }: Given) {
    this.#firstConfig = config;
    this.#report = report;
    this.#onFlow = onFlow;
    this.#hooks = hooks;
    this.#shared = shared;
    this.#nextConnectionId = shared?.nextId ?? (() => (this.#connections += 1));
    this.#handed = handed;
  }

  async start(): Promise<void> {
    try {
      if (this.#shared !== null) numberFlowsBy(this.#shared.nextId);
      await this.#openCounts(this.#firstConfig.stateFolder);
      this.#recording = await openRecording(this.#firstConfig, this.#shared, this.#report);
      if (this.#hooks === null) this.#rewriting = await openRewriting(this.#firstConfig, this.#report);
      this.#parts = await this.#build(this.#firstConfig, null);
      await this.#openAdmin(this.#firstConfig);
      this.#listeners = await this.#listen(this.#firstConfig.listen, []);
      this.#share();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** From now on the other processes may ask, and are told. */
  #share(): void {
    const shared = this.#shared;
    if (shared === null) return;
    this.#noteOwnSockets(this.#listeners);
    shared.onSockets = () => this.#noteSockets();
    if (shared.role === 'worker')
      shared.serve({
        counts: () => this.#countsHere(),
        active: (id) => this.#recording?.recorder.active(id) ?? null,
        cache: () => this.#parts?.cache?.context ?? null,
        cacheAdmin: () => this.#cacheAdmin(),
        isCacheOnDisk: () => (this.cacheFacts?.disk ?? null) !== null,
        holding: this.#rewriting,
        followRules: () => this.#rewriting?.follow(this.#current().config.rewrite) ?? Promise.resolve(),
      });
  }

  get listening(): RunningProxy['listening'] {
    return this.#listeners.map((listener) => {
      const { address, bound } = listener;
      if (address.kind === 'unix' || bound === null) return { address, url: formatListenAddress(address) };
      return { address, url: `http://${formatListenAddress({ ...address, port: bound.port })}` };
    });
  }

  get policySummary(): string {
    const { policy } = this.#current().policy;
    const rules = policy.rules.length;
    return `${policy.file}: ${rules} ${rules === 1 ? 'rule' : 'rules'}, otherwise ${policy.defaultAction}`;
  }

  get cacheFacts(): CacheFacts | null {
    const { cache, config } = this.#current();
    if (cache === null || config.cache === null) return null;
    const { memory, disk, offline, staleOk } = config.cache;
    // Without a way to verify it, the folder could not be used.
    return { memoryBytes: memory?.maxBytes ?? 0, disk: cache.verify === null ? null : disk, offline, staleOk };
  }

  get asksForCredentials(): boolean {
    const { authenticator } = this.#current();
    return authenticator !== null && this.#listeners.some(({ address }) => address.auth !== 'never');
  }

  get policyFiles(): readonly string[] {
    return this.#policyFiles;
  }

  get authority(): string | null {
    return this.#current().certification?.authority.anchor.toString() ?? null;
  }

  get adminSocket(): string | null {
    return this.#admin?.socket ?? null;
  }

  async reload(config: Config): Promise<void> {
    const old = this.#current();
    const parts = await this.#build(config, old);
    const kept = this.#listeners.filter(({ address }) => config.listen.some((wanted) => isSameSocket(wanted, address)));
    let listeners: HttpListener[];
    try {
      await this.#rewriting?.follow(config.rewrite);
      await this.#admin?.listenOn(config.admin);
      listeners = await this.#listen(config.listen, kept);
    } catch (error) {
      await this.#rewriting?.follow(old.config.rewrite).catch(() => {});
      await this.#admin?.listenOn(old.config.admin);
      await release(parts, old);
      throw error;
    }
    const dropped = this.#listeners.filter((listener) => !listeners.includes(listener));
    this.#listeners = listeners;
    this.#parts = parts;
    this.#noteOwnSockets(listeners);
    for (const listener of dropped) listener.drain();
    this.#leaving = [...this.#leaving, ...dropped].filter(({ openConnections }) => openConnections > 0);
    await release(old, parts);
    this.#rejudgeTunnels();
    if (!isSame(config.record, old.config.record)) this.#report('record: it stays as it was at the start; start anew to change it');
  }

  newInspectorLink(): string | null {
    return this.#admin?.newLink() ?? null;
  }

  reopenLogs(): void {
    this.#parts?.accessLog?.reopen();
  }

  async drain(deadlineMs: number, patienceMs = 0): Promise<number> {
    for (const listener of this.#listeners) listener.drain(patienceMs);
    this.#intercepted.drain(patienceMs);
    const endMs = performance.now() + deadlineMs;
    while (this.#open() > 0 && performance.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 20));
    this.#recording?.recorder.flush();
    return this.#open();
  }

  async close(): Promise<void> {
    this.#inspector?.close();
    await this.#admin?.close();
    for (const timer of this.#graces) clearTimeout(timer);
    this.#tunnels.stopAll();
    this.#intercepted.stop();
    for (const listener of [...this.#listeners, ...this.#leaving]) listener.close();
    // Sockets say `close` in a later turn, and their records belong into the log.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    const parts = this.#parts;
    this.#parts = null;
    if (parts !== null) await release(parts, null);
    this.#rewriting?.close();
    const shared = this.#shared;
    // What workers still have to say is kept; what a worker has to say needs its link.
    if (shared?.role === 'keeper') await shared.close();
    await this.#recording?.close();
    if (shared?.role === 'worker') await shared.close();
    await this.#quotas?.close();
    for (const keyLog of this.#keyLogs.values()) keyLog.close();
    this.#deadlines.close();
  }

  /** Where nobody could ask, nothing that answers is loaded. */
  async #openAdmin(config: Config): Promise<void> {
    if (this.#shared?.role === 'worker') return;
    if (config.stateFolder === null && (config.admin === null || config.admin.isAnyPortFine === true)) return;
    const [{ openAdmin }, { PageFiles }, { createInspector }] = await Promise.all([
      import('./admin/open-admin.ts'),
      import('./admin/page-files.ts'),
      import('./proxy/inspection.ts'),
    ]);
    const inspector = createInspector({
      recording: this.#recording,
      rewriting: this.#rewriting,
      record: config.record,
      workers: this.#shared?.role === 'keeper' ? this.#shared.workers : null,
      counts: () => this.#countsHere(),
      policy: () => this.#current().policy,
      policySummary: () => this.policySummary,
      cache: () => this.#cacheAdmin(),
      cacheRules: () => this.#parts?.config.cache?.rules ?? CACHE_RULE_DEFAULTS,
      authority: () => this.#current().certification?.authority ?? null,
      nextConnectionId: this.#nextConnectionId,
      emit: () => this.#current().connection.emit,
      recorded: (incoming) => this.#recorded(incoming),
      run: (incoming) => void runExchange(incoming, this.#current().exchange),
    });
    this.#inspector = inspector;
    this.#admin = await openAdmin(config, {
      // The one that was started, under which its user knows the proxy: a keeper is its child, and may be another one tomorrow.
      processId: this.#shared === null ? process.pid : process.ppid,
      answer: (asked) => inspector.answer(asked),
      live: (socket) => inspector.welcome(socket),
      page: new PageFiles(PAGE_FOLDER),
      report: this.#report,
    });
  }

  async #openCounts(stateFolder: string | null): Promise<void> {
    const createRate = (bytesPerSecond: number): ByteRate => new ByteRate(bytesPerSecond, this.#deadlines);
    if (this.#shared?.role === 'worker') {
      this.#admit = this.#shared.openLimits(createRate);
      return;
    }
    this.#quotas = stateFolder === null ? null : await openQuotaFile(stateFolder, this.#report);
    const dailyBytes = this.#quotas?.dailyBytes ?? new DailyBytes(Date.now);
    const limits = new Limits(createRate, dailyBytes);
    this.#shared?.shareLimits(limits, dailyBytes);
    this.#admit = limits.admit;
  }

  #current(): Parts {
    if (this.#parts === null) throw new Error('the proxy has not been started');
    return this.#parts;
  }

  /** What the admin API may ask of the cache of the moment; `null` while it is off. */
  #cacheAdmin(): CacheAdmin | null {
    if (this.#shared?.role === 'keeper') return (this.#parts?.config.cache ?? null) === null ? null : this.#shared.workers.cache;
    if (this.#parts === null || this.#parts.cache === null) return null;
    const { cache, policy } = this.#parts;
    const { store, verify, context } = cache;
    return createCacheAdmin({
      store,
      rules: context.parts.rules,
      now: Date.now,
      lastVerdict: (key) => context.lastVerdict(key),
      mode: context.parts,
      answers: () => this.#cacheCounts.answers,
      outdateAll: () => context.outdateAll(),
      termsOf: (question) => policyTerms(policy, question, Date.now()),
      verify,
    });
  }

  #open(): number {
    return [...this.#listeners, ...this.#leaving].reduce((sum, { openConnections }) => sum + openConnections, 0);
  }

  async #build(config: Config, old: Parts | null): Promise<Parts> {
    const [compiled, originTls] = await Promise.all([this.#loadPolicy(config), this.#openOriginTls(config, old)]);
    // Before anything is opened that would have to be closed again.
    const certification = await this.#certify(compiled, config, old);
    const via = config.viaName ?? this.#madeName;
    const keepsAuthenticator = old !== null && isSame(old.config.auth, config.auth);
    const authenticator = keepsAuthenticator
      ? old.authenticator
      : config.auth === null
        ? null
        : await openAuthenticator(config.auth, this.#report);
    let opened: OpenedParts;
    try {
      opened = this.#openParts(config, old);
    } catch (error) {
      if (!keepsAuthenticator) authenticator?.close();
      throw error;
    }
    const { resolver, route, accessLog } = opened;
    const cache = this.#hooks === null ? await this.#openCache(config, old) : null;
    const pool = new ConnectionPool(config.upstream);
    // The log of the moment: one that a reload replaced is closed by the time an exchange ends.
    const emit = (flow: Flow): void => {
      flow.lease?.release();
      if (flow.cache !== null) this.#cacheCounts.add(flow.cache, flow.bytesToClient);
      this.#parts?.accessLog?.write(flow);
      this.#metrics.add(flow);
      this.#recording?.recorder.finish(flow);
      this.#onFlow?.(flow);
    };
    const isAddressAllowed: IsAddressAllowed = (address, port, question) => judgeAddress(address, port, question, this.#ownSockets);
    const upstream = createUpstream({
      options: config.upstream,
      buffers: this.#buffers,
      tunnelBuffers: this.#tunnelBuffers,
      deadlines: this.#deadlines,
      tls: originTls,
      resolver,
      route,
      pool,
      isAddressAllowed,
    });
    const authorize = createAuthorize(compiled, addressesBy(resolver, route), Date.now);
    const stages = createStages({
      authenticator,
      authorize,
      rewriting: this.#rewriting === null ? null : (rejudge) => this.#rewriting!.stages(rejudge, this.#deadlines),
      admit: this.#admit!,
      isAddressAllowed,
      upstream,
      cache: cache?.context ?? null,
      revalidateBehind: (answered) => void runExchange(this.#recorded(behind(answered, emit)), this.#current().exchange),
      via,
    });
    const exchange: ExchangeContext = {
      stages: this.#hooks === null ? stages : hookedStages(stages, this.#hooks),
      via,
      pac: config.pac,
      onboarding: { certificate: certification?.authority.anchor ?? null, trusting: this.#trusting },
      date: this.#date,
      deadlines: this.#deadlines,
      tunnelIdleTimeoutMs: config.listener.tunnelIdleTimeoutMs,
      tunnels: this.#tunnels,
      interception: createInterception({
        deadlines: this.#deadlines,
        timeouts: config.listener,
        contexts: certification?.contexts ?? null,
        pinned: this.#pinned,
        trusting: this.#trusting,
        connections: this.#intercepted,
        nextConnectionId: this.#nextConnectionId,
        logKeys: originTls.keyLog === null ? null : (socket) => originTls.keyLog?.log(socket),
      }),
      emit,
      reportDefect: (error) =>
        this.#report(`a defect ended one exchange: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`),
    };
    const connection: ConnectionContext = {
      options: config.listener,
      deadlines: this.#deadlines,
      emit,
      startExchange: (incoming) => void runExchange(this.#recorded(incoming), this.#current().exchange),
      answerUnreadable: (incoming, error) => deliverError(this.#recorded(incoming), error, null, this.#current().exchange),
    };
    return { config, policy: compiled, authenticator, resolver, pool, originTls, cache, certification, accessLog, exchange, connection };
  }

  #recorded(incoming: Incoming): Incoming {
    return this.#recording === null ? incoming : this.#recording.seen(incoming);
  }

  /** A CA is looked for, and made if there is none, once a policy opens something; what it has signed is kept over reloads. */
  async #certify({ policy }: CompiledPolicy, { tls }: Config, old: Parts | null): Promise<Certification | null> {
    if (!policy.rules.some(({ action }) => action === 'intercept')) return null;
    const kept = old !== null && isSame(old.config.tls, tls) ? old.certification : null;
    const { openCertification } = await import('./proxy/certification.ts');
    return openCertification(tls, kept, this.#report, this.#handed?.ticketSecret);
  }

  /** Roots and sessions stay over a reload where no file is named that may have changed. */
  async #openOriginTls({ originTls, rootCertificates }: Config, old: Parts | null): Promise<OriginTls> {
    const namesFiles = rootCertificates !== null || originTls.clientCertificates.length > 0;
    const isAsBefore = old !== null && old.config.rootCertificates === null && isSame(old.config.originTls, originTls);
    if (isAsBefore && !namesFiles) return old.originTls;
    return openOriginTls(originTls, rootCertificates, this.#openKeyLog(originTls.keyLogFile));
  }

  /** One for all connections, for as long as the proxy runs: those of an older configuration go on writing. */
  #openKeyLog(file: string | null): KeyLog | null {
    if (file === null) return null;
    let opened = this.#keyLogs.get(file);
    if (opened === undefined) {
      this.#keyLogs.set(file, (opened = new KeyLog(file)));
      this.#report(`the secrets of all TLS connections are written to ${file}: whoever reads it can read what they carry`);
    }
    return opened;
  }

  /** What is stored stays over a reload that changes nothing about where it lies. */
  async #openCache({ cache }: Config, old: Parts | null): Promise<Parts['cache']> {
    // What is stored is stored where clients ask.
    if (cache === null || this.#shared?.role === 'keeper') return null;
    const before = old?.config.cache;
    // With what is on its way, so that an unsafe method still outdates it.
    if (old !== null && isSame(before, cache)) return old.cache;
    const isKept = isSame(before?.memory, cache.memory) && isSame(before?.disk, cache.disk);
    const opened = (isKept ? old?.cache : null) ?? (await openStore(cache, this.#report));
    return {
      store: opened.store,
      verify: opened.verify,
      context: createCacheContext(cache, opened.store, this.#shared?.role === 'worker' ? this.#shared.neighbours : null),
    };
  }

  /** The policy, with its lists, and judged by its own tests. @throws StartError with every problem */
  async #loadPolicy({ policyFile, stateFolder }: Config): Promise<CompiledPolicy> {
    const loaded = await loadPolicy(policyFile, { listCacheFolder: stateFolder === null ? null : path.join(stateFolder, 'lists') });
    // Those of one that cannot be used as well: when they are mended, it can.
    this.#policyFiles = loaded.files;
    for (const warning of loaded.warnings) this.#report(warning);
    if ('problems' in loaded) {
      const isUnreadable = loaded.problems.some(({ line }) => line === 0);
      throw new StartError(isUnreadable ? 'unreadable' : 'data', loaded.problems.map(formatProblem));
    }
    const failed = runPolicyTests(loaded.compiled, Date.now()).filter(({ failure }) => failure !== null);
    if (failed.length > 0) throw new StartError('data', failed.map(testProblem));
    if (this.#recording !== null) await this.#recording.policyHolds(loaded.compiled.policy, loaded.files);
    return loaded.compiled;
  }

  /** What can fail for a reason that an operator can mend. The old log and resolver are kept where nothing about them has changed. */
  #openParts(config: Config, old: Parts | null): OpenedParts {
    try {
      const route = createRoute(config.route);
      const resolver = old !== null && isSame(old.config.resolver, config.resolver) ? old.resolver : new Resolver(config.resolver);
      const keepsLog = old !== null && isSame(old.config.accessLog, config.accessLog);
      if (keepsLog || config.accessLog === null) return { resolver, route, accessLog: keepsLog ? old.accessLog : null };
      try {
        return { resolver, route, accessLog: openAccessLog(config.accessLog, this.#report) };
      } catch (error) {
        if (resolver !== old?.resolver) resolver.close();
        throw error;
      }
    } catch (error) {
      if (error instanceof ProxyError) throw new StartError('config', [error.message], { cause: error });
      throw error;
    }
  }

  /** Opens what is wanted and not kept; on any failure what was opened is closed again. */
  async #listen(wanted: readonly ListenAddress[], kept: readonly HttpListener[]): Promise<HttpListener[]> {
    if (this.#shared?.role === 'keeper') return [];
    const opened: HttpListener[] = [];
    const all: HttpListener[] = [];
    for (const address of wanted) {
      const existing = kept.find((listener) => isSameSocket(listener.address, address) && !all.includes(listener));
      if (existing !== undefined) {
        existing.rename(address);
        all.push(existing);
        continue;
      }
      try {
        const context: HttpListenerContext = {
          connectionContext: () => this.#current().connection,
          counts: this.#counts,
          nextConnectionId: this.#nextConnectionId,
          report: this.#report,
          descriptors: this.#descriptors,
          makeRoom: () => this.#makeRoom(),
        };
        const listener = await HttpListener.listen(address, context, this.#handed?.socket(address) ?? null);
        opened.push(listener);
        all.push(listener);
        // At once: it may be asked for before the next one listens.
        this.#noteOwnSockets([...this.#listeners, ...opened]);
      } catch (error) {
        for (const listener of opened) listener.close();
        throw cannotListen(formatListenAddress(address), error);
      }
    }
    return all;
  }

  /** Tunnels that the new policy would not open are closed after a grace, unless a newer policy would open them by then. */
  #rejudgeTunnels(): void {
    const { config } = this.#current();
    const judge: Judge = (question) => decide(this.#current().policy, { ...question, nowMs: Date.now() });
    // Requests inside are judged one by one, by the policy that holds; so one answer more does no harm.
    this.#intercepted.drainWhere(({ decision }) => decision !== null && isOpenedNoMore(judge(decision.question)));
    const denied = this.#tunnels.judgeBy(judge);
    if (denied === 0) return;
    this.#report(
      `the new policy denies ${denied} open ${denied === 1 ? 'tunnel' : 'tunnels'}; closing in ${config.tunnelGraceMs / 1_000} s`,
    );
    const timer = setTimeout(() => {
      this.#graces.delete(timer);
      this.#tunnels.stopDenied(judge);
    }, config.tunnelGraceMs);
    this.#graces.add(timer);
  }

  #makeRoom(): number {
    const clients = [...this.#listeners, ...this.#leaving].reduce((sum, listener) => sum + listener.letGoOfIdle(), 0);
    return clients + this.#intercepted.letGoOfIdle() + (this.#parts?.pool.letGo() ?? 0);
  }

  #noteOwnSockets(listeners: readonly HttpListener[]): void {
    this.#bound = [...listeners.map((listener) => listener.bound), this.#admin?.bound ?? null].filter((socket) => socket !== null);
    this.#noteSockets();
    this.#shared?.tellSockets(this.#bound);
  }

  #noteSockets(): void {
    this.#ownSockets = createOwnSockets([...this.#bound, ...(this.#shared?.otherSockets ?? [])], this.#localAddresses);
  }

  #countsHere(): WorkerCounts {
    return countsOf({
      metrics: this.#metrics,
      cache: this.#cacheCounts,
      dropped: this.#recording?.recorder.dropped ?? null,
      rewriting: this.#rewriting,
      openConnections: this.#open(),
      listening: this.listening.map(({ url }) => url),
    });
  }
}

function testProblem(outcome: TestOutcome): string {
  const { position } = outcome.test;
  const message = `a test of this policy fails: expected ${describeExpectation(outcome.test)}, got ${describeOutcome(outcome)}`;
  return formatProblem({ ...position, message });
}

/** Lets go of a set of parts, but for those that another set goes on using. */
async function release(parts: Parts, other: Parts | null): Promise<void> {
  parts.pool.close();
  if (other === null) parts.resolver.close();
  else if (parts.resolver !== other.resolver) parts.resolver.retire();
  if (parts.authenticator !== other?.authenticator) parts.authenticator?.close();
  if (parts.certification !== other?.certification) parts.certification?.contexts.close();
  if (parts.cache?.store !== other?.cache?.store) await parts.cache?.store.close();
  if (parts.accessLog !== other?.accessLog) await parts.accessLog?.close();
}

function addressesBy(
  resolver: Resolver,
  route: ReturnType<typeof createRoute>,
): (host: string, port: number) => readonly string[] | Promise<readonly string[]> | null {
  return (host, port) => {
    if (route(host, port).kind === 'parent') return null;
    const resolved = resolver.resolve(host);
    return resolved instanceof Promise ? resolved.then(({ addresses }) => addresses) : resolved.addresses;
  };
}

/** What identity needs is a tenth of the memory at the start, and most proxies ask nobody. */
async function openAuthenticator(options: AuthOptions, report: (line: string) => void): Promise<Authenticator> {
  const { createAuthenticator } = await import('./auth/authenticate.ts');
  return createAuthenticator(options, report);
}

/** As identity: what records is loaded where something is recorded. */
async function openRecording(
  { record, stateFolder }: Config,
  shared: SharedParts | null,
  report: (line: string) => void,
): Promise<Recording | null> {
  if (record === null || stateFolder === null) return null;
  const { Recording } = await import('./proxy/recording.ts');
  try {
    return await Recording.open(record, stateFolder, shared, report);
  } catch (error) {
    if (record.isRequired || !(error instanceof StartError)) throw error;
    for (const problem of error.problems) report(`inspector: nothing is recorded: ${problem}`);
    return null;
  }
}

/** The same for what changes exchanges: without a file, only the page could. */
async function openRewriting({ rewrite, admin }: Config, report: (line: string) => void): Promise<Rewriting | null> {
  if (rewrite === null && admin === null) return null;
  const { Rewriting } = await import('./proxy/rewriting.ts');
  return Rewriting.open(rewrite, report);
}

/** The time as an HTTP date, made once a second. */
function createDateClock(): () => string {
  let second = 0;
  let text = '';
  return () => {
    const now = Math.floor(Date.now() / 1000);
    if (now !== second) {
      second = now;
      text = new Date(now * 1000).toUTCString();
    }
    return text;
  };
}

/** For a question about a beginning that nobody asked for then, there is no answer now. */
function isOpenedNoMore({ action, awaits }: Decision): boolean {
  return awaits === 'nothing' && action !== 'intercept';
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** As Vite has built it: beside the sources, or beside what they were compiled to. */
const PAGE_FOLDER = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../dist/inspector' : './inspector', import.meta.url));
