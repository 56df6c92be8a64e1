// Owns everything behind one row: what it is, what can be done with it, and its tabs. While the exchange is under way the proxy says when it has changed.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { RecordedExchange, Summary } from '../../../flows/recorded.ts';
import { useAsked } from '../asked.ts';
import { Icon } from '../icons.tsx';
import { useKeys } from '../keyboard.ts';
import { listen, unwant, want } from '../live.ts';
import { go, route } from '../route.ts';
import { showMenuAt } from '../shell/menu.tsx';
import { chooseRule, copyCommands, replay } from '../traffic/exchange-actions.ts';
import { mayBeAllowed } from '../traffic/refusal.ts';
import { savingCommands } from '../traffic/row-commands.ts';
import { closeDetail, current, seek } from '../traffic/selection.ts';
import { standingOf, statusTone } from '../traffic/standing.ts';
import { hostText, isUnderstood, pathText } from '../traffic/url.ts';
import { durationText } from '../words.ts';
import { showAllowing } from './allowing.tsx';
import { showEditor } from './resend.tsx';
import { lastTab, shownTab, type Tab, tabsOf } from './tabs.tsx';

export function Detail({ id }: { readonly id: number }) {
  const isRevealed = useSignal(false);
  const isUnderWay = useSignal(false);
  const path = `/api/exchanges/${id}${isRevealed.value ? '?reveal=1' : ''}`;
  // What changed between the first answer and the proxy's promise to tell of changes would be missed for good.
  const { value, problem, again } = useAsked<RecordedExchange>(path, isUnderWay.value ? 2_000 : null);
  const messages = useSignal(0);
  useEffect(() => watch(id, again, (total) => (messages.value = total)), [id, again]);
  useEffect(() => {
    if (value === null) return;
    isUnderWay.value = value.summary.state === 'pending';
    if (current.value?.id !== id) seek(value.summary);
  }, [id, value]);
  if (value === null)
    return (
      <section class="detail" aria-label={`Exchange ${id}`}>
        <div class="empty">{problem === null ? 'Loading …' : <Missing text={problem} />}</div>
      </section>
    );
  const reveal = () => {
    isRevealed.value = true;
  };
  const { summary } = value;
  // Messages come oftener than the exchange is told anew.
  const exchange = messages.value > summary.messages ? { ...value, summary: { ...summary, messages: messages.value } } : value;
  return <Loaded exchange={exchange} isRevealed={isRevealed.value} reveal={reveal} />;
}

function Missing({ text }: { readonly text: string }) {
  return (
    <>
      <strong>It cannot be shown</strong>
      <p>{text}</p>
      <button type="button" class="button" onClick={closeDetail}>
        Back to the list
      </button>
    </>
  );
}

interface LoadedProps {
  readonly exchange: RecordedExchange;
  readonly isRevealed: boolean;
  readonly reveal: () => void;
}

function Loaded({ exchange, isRevealed, reveal }: LoadedProps) {
  const row = exchange.summary;
  const tabs = tabsOf(exchange);
  const tab = shownTab(tabs, route.value.tab);
  const step = (by: number) => {
    const to = tabs[(tabs.indexOf(tab) + by + tabs.length) % tabs.length]!;
    showTab(row.id, to);
  };
  useKeys({ '[': () => step(-1), ']': () => step(1) });
  return (
    <section class="detail" aria-label={`Exchange ${row.id}`}>
      <header class="detail-head">
        <Title {...row} />
        <Actions row={row} isRevealed={isRevealed} />
      </header>
      <Tabs id={row.id} tabs={tabs} shown={tab} step={step} />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard (WCAG 2.1.1). */}
      <div class="detail-body" role="tabpanel" id="detail-panel" aria-labelledby={`tab-${tab.name}`} tabIndex={0} key={tab.name}>
        {tab.draw({ exchange, isRevealed, reveal })}
      </div>
    </section>
  );
}

function Title(row: Summary) {
  const { tone, icon, words } = standingOf(row);
  return (
    <div class="detail-title">
      <h2>
        <span class="method">{row.method}</span> <span class="detail-host">{hostText(row)}</span>
        <span class="detail-path">{row.kind === 'tunnel' ? '' : pathText(row)}</span>
      </h2>
      <button type="button" class="quiet" aria-label="Close" title="Close (Esc)" onClick={closeDetail}>
        <Icon name="close" />
      </button>
      <p class="detail-standing">
        {row.status !== 0 && <span class={`detail-status number tone-${statusTone(row)}`}>{row.status}</span>}
        <span class={`tag tone-${tone}`}>
          <Icon name={icon} size={12} />
          {words}
        </span>
        {row.totalMs !== null && <span class="soft number">{durationText(row.totalMs)}</span>}
        {row.rule !== null && row.outcome !== 'denied' && <span class="soft">rule ‘{row.rule}’</span>}
        {row.replayOf !== null && (
          <a href={`#/traffic/${row.replayOf}`} class="soft">
            repeats {row.replayOf}
          </a>
        )}
      </p>
    </div>
  );
}

function Actions({ row, isRevealed }: { readonly row: Summary; readonly isRevealed: boolean }) {
  const isExchange = row.kind === 'exchange';
  const isActedOn = isExchange && isUnderstood(row);
  return (
    <div class="detail-actions">
      {isActedOn && (
        <>
          <button type="button" class="button" title="Replay (r)" onClick={() => replay(row)}>
            <Icon name="replay" size={14} /> Replay
          </button>
          <button type="button" class="button" title="Edit and resend (e)" onClick={() => showEditor(row)}>
            <Icon name="edit" size={14} /> Edit
          </button>
        </>
      )}
      <button type="button" class="button" aria-haspopup="menu" onClick={(event) => showMenuAt('Copy', event, () => copyCommands(row))}>
        <Icon name="copy" size={14} /> Copy
        <Icon name="down" size={10} />
      </button>
      {isActedOn && (
        <button type="button" class="button" aria-haspopup="menu" title="Create a rule" onClick={(event) => chooseRule(row, event)}>
          <Icon name="rules" size={14} /> Rule
          <Icon name="down" size={10} />
        </button>
      )}
      {mayBeAllowed(row) && (
        <button type="button" class="button" onClick={() => showAllowing(row)}>
          <Icon name="check" size={14} /> Allow this host …
        </button>
      )}
      {isExchange && <SaveButton row={row} isRevealed={isRevealed} />}
    </div>
  );
}

/** Saves the only content at once, and asks which of two. */
function SaveButton({ row, isRevealed }: { readonly row: Summary; readonly isRevealed: boolean }) {
  const commands = savingCommands(row, isRevealed);
  const [only] = commands;
  if (only === undefined) return null;
  const isMenu = commands.length > 1;
  return (
    <button
      type="button"
      class="button"
      aria-label="Save"
      title={isMenu ? 'Save' : only.label}
      {...(isMenu && { 'aria-haspopup': 'menu' as const })}
      onClick={(event) => (isMenu ? showMenuAt('Save', event, () => commands) : only.run())}
    >
      <Icon name="save" size={14} />
      {isMenu && <Icon name="down" size={10} />}
    </button>
  );
}

interface TabsProps {
  readonly id: number;
  readonly tabs: readonly Tab[];
  readonly shown: Tab;
  readonly step: (by: number) => void;
}

function Tabs({ id, tabs, shown, step }: TabsProps) {
  const press = (event: KeyboardEvent) => {
    if (event.key !== 'ArrowRight' && event.key !== 'ArrowLeft') return;
    event.preventDefault();
    event.stopPropagation();
    step(event.key === 'ArrowRight' ? 1 : -1);
    requestAnimationFrame(() => document.querySelector<HTMLElement>('.tab[aria-selected="true"]')?.focus());
  };
  return (
    <div class="tabs" role="tablist" aria-label="Parts of the exchange" tabIndex={-1} onKeyDown={press}>
      {tabs.map((tab) => (
        <button
          key={tab.name}
          type="button"
          role="tab"
          class="tab"
          id={`tab-${tab.name}`}
          aria-selected={tab === shown}
          aria-controls="detail-panel"
          tabIndex={tab === shown ? 0 : -1}
          onClick={() => showTab(id, tab)}
        >
          {tab.title}
          {tab.count !== null && <span class="tab-count number">{tab.count}</span>}
        </button>
      ))}
    </div>
  );
}

function showTab(id: number, { name }: Tab): void {
  lastTab.value = name;
  go({ page: 'traffic', id, tab: name }, false);
}

function watch(id: number, again: () => void, tellMessages: (total: number) => void): () => void {
  want(`exchange ${id}`, { type: 'watch', id }, { type: 'unwatch', id });
  const stop = listen((message) => {
    if (message.type === 'exchange' && message.id === id) again();
    if (message.type === 'messages' && message.id === id) tellMessages(message.total);
  });
  return () => {
    stop();
    unwant(`exchange ${id}`);
  };
}
