// What an operator asks of all workers by way of the keeper: their caches, and what rules and people change about what passes.
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fetchVia, inMemory } from '../support/cached.ts';
import { type KeptProxy, startKeptProxy } from '../support/kept-proxy.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

const folder = temporaryFolder(afterAll);
let origin: WebOrigin;
let proxy: KeptProxy;
const asked: string[] = [];

beforeAll(async () => {
  origin = await startWebOrigin((request, response) => {
    asked.push(request.url ?? '');
    response.setHeader('Cache-Control', request.url?.startsWith('/kept') ? 'max-age=1000' : 'no-store');
    response.end(`answer ${asked.length}`);
  });
  const rewrite = { file: path.join(folder, 'rewrite.yaml'), isNamed: false };
  proxy = await startKeptProxy(folder, { cache: inMemory(), rewrite });
}, 180_000);
afterAll(async () => {
  await proxy?.close();
  await origin.close();
});

/** The content that each worker answers with. */
async function fromBoth(at: string): Promise<readonly string[]> {
  const contents: string[] = [];
  for (const worker of proxy.workers) contents.push((await fetchVia(worker, origin.url + at)).body.toString());
  return contents;
}

test('what caches in memory hold is counted together and listed once, and is gone everywhere when a purge has been answered', async () => {
  const before = await fromBoth('/kept/a');
  await fromBoth('/kept/b');
  expect(await fromBoth('/kept/a')).toEqual(before);
  expect(await proxy.ask('GET', '/cache/stats')).toMatchObject({ entries: 4, answers: { hits: 2, forwarded: 4 } });
  const list = await proxy.page('/cache/entries');
  expect(list.trim().split('\n')).toHaveLength(2);
  expect(await proxy.ask('GET', `/cache/entry?url=${encodeURIComponent(`${origin.url}/kept/a`)}`)).toMatchObject({ entries: [{}, {}] });
  expect(await proxy.ask('POST', '/cache/purge', { url: `${origin.url}/kept/a` })).toEqual({ purged: 2 });
  const after = await fromBoth('/kept/a');
  expect(after.filter((content) => before.includes(content))).toEqual([]);
  expect(await proxy.ask('POST', '/cache/purge', { all: true })).toEqual({ purged: 4 });
  expect(await proxy.page('/cache/entries')).toBe('');
});

test('a purge of what is no URL is refused with the words of one worker', async () => {
  await expect(proxy.ask('POST', '/cache/purge', { url: 'no URL' })).rejects.toThrow('no URL');
});

test('rules that are changed on the page hold in all workers when that has been answered', async () => {
  expect((await fromBoth('/ruled')).every((content) => content.startsWith('answer'))).toBe(true);
  const text = 'version: 1\nrules:\n  - name: Mock\n    match: path:/ruled\n    answer: { status: 200, body: by rule }\n';
  expect(await proxy.ask('PUT', '/api/rules', { text })).toMatchObject({ problems: [], rules: [{ name: 'Mock' }] });
  expect(await fromBoth('/ruled')).toEqual(['by rule', 'by rule']);
  for (let touched = 0; touched < 2; ) {
    const { rules } = (await proxy.ask('GET', '/api/rules')) as { readonly rules: readonly { readonly touched: number }[] };
    touched = rules[0]!.touched;
  }
  await proxy.ask('PUT', '/api/rules', { text: 'version: 1\nrules: []\n' });
  expect((await fromBoth('/ruled')).every((content) => content.startsWith('answer'))).toBe(true);
});

test('breakpoints hold in all workers, and what is held is in one queue', async () => {
  await proxy.ask('PUT', '/api/breakpoints', [{ filter: 'path:/held', at: 'request' }]);
  const before = asked.length;
  const answers = proxy.workers.map((worker) => fetchVia(worker, `${origin.url}/held`));
  const held = await heldWhere(({ length }) => length === 2);
  expect(new Set(held.map(({ number }) => number)).size).toBe(2);
  expect(held.map(({ url }) => url)).toEqual([`${origin.url}/held`, `${origin.url}/held`]);
  expect(asked).toHaveLength(before);
  const edited = { status: 418, content: Buffer.from('by hand').toString('base64') };
  await proxy.ask('POST', `/api/breakpoints/held/${held[0]!.number}`, { action: 'answer', edited });
  await proxy.ask('POST', `/api/breakpoints/held/${held[1]!.number}`, { action: 'continue', edited: { method: 'POST' } });
  const statuses = (await Promise.all(answers)).map(({ status, body }) => `${status} ${body}`);
  expect(statuses.toSorted()).toEqual([`200 answer ${before + 1}`, '418 by hand']);
  await heldWhere(({ length }) => length === 0);
});

test('what a client leaves behind that was held in a worker that died is held no more, and its place holds like it', async () => {
  const left = fetchVia(proxy.workers[0]!, `${origin.url}/held`).catch(() => null);
  await heldWhere(({ length }) => length === 1);
  await proxy.workers[0]!.kill();
  await left;
  await heldWhere(({ length }) => length === 0);
  proxy.workers[0] = await proxy.startWorker(1);
  const answer = fetchVia(proxy.workers[0], `${origin.url}/held`);
  const [held] = await heldWhere(({ length }) => length === 1);
  await proxy.ask('PUT', '/api/breakpoints', []);
  await proxy.ask('POST', `/api/breakpoints/held/${held!.number}`, { action: 'continue' });
  expect((await answer).status).toBe(200);
}, 180_000);

interface Held {
  readonly number: number;
  readonly url: string;
}

async function heldWhere(isSo: (held: readonly Held[]) => boolean): Promise<readonly Held[]> {
  for (;;) {
    const { held } = (await proxy.ask('GET', '/api/breakpoints/held')) as { readonly held: readonly Held[] };
    if (isSo(held)) return held;
  }
}
