// What the API shows of a real store in memory: URLs with masks, which stand for what they hide.
import { expect, onTestFinished, test } from 'vitest';
import { type CacheAdmin, createCacheAdmin } from '../../../src/cache/cache-admin.ts';
import { MEMORY_STORE_DEFAULTS } from '../../../src/cache/options.ts';
import { CACHE_RULE_DEFAULTS } from '../../../src/cache/rules/options.ts';
import { selectingFields } from '../../../src/cache/rules/vary.ts';
import type { CacheStore } from '../../../src/cache/stores/cache-store.ts';
import { MemoryStore } from '../../../src/cache/stores/memory.ts';
import { maskRules } from '../../../src/flows/redact/rules.ts';
import { cacheRoutes } from '../../../src/inspector/cache-routes.ts';
import { maskedCache } from '../../../src/inspector/masked-cache.ts';
import { answerByRoute } from '../../../src/inspector/route.ts';
import { contentOf, keep, sample } from '../cache/stores/store-contract.ts';

const RULES = maskRules({ fields: [], query: [], json: [] });
const SHOWN = 'http://a.test/x?token=‹masked+6+octets›';

function adminOf(store: CacheStore): CacheAdmin {
  return createCacheAdmin({
    ...{ store, rules: CACHE_RULE_DEFAULTS, now: () => sample().responseTimeMs, lastVerdict: () => null, answers: null },
    ...{ mode: { offline: false, staleOk: false }, outdateAll: null, termsOf: null, verify: null },
  });
}

test('what is kept of a credential as a digest is no secret to be masked', async () => {
  const store = new MemoryStore(MEMORY_STORE_DEFAULTS);
  onTestFinished(() => store.close());
  const stored = sample({ key: 'http://a.test/', selectedBy: selectingFields(['cookie'], [{ name: 'Cookie', value: 'sid=secret' }], []) });
  await keep(store, stored, contentOf(stored));
  const entries = await maskedCache(adminOf(store), RULES).show('http://a.test/', null);
  expect(entries[0]!.selectedBy[0]!.value).toMatch(/^\(kept as a digest only: /);
});

async function entriesFor(query: Readonly<Record<string, string>>) {
  const store = new MemoryStore(MEMORY_STORE_DEFAULTS);
  onTestFinished(() => store.close());
  for (const key of ['http://a.test/x?token=secret', 'http://a.test/y?token=secret'])
    await keep(store, sample({ key, tags: [key] }), contentOf(sample({ key })));
  const admin = adminOf(store);
  const routes = cacheRoutes(
    () => admin,
    (isRevealed) => (isRevealed ? null : RULES),
  );
  const asked = { method: 'GET', path: '/api/cache/entry', query: new URLSearchParams(query) };
  return await answerByRoute(routes, { ...asked, text: async () => '', toFile: async () => {} });
}

test('what is stored under a URL is found by how the URL is shown, with its age as a sum', async () => {
  expect(await entriesFor({ url: SHOWN })).toMatchObject({
    value: [{ url: SHOWN, tags: ['http://a.test/x?token=secret'], arithmetic: expect.stringMatching(/^age \d+ s = /) }],
  });
});

test('and by the same where secrets are to be seen', async () => {
  expect(await entriesFor({ url: SHOWN, reveal: '1' })).toMatchObject({ value: [{ url: 'http://a.test/x?token=secret' }] });
});

test('whoever names no URL is told how to', async () => {
  const words = 'Say which: /api/cache/entry?url=http%3A%2F%2Fexample.com%2F';
  for (const query of [{}, { url: '' }]) await expect(entriesFor(query)).rejects.toThrow(words);
});
