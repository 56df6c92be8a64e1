// What the API shows of a real store in memory: URLs with masks, which stand for what they hide.
import { expect, onTestFinished, test } from 'vitest';
import { createCacheAdmin } from '../../../src/cache/cache-admin.ts';
import { MEMORY_STORE_DEFAULTS } from '../../../src/cache/options.ts';
import { CACHE_RULE_DEFAULTS } from '../../../src/cache/rules/options.ts';
import { MemoryStore } from '../../../src/cache/stores/memory.ts';
import { maskRules } from '../../../src/flows/redact/rules.ts';
import { cacheRoutes } from '../../../src/inspector/cache-routes.ts';
import { answerByRoute } from '../../../src/inspector/route.ts';
import { contentOf, keep, sample } from '../cache/stores/store-contract.ts';

const RULES = maskRules({ fields: [], query: [], json: [] });
const SHOWN = 'http://a.test/x?token=‹masked+6+octets›';

async function entriesFor(query: Readonly<Record<string, string>>) {
  const store = new MemoryStore(MEMORY_STORE_DEFAULTS);
  onTestFinished(() => store.close());
  for (const key of ['http://a.test/x?token=secret', 'http://a.test/y?token=secret'])
    await keep(store, sample({ key, tags: [key] }), contentOf(sample({ key })));
  const admin = createCacheAdmin({
    ...{ store, rules: CACHE_RULE_DEFAULTS, now: () => sample().responseTimeMs, lastVerdict: () => null, answers: null },
    ...{ mode: { offline: false, staleOk: false }, outdateAll: null, termsOf: null, verify: null },
  });
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
