// What the API says of the policy: how often each rule decided is counted of what is recorded, so that without records nobody can say "never".
import { expect, test } from 'vitest';
import type { RuleHits } from '../../../src/flows/store/protocol.ts';
import { policyRoutes } from '../../../src/inspector/policy-routes.ts';
import { answerByRoute } from '../../../src/inspector/route.ts';
import { compiledYaml } from '../../support/questions.ts';

const POLICY = compiledYaml('version: 1\ndefault: deny\nrules:\n  - { name: Shops, allow: { host: shop.example } }\n');

async function told(hits: readonly RuleHits[] | null): Promise<unknown> {
  const routes = policyRoutes({ policy: () => POLICY, hits: async () => hits });
  const asked = { method: 'GET', path: '/api/policy', query: new URLSearchParams(), text: async () => '', toFile: async () => {} };
  const answer = await answerByRoute(routes, asked);
  return answer?.kind === 'value' ? answer.value : null;
}

test('a rule that never decided has no hits, and the default its own', async () => {
  expect(await told([{ rule: null, hits: 3, lastHitMs: 5 }])).toMatchObject({
    default: { action: 'deny', hits: 3, lastHitMs: 5 },
    rules: [{ name: 'Shops', hits: 0, lastHitMs: null }],
  });
});

test('while nothing is recorded, hits are not known', async () => {
  expect(await told(null)).toMatchObject({ default: { hits: null }, rules: [{ hits: null, lastHitMs: null }] });
});
