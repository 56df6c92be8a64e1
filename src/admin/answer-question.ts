// Owns what the admin API can be asked of the cache, in the form that the commands use: each path with its method, what has to be said, and who answers.
// Nothing is changed by a GET. What is long comes as lines of JSON, one for each value, as it is found.
import * as z from 'zod';
import { type CacheAdmin, type Purge, WrongQuestion } from '../cache/cache-admin.ts';
import { type AdminAnswer, type Asked, problemAnswer } from './answers.ts';
import { toWire } from './wire-format.ts';

/** @param cache  `null` when it is off @throws only for a defect */
export async function answerQuestion(asked: Asked, cache: CacheAdmin | null): Promise<AdminAnswer> {
  const methods = Object.hasOwn(QUESTIONS, asked.path) ? QUESTIONS[asked.path] : undefined;
  if (methods === undefined) return problemAnswer(404, `There is nothing at ${asked.path}. There is ${Object.keys(QUESTIONS).join(', ')}.`);
  const answer = Object.hasOwn(methods, asked.method) ? methods[asked.method] : undefined;
  const allow = Object.keys(methods).join(', ');
  if (answer === undefined) return { ...problemAnswer(405, `${asked.path} takes ${allow}.`), allow };
  if (cache === null) return problemAnswer(404, 'The cache is off; turn it on with cache: on in the settings.');
  try {
    return await answer(asked, cache);
  } catch (error) {
    if (error instanceof WrongQuestion) return problemAnswer(400, error.message);
    throw error;
  }
}

type Answer = (asked: Asked, cache: CacheAdmin) => Promise<AdminAnswer> | AdminAnswer;

const QUESTIONS: Readonly<Record<string, Readonly<Record<string, Answer>>>> = {
  '/cache/stats': { GET: async (_, cache) => value(await cache.stats()) },
  '/cache/entries': { GET: ({ query }, cache) => ({ kind: 'lines', lines: wired(cache.list(query.get('pattern'))) }) },
  '/cache/entry': {
    GET: async ({ query }, cache) => {
      const url = query.get('url');
      if (url === null || url === '') throw new WrongQuestion('Say which: /cache/entry?url=http%3A%2F%2Fexample.com%2F');
      return value({ entries: await cache.show(url, query.get('user')) });
    },
  },
  '/cache/why': { POST: async (asked, cache) => value(await cache.why(read(WHY, await asked.text()))) },
  '/cache/purge': { POST: async (asked, cache) => value({ purged: await cache.purge(read(PURGE, await asked.text())) }) },
  '/cache/verify': { POST: (_, cache) => ({ kind: 'lines', lines: wired(cache.verify()) }) },
};

const WHY = z.strictObject({
  url: z.string(),
  method: z
    .string()
    .regex(/^[A-Za-z-]{1,40}$/, 'expected a method such as GET')
    .default('GET'),
  fields: z
    .array(z.strictObject({ name: z.string().regex(/^[\w!#$%&'*+.^`|~-]+$/, 'expected the name of a field'), value: z.string() }))
    .default([]),
  user: z.string().nullable().default(null),
});

/** One of `{"url": ...}`, `{"pattern": ...}`, `{"tag": ...}`, `{"all": true}`. */
const PURGE = z
  .strictObject({ url: z.string().optional(), pattern: z.string().optional(), tag: z.string().optional(), all: z.literal(true).optional() })
  .transform((given, context): Purge => {
    const { url, pattern, tag, all } = given;
    if (Object.keys(given).length === 1) {
      if (url !== undefined) return { kind: 'url', url };
      if (pattern !== undefined) return { kind: 'pattern', pattern };
      if (tag !== undefined) return { kind: 'tag', tag };
      if (all !== undefined) return { kind: 'all' };
    }
    context.addIssue({ code: 'custom', message: 'expected one of "url", "pattern", "tag" and "all": true' });
    return z.NEVER;
  });

/** @throws WrongQuestion */
function read<T extends z.ZodType>(schema: T, content: string): z.output<T> {
  let given: unknown;
  try {
    given = JSON.parse(content);
  } catch {
    throw new WrongQuestion('The content is not JSON.');
  }
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new WrongQuestion(parsed.error.issues.map(({ path, message }) => [...path, message].join(': ')).join('; '));
}

async function* wired(values: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  for await (const each of values) yield toWire(each);
}

function value(of: unknown): AdminAnswer {
  return { kind: 'value', status: 200, value: toWire(of) };
}
