// Caches that share one store on disk, as those of several processes do: what one has stored the others answer with, and nobody fetches what another
// one is fetching.
import { setImmediate as turn } from 'node:timers/promises';
import { test as base, describe, expect } from 'vitest';
import type { CacheContext, CachedResponse } from '../../src/cache/cache.ts';
import { Claims } from '../../src/cache/claims.ts';
import { Lookup } from '../../src/cache/lookup.ts';
import type { Neighbours } from '../../src/cache/neighbours.ts';
import { createCacheContext, openStore } from '../../src/cache/open-cache.ts';
import { CACHE_DEFAULTS, DISK_STORE_DEFAULTS, MEMORY_STORE_DEFAULTS } from '../../src/cache/options.ts';
import { reuseStored } from '../../src/cache/reuse-stored.ts';
import { cacheKey } from '../../src/cache/rules/cache-key.ts';
import { NO_OVERRIDES } from '../../src/cache/rules/options.ts';
import { storeResponse } from '../../src/cache/store-response.ts';
import type { CacheStore } from '../../src/cache/stores/cache-store.ts';
import { BytesBody, type Fields, NO_FIELDS, type ResponseHead } from '../../src/http/message.ts';
import { Cancellation } from '../../src/net/cancellation.ts';
import { readWhole } from '../support/asking-upstream.ts';
import { temporaryFolder } from '../support/temp-files.ts';

const AUTHORITY = { kind: 'name', host: 'example.com', port: 80 } as const;
const FRESH: Fields = [{ name: 'Cache-Control', value: 'max-age=3600' }];
const NO_STORE: Fields = [{ name: 'Cache-Control', value: 'no-store' }];

interface Answer {
  readonly text: string;
  readonly outcome: string;
  readonly isCollapsed: boolean;
}

/** One of the processes. */
class Process {
  readonly context: CacheContext;
  readonly store: CacheStore;
  /** What happens after it has asked whether it may fetch, before it is answered. */
  whileItAsks: () => Promise<void> = async () => {};
  constructor(context: CacheContext, store: CacheStore) {
    this.context = context;
    this.store = store;
  }

  async ask(path: string, origin: Origin, method = 'GET', fields: Fields = NO_FIELDS): Promise<Answer> {
    const key = cacheKey('http', AUTHORITY, path, NO_OVERRIDES, null);
    const request = { method, scheme: 'http', authority: AUTHORITY, pathAndQuery: path, fields, key } as const;
    const whole = { ...request, hasContent: false, overrides: NO_OVERRIDES, receivedAtMs: Date.now() };
    const lookup = new Lookup(whole, this.context.directivesOf(fields), null, new Cancellation(), () => true, false);
    const found = await reuseStored(this.context, lookup);
    let response: CachedResponse;
    if (found.kind === 'answer') response = found.response;
    else {
      const requestTimeMs = Date.now();
      const { status, fields: answered, text } = await origin.answer(found.fetch.fieldsToForward(fields));
      const head: ResponseHead = { status, reason: '', version: '1.1', fields: answered };
      const body = status === 304 ? null : new BytesBody(Buffer.from(text));
      const fetched = { head, body, origin: null, requestTimeMs, responseTimeMs: Date.now() };
      response = await storeResponse(this.context, found.fetch, fetched);
    }
    const { content } = await readWhole(response.body);
    return { text: content.toString(), outcome: lookup.record.outcome, isCollapsed: lookup.record.isCollapsed };
  }
}

/** Counts, and answers when it is let. */
class Origin {
  requests = 0;
  fields: Fields;
  status = 200;
  readonly #go = Promise.withResolvers<void>();
  constructor(fields: Fields, isHeld = false) {
    this.fields = fields;
    if (!isHeld) this.letGo();
  }
  letGo(): void {
    this.#go.resolve();
  }
  async answer(asked: Fields): Promise<{ readonly status: number; readonly fields: Fields; readonly text: string }> {
    this.requests += 1;
    const text = `version ${this.requests}`;
    await this.#go.promise;
    const isConditional = asked.some(({ name }) => name.toLowerCase() === 'if-none-match');
    return { status: isConditional ? 304 : this.status, fields: this.fields, text };
  }
}

const test = base.extend<{ readonly processes: readonly [Process, Process] }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads what a fixture needs out of its first parameter
  processes: async ({}, use) => {
    const removals: (() => void)[] = [];
    const folder = temporaryFolder((remove) => removals.push(remove));
    const members: Process[] = [];
    const claims = new Claims<number>((holder, key) => members[holder]!.context.wanted(key));
    const disk = { ...DISK_STORE_DEFAULTS, folder, maxBytes: 2 ** 27 };
    for (const me of [0, 1]) {
      const config = { ...CACHE_DEFAULTS, memory: MEMORY_STORE_DEFAULTS, disk, isDiskRequired: true };
      const { store } = await openStore(config, () => {});
      const other = (): CacheContext => members[1 - me]!.context;
      const neighbours: Neighbours = {
        claim: async (key) => {
          await members[me]!.whileItAsks();
          const claimed = await claims.claim(key, me);
          if (claimed === 'settled') return null;
          return { isBehind: true, release: (how) => claimed === true && claims.release(key, me, how) };
        },
        outdate: async (keys) => void (await other().outdatedElsewhere(keys)),
        changed: (keys) => other().changedElsewhere(keys),
      };
      members.push(new Process(createCacheContext(config, store, neighbours), store));
    }
    await use([members[0]!, members[1]!]);
    for (const { store } of members) await store.close();
    for (const remove of removals) remove();
  },
});

describe('what one process has stored', () => {
  test('is a hit in the others at once', async ({ processes: [one, other] }) => {
    const origin = new Origin(FRESH);
    expect(await one.ask('/a', origin)).toMatchObject({ text: 'version 1', outcome: 'forwarded' });
    expect(await other.ask('/a', origin)).toMatchObject({ text: 'version 1', outcome: 'hit' });
    expect(await other.ask('/a', origin)).toMatchObject({ outcome: 'hit' });
    expect(origin.requests).toBe(1);
  });

  test('takes the place of what the others had in memory', async ({ processes: [one, other] }) => {
    const origin = new Origin(FRESH);
    await one.ask('/a', origin);
    expect(await other.ask('/a', origin)).toMatchObject({ text: 'version 1', outcome: 'hit' });
    await one.ask('/a', origin, 'GET', [{ name: 'Cache-Control', value: 'no-cache' }]);
    await one.store.written!(true);
    await turn();
    expect(await other.ask('/a', origin)).toMatchObject({ text: 'version 2', outcome: 'hit' });
  });

  test('is invalid everywhere when an unsafe method has answered (RFC 9111 §4.4)', async ({ processes: [one, other] }) => {
    const origin = new Origin(FRESH);
    await one.ask('/a', origin);
    await other.ask('/a', origin);
    await one.ask('/a', new Origin(NO_STORE), 'POST');
    expect(await other.ask('/a', origin)).toMatchObject({ text: 'version 2', outcome: 'forwarded' });
    expect(await one.ask('/a', origin)).toMatchObject({ text: 'version 2', outcome: 'hit' });
  });
});

describe('what one process is fetching', () => {
  test('and has stored before another one may fetch it, that one finds, whatever it has learnt of meanwhile', async ({ processes }) => {
    const [one, other] = processes;
    const origin = new Origin(FRESH);
    other.whileItAsks = async () => {
      await one.ask('/a', origin);
      await one.store.written!(true);
      // For another key's sake.
      expect(other.store.catchUp!()).toBe(true);
    };
    expect(await other.ask('/a', origin)).toMatchObject({ text: 'version 1', outcome: 'hit' });
    expect(origin.requests).toBe(1);
  });

  test('the others wait for, and answer with', async ({ processes: [one, other] }) => {
    const origin = new Origin(FRESH, true);
    const asked = [one.ask('/a', origin), other.ask('/a', origin), other.ask('/a', origin), one.ask('/a', origin)];
    await turn();
    origin.letGo();
    const answers = await Promise.all(asked);
    expect(answers.map(({ text }) => text)).toEqual(Array.from({ length: 4 }, () => 'version 1'));
    expect(answers.filter(({ isCollapsed }) => isCollapsed).length).toBeGreaterThanOrEqual(2);
    expect(origin.requests).toBe(1);
  });

  test('is fetched by each where it turns out not to be for sharing', async ({ processes: [one, other] }) => {
    const origin = new Origin(NO_STORE, true);
    const asked = [one.ask('/a', origin), other.ask('/a', origin)];
    await turn();
    origin.letGo();
    expect((await Promise.all(asked)).map(({ outcome }) => outcome)).toEqual(['forwarded', 'forwarded']);
    expect(origin.requests).toBe(2);
  });

  test('is not waited for once it is outdated (RFC 9111 §4.4)', async ({ processes: [one, other] }) => {
    const old = new Origin(FRESH, true);
    const asked = one.ask('/a', old);
    await turn();
    await other.ask('/a', new Origin(NO_STORE), 'POST');
    const late = new Origin(FRESH);
    expect(await other.ask('/a', late)).toMatchObject({ text: 'version 1', outcome: 'forwarded' });
    old.letGo();
    expect(await asked).toMatchObject({ text: 'version 1' });
    expect([old.requests, late.requests]).toEqual([1, 1]);
  });

  test('and validating, the others wait for before they validate it', async ({ processes: [one, other] }) => {
    const fields = [
      { name: 'Cache-Control', value: 'max-age=60' },
      { name: 'ETag', value: '"1"' },
    ];
    const origin = new Origin([...fields, { name: 'Age', value: '60' }]);
    await one.ask('/a', origin);
    await other.ask('/a', origin);
    // What both change before they know of each other's change is dropped.
    await other.store.written!(true);
    const held = new Origin(fields, true);
    const asked = [one.ask('/a', held), other.ask('/a', held)];
    await turn();
    expect(held.requests).toBe(1);
    held.letGo();
    expect((await Promise.all(asked)).map(({ text }) => text)).toEqual(['version 1', 'version 1']);
  });
});
