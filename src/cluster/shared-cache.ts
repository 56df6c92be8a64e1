// Owns what the caches of all workers say to each other by way of the keeper: which of them fetches a key, and what does not hold any more (RFC 9111 §4.4).
// What is stored goes past all this: it lies on the disk, where each finds it. Who fetches they see without a word (claim-table.ts); only who is not alone
// there asks the keeper. Those who ask are put in order by it, and it asks on behalf of the first whether somebody fetches the key who did not have to ask.
//
// While there is no keeper each fetches for itself, and what it has invalidated is told to the others when there is one again.
import type { CacheContext } from '../cache/cache.ts';
import { Claims, type LetGo } from '../cache/claims.ts';
import type { Granted, Neighbours } from '../cache/neighbours.ts';
import type { Soon } from '../cache/stores/cache-store.ts';
import { hashOfKey } from '../cache/stores/stored-record.ts';
import { type ClaimColumn, type ClaimColumns, ClaimTable } from './claim-table.ts';
import { NoAnswer } from './link.ts';
import type { CacheHeard, CacheSaid, KeeperEnd, WorkerEnd } from './link-messages.ts';

/** A worker's end. */
export class LinkedNeighbours implements Neighbours {
  readonly #link: () => WorkerEnd | null;
  /** What could not be told. */
  readonly #untold = new Set<string>();
  /** `null`: it is asked about every key. */
  #table: ClaimTable | null = null;

  /** @param link `null` while there is no keeper */
  constructor(link: () => WorkerEnd | null) {
    this.#link = link;
  }

  claim(key: string): Soon<Granted | null> {
    const link = this.#link();
    if (link === null) return NOTHING_GRANTED;
    const claim = new LinkedClaim(key, this.#table);
    return claim.isMet ? claim.ask(link) : claim;
  }

  changed(keys: readonly string[]): void {
    this.#link()?.say({ kind: 'changed', keys });
  }

  async outdate(keys: readonly string[]): Promise<void> {
    const link = this.#link();
    try {
      if (link === null) throw new NoAnswer('there is no keeper');
      await link.ask({ kind: 'outdate', keys });
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      for (const key of keys) this.#untold.add(key);
    }
  }

  /** There is a keeper, or one again. */
  async joined(column: ClaimColumn | null): Promise<void> {
    this.#table = column === null ? null : openTable(column);
    const keys = [...this.#untold];
    this.#untold.clear();
    if (keys.length > 0) await this.outdate(keys);
  }

  /** There is no keeper any more. */
  brokenOff(): void {
    this.#table?.close();
    this.#table = null;
  }

  heard(said: CacheHeard, cache: CacheContext | null): void {
    if (said.kind === 'wanted') cache?.wanted(said.key);
    else cache?.changedElsewhere(said.keys);
  }

  async fetched(key: string, cache: CacheContext | null): Promise<{ readonly how: LetGo | null }> {
    return { how: (await cache?.fetched(key)) ?? null };
  }

  async outdated(keys: readonly string[], cache: CacheContext | null): Promise<object> {
    await cache?.outdatedElsewhere(keys);
    return {};
  }
}

/** A key that this worker claims. */
class LinkedClaim implements Granted {
  /** Somebody else may fetch it. */
  readonly isMet: boolean;
  readonly isBehind: boolean;
  readonly #key: string;
  readonly #table: ClaimTable | null;
  readonly #hash: number;
  /** It has granted it. */
  #keeper: WorkerEnd | null = null;
  #isOver = false;

  constructor(key: string, table: ClaimTable | null) {
    this.#key = key;
    this.#table = table;
    this.#hash = hashOfKey(key, 0);
    const standing = table?.claim(this.#hash) ?? 'met';
    this.isMet = standing === 'met';
    this.isBehind = standing !== 'alone';
  }

  /** @returns `null`: another one fetched it, and that is settled; or takes too long */
  async ask(link: WorkerEnd): Promise<Granted | null> {
    const { promise, resolve } = Promise.withResolvers<'ours' | LetGo>();
    const timer = setTimeout(() => resolve('settled'), MOST_WAIT_MS).unref();
    link.ask({ kind: 'claim', key: this.#key }).then(
      ({ outcome }) => {
        if (outcome === 'ours') this.#grantedBy(link);
        resolve(outcome);
      },
      () => resolve('ours'),
    );
    const outcome = await promise;
    clearTimeout(timer);
    if (outcome === 'ours') return this;
    this.release(outcome);
    return outcome === 'settled' ? null : NOTHING_GRANTED;
  }

  release(how: LetGo): void {
    this.#isOver = true;
    this.#table?.release(this.#hash);
    this.#keeper?.say({ kind: 'release', key: this.#key, how });
  }

  #grantedBy(link: WorkerEnd): void {
    // Too late.
    if (this.#isOver) link.say({ kind: 'release', key: this.#key, how: 'unsettled' });
    else this.#keeper = link;
  }
}

/** The keeper's end. */
export class SharedCache {
  readonly #claims = new Claims<KeeperEnd>((holder, key) => holder.say({ kind: 'wanted', key }));
  readonly #columns: ClaimColumns<KeeperEnd> | null;
  readonly #members: () => Iterable<KeeperEnd>;

  /** @param columns `null` where there is no table @param members all who have joined */
  constructor(columns: ClaimColumns<KeeperEnd> | null, members: () => Iterable<KeeperEnd>) {
    this.#columns = columns;
    this.#members = members;
  }

  joined(link: KeeperEnd): ClaimColumn | null {
    return this.#columns?.take(link) ?? null;
  }

  async claim(key: string, link: KeeperEnd): Promise<{ readonly outcome: 'ours' | LetGo }> {
    const claimed = await this.#claims.claim(key, link);
    if (claimed !== true) return { outcome: claimed };
    const others = await Promise.all(this.#others(link).map((other) => other.ask({ kind: 'fetched', key }).catch(() => ({ how: null }))));
    const ends = others.map(({ how }) => how).filter((how) => how !== null);
    if (ends.length === 0) return { outcome: 'ours' };
    const how = ends.includes('unsettled') ? 'unsettled' : 'settled';
    this.#claims.release(key, link, how);
    return { outcome: how };
  }

  heard(said: CacheSaid, link: KeeperEnd): void {
    if (said.kind === 'release') this.#claims.release(said.key, link, said.how);
    else for (const other of this.#others(link)) other.say(said);
  }

  /** Ends when it holds in all others; one that is gone has nothing in memory any more. */
  async outdate(keys: readonly string[], link: KeeperEnd): Promise<object> {
    await Promise.all(this.#others(link).map((other) => other.ask({ kind: 'outdated', keys }).catch(ignore)));
    return {};
  }

  left(link: KeeperEnd): void {
    this.#claims.left(link);
    this.#columns?.left(link);
  }

  close(): void {
    this.#columns?.close();
  }

  #others(link: KeeperEnd): KeeperEnd[] {
    return [...this.#members()].filter((member) => member !== link);
  }
}

function openTable(column: ClaimColumn): ClaimTable | null {
  try {
    return new ClaimTable(column);
  } catch {
    return null;
  }
}

function ignore(): void {}

const NOTHING_GRANTED: Granted = Object.freeze({ isBehind: true, release: ignore });

/** As long as requests wait for each other in one process (cache/collapse.ts). */
const MOST_WAIT_MS = 5_000;
