// Owns the page of the rewriting rules: the file as it is written, with what is wrong with it at its line, and each rule with a switch and what it has
// touched. The file is the truth: a switch changes it, and so does saving here.
import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect } from 'preact/hooks';
import { ApiProblem, write } from '../api.ts';
import { useAsked } from '../asked.ts';
import { listen } from '../live.ts';
import { attempt, tell, tellProblem } from '../shell/actions.ts';
import type { RewriteRule, RuleProblem, Rules } from '../wire.ts';
import { agoText, countText } from '../words.ts';
import { showTraffic } from './counts-table.tsx';
import { LineEditor } from './line-editor.tsx';
import { Loading, PageBody, Section } from './parts.tsx';

export function RulesPage() {
  const { value, problem, again } = useAsked<Rules>('/api/rules', 2_000);
  useEffect(
    () =>
      listen((message) => {
        if (message.type === 'rules') again();
      }),
    [again],
  );
  if (value === null) return <Loading problem={problem} />;
  return <RuleFile rules={value} again={again} />;
}

function RuleFile({ rules, again }: { readonly rules: Rules; readonly again: () => void }) {
  const text = useSignal(rules.text);
  const problems = useSignal<readonly RuleProblem[]>(rules.problems);
  const line = useSignal(0);
  const isChanged = text.value !== rules.text;
  // At once: after it can be seen, somebody may have written already.
  useLayoutEffect(() => {
    text.value = rules.text;
    problems.value = rules.problems;
  }, [rules.text]);
  const save = async (): Promise<void> => {
    try {
      await write('PUT', '/api/rules', { text: text.value });
      problems.value = [];
      tell('The rules hold from now on.');
      again();
    } catch (error) {
      if (error instanceof ApiProblem && error.problems.length > 0) problems.value = error.problems;
      else tellProblem(error);
    }
  };
  return (
    <PageBody>
      <div class="rules-columns">
        <Section title="Rules, from top to bottom">
          {rules.rules.length === 0 ? (
            <p class="soft">None yet. Write one on this page, or choose “Rule” at an exchange.</p>
          ) : (
            <ul class="rewrite-rules">
              {rules.rules.map((rule) => (
                <RuleCard key={rule.name} rule={rule} again={again} show={() => (line.value = rule.line)} />
              ))}
            </ul>
          )}
        </Section>
        <Section
          title={rules.file === '' ? 'Rewriting rules' : rules.file}
          actions={
            <>
              {isChanged && <span class="soft">not saved</span>}
              <button type="button" class="button is-main" disabled={!isChanged} title="Ctrl+S" onClick={() => void save()}>
                Save
              </button>
            </>
          }
        >
          <LineEditor
            label="The rules as YAML"
            text={text.value}
            problems={problems.value}
            goTo={line.value}
            placeholder={EXAMPLE}
            onText={(to) => (text.value = to)}
            onSave={() => void save()}
          />
          <Problems problems={problems.value} show={(to) => (line.value = to)} />
        </Section>
      </div>
    </PageBody>
  );
}

function Problems({ problems, show }: { readonly problems: readonly RuleProblem[]; readonly show: (line: number) => void }) {
  return (
    <ul class="rule-problems" role="alert">
      {problems.map(({ line, column, message }) => (
        <li key={`${line}:${column} ${message}`} class="problem">
          <button type="button" class="link" onClick={() => show(line)}>
            {line}:{column}
          </button>{' '}
          {message}
        </li>
      ))}
    </ul>
  );
}

function RuleCard({ rule, again, show }: { readonly rule: RewriteRule; readonly again: () => void; readonly show: () => void }) {
  const { name, isOn, does, match, touched, lastTouchedMs } = rule;
  const toggle = () =>
    attempt(async () => {
      await write('POST', `/api/rules/${encodeURIComponent(name)}/toggle`);
      again();
    });
  return (
    <li class={`rewrite-rule ${isOn ? '' : 'is-off'}`}>
      <input type="checkbox" class="switch" aria-label={`${name}: on`} checked={isOn} onChange={toggle} />
      <div>
        <button type="button" class="rewrite-name" onClick={show}>
          {name}
        </button>
        <p class="rewrite-does">
          {does.map((what) => (
            <span key={what} class="tag tone-opened">
              {what.replaceAll('_', ' ')}
            </span>
          ))}
          <code class="soft">{match}</code>
        </p>
        <p class="soft">
          {touched === 0 ? (
            'has touched nothing since the start'
          ) : (
            <>
              <button type="button" class="link" onClick={() => showTraffic(`touched:"${name}"`)}>
                touched {countText(touched)}
              </button>
              {lastTouchedMs !== null && `, last ${agoText(lastTouchedMs, Date.now())}`}
            </>
          )}
        </p>
      </div>
    </li>
  );
}

/** Shown where nothing is written yet. */
const EXAMPLE = `version: 1
rules:
  - name: Local copy of the app
    match: host:app.example path:/static/
    map_local: ./site
  - name: Staging
    match: host:api.example
    map_remote: https://staging.example
  - name: Maintenance
    match: host:shop.example method:POST
    answer: { status: 503, body: "Back in a minute." }
  - name: On the train
    match: host:app.example
    throttle: 3g
    on: false
`;
