// Owns the story of a decision: who asked, which rule and for which of its criteria, which address, whether TLS was opened, what the cache did and how it
// ended; each with the place in the policy or the section of the RFC that says so.
import type { Summary } from '../../../flows/recorded.ts';
import { useAsked } from '../asked.ts';
import { Icon, type IconName } from '../icons.tsx';
import type { Why, WhyRule, WhySentence } from '../wire.ts';

export function WhyTab({ id }: Summary) {
  const { value, problem } = useAsked<Why>(`/api/exchanges/${id}/why`);
  if (problem !== null) return <p class="problem">{problem}</p>;
  if (value === null) return <p class="soft">Loading …</p>;
  return (
    <div class="why">
      <ol class="story">
        {value.sentences.map((sentence) => (
          <Sentence key={`${sentence.stage} ${sentence.title}`} {...sentence} />
        ))}
      </ol>
      {value.cacheHint !== null && (
        <p class="hint">
          <Icon name="hit" size={14} />
          <span>
            <strong>The smallest change that makes it a hit:</strong> {value.cacheHint}
          </span>
        </p>
      )}
      {value.criteria.length > 0 && (
        <section>
          <h3>Rules, in their order</h3>
          {value.policyChanged && <p class="soft">The policy has changed since. This is what the one of now says.</p>}
          <RuleSteps steps={value.criteria} />
        </section>
      )}
    </div>
  );
}

function Sentence({ stage, title, text, detail, place, section }: WhySentence) {
  return (
    <li class={`story-step stage-${stage}`}>
      <span class="story-icon">
        <Icon name={STAGE_ICONS[stage]} size={14} />
      </span>
      <div>
        <p class="story-title">
          <span class="soft">{STAGE_TITLES[stage]}</span>
          <strong>{title}</strong>
          {place !== undefined && <code class="place">{place}</code>}
          {section !== undefined && <span class="place">{section}</span>}
        </p>
        <p>{text}</p>
        {detail !== undefined && detail.length > 0 && <pre class="story-detail">{detail.join('\n')}</pre>}
      </div>
    </li>
  );
}

/** Every rule that was looked at, and what each of its criteria said; the last one decided. */
export function RuleSteps({ steps }: { readonly steps: readonly WhyRule[] }) {
  return (
    <ol class="rule-steps">
      {steps.map(({ number, name, action, position, truth, criteria }) => (
        <li key={number} class={truth === 'true' ? 'is-true' : ''}>
          <p class="rule-step-title">
            <Verdict truth={truth} />
            <strong>{name ?? `Rule ${number}`}</strong>
            <span class={`tag tone-${ACTION_TONES[action] ?? 'plain'}`}>{action}</span>
            <code class="place">
              {position.file}:{position.line}
            </code>
          </p>
          <ul>
            {criteria.map((criterion, at) => (
              <li key={`${at} ${criterion.words}`} class={`criterion depth-${Math.min(criterion.depth, 5)}`}>
                <Verdict truth={criterion.truth} />
                {criterion.words}
              </li>
            ))}
          </ul>
        </li>
      ))}
    </ol>
  );
}

function Verdict({ truth }: { readonly truth: WhyRule['truth'] }) {
  const [sign, words] = truth === 'true' ? ['✓', 'true'] : truth === 'false' ? ['✗', 'false'] : ['?', 'not known'];
  return (
    <span class={`verdict verdict-${truth}`} title={words}>
      {sign}
      <span class="unseen">{words}</span>
    </span>
  );
}

export const ACTION_TONES: Readonly<Record<string, string>> = { deny: 'denied', allow: 'hit', intercept: 'opened', tunnel: 'tunnel' };

const STAGE_TITLES: Readonly<Record<WhySentence['stage'], string>> = {
  identity: 'Who',
  policy: 'Policy',
  address: 'Address',
  tls: 'TLS',
  cache: 'Cache',
  outcome: 'Outcome',
};
const STAGE_ICONS: Readonly<Record<WhySentence['stage'], IconName>> = {
  identity: 'clients',
  policy: 'policy',
  address: 'tree',
  tls: 'tunnel',
  cache: 'cache',
  outcome: 'answered',
};
