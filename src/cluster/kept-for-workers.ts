// Owns what the keeper has for its workers, and of them: one link each, ids, the store, and what they count. A worker that is gone gives back what it held;
// what it has counted stays.
import type { Socket } from 'node:net';
import type { CacheAdmin } from '../cache/cache-admin.ts';
import type { PassingSubject } from '../flows/filter/verdict.ts';
import type { RecordedExchange } from '../flows/recorded.ts';
import type { FlowStore } from '../flows/store/flow-store.ts';
import type { ListeningSocket } from '../policy/address-guard.ts';
import type { DailyBytes } from '../policy/limits/daily-bytes.ts';
import type { Limits } from '../policy/limits/limits.ts';
import type { KeeperParts, Workers } from '../proxy/shared-parts.ts';
import { sumOfWorkers, type WorkerCounts, whatStays } from '../proxy/worker-counts.ts';
import type { BreakpointQueue, Breakpoints } from '../rewrite/breakpoints.ts';
import type { ClaimColumns } from './claim-table.ts';
import { KeptLimits } from './kept-limits.ts';
import { type Asked, Link, withinPatience } from './link.ts';
import { type FromKeeper, type FromWorker, type Joined, type KeeperEnd, LINK_VERSION } from './link-messages.ts';
import { BreakpointsOfWorkers } from './shared-breakpoints.ts';
import { SharedCache } from './shared-cache.ts';
import { CachesOfWorkers } from './shared-cache-admin.ts';
import { IdGiver, type IdTaker } from './shared-ids.ts';
import { SharedStore } from './shared-recording.ts';

/** One that has joined. */
interface Member extends IdTaker {
  readonly link: KeeperEnd;
  readonly number: number;
  readonly instance: string;
  sockets: readonly ListeningSocket[];
}

type Asks<K extends keyof FromWorker['questions']> = FromWorker['questions'][K]['asks'];

export class KeptForWorkers implements KeeperParts, Workers {
  readonly role = 'keeper';
  readonly workers: Workers = this;
  onSockets: () => void = ignore;
  readonly #closeServer: () => Promise<void>;
  readonly #members = new Map<KeeperEnd, Member>();
  readonly #unjoined = new Set<KeeperEnd>();
  /** Of each process, those that are gone as well. */
  readonly #counts = new Map<string, WorkerCounts>();
  readonly #timer: NodeJS.Timeout;
  readonly #sharedCache: SharedCache;
  #ids = new IdGiver(0);
  #store: SharedStore | null = null;
  #limits: KeptLimits | null = null;
  #breakpoints: BreakpointsOfWorkers | null = null;
  #ownSockets: readonly ListeningSocket[] = [];

  /** @param closeServer ends the socket that workers come to @param claims where their caches see each other; `null`: they ask about every key */
  constructor(closeServer: () => Promise<void>, claims: ClaimColumns<KeeperEnd> | null = null) {
    this.#sharedCache = new SharedCache(claims, () => this.#members.keys());
    this.#closeServer = closeServer;
    this.#timer = setInterval(() => this.#tick(), TICK_MS).unref();
  }

  readonly cache: CacheAdmin = new CachesOfWorkers(() => [...this.#members.values()]);

  readonly nextId = (): number => this.#ids.one();

  get otherSockets(): readonly ListeningSocket[] {
    return [...this.#members.values()].flatMap(({ sockets }) => sockets);
  }

  tellSockets(own: readonly ListeningSocket[]): void {
    this.#ownSockets = own;
    for (const { link } of this.#members.values()) link.say({ kind: 'sockets', sockets: own });
  }

  shareStore(store: FlowStore): FlowStore {
    this.#ids = new IdGiver(store.base);
    this.#store = new SharedStore(store);
    return this.#store;
  }

  shareLimits(limits: Limits, dailyBytes: DailyBytes): void {
    this.#limits = new KeptLimits(limits, dailyBytes);
  }

  get counts(): WorkerCounts {
    return sumOfWorkers([...this.#counts.values()]);
  }

  async freshCounts(): Promise<WorkerCounts> {
    await Promise.all(
      Array.from(this.#members.values(), async ({ link, instance }) => {
        const counts = await withinPatience(link.ask({ kind: 'counts' }));
        if (counts !== null) this.#counts.set(instance, counts);
      }),
    );
    return this.counts;
  }

  async active(id: number): Promise<RecordedExchange | null> {
    const found = await Promise.all(
      Array.from(this.#members.values(), async ({ link }) => (await withinPatience(link.ask({ kind: 'active', id })))?.exchange ?? null),
    );
    return found.find((exchange) => exchange !== null) ?? null;
  }

  breakpointsWith(own: Breakpoints<PassingSubject>): BreakpointQueue<PassingSubject> {
    this.#breakpoints = new BreakpointsOfWorkers(own, () => this.#members.keys());
    return this.#breakpoints;
  }

  async followRules(): Promise<void> {
    await Promise.all(Array.from(this.#members.values(), ({ link }) => withinPatience(link.ask({ kind: 'follow-rules' }))));
  }

  /** One more worker, or the same one again. */
  welcome(socket: Socket): void {
    const link: KeeperEnd = new Link<FromKeeper, FromWorker>(socket, {
      heard: (said, octets) => this.#heard(link, said, octets),
      answer: (asked) => this.#answer(link, asked),
      closed: () => this.#gone(link),
    });
    this.#unjoined.add(link);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    const closed = this.#closeServer();
    const links = [...this.#unjoined, ...this.#members.keys()];
    for (const link of links) link.close();
    // One that is stopped says no goodbye.
    const timer = setTimeout(() => {
      for (const link of links) link.destroy();
    }, CLOSE_PATIENCE_MS);
    await closed;
    clearTimeout(timer);
    this.#sharedCache.close();
  }

  #heard(link: KeeperEnd, said: FromWorker['said'], octets: ArrayBuffer | null): void {
    const member = this.#members.get(link);
    if (member === undefined) return;
    switch (said.kind) {
      case 'batch':
        member.used = said.usedId;
        if (octets !== null && this.#store !== null) this.#store.take(octets, link);
        else link.say({ kind: 'freed' });
        return;
      case 'want-ids':
        link.say({ kind: 'ids', ids: this.#ids.block(member, true), isMore: true });
        return;
      case 'counts':
        this.#counts.set(member.instance, said.counts);
        return;
      case 'rule':
        this.#limits?.rule(link, said.number, said.rule);
        return;
      case 'held':
        this.#limits?.hold(link, said);
        return;
      case 'spent':
        this.#limits?.spent(link, said.lease, said.bytes);
        return;
      case 'released':
        this.#limits?.released(link, said.lease, said.bytes);
        return;
      case 'holding':
        this.#breakpoints?.holding(link, said.held);
        return;
      case 'let-go':
        this.#breakpoints?.letGo(link, said.number);
        return;
      case 'sockets':
        member.sockets = said.sockets;
        this.onSockets();
        return;
      case 'release':
      case 'changed':
        this.#sharedCache.heard(said, link);
        return;
      default:
        said satisfies never;
    }
  }

  #answer(link: KeeperEnd, asked: Asked<FromWorker['questions']>): object | Promise<object> {
    if (asked.kind === 'join') return this.#join(link, asked);
    if (!this.#members.has(link)) throw new Error('This worker has not joined yet.');
    switch (asked.kind) {
      case 'admit':
        if (this.#limits === null) throw new Error('Nothing is counted yet.');
        return this.#limits.admit(link, asked);
      case 'claim':
        return this.#sharedCache.claim(asked.key, link);
      case 'outdate':
        return this.#sharedCache.outdate(asked.keys, link);
      default:
        return asked satisfies never;
    }
  }

  #join(link: KeeperEnd, { version, worker: number, instance, greatestId }: Asks<'join'>): Joined {
    if (version !== LINK_VERSION) throw new Error('it is of another version');
    const member: Member = { link, number, instance, sockets: [], ...this.#ids.taker(greatestId) };
    this.#unjoined.delete(link);
    this.#members.set(link, member);
    return {
      ids: this.#ids.block(member, false),
      records: this.#store !== null,
      sockets: this.#ownSockets,
      breakpoints: this.#breakpoints?.told ?? [],
      claims: this.#sharedCache.joined(link),
    };
  }

  #gone(link: KeeperEnd): void {
    this.#unjoined.delete(link);
    const member = this.#members.get(link);
    if (member === undefined) return;
    this.#members.delete(link);
    this.#store?.gone(link);
    this.#limits?.gone(link);
    this.#breakpoints?.gone(link);
    this.#sharedCache.left(link);
    const counts = this.#counts.get(member.instance);
    // It may come back: what it counts then takes the place of this.
    if (counts !== undefined) this.#counts.set(member.instance, whatStays(counts));
    this.onSockets();
  }

  #tick(): void {
    this.#store?.settleBrokenOff();
    for (const member of this.#ids.behind(this.#members.values())) {
      if (member.link.unsent < MOST_UNSENT) member.link.say({ kind: 'ids', ids: this.#ids.block(member, false), isMore: false });
    }
  }
}

function ignore(): void {}

/** How far ids may be out of the order of time. */
const TICK_MS = 100;
const MOST_UNSENT = 2 ** 20;
const CLOSE_PATIENCE_MS = 2_000;
