// Owns the page of the policy: which rules hold, how often each decided and which never did, and what would become of a request that nobody has made.
import { useSignal } from '@preact/signals';
import { problemText, write } from '../api.ts';
import { useAsked } from '../asked.ts';
import { ACTION_TONES, RuleSteps } from '../detail/why-tab.tsx';
import type { Explained, Policy, PolicyRule } from '../wire.ts';
import { agoText, counted, countText } from '../words.ts';
import { showTraffic } from './counts-table.tsx';
import { Loading, PageBody, Section, ShareBar, TextField } from './parts.tsx';

export function PolicyPage() {
  const { value, problem } = useAsked<Policy>('/api/policy', 3_000);
  return (
    <PageBody>
      <ExplainBox />
      {value === null ? <Loading problem={problem} /> : <RuleTable {...value} />}
    </PageBody>
  );
}

function ExplainBox() {
  const method = useSignal('GET');
  const url = useSignal('');
  const user = useSignal('');
  const client = useSignal('');
  const explained = useSignal<Explained | null>(null);
  const problem = useSignal<string | null>(null);
  const ask = async (event: Event): Promise<void> => {
    event.preventDefault();
    const question = {
      method: method.value,
      url: url.value.includes('://') || method.value === 'CONNECT' ? url.value : `https://${url.value}`,
    };
    const asker = { ...(user.value !== '' && { user: user.value }), ...(client.value !== '' && { client: client.value }) };
    try {
      explained.value = await write<Explained>('POST', '/api/policy/explain', { ...question, ...asker });
      problem.value = null;
    } catch (error) {
      // What was said of another question would be taken for the answer to this one.
      explained.value = null;
      problem.value = problemText(error);
    }
  };
  return (
    <Section title="What would become of a request?">
      <form class="form-line" onSubmit={(event) => void ask(event)}>
        <select
          class="field"
          aria-label="Method"
          value={method.value}
          onChange={({ currentTarget }) => (method.value = currentTarget.value)}
        >
          {METHODS.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
        <TextField label="URL" placeholder="https://shop.example/cart" text={url} isLong isRequired />
        <TextField label="User" placeholder="user" text={user} />
        <TextField label="Client address" placeholder="127.0.0.1" text={client} />
        <button type="submit" class="button is-main">
          Explain
        </button>
      </form>
      {problem.value !== null && <p class="problem">{problem.value}</p>}
      {explained.value !== null && (
        <div class="explained" role="status">
          <p class="verdict-line">
            <span class={`tag tone-${ACTION_TONES[explained.value.verdict] ?? 'plain'}`}>{explained.value.verdict}</span>
            <strong>{explained.value.sentence}</strong>
          </p>
          <RuleSteps steps={explained.value.steps} />
        </div>
      )}
    </Section>
  );
}

function RuleTable({ rules, default: otherwise, file, tests }: Policy) {
  const most = Math.max(1, ...rules.map(({ hits }) => hits ?? 0));
  const never = rules.filter(({ hits }) => hits === 0).length;
  return (
    <Section
      title={file ?? 'Policy'}
      actions={
        <span class="soft">
          {[counted(rules.length, 'rule'), counted(tests, 'test'), ...(never > 0 ? [`${never} never hit`] : [])].join(' · ')}
        </span>
      }
    >
      <table class="plain-table rule-table">
        <thead>
          <tr>
            <th scope="col">No</th>
            <th scope="col">Rule</th>
            <th scope="col">Decides</th>
            <th scope="col" class="is-right">
              Hits
            </th>
            <th scope="col">Last</th>
            <th scope="col">Where</th>
          </tr>
        </thead>
        <tbody>
          {rules.map((rule) => (
            <RuleRow key={rule.number} {...rule} most={most} />
          ))}
          <tr>
            <td />
            <td>everything else</td>
            <td>
              <span class={`tag tone-${ACTION_TONES[otherwise.action] ?? 'plain'}`}>{otherwise.action}</span>
            </td>
            <td class="is-right number">{otherwise.hits === null ? '–' : countText(otherwise.hits)}</td>
            <td class="soft">{lastHitText(otherwise)}</td>
            <td>
              <code class="place">
                {otherwise.file}:{otherwise.line}
              </code>
            </td>
          </tr>
        </tbody>
      </table>
      {otherwise.hits === null && <p class="soft">Hits are counted of what is recorded, and nothing is: record is off.</p>}
    </Section>
  );
}

function lastHitText({ hits, lastHitMs }: Pick<PolicyRule, 'hits' | 'lastHitMs'>): string {
  if (hits === null) return '–';
  return lastHitMs === null ? 'never' : agoText(lastHitMs, Date.now());
}

function RuleRow({ number, name, action, file, line, text, hits, lastHitMs, most }: PolicyRule & { readonly most: number }) {
  const filter = `rule:"${name ?? `${file}:${line}`}"`;
  return (
    <tr class={hits === 0 ? 'is-never' : ''}>
      <td class="soft number">{number}</td>
      <td>
        <details>
          <summary>{name ?? `${file}:${line}`}</summary>
          <pre class="rule-text">{text}</pre>
        </details>
      </td>
      <td>
        <span class={`tag tone-${ACTION_TONES[action] ?? 'plain'}`}>{action}</span>
      </td>
      <td class="is-right number">
        {hits === null || hits === 0 ? (
          <span class="soft">{hits ?? '–'}</span>
        ) : (
          <button type="button" class="link" onClick={() => showTraffic(filter)}>
            {countText(hits)}
          </button>
        )}
        <ShareBar share={Math.sqrt((hits ?? 0) / most)} tone={action === 'deny' ? 'denied' : 'plain'} />
      </td>
      <td class="soft">{lastHitText({ hits, lastHitMs })}</td>
      <td>
        <code class="place">
          {file}:{line}
        </code>
      </td>
    </tr>
  );
}

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH', 'CONNECT'] as const;
