// Owns the page of the breakpoints: which exchanges stop, and those that stand still now, to be edited and sent on, let go, dropped or answered.
import { useSignal } from '@preact/signals';
import { parseFilter } from '../../../flows/filter/parse.ts';
import { getJson, write } from '../api.ts';
import { useAsked } from '../asked.ts';
import { type Draft, draftOf, editedOf, MessageEditor } from '../detail/message-editor.tsx';
import { Icon } from '../icons.tsx';
import { fragmentOf } from '../route.ts';
import { attempt, tell } from '../shell/actions.ts';
import { held } from '../status.ts';
import type { Breakpoint, Breakpoints, Held, Stage } from '../wire.ts';
import { agoText, octetsOf } from '../words.ts';
import { Loading, PageBody, Section } from './parts.tsx';

export function BreakpointsPage() {
  // What is held is told as it changes; an answer may be from before.
  const { value, problem, again } = useAsked<Breakpoints>('/api/breakpoints');
  if (value === null) return <Loading problem={problem} />;
  const put = async (breakpoints: readonly Breakpoint[]): Promise<void> => {
    await write('PUT', '/api/breakpoints', breakpoints);
    again();
  };
  return (
    <PageBody>
      <Section title="Held now">
        {held.value.length === 0 ? (
          <p class="soft">Nothing. What matches a breakpoint below waits here for you, and its client waits with it.</p>
        ) : (
          <Queue />
        )}
      </Section>
      <Section title="Breakpoints">
        <NewBreakpoint add={(breakpoint) => put([...value.breakpoints, breakpoint])} />
        <ul class="breakpoint-list">
          {value.breakpoints.map((breakpoint, at) => (
            <li key={`${at} ${breakpoint.filter}`} class={breakpoint.isOn ? '' : 'is-off'}>
              <input
                type="checkbox"
                class="switch"
                aria-label={`${breakpoint.filter}: on`}
                checked={breakpoint.isOn}
                onChange={() => attempt(() => put(value.breakpoints.with(at, { ...breakpoint, isOn: !breakpoint.isOn })))}
              />
              <code>{breakpoint.filter}</code>
              <span class="soft">{STAGES[breakpoint.at]}</span>
              <span class="grow" />
              <button
                type="button"
                class="quiet"
                aria-label={`Remove ${breakpoint.filter}`}
                title="Remove"
                onClick={() => attempt(() => put(value.breakpoints.toSpliced(at, 1)))}
              >
                <Icon name="trash" size={14} />
              </button>
            </li>
          ))}
        </ul>
      </Section>
    </PageBody>
  );
}

function NewBreakpoint({ add }: { readonly add: (breakpoint: Breakpoint) => Promise<void> }) {
  const filter = useSignal('');
  const at = useSignal<Stage>('request');
  const parsed = filter.value.trim() === '' ? null : parseFilter(filter.value);
  const problem = parsed !== null && 'problem' in parsed ? parsed.problem : null;
  const submit = (event: Event) => {
    event.preventDefault();
    if (problem !== null || filter.value.trim() === '') return;
    const text = filter.value;
    attempt(async () => {
      await add({ filter: text.trim(), at: at.value, isOn: true });
      // What is refused stays, to be mended, and so does what was typed meanwhile.
      if (filter.value === text) filter.value = '';
    });
  };
  return (
    <form class="form-line" onSubmit={submit}>
      <select
        class="field"
        aria-label="Where it stops"
        value={at.value}
        onChange={({ currentTarget }) => (at.value = currentTarget.value as Stage)}
      >
        {Object.entries(STAGES).map(([stage, words]) => (
          <option key={stage} value={stage}>
            {words}
          </option>
        ))}
      </select>
      <input
        class="field is-long mono"
        aria-label="Filter of the breakpoint"
        aria-invalid={problem !== null}
        placeholder="host:api.shop.example method:POST"
        value={filter.value}
        onInput={({ currentTarget }) => (filter.value = currentTarget.value)}
      />
      <button type="submit" class="button is-main" disabled={filter.value.trim() === '' || problem !== null}>
        Add
      </button>
      {problem !== null && (
        <p class="tone-denied form-problem" role="alert">
          Column {problem.column}: {problem.message}
        </p>
      )}
    </form>
  );
}

function Queue() {
  const chosen = useSignal<number | null>(null);
  const shown = held.value.find(({ number }) => number === chosen.value) ?? held.value[0]!;
  return (
    <div class="queue">
      <ul class="queue-list">
        {held.value.map((each) => (
          <li key={each.number}>
            <button type="button" class="queue-item" aria-pressed={each === shown} onClick={() => (chosen.value = each.number)}>
              <span class="method">{markOf(each)}</span>
              <span class="queue-url">{each.url}</span>
              <span class="soft number">{agoText(each.sinceMs, Date.now())}</span>
            </button>
          </li>
        ))}
      </ul>
      <HeldMessage key={shown.number} {...shown} />
    </div>
  );
}

function markOf({ direction, status, method }: Held): string {
  if (direction !== undefined) return direction === 'from-client' ? '↑' : '↓';
  return status === null ? method : String(status);
}

/** With its secrets masked, until somebody wants to see them. A mask that is left as it is stands for its secret. */
function HeldMessage(message: Held) {
  const whole = useSignal<Held | null>(null);
  const reveal = () =>
    attempt(async () => {
      const now = await getJson<{ readonly held: readonly Held[] }>('/api/breakpoints/held?reveal=1');
      whole.value = now.held.find(({ number }) => number === message.number) ?? null;
    });
  return <HeldEditor key={whole.value === null ? 'masked' : 'whole'} message={whole.value ?? message} reveal={reveal} />;
}

function HeldEditor({ message, reveal }: { readonly message: Held; readonly reveal: () => void }) {
  const { number, at, exchangeId, method, url, status, fields, content, hasContent } = message;
  const first = draftOf({ method, url, status }, at === 'message' ? null : fields, hasContent ? octetsOf(content) : null);
  const draft = useSignal<Draft>(first);
  /** What the client is to get in the origin's place; `null` while the request is looked at. */
  const answer = useSignal<Draft | null>(null);
  const isEdited = JSON.stringify(draft.value) !== JSON.stringify(first);
  const decide = (action: 'continue' | 'drop' | 'answer', edited: Draft | null) =>
    attempt(async () => {
      await write('POST', `/api/breakpoints/held/${number}`, { action, ...(edited !== null && { edited: releaseOf(edited) }) });
      held.value = held.value.filter((other) => other.number !== number);
      tell(WORDS[action]);
    });
  return (
    <div class="held">
      <p class="soft">
        {answer.value === null ? HELD[at] : 'The answer'} of{' '}
        <a href={fragmentOf({ page: 'traffic', id: exchangeId })}>exchange {exchangeId}</a>
        {answer.value === null && hasMask(first) && (
          <>
            . Its secrets are masked, and go on as they are.{' '}
            <button type="button" class="link" onClick={reveal}>
              Show them
            </button>
          </>
        )}
      </p>
      {answer.value === null ? (
        <MessageEditor draft={draft.value} onChange={(changed) => (draft.value = changed)} />
      ) : (
        <MessageEditor draft={answer.value} onChange={(changed) => (answer.value = changed)} />
      )}
      <div class="held-actions">
        {answer.value === null ? (
          <>
            <button type="button" class="button is-main" onClick={() => decide('continue', isEdited ? draft.value : null)}>
              <Icon name="step" size={14} /> {isEdited ? 'Continue as edited' : 'Continue'}
            </button>
            {at === 'request' && (
              <button type="button" class="button" onClick={() => (answer.value = { ...ANSWER, url })}>
                <Icon name="answered" size={14} /> Answer …
              </button>
            )}
          </>
        ) : (
          <>
            <button type="button" class="button is-main" onClick={() => decide('answer', answer.value)}>
              <Icon name="answered" size={14} /> Answer with this
            </button>
            <button type="button" class="button" onClick={() => (answer.value = null)}>
              Back to the request
            </button>
          </>
        )}
        <button type="button" class="button is-danger" onClick={() => decide('drop', null)}>
          <Icon name="close" size={14} /> Drop
        </button>
      </div>
    </div>
  );
}

function hasMask({ url, fields, text }: Draft): boolean {
  return [url, fields, text].some((each) => each?.includes('‹masked') === true);
}

/** @throws Error for fields that are none */
function releaseOf(draft: Draft): object {
  const { method, url, status, fields } = draft;
  const first = fields === null ? {} : status === null ? { method, url } : { status };
  return { ...first, ...editedOf(draft) };
}

const STAGES: Readonly<Record<Stage, string>> = {
  request: 'Before the request goes on',
  response: 'Before the response goes on',
  message: 'Each message of a WebSocket',
};
const HELD: Readonly<Record<Stage, string>> = { request: 'The request', response: 'The response', message: 'A message' };
const WORDS = {
  continue: 'It goes on.',
  drop: 'Dropped.',
  answer: 'Answered in the origin’s place.',
} as const;
/** To begin with. */
const ANSWER = { method: '', status: 200, fields: 'Content-Type: application/json', text: '{}', content: '' } as const;
