// Owns what the API says of one exchange's reasons, and of two exchanges side by side. The words are
// flows/why.ts; differences are found by the store.
import { valueAnswer } from '../admin/answers.ts';
import type { CacheRuleOptions } from '../cache/rules/options.ts';
import type { MaskRules } from '../flows/redact/rules.ts';
import { maskTarget } from '../flows/redact.ts';
import { whyOf } from '../flows/why.ts';
import type { CompiledPolicy } from '../policy/compile.ts';
import type { ExplainedRule } from '../policy/explain.ts';
import { stepsOf } from './policy-routes.ts';
import { jsonAnswer, type Route } from './route.ts';
import { exchangeAsked, isRevealed, REVEALED, type Recording, sessionIn } from './traffic-routes.ts';

export interface ReasonParts {
  /** Those of the moment. */
  readonly policy: () => CompiledPolicy;
  /** `null` where nobody knows. */
  readonly policyDigest: () => string | null;
  readonly cacheRules: () => CacheRuleOptions;
}

export function whyRoutes(recording: Recording, { policy, policyDigest, cacheRules }: ReasonParts): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/api/exchanges/{id}/why',
      summary: 'Why an exchange went as it did: who asked, which rule, which address, whose TLS, what the cache did',
      query: REVEALED,
      answers:
        '{sentences, criteria, policyChanged, cacheHint}: the criteria of each rule up to the one that decided, by the policy of now',
      async answer(asked) {
        const exchange = await exchangeAsked(recording, asked);
        const question = exchange.facts.decision?.question;
        const steps = question === undefined || question === null ? [] : (stepsOf(policy(), question) ?? []);
        const masks = recording.masks(isRevealed(asked));
        const shown = recording.shown(exchange, isRevealed(asked));
        return valueAnswer(
          whyOf(shown, {
            steps: masks === null ? steps : maskedSteps(steps, masks),
            policyDigest: policyDigest(),
            cacheOptions: cacheRules(),
          }),
        );
      },
    },
    {
      method: 'GET',
      path: '/api/exchanges/{id}/diff/{other}',
      summary: 'What two exchanges have, and have not, in common',
      query: REVEALED,
      answers: '{request, response, content}: lines that are the same, added or removed',
      async answer(asked) {
        const [before, after] = await Promise.all([exchangeAsked(recording, asked), exchangeAsked(recording, asked, 'other')]);
        const question = { kind: 'diff', ...sessionIn(asked.query), before, after, masks: recording.masks(isRevealed(asked)) } as const;
        return jsonAnswer(await recording.store().ask(question));
      },
    },
  ];
}

/** Criteria say what they looked at, such as the path. */
function maskedSteps(steps: readonly ExplainedRule[], masks: MaskRules): readonly ExplainedRule[] {
  return steps.map((step) => ({
    ...step,
    criteria: step.criteria.map((criterion) => ({ ...criterion, words: maskTarget(criterion.words, masks) })),
  }));
}
