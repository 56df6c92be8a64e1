// Owns the line in which a filter is written: completion as one types, the place and the reason where it cannot be read, what was asked before, and
// chips for what is asked most.
import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { type Completion, completionsAt } from '../../../flows/filter/complete.ts';
import { Icon } from '../icons.tsx';
import { useKeys } from '../keyboard.ts';
import { addToFilter, filterHistory, filterProblem, filterText, hasTerm, rememberFilter, typeFilter, writeFilter } from './filter-text.ts';
import { knownHosts } from './hosts.ts';

/** What is offered below the line; `null` while nothing is. */
interface Offer {
  readonly from: number;
  readonly items: readonly Completion[];
  readonly chosen: number;
}

const offer = signal<Offer | null>(null);

export function FilterBar() {
  const input = useRef<HTMLInputElement>(null);
  useKeys({ '/': () => input.current?.select() });
  // What is only missing yet at the end is being offered below.
  const isUnfinished = offer.value !== null && (filterProblem.value?.column ?? 0) > filterText.value.length;
  const problem = isUnfinished ? null : filterProblem.value;
  return (
    <search class="filter-bar">
      <div class={`filter-line ${problem === null ? '' : 'has-problem'}`}>
        <Icon name="search" />
        <FilterInput input={input} />
        {filterText.value !== '' && (
          <button type="button" class="quiet" aria-label="Clear the filter" onClick={() => writeFilter('')}>
            <Icon name="close" size={12} />
          </button>
        )}
        <kbd class="wide-only">/</kbd>
        {problem !== null && <Problem column={problem.column} message={problem.message} />}
        {offer.value !== null && <Offered input={input} {...offer.value} />}
      </div>
      <div class="chips">
        {CHIPS.map(([term, label]) => (
          <button key={term} type="button" class="chip" aria-pressed={hasTerm(term)} title={term} onClick={() => addToFilter(term)}>
            {label}
          </button>
        ))}
      </div>
    </search>
  );
}

function FilterInput({ input }: { readonly input: { current: HTMLInputElement | null } }) {
  const isOpen = offer.value !== null;
  useEffect(
    () => () => {
      offer.value = null;
    },
    [],
  );
  return (
    <input
      ref={input}
      class="filter-input"
      type="text"
      role="combobox"
      aria-label="Filter"
      aria-expanded={isOpen}
      aria-controls="filter-offers"
      aria-activedescendant={isOpen && offer.value!.chosen >= 0 ? `filter-offer-${offer.value!.chosen}` : undefined}
      aria-invalid={filterProblem.value !== null}
      aria-describedby={filterProblem.value === null ? undefined : 'filter-problem'}
      autocomplete="off"
      autocapitalize="off"
      spellcheck={false}
      placeholder="Filter: host:shop.example status:5xx, or ~m POST"
      value={filterText.value}
      onInput={({ currentTarget }) => {
        typeFilter(currentTarget.value);
        suggest(currentTarget);
      }}
      onFocus={({ currentTarget }) => suggest(currentTarget)}
      onClick={({ currentTarget }) => suggest(currentTarget)}
      onBlur={() => {
        offer.value = null;
        rememberFilter();
      }}
      onKeyDown={(event) => press(event, input.current!)}
    />
  );
}

function Problem({ column, message }: { readonly column: number; readonly message: string }) {
  return (
    <div class="filter-problem" id="filter-problem" role="alert">
      {/* As wide as the text in front of it, since both have letters of one width. */}
      <span class="filter-caret" aria-hidden="true">
        {' '.repeat(Math.min(column - 1, 120))}▲
      </span>
      <span>
        Column {column}: {message}
      </span>
    </div>
  );
}

function Offered({ items, chosen, input }: Offer & { readonly input: { current: HTMLInputElement | null } }) {
  return (
    <div class="offers" id="filter-offers" role="listbox" aria-label="Completions" tabIndex={-1}>
      {items.map((item, at) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the keyboard chooses from the line above.
        // biome-ignore lint/a11y/useFocusableInteractive: as above; the line keeps the focus.
        <div
          key={item.text}
          id={`filter-offer-${at}`}
          class="offer"
          role="option"
          aria-selected={at === chosen}
          // Without this the line would lose the focus before the click counts.
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => take(item, input.current!)}
        >
          <code>{item.text}</code>
          <span class="soft">{item.meaning}</span>
        </div>
      ))}
    </div>
  );
}

function suggest(input: HTMLInputElement): void {
  const cursor = input.selectionStart ?? input.value.length;
  if (input.value === '') {
    const before = filterHistory.value.map((text) => ({ text, meaning: 'asked before' }));
    offer.value = { from: 0, items: [...before, ...BEGINNINGS].slice(0, MOST_OFFERS), chosen: -1 };
    return;
  }
  const { from, items } = completionsAt(input.value, cursor, { 'host:': knownHosts.value });
  const isDone = items.length === 1 && input.value.slice(from, cursor) === items[0]!.text;
  offer.value = items.length === 0 || isDone ? null : { from, items: items.slice(0, MOST_OFFERS), chosen: -1 };
}

function take({ text }: Completion, input: HTMLInputElement): void {
  const { from } = offer.value!;
  const cursor = input.selectionStart ?? input.value.length;
  writeFilter(input.value.slice(0, from) + text + input.value.slice(cursor));
  // What is written reaches the element with the next drawing.
  requestAnimationFrame(() => {
    input.setSelectionRange(from + text.length, from + text.length);
    if (text.endsWith(':') || text.endsWith(' ')) suggest(input);
    else offer.value = null;
  });
}

function press(event: KeyboardEvent, input: HTMLInputElement): void {
  const open = offer.value;
  if (event.key === 'Escape') {
    if (open === null) input.blur();
    offer.value = null;
  } else if (event.key === 'Enter') {
    if (open !== null && open.chosen >= 0) take(open.items[open.chosen]!, input);
    else {
      offer.value = null;
      rememberFilter();
      document.getElementById('traffic-list')?.focus();
    }
  } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
    if (open === null) suggest(input);
    else offer.value = { ...open, chosen: (open.chosen + (event.key === 'ArrowDown' ? 1 : -1) + open.items.length) % open.items.length };
  } else if (event.key === 'Tab' && open !== null && open.items.length > 0 && input.value !== '')
    take(open.items[Math.max(0, open.chosen)]!, input);
  else return;
  event.preventDefault();
}

const CHIPS: readonly (readonly [term: string, label: string])[] = [
  ['is:denied', 'Denied'],
  ['is:failed', 'Failed'],
  ['status:4xx', '4xx'],
  ['status:5xx', '5xx'],
  ['is:hit', 'Cache hits'],
  ['type:json', 'JSON'],
  ['is:websocket', 'WebSocket'],
  ['is:slow', 'Slow'],
  ['is:rewritten', 'Changed'],
  ['!~a', 'No assets'],
];
const BEGINNINGS: readonly Completion[] = [
  { text: 'host:', meaning: 'a host and what is under it' },
  { text: 'is:', meaning: 'a state: hit, denied, failed, slow …' },
  { text: 'status:', meaning: '404, 5xx, 400-499, >=400' },
  { text: 'method:', meaning: 'GET, POST …' },
  { text: 'type:', meaning: 'of the content: json, html, image' },
  { text: 'time:', meaning: '>500ms' },
  { text: 'size:', meaning: '>1MiB' },
  { text: 'body:', meaning: 'text in either content' },
];
const MOST_OFFERS = 10;
