// Rules of the policy that are on trial: what they would have denied passes, is recorded with their names, and counts as their hits, over a restart too.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Summary } from '../../src/flows/recorded.ts';
import { fetchThrough, type RewritingProxy, startRewritingProxy } from '../support/rewriting-proxy.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

const folder = temporaryFolder(afterAll);
const ca = createTemporaryCa(folder);
let origin: WebOrigin;
let proxy: RewritingProxy;

const start = (): Promise<RewritingProxy> =>
  startRewritingProxy(folder, ca, '', {
    policyRules: '  - { name: Trial, report: { path: /on-trial } }\n  - report: { method: POST }\n  - report: { path: /never }\n',
  });

beforeAll(async () => {
  origin = await startWebOrigin((_, response) => response.end('passed'));
  proxy = await start();
});
afterAll(async () => {
  await proxy?.proxy.close();
  await origin.close();
});

async function hits(): Promise<number[]> {
  const { rules } = await proxy.api<{ rules: { hits: number; lastHitMs: number | null }[] }>('GET', '/api/policy');
  return rules.slice(0, 3).map((rule) => rule.hits);
}

test('each says what it would have denied', async () => {
  expect((await fetchThrough(proxy.proxy, `${origin.url}/on-trial`, { method: 'POST', content: 'x' })).status).toBe(200);
  expect((await fetchThrough(proxy.proxy, `${origin.url}/on-trial?2`)).status).toBe(200);
  const summaries: Summary[] = [];
  for (const at of ['/on-trial', '/on-trial?2']) summaries.push((await proxy.recorded(at)).summary);
  expect(summaries.map(({ reported, reportedBy }) => [reported, reportedBy])).toEqual([
    [2, ['Trial', expect.stringMatching(/\.yaml:\d+$/)]],
    [1, ['Trial']],
  ]);
  expect(await hits()).toEqual([2, 1, 0]);
  await proxy.proxy.close();
  proxy = await start();
  // The other has no name but its place, which is another one here.
  expect((await hits())[0]).toBe(2);
});
