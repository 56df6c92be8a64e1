// Rewriting rules beside the cache: requests are changed before it is asked, responses behind it, so that what is stored is what origins sent.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inMemory } from '../support/cached.ts';
import { fetchThrough, type RewritingProxy, startRewritingProxy } from '../support/rewriting-proxy.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

const folder = temporaryFolder(afterAll);
let origin: WebOrigin;
let rewriting: RewritingProxy;
beforeAll(async () => {
  origin = await startWebOrigin((request, response) => {
    response.setHeader('Cache-Control', request.url?.endsWith('/behind') ? 'max-age=0, stale-while-revalidate=60' : 'max-age=60');
    response.setHeader('ETag', '"one"');
    if (request.headers['if-none-match'] === '"one"') response.writeHead(304);
    response.end(request.headers['if-none-match'] === '"one"' ? undefined : `red ${request.url}`);
  });
  rewriting = await startRewritingProxy(
    folder,
    createTemporaryCa(folder),
    `version: 1
rules:
  - { name: Blue, match: "path:/stored", replace: { find: "red ", with: "blue " }, set: { response: { Cache-Control: no-store } } }
  - { name: Elsewhere, match: "path:/elsewhere", map_remote: "${origin.url}/base" }
`,
    { config: { cache: inMemory() } },
  );
});
afterAll(async () => {
  await rewriting?.proxy.close();
  await origin.close();
});

async function contentOf(at: string): Promise<string> {
  return (await fetchThrough(rewriting.proxy, `${origin.url}${at}`)).content.toString();
}

function asked(at: string): number {
  return origin.requests.filter(({ url }) => url === at).length;
}

test('what is stored is what the origin sent: a rule that is switched off leaves nothing behind', async () => {
  for (let i = 0; i < 2; i += 1) expect(await contentOf('/stored')).toBe('blue /stored');
  await rewriting.api('POST', '/api/rules/Blue/toggle');
  expect(await contentOf('/stored')).toBe('red /stored');
  expect(asked('/stored')).toBe(1);
});

test('what another server gave is stored as that of the other server', async () => {
  for (let i = 0; i < 2; i += 1) expect(await contentOf('/elsewhere/a')).toBe('red /base/elsewhere/a');
  expect(await contentOf('/base/elsewhere/a')).toBe('red /base/elsewhere/a');
  expect([asked('/base/elsewhere/a'), asked('/elsewhere/a')]).toEqual([1, 0]);
});

test('what is validated behind an answer (RFC 5861 §3) is asked for where the rule says, once more', async () => {
  for (let i = 0; i < 2; i += 1) expect(await contentOf('/elsewhere/behind')).toBe('red /base/elsewhere/behind');
  while (asked('/base/elsewhere/behind') < 2) await new Promise((resolve) => setImmediate(resolve));
  const behind = origin.requests.filter(({ url }) => url.endsWith('/behind'));
  expect(behind.map(({ url }) => url)).toEqual(['/base/elsewhere/behind', '/base/elsewhere/behind']);
  const { rules } = await rewriting.api<{ rules: { name: string; touched: number }[] }>('GET', '/api/rules');
  expect(rules.find(({ name }) => name === 'Elsewhere')?.touched).toBe(4);
});
