// Whatever a question holds, there is an answer, and a question that breaks its promises is denied.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Question } from '../../src/match/question.ts';
import { compilePolicy } from '../../src/policy/compile.ts';
import { decide } from '../../src/policy/decide.ts';
import { explain } from '../../src/policy/explain.ts';
import { policy, question } from './decide-arbitraries.ts';

const MEMBERS = [
  'method',
  'scheme',
  'host',
  'port',
  'pathAndQuery',
  'fields',
  'contentLength',
  'upgrade',
  'clientAddress',
  'listener',
  'identity',
  'address',
  'hello',
  'response',
  'nowMs',
] as const satisfies readonly (keyof Question)[];

/** Lists hold what their readers put into them, so odd ones are empty. */
const oddValue = fc.oneof(
  fc.anything().filter((value) => !Array.isArray(value)),
  fc.constantFrom(null, undefined, '', 0, -1, Number.NaN, 1e300, -8e15, {}, [], 'somebody', { user: 'alice' }, { contentTypes: [] }),
);

test('a sound question with any values put in gets an answer, and words for it', () => {
  fc.assert(
    fc.property(policy, question, fc.dictionary(fc.constantFrom(...MEMBERS), oddValue, { minKeys: 1 }), (some, sound, odd) => {
      const compiled = compilePolicy(some);
      const asked = { ...sound, ...odd } as unknown as Question;
      const { action, awaits } = decide(compiled, asked);
      expect(['allow', 'deny', 'tunnel', 'intercept']).toContain(action);
      expect(['nothing', 'identity', 'address', 'hello', 'response']).toContain(awaits);
      expect(explain(compiled, asked).sentence).not.toBe('');
    }),
    { numRuns: 3000 },
  );
});

test('a host that is in no canonical form is denied, whatever the policy', () => {
  const notCanonical = fc.anything().filter((host) => typeof host !== 'string' || !/^[a-z0-9._:-]{1,253}$/.test(host));
  fc.assert(
    fc.property(policy, question, notCanonical, (some, sound, host) => {
      const decision = decide(compilePolicy(some), { ...sound, host } as unknown as Question);
      expect(decision).toMatchObject({ action: 'deny', decidedBy: 'unusable-question', awaits: 'nothing' });
    }),
    { numRuns: 1000 },
  );
});
