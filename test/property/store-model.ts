// Any sequence of what a cache does to a store, held against the plainest store there could be. For one with room for all, nothing may be lost or
// come back; for one without, what it finds must be what was stored, as it was changed last, with its own content.
import fc from 'fast-check';
import { expect } from 'vitest';
import type { StoredResponse } from '../../src/cache/stored-response.ts';
import type { CacheStore, ContentWriter } from '../../src/cache/stores/cache-store.ts';
import { contentFrom, contentOf, plain, sample, walk } from '../unit/cache/stores/store-contract.ts';

export type StoreCommand =
  | { readonly do: 'create'; readonly key: number; readonly length: number; readonly isAnnounced: boolean }
  | { readonly do: 'commit'; readonly writer: number; readonly replaces: 'all' | 'one' | 'none' }
  | { readonly do: 'abandon'; readonly writer: number }
  | { readonly do: 'update' | 'remove'; readonly which: number }
  | { readonly do: 'purge'; readonly tag: number }
  | { readonly do: 'find' | 'read' | 'ask'; readonly key: number };

const number = fc.nat(7);
const key = fc.nat(3);

export const storeCommands: fc.Arbitrary<StoreCommand[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('create' as const),
        key,
        length: fc.constantFrom(0, 1, 900, 5000, 70_000),
        isAnnounced: fc.boolean(),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('commit' as const), writer: number, replaces: fc.constantFrom('all', 'one', 'none') }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('abandon' as const), writer: number }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('update' as const, 'remove' as const), which: number }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('purge' as const), tag: fc.nat(2) }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('find' as const, 'read' as const, 'ask' as const), key }) },
  ),
  { maxLength: 60, size: 'max' },
);

/** Does all of it to the store and to the model, and compares what they say. @param mayLose the store has not room for all */
export async function runAgainstModel(store: CacheStore, commands: readonly StoreCommand[], mayLose: boolean): Promise<void> {
  const run = new ModelRun(store, mayLose);
  for (const command of commands) await run.step(command);
  await run.end();
}

class ModelRun {
  readonly #store: CacheStore;
  readonly #mayLose: boolean;
  /** The latest first. */
  #stored: StoredResponse[] = [];
  readonly #writers: { readonly writer: ContentWriter; readonly stored: StoredResponse }[] = [];
  /** Answers that nobody has waited for yet. */
  #pending: Promise<unknown>[] = [];

  constructor(store: CacheStore, mayLose: boolean) {
    this.#store = store;
    this.#mayLose = mayLose;
  }

  async step(command: StoreCommand): Promise<void> {
    switch (command.do) {
      case 'create':
        return this.#create(command);
      case 'commit':
        return this.#commit(command);
      case 'abandon': {
        const open = this.#take(command.writer);
        open?.writer.abandon();
        open?.writer.release();
        return;
      }
      case 'update':
      case 'remove':
        return this.#change(command);
      case 'purge': {
        const picks = ({ tags }: StoredResponse) => tags.includes(`tag-${command.tag}`);
        const picked = this.#stored.filter(picks).length;
        const purged = await this.#store.purge(picks);
        if (!this.#mayLose) expect(purged).toBe(picked);
        this.#stored = this.#stored.filter((stored) => !picks(stored));
        return;
      }
      case 'find':
        return this.#compare(await this.#store.find(keyOf(command.key)), command.key);
      case 'read':
        return this.#read(command.key);
      case 'ask':
        // Its answer crosses with what is done next; it only has to do no harm.
        this.#pending.push(Promise.resolve(this.#store.find(keyOf(command.key))));
        return;
    }
  }

  async end(): Promise<void> {
    await Promise.all(this.#pending);
    for (const { writer } of this.#writers) {
      writer.abandon();
      writer.release();
    }
    for (let i = 0; i < 4; i += 1) await this.#read(i);
    const listed = (await walk(this.#store)).map(({ id }) => id);
    const all = this.#stored.map(({ id }) => id);
    if (this.#mayLose) expect(all).toEqual(expect.arrayContaining(listed));
    else expect(listed.sort()).toEqual(all.sort());
    const { bytes, maxBytes } = this.#store.stats();
    expect(bytes).toBeLessThanOrEqual(maxBytes);
  }

  async #create({ key, length, isAnnounced }: StoreCommand & { readonly do: 'create' }): Promise<void> {
    const writer = this.#store.create(isAnnounced ? length : null);
    if (!this.#mayLose) expect(writer).not.toBeNull();
    if (writer === null) return;
    const made = sample({ key: keyOf(key), length });
    const stored = { ...made, tags: [`tag-${length % 3}`] };
    if (!writer.write(contentOf(stored))) {
      expect(this.#mayLose).toBe(true);
      writer.release();
      return;
    }
    await writer.ready();
    this.#writers.push({ writer, stored });
  }

  async #commit({ writer: which, replaces }: StoreCommand & { readonly do: 'commit' }): Promise<void> {
    const open = this.#take(which);
    if (open === undefined) return;
    const { writer, stored } = open;
    const variants = this.#stored.filter(({ key }) => key === stored.key);
    const replaced = replaces === 'all' ? variants : replaces === 'one' ? variants.slice(-1) : [];
    const isStored = await writer.commit(stored, replaced);
    expect((await writer.read(0, 1))?.length).toBe(Math.min(1, stored.extent.length));
    writer.release();
    if (!this.#mayLose) expect(isStored).toBe(true);
    if (isStored) this.#stored = [stored, ...this.#stored.filter((one) => !replaced.includes(one))];
    // What was not stored has replaced nothing, but it may have pushed out anything.
  }

  #change({ do: how, which }: StoreCommand & { readonly do: 'update' | 'remove' }): void {
    const stored = this.#stored[which % Math.max(1, this.#stored.length)];
    if (stored === undefined) return;
    const updated = {
      ...stored,
      responseTimeMs: stored.responseTimeMs + 1,
      isInvalidated: true,
      fields: [...stored.fields, { name: 'X', value: '1' }],
    };
    if (how === 'remove') this.#store.remove(stored);
    else this.#store.update(updated);
    this.#stored = this.#stored.flatMap((one) => (one !== stored ? [one] : how === 'remove' ? [] : [updated]));
  }

  /** One of the writers that are open. */
  #take(which: number): { readonly writer: ContentWriter; readonly stored: StoredResponse } | undefined {
    return this.#writers.splice(which % Math.max(1, this.#writers.length), 1)[0];
  }

  async #read(key: number): Promise<void> {
    const found = await this.#store.find(keyOf(key));
    this.#compare(found, key);
    for (const stored of found) {
      const content = await contentFrom(this.#store, stored);
      if (content !== null || !this.#mayLose) expect(content?.equals(contentOf(stored))).toBe(true);
    }
  }

  #compare(found: readonly StoredResponse[], key: number): void {
    const expected = this.#stored.filter((stored) => stored.key === keyOf(key));
    if (this.#mayLose) expect(plain(expected)).toEqual(expect.arrayContaining(plain(found)));
    else expect(plain(found)).toEqual(plain(expected));
  }
}

function keyOf(key: number): string {
  return `http://model.test/${key}`;
}
