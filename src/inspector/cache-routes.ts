// Owns what the API says of the cache: how much there is, what, why a request would get what it would get, and forgetting. The answers are
// cache-admin.ts's, as for the commands of `cache`, with their secrets masked.
import * as z from 'zod';
import { BadQuestion, valueAnswer } from '../admin/answers.ts';
import { type CacheAdmin, type DetailedEntry, WrongQuestion } from '../cache/cache-admin.ts';
import type { MaskRules } from '../flows/redact/rules.ts';
import { maskedCache, urlsShownAs } from './masked-cache.ts';
import { contentAs, numberIn, type Route, type RouteAsked } from './route.ts';
import { isRevealed, REVEALED, type Recording } from './traffic-routes.ts';

const WHY = z.strictObject({
  url: z.string().max(16_384),
  method: z.string().default('GET'),
  fields: z
    .array(z.tuple([z.string(), z.string()]))
    .max(100)
    .default([]),
  user: z.string().nullable().default(null),
});
const PURGE = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('url'), url: z.string() }),
  z.strictObject({ kind: z.literal('pattern'), pattern: z.string() }),
  z.strictObject({ kind: z.literal('tag'), tag: z.string() }),
  z.strictObject({ kind: z.literal('all') }),
]);

/**
 * @param cache  that of the moment; `null` while it is off
 * @param masks  what is masked of what is stored
 */
export function cacheRoutes(cache: () => CacheAdmin | null, masks: Recording['masks']): readonly Route[] {
  const asking = async <T>(asked: RouteAsked, ask: (admin: CacheAdmin) => Promise<T>): Promise<T> => {
    const admin = cacheFor(cache(), masks(isRevealed(asked)));
    if (admin === null) throw new BadQuestion('The cache is off; turn it on with cache: on in the settings.', 409);
    try {
      return await ask(admin);
    } catch (error) {
      if (error instanceof WrongQuestion) throw new BadQuestion(error.message);
      throw error;
    }
  };
  return [
    {
      method: 'GET',
      path: '/api/cache',
      summary: 'How much is stored, and how often it answered',
      answers:
        'Counts and octets of both together, in tiers those of memory and of disk, each null where there is none; null while the cache is off',
      answer: async (asked) => valueAnswer(cache() === null ? null : await asking(asked, (admin) => admin.stats())),
    },
    {
      method: 'GET',
      path: '/api/cache/entries',
      summary: 'Stored responses',
      query: {
        pattern: 'about the whole URL; * stands for any characters',
        limit: '200 by default, 2000 at most',
        reveal: REVEALED.reveal,
      },
      answers: '{entries, isCut}: in no order',
      answer: (asked) => asking(asked, async (admin) => valueAnswer(await entriesFor(admin, asked.query))),
    },
    {
      method: 'GET',
      path: '/api/cache/entry',
      summary: 'What is stored under one URL, with its fields',
      query: {
        url: 'an absolute URI, which may have masks in it, as it is listed',
        user: 'where a rule keeps users apart',
        reveal: REVEALED.reveal,
      },
      answers: 'Each stored response',
      answer: (asked) =>
        asking(asked, async (admin) => valueAnswer(await entriesShownAs(admin, asked.query, isRevealed(asked) ? masks(false) : null))),
    },
    {
      method: 'POST',
      path: '/api/cache/why',
      summary: 'What a request would get from the cache now, and why',
      query: { reveal: REVEALED.reveal },
      content: WHY,
      answers:
        '{outcome, code, section, key, arithmetic, change, lines}: what would come of it, why and by which section of RFC 9111, how the age comes about, the smallest change at the origin that would make it a hit, and all of it in sentences',
      async answer(asked) {
        const { fields, ...question } = await contentAs(WHY, asked);
        const named = fields.map(([name, value]) => ({ name, value }));
        return valueAnswer(await asking(asked, (admin) => admin.why({ ...question, fields: named })));
      },
    },
    {
      method: 'POST',
      path: '/api/cache/purge',
      summary: 'Forget stored responses; a URL may have masks in it, as it is listed',
      content: PURGE,
      answers: '{purged}: how many',
      async answer(asked) {
        const what = await contentAs(PURGE, asked);
        return valueAnswer({ purged: await asking(asked, (admin) => admin.purge(what)) });
      },
    },
  ];
}

async function entriesFor(admin: CacheAdmin, query: URLSearchParams): Promise<object> {
  const limit = numberIn(query, 'limit', 200, 2000);
  const entries: unknown[] = [];
  for await (const entry of admin.list(query.get('pattern'))) {
    if (entries.length === limit) return { entries, isCut: true };
    entries.push(entry);
  }
  return { entries, isCut: false };
}

/** @param masks  what the URL was shown with; `null` where the cache that is asked finds it by that itself */
async function entriesShownAs(admin: CacheAdmin, query: URLSearchParams, masks: MaskRules | null): Promise<readonly DetailedEntry[]> {
  const [shown, user] = [query.get('url') ?? '', query.get('user')];
  if (shown === '') throw new BadQuestion('Say which: /api/cache/entry?url=http%3A%2F%2Fexample.com%2F');
  const entries: DetailedEntry[] = [];
  for (const url of masks === null ? [shown] : await urlsShownAs(admin, shown, masks)) entries.push(...(await admin.show(url, user)));
  return entries;
}

/** As it is shown. @param masks  `null` masks nothing */
export function cacheFor(cache: CacheAdmin | null, masks: MaskRules | null): CacheAdmin | null {
  return cache === null || masks === null ? cache : maskedCache(cache, masks);
}
