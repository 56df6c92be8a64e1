// Owns asking a running proxy about its cache: the same questions as of a store at hand, over the Unix socket of its admin API. Secrets are asked
// for, too: what is stored lies in a folder of the same user.
import type { IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import {
  type CacheAdmin,
  type CacheStats,
  type CacheWhy,
  type DetailedEntry,
  type Entry,
  type Verified,
  WrongQuestion,
} from '../cache/cache-admin.ts';
import { StartError } from '../errors/start-error.ts';
import { requestAdmin } from './ask-admin.ts';
import { fromWire, toWire } from './wire-format.ts';

/**
 * Everything it is asked rejects with a WrongQuestion where the proxy says that the question is none, and with a StartError when it does not answer.
 *
 * @param socket  path of the Unix socket, as the note of the running proxy names it
 */
export function remoteCache(socket: string): CacheAdmin {
  const get = (path: string, query: Readonly<Record<string, string | null>> = {}) =>
    requestAdmin(socket, 'GET', path + queryText(query), null);
  const post = (path: string, question: unknown) => requestAdmin(socket, 'POST', path, toWire(question));
  return {
    stats: async () => (await contentOf(await get('/cache/stats'))) as CacheStats,
    list: (pattern) => linesOf(get('/cache/entries', { pattern, ...REVEALED })) as AsyncIterable<Entry>,
    show: async (url, user) =>
      ((await contentOf(await get('/cache/entry', { url, user, ...REVEALED }))) as { readonly entries: readonly DetailedEntry[] }).entries,
    why: async (question) => (await contentOf(await post(`/cache/why${queryText(REVEALED)}`, question))) as CacheWhy,
    async purge(what) {
      const { kind, ...named } = what;
      return ((await contentOf(await post('/cache/purge', kind === 'all' ? { all: true } : named))) as { readonly purged: number }).purged;
    },
    verify: () => linesOf(post('/cache/verify', {})) as AsyncIterable<Verified>,
  };
}

async function contentOf(response: IncomingMessage): Promise<unknown> {
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response) text += chunk;
  const value: unknown = JSON.parse(text);
  if (response.statusCode !== 200) throw problemOf(response, value);
  return fromWire(value);
}

async function* linesOf(asked: Promise<IncomingMessage>): AsyncGenerator<unknown> {
  const response = await asked;
  if (response.statusCode !== 200) await contentOf(response);
  try {
    for await (const line of createInterface({ input: response, crlfDelay: Number.POSITIVE_INFINITY })) yield fromWire(JSON.parse(line));
    // The end of lines that broke off looks like an end.
    if (!response.complete) throw new StartError('unavailable', ['the proxy has stopped answering before it was done. Ask again.']);
  } finally {
    response.destroy();
  }
}

function problemOf({ statusCode }: IncomingMessage, value: unknown): Error {
  const message = typeof value === 'object' && value !== null && 'error' in value ? String(value.error) : `status ${statusCode}`;
  return statusCode === 400 ? new WrongQuestion(message) : new StartError('unavailable', [message]);
}

function queryText(query: Readonly<Record<string, string | null>>): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== null);
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}

const REVEALED = { reveal: '1' } as const;
