// What can be asked of a cache, over a real store in memory.
import { describe, expect, onTestFinished, test } from 'vitest';
import { type CacheAdmin, type CacheAdminParts, createCacheAdmin, WrongQuestion } from '../../../src/cache/cache-admin.ts';
import { MEMORY_STORE_DEFAULTS } from '../../../src/cache/options.ts';
import { CACHE_RULE_DEFAULTS, NO_OVERRIDES } from '../../../src/cache/rules/options.ts';
import { selectingFields } from '../../../src/cache/rules/vary.ts';
import type { StoredResponse } from '../../../src/cache/stored-response.ts';
import { MemoryStore } from '../../../src/cache/stores/memory.ts';
import { contentOf, keep, sample } from './stores/store-contract.ts';

const RECEIVED_MS = sample().responseTimeMs;

async function adminOf(all: readonly StoredResponse[], parts: Partial<CacheAdminParts> = {}): Promise<CacheAdmin> {
  const store = new MemoryStore(MEMORY_STORE_DEFAULTS);
  onTestFinished(() => store.close());
  for (const stored of all) await keep(store, stored, contentOf(stored));
  return createCacheAdmin({
    store,
    rules: CACHE_RULE_DEFAULTS,
    now: () => RECEIVED_MS + 600_000,
    lastVerdict: () => null,
    answers: null,
    mode: { offline: false, staleOk: false },
    outdateAll: null,
    termsOf: null,
    verify: null,
    ...parts,
  });
}

async function listed(admin: CacheAdmin, pattern: string | null = null): Promise<readonly string[]> {
  const urls: string[] = [];
  for await (const { url } of admin.list(pattern)) urls.push(url);
  return urls.sort();
}

const ask = (url: string, fields: Readonly<Record<string, string>> = {}, user: string | null = null) => ({
  method: 'GET',
  url,
  fields: Object.entries(fields).map(([name, value]) => ({ name, value })),
  user,
});

describe('what is stored', () => {
  test('is listed with its size, its age and whom it is for', async () => {
    const admin = await adminOf([
      sample({ key: 'http://a.test/x user=ada', length: 12, tags: ['t'], selectedBy: [{ name: 'accept', value: null }] }),
    ]);
    for await (const entry of admin.list(null)) {
      expect(entry).toEqual({
        url: 'http://a.test/x',
        partition: 'user=ada',
        status: 200,
        bytes: 12,
        isComplete: true,
        isFresh: true,
        ageSeconds: 600,
        lifetimeSeconds: 3_600,
        selectedBy: [{ name: 'accept', value: null }],
        tags: ['t'],
      });
    }
    expect((await admin.stats()).entries).toBe(1);
  });

  test('names no credential that selected it', async () => {
    const cookie = [{ name: 'Cookie', value: 'sid=secret' }];
    const stored = sample({ key: 'http://a.test/x', selectedBy: selectingFields(['cookie'], cookie, []) });
    const admin = await adminOf([stored, { ...stored, id: 'other', selectedBy: [] }]);
    const [selectedBy] = (await admin.show('http://a.test/x', null)).flatMap((entry) => entry.selectedBy);
    expect(selectedBy).toEqual({ name: 'cookie', value: expect.stringMatching(/^\(kept as a digest only: [\w-]{8}\.\.\.\)$/) });
    const { lines } = await admin.why(ask('http://a.test/x', { Cookie: 'sid=secret' }));
    expect(lines.join('\n')).toContain(`cookie: ${selectedBy!.value}`);
    expect(lines.join('\n')).not.toContain('secret');
  });

  test('nor what was kept of one before anybody called it one, and tells two of them apart', async () => {
    const [one, other] = ['a-secret', 'b-secret'].map((value, i) =>
      sample({ key: 'http://a.test/x', id: `x${i}`, selectedBy: [{ name: 'x-tenant', value }] }),
    );
    const admin = await adminOf([one!, other!], { rules: { ...CACHE_RULE_DEFAULTS, secretFields: ['x-tenant'] } });
    const selectedBy = (await admin.show('http://a.test/x', null)).flatMap((entry) => entry.selectedBy.map(({ value }) => value!));
    expect(new Set(selectedBy).size).toBe(2);
    for (const value of selectedBy) expect(value).toMatch(/^\(kept as a digest only: /);
    for await (const entry of admin.list(null)) expect(selectedBy).toContain(entry.selectedBy[0]!.value);
    const why = await admin.why(ask('http://a.test/x', { 'X-Tenant': 'a-secret' }));
    expect(why.outcome).toBe('hit');
    expect(JSON.stringify(why)).not.toContain('-secret');
  });

  test('is picked by a glob about the whole URL', async () => {
    const admin = await adminOf(['http://a.test/', 'http://a.test/x?y', 'http://b.test/x user=a.test'].map((key) => sample({ key })));
    expect(await listed(admin)).toHaveLength(3);
    expect(await listed(admin, 'http://a.test/*')).toEqual(['http://a.test/', 'http://a.test/x?y']);
    expect(await listed(admin, '*a.test')).toEqual([]);
  });

  test('is not fresh once it is invalidated, nor where it is validated at every use', async () => {
    const noCache = [{ name: 'Cache-Control', value: 'max-age=3600, no-cache' }];
    const admin = await adminOf([sample({ isInvalidated: true }), sample({ key: 'http://a.test/x', fields: noCache })]);
    for await (const entry of admin.list(null)) expect(entry.isFresh).toBe(false);
  });

  test('is shown for a URL in any spelling, with every variant and its fields', async () => {
    const byLanguage = (value: string) => sample({ selectedBy: [{ name: 'accept-language', value }] });
    const admin = await adminOf([byLanguage('de'), byLanguage('en'), sample({ key: 'http://a.test/x' })]);
    const shown = await admin.show('HTTP://A.test:80/', null);
    expect(shown.map(({ selectedBy }) => selectedBy[0]?.value).sort()).toEqual(['de', 'en']);
    expect(shown[0]).toMatchObject({
      lifetimeFrom: 'max-age',
      storedAtMs: RECEIVED_MS,
      fields: [{ name: 'Date' }, { name: 'Cache-Control' }],
    });
  });

  test('for one user is shown to who asks for that user', async () => {
    const admin = await adminOf(
      ['http://a.test/ user=ada', 'http://a.test/ user=bob', 'http://a.test/ nobody'].map((key) => sample({ key })),
    );
    expect((await admin.show('http://a.test/', 'ada')).map(({ partition }) => partition)).toEqual(['user=ada']);
    expect((await admin.show('http://a.test/', null)).map(({ partition }) => partition)).toEqual(['nobody']);
  });

  test.each(['/x', 'a.test', 'ftp://a.test/', 'http://u:p@a.test/', '*', ''])(
    'is not looked for under %j, which is no URL',
    async (url) => {
      const admin = await adminOf([]);
      await expect(admin.show(url, null)).rejects.toBeInstanceOf(WrongQuestion);
      await expect(admin.why(ask(url))).rejects.toBeInstanceOf(WrongQuestion);
      await expect(admin.purge({ kind: 'url', url })).rejects.toBeInstanceOf(WrongQuestion);
    },
  );
});

test('what is stored is as fresh as the rule has it that a GET of it would meet', async () => {
  const termsOf: CacheAdminParts['termsOf'] = ({ url, user }) => ({
    overrides: url === 'http://a.test/' && user === 'ada' ? { ...NO_OVERRIDES, ttlSeconds: 60, partition: 'user' } : NO_OVERRIDES,
    sentence: null,
  });
  const admin = await adminOf([sample({ key: 'http://a.test/ user=ada' }), sample({ key: 'http://a.test/x' })], { termsOf });
  const lifetimes: Record<string, number> = {};
  for await (const { url, lifetimeSeconds } of admin.list(null)) lifetimes[url] = lifetimeSeconds;
  expect(lifetimes).toEqual({ 'http://a.test/': 60, 'http://a.test/x': 3_600 });
  expect(await admin.show('http://a.test/', 'ada')).toMatchObject([{ lifetimeFrom: 'policy', isFresh: false }]);
});

describe('why', () => {
  test('a fresh response would answer: section, key and arithmetic', async () => {
    const { lines } = await (await adminOf([sample()])).why(ask('http://a.test/'));
    expect(lines).toEqual([
      'reused: it is fresh (RFC 9111 §4.2)',
      'key: http://a.test/',
      'age 600 s = 0 s as received + 600 s here; lifetime 3600 s from max-age: fresh for 3000 s more',
    ]);
  });

  test('a variant does not answer, and what else there is', async () => {
    const german = sample({
      selectedBy: [{ name: 'accept-language', value: 'de' }],
      fields: [...sample().fields, { name: 'Vary', value: 'Accept-Language' }],
    });
    const { lines } = await (await adminOf([german])).why(ask('http://a.test/', { 'Accept-Language': 'fr' }));
    expect(lines[0]).toContain('not reused: what is stored was selected by other values of the fields in its Vary (RFC 9111 §4.1)');
    expect(lines).toContainEqual(expect.stringMatching(/^ {2}200, selected by accept-language: de; age 600 s/));
    expect(lines.at(-1)).toMatch(/^smallest change at the origin: remove Accept-Language from Vary/);
  });

  test('nothing is stored, what became of the last response, and what would have made the difference', async () => {
    const admin = await adminOf([], {
      lastVerdict: (key) => (key === 'http://a.test/' ? { code: 'no-store', status: 200, atMs: RECEIVED_MS, response: null } : null),
    });
    const { lines } = await admin.why(ask('http://a.test/'));
    expect(lines[0]).toContain('not reused: nothing is stored for this URI');
    expect(lines).toContain('last response: 200, 600 s ago; not stored: it says no-store (RFC 9111 §5.2.2.5)');
    expect(lines.at(-1)).toBe('smallest change at the origin: replace no-store by max-age=N, the seconds for which it may answer');
    expect((await admin.why(ask('http://a.test/other'))).lines).toHaveLength(2);
  });

  test.each([
    ['GET', { 'Cache-Control': 'no-store' }],
    ['GET', { 'If-Match': '"a"' }],
    ['POST', {}],
  ])('no change at the origin is named where it is %s with %j that keeps the cache out', async (method, fields) => {
    const admin = await adminOf([], { lastVerdict: () => ({ code: 'no-store', status: 200, atMs: RECEIVED_MS, response: null }) });
    expect((await admin.why({ ...ask('http://a.test/', fields), method })).lines.join()).not.toContain('smallest change');
  });

  test('only-if-cached is looked through: what is stored is why it got nothing', async () => {
    const old = sample({ fields: [{ name: 'Cache-Control', value: 'max-age=1' }] });
    const { lines } = await (await adminOf([old])).why(ask('http://a.test/', { 'Cache-Control': 'only-if-cached' }));
    expect(lines[0]).toContain('only-if-cached');
    expect(lines.at(-1)).toBe('smallest change at the origin: raise max-age from 1 to 601 or more');
  });

  test('what was stored, and is no longer there', async () => {
    const admin = await adminOf([], { lastVerdict: () => ({ code: 'stored-explicit', status: 200, atMs: RECEIVED_MS, response: null }) });
    expect((await admin.why(ask('http://a.test/'))).lines.at(-1)).toBe(
      'last response: 200, 600 s ago; stored: it says how long it stays fresh (RFC 9111 §3, §4.2.1); forgotten since, by a purge or for want of room',
    );
  });

  test('a tunnel is no question of the cache', async () => {
    await expect((await adminOf([])).why({ ...ask('http://a.test/'), method: 'CONNECT' })).rejects.toThrow(/opens a tunnel/);
  });

  test('as facts beside the sentences', async () => {
    const admin = await adminOf([sample()]);
    const { lines, ...facts } = await admin.why(ask('http://a.test/', { 'Cache-Control': 'no-cache' }));
    expect(facts).toEqual({
      ...{ outcome: 'validate', code: 'request-no-cache', section: 'RFC 9111 §5.2.1.4', key: 'http://a.test/', change: null },
      arithmetic: expect.stringMatching(/^age 600 s = /),
    });
    expect(lines).toContain(facts.arithmetic);
    expect(await admin.why(ask('http://a.test/other'))).toMatchObject({ outcome: 'miss', code: 'uri-miss', arithmetic: null });
  });

  test('offline, and with stale_ok', async () => {
    const old = sample({ key: 'http://a.test/', fields: [{ name: 'Cache-Control', value: 'max-age=1' }] });
    const asked = async (offline: boolean, staleOk: boolean, url = 'http://a.test/', fields = {}) =>
      (await (await adminOf([old], { mode: { offline, staleOk } })).why(ask(url, fields))).lines.filter((line) =>
        /^(offline|stale_ok)/.test(line),
      );
    expect(await asked(true, false)).toEqual(['offline: answered with 504, since no origin is asked']);
    expect(await asked(true, true)).toEqual(['offline: what is stale answers all the same (stale_ok)']);
    expect(await asked(true, true, 'http://b.test/')).toEqual(['offline: answered with 504, since no origin is asked']);
    expect(await asked(false, true)).toEqual(['stale_ok: what is stale answers at once, and is validated behind the answer']);
    expect(await asked(false, true, 'http://a.test/', { 'Cache-Control': 'max-age=5' })).toEqual([]);
    expect(await asked(false, false)).toEqual([]);
  });

  test('under the terms of the rule of the policy: its key, its lifetime, its bypass', async () => {
    const termsOf: CacheAdminParts['termsOf'] = ({ url }) =>
      url.includes('live')
        ? { overrides: { ...NO_OVERRIDES, bypass: true }, sentence: null }
        : {
            overrides: { ...NO_OVERRIDES, ignoreQuery: true, ttlSeconds: 60, partition: 'user' },
            sentence: "allowed by rule 'A' (p.yaml:3)",
          };
    const admin = await adminOf([sample({ key: 'http://a.test/ user=ada' })], { termsOf });
    const { lines } = await admin.why(ask('http://a.test/?x=1', {}, 'ada'));
    expect(lines).toContain('key: http://a.test/ user=ada');
    expect(lines).toContain("policy: allowed by rule 'A' (p.yaml:3)");
    expect(lines).toContain('its cache: the key leaves out the query (against RFC 9111 §2)');
    expect(lines.join()).toContain('lifetime 60 s from the policy: stale for 540 s');
    expect((await admin.why(ask('http://a.test/live'))).lines[0]).toContain('a rule of the policy keeps the cache out of it');
    expect(await admin.show('http://a.test/?y', 'ada')).toHaveLength(1);
  });
});

describe('a purge forgets', () => {
  const all = ['http://a.test/', 'http://a.test/ user=ada', 'http://a.test/x?y', 'http://b.test/'];

  test.each([
    [{ kind: 'url', url: 'http://A.test' }, ['http://a.test/x?y', 'http://b.test/']],
    [{ kind: 'pattern', pattern: 'http://a.test/*' }, ['http://b.test/']],
    [{ kind: 'tag', tag: 'odd' }, ['http://a.test/', 'http://a.test/x?y']],
    [{ kind: 'tag', tag: 'od' }, ['http://a.test/', 'http://a.test/', 'http://a.test/x?y', 'http://b.test/']],
    [{ kind: 'all' }, []],
  ] as const)('%j', async (what, left) => {
    const admin = await adminOf(all.map((key, index) => sample({ key, tags: index % 2 === 1 ? ['odd', 'two'] : [] })));
    expect(await admin.purge(what)).toBe(all.length - left.length);
    expect(await listed(admin)).toEqual(left);
  });
});

test('verifying reads everything to its end', async () => {
  const admin = await adminOf([sample({ length: 100_000 }), sample({ key: 'http://b.test/', length: 0 })]);
  const told = [];
  for await (const each of admin.verify()) told.push(each);
  expect(told).toEqual([{ checked: 2, contentBytes: 100_000, damaged: 0, gone: 0 }]);
});

test('verifying is left to a store that has a way of its own', async () => {
  const own = { checked: 7, contentBytes: 70, damaged: 1, gone: 0 };
  const admin = await adminOf([], {
    async *verify() {
      yield own;
    },
  });
  for await (const each of admin.verify()) expect(each).toBe(own);
});
