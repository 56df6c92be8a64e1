// Owns what the caches of all workers say to each other by way of the keeper: which of them fetches a key, and what does not hold any more (RFC 9111 §4.4).
// What is stored goes past all this: it lies on the disk, where each finds it.
//
// While there is no keeper each fetches for itself, and what it has invalidated is told to the others when there is one again.
import type { CacheContext } from '../cache/cache.ts';
import { Claims } from '../cache/claims.ts';
import type { Neighbours } from '../cache/neighbours.ts';
import { NoAnswer } from './link.ts';
import type { CacheHeard, CacheSaid, KeeperEnd, WorkerEnd } from './link-messages.ts';

/** A worker's end. */
export class LinkedNeighbours implements Neighbours {
  readonly #link: () => WorkerEnd | null;
  /** What could not be told. */
  readonly #untold = new Set<string>();

  /** @param link `null` while there is no keeper */
  constructor(link: () => WorkerEnd | null) {
    this.#link = link;
  }

  async claim(key: string): Promise<boolean> {
    const link = this.#link();
    if (link === null) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), MOST_WAIT_MS).unref();
    link.ask({ kind: 'claim', key }).then(
      ({ isOurs }) => resolve(isOurs),
      () => resolve(true),
    );
    const isOurs = await promise;
    clearTimeout(timer);
    return isOurs;
  }

  release(key: string): void {
    this.#link()?.say({ kind: 'release', key });
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

  /** There is a keeper again. */
  async joined(): Promise<void> {
    const keys = [...this.#untold];
    this.#untold.clear();
    if (keys.length > 0) await this.outdate(keys);
  }

  heard(said: CacheHeard, cache: CacheContext | null): void {
    if (said.kind === 'wanted') cache?.wanted(said.key);
    else cache?.changedElsewhere(said.keys);
  }

  async outdated(keys: readonly string[], cache: CacheContext | null): Promise<object> {
    await cache?.outdatedElsewhere(keys);
    return {};
  }
}

/** The keeper's end. */
export class SharedCache {
  readonly #claims = new Claims<KeeperEnd>((holder, key) => holder.say({ kind: 'wanted', key }));
  readonly #members: () => Iterable<KeeperEnd>;

  /** @param members all who have joined */
  constructor(members: () => Iterable<KeeperEnd>) {
    this.#members = members;
  }

  async claim(key: string, link: KeeperEnd): Promise<{ readonly isOurs: boolean }> {
    return { isOurs: await this.#claims.claim(key, link) };
  }

  heard(said: CacheSaid, link: KeeperEnd): void {
    if (said.kind === 'release') this.#claims.release(said.key, link);
    else for (const other of this.#others(link)) other.say(said);
  }

  /** Ends when it holds in all others; one that is gone has nothing in memory any more. */
  async outdate(keys: readonly string[], link: KeeperEnd): Promise<object> {
    await Promise.all(this.#others(link).map((other) => other.ask({ kind: 'outdated', keys }).catch(ignore)));
    return {};
  }

  left(link: KeeperEnd): void {
    this.#claims.left(link);
  }

  #others(link: KeeperEnd): KeeperEnd[] {
    return [...this.#members()].filter((member) => member !== link);
  }
}

function ignore(): void {}

/** As long as requests wait for each other in one process (cache/collapse.ts). */
const MOST_WAIT_MS = 5_000;
