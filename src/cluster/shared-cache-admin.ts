// Owns what may be asked of the caches of all workers as if they were one. What lies on the disk is there for all of them: then one is asked for what is
// stored, and what is to be forgotten is forgotten by that one first, and by the others where they have copies in memory. Caches in memory alone are asked
// all, and what several have is one entry. A purge is done when it is in all of them.
import {
  type CacheAdmin,
  type CacheStats,
  type CacheWhy,
  type DetailedEntry,
  type Entry,
  type Purge,
  type Question,
  type Verified,
  WrongQuestion,
} from '../cache/cache-admin.ts';
import { NoAnswer } from './link.ts';
import type { CacheLines, CacheLinesAsked, KeeperEnd, OrWrong } from './link-messages.ts';

/** A worker, as the keeper knows it. */
export interface CacheMember {
  readonly number: number;
  readonly link: KeeperEnd;
}

/** The keeper's end. */
export class CachesOfWorkers implements CacheAdmin {
  readonly #members: () => readonly CacheMember[];

  constructor(members: () => readonly CacheMember[]) {
    this.#members = members;
  }

  async stats(): Promise<CacheStats> {
    const all = (await this.#ofEach(({ link }) => link.ask({ kind: 'cache-stats' }))).map(({ answer }) => answer);
    const [first] = all;
    if (first === undefined) throw nobody();
    const answers = all.map(({ stats }) => stats.answers).filter((each) => each !== null);
    const memories = all.map(({ stats }) => stats.tiers.memory).filter((each) => each !== null);
    const memory = memories.length === 0 ? null : sumOf(memories);
    const { disk } = first.stats.tiers;
    return {
      ...(first.isOnDisk ? first.stats : sumOf(all.map(({ stats }) => stats))),
      bytes: (memory?.bytes ?? 0) + (disk?.bytes ?? 0),
      maxBytes: (memory?.maxBytes ?? 0) + (disk?.maxBytes ?? 0),
      tiers: { memory, disk },
      answers: answers.length === 0 ? null : sumOf(answers),
    };
  }

  async *list(pattern: string | null): AsyncGenerator<Entry> {
    const seen = new Set<string>();
    const members = this.#members();
    for (const { link } of members) {
      const lines = linesOf<Entry>(link, { what: 'list', pattern });
      for await (const { value, isOnDisk } of lines) {
        const { url, partition, selectedBy } = value;
        const entry = isOnDisk || members.length === 1 ? '' : JSON.stringify([url, partition, selectedBy]);
        if (entry !== '' && seen.has(entry)) continue;
        if (entry !== '') seen.add(entry);
        yield value;
      }
      if (lines.isOnDisk()) return;
    }
  }

  async show(url: string, user: string | null): Promise<readonly DetailedEntry[]> {
    const all = await this.#ofEach(({ link }) => link.ask({ kind: 'cache-show', url, user }));
    const [first] = all;
    if (first === undefined) throw nobody();
    const shown = first.answer.isOnDisk ? [first] : all;
    return shown.flatMap(({ answer }) => right(answer.entries));
  }

  async why(question: Question): Promise<CacheWhy> {
    const all = await this.#ofEach(({ link }) => link.ask({ kind: 'cache-why', question }));
    const [first] = all;
    if (first === undefined) throw nobody();
    if (first.answer.isOnDisk || all.length === 1) return right(first.answer.why);
    const lines = all.flatMap(({ member, answer }) => [
      `worker ${member.number}, which has a cache of its own:`,
      ...right(answer.why).lines,
    ]);
    return { ...right(first.answer.why), lines };
  }

  async purge(what: Purge): Promise<number> {
    const [first, ...others] = this.#members();
    if (first === undefined) throw nobody();
    const purged = await purgeIn(first, what);
    const further = await Promise.all(others.map((member) => purgeIn(member, what)));
    // Of what lies on the disk, the others had copies.
    return purged.isOnDisk ? purged.count : further.reduce((sum, { count }) => sum + count, purged.count);
  }

  async *verify(): AsyncGenerator<Verified> {
    let before: Verified = { checked: 0, contentBytes: 0, damaged: 0, gone: 0 };
    for (const { link } of this.#members()) {
      const lines = linesOf<Verified>(link, { what: 'verify' });
      let last = before;
      for await (const { value } of lines) yield (last = sumOf([before, value]));
      before = last;
      if (lines.isOnDisk()) return;
    }
  }

  /** One that is gone has nothing stored. */
  async #ofEach<T>(ask: (member: CacheMember) => Promise<T>): Promise<readonly { readonly member: CacheMember; readonly answer: T }[]> {
    const all = await Promise.all(this.#members().map(async (member) => ({ member, answer: await unlessGone(member.link, ask(member)) })));
    return all.filter((each): each is { member: CacheMember; answer: Awaited<T> } => each.answer !== null);
  }
}

/** A worker's end: it gives out what is long in pages, as it is asked for. */
export class AskedCache {
  readonly #admin: () => CacheAdmin | null;
  readonly #isOnDisk: () => boolean;
  readonly #lines = new Map<number, AsyncIterator<unknown>>();
  #lastCursor = 0;

  /** @param isOnDisk what is stored lies where other workers find it */
  constructor(admin: () => CacheAdmin | null, isOnDisk: () => boolean) {
    this.#admin = admin;
    this.#isOnDisk = isOnDisk;
  }

  async stats() {
    return { isOnDisk: this.#isOnDisk(), stats: await this.#cache().stats() };
  }

  async show(url: string, user: string | null) {
    return { isOnDisk: this.#isOnDisk(), entries: await orWrong(() => this.#cache().show(url, user)) };
  }

  async why(question: Question) {
    return { isOnDisk: this.#isOnDisk(), why: await orWrong(() => this.#cache().why(question)) };
  }

  async purge(what: Purge) {
    return { isOnDisk: this.#isOnDisk(), count: await orWrong(() => this.#cache().purge(what)) };
  }

  async begin(asked: CacheLinesAsked): Promise<CacheLines> {
    const cache = this.#cache();
    const lines = asked.what === 'list' ? cache.list(asked.pattern) : cache.verify();
    this.#lastCursor += 1;
    this.#lines.set(this.#lastCursor, lines[Symbol.asyncIterator]());
    return this.more(this.#lastCursor);
  }

  async more(cursor: number): Promise<CacheLines> {
    const iterator = this.#lines.get(cursor);
    const values: unknown[] = [];
    for (let left = PAGE; iterator !== undefined && left > 0; left -= 1) {
      const next = await iterator.next();
      if (next.done === true) {
        this.#lines.delete(cursor);
        return { isOnDisk: this.#isOnDisk(), values, cursor: null };
      }
      values.push(next.value);
    }
    return { isOnDisk: this.#isOnDisk(), values, cursor: iterator === undefined ? null : cursor };
  }

  async stop(cursor: number): Promise<object> {
    await this.#lines.get(cursor)?.return?.();
    this.#lines.delete(cursor);
    return {};
  }

  /** Nobody asks for the rest any more. */
  stopAll(): void {
    for (const cursor of [...this.#lines.keys()]) void this.stop(cursor);
  }

  #cache(): CacheAdmin {
    const cache = this.#admin();
    if (cache === null) throw new Error('the cache is off');
    return cache;
  }
}

interface Lines<T> extends AsyncIterable<{ readonly value: T; readonly isOnDisk: boolean }> {
  /** Once there was a page. */
  isOnDisk(): boolean;
}

function linesOf<T>(link: KeeperEnd, asked: CacheLinesAsked): Lines<T> {
  let isOnDisk = false;
  return {
    isOnDisk: () => isOnDisk,
    async *[Symbol.asyncIterator]() {
      let cursor: number | null = null;
      try {
        for (let page = await unlessGone(link, link.ask({ kind: 'cache-lines', ...asked })); page !== null; ) {
          ({ cursor, isOnDisk } = page);
          for (const value of page.values) yield { value: value as T, isOnDisk };
          page = cursor === null ? null : await unlessGone(link, link.ask({ kind: 'cache-more', cursor }));
        }
        cursor = null;
      } finally {
        if (cursor !== null) link.ask({ kind: 'cache-stop', cursor }).catch(ignore);
      }
    },
  };
}

async function purgeIn({ link }: CacheMember, what: Purge): Promise<{ readonly isOnDisk: boolean; readonly count: number }> {
  const purged = await unlessGone(link, link.ask({ kind: 'cache-purge', what }));
  return purged === null ? { isOnDisk: false, count: 0 } : { isOnDisk: purged.isOnDisk, count: right(purged.count) };
}

/** @returns `null` of a worker that is gone @throws NoAnswer of one that refuses */
async function unlessGone<T>(link: KeeperEnd, asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof NoAnswer && !link.isOpen) return null;
    throw error;
  }
}

async function orWrong<T>(ask: () => Promise<T>): Promise<OrWrong<T>> {
  try {
    return { right: await ask() };
  } catch (error) {
    if (error instanceof WrongQuestion) return { wrong: error.message };
    throw error;
  }
}

function right<T>(answer: OrWrong<T>): T {
  if ('wrong' in answer) throw new WrongQuestion(answer.wrong);
  return answer.right;
}

/** Of numbers, name by name. */
function sumOf<T extends object>(all: readonly T[]): T {
  const [first] = all;
  const names = Object.keys(first ?? {}) as (keyof T)[];
  const sums = names.map((name) => [name, all.reduce((sum, each) => sum + (typeof each[name] === 'number' ? each[name] : 0), 0)]);
  return { ...first, ...Object.fromEntries(sums) } as T;
}

function nobody(): NoAnswer {
  return new NoAnswer('no worker answers at the moment');
}

function ignore(): void {}

const PAGE = 500;
