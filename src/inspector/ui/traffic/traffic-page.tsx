// Owns the page of the traffic: filter, hosts, list and detail, and how they share the screen. Beside each other where there is room, the detail below
// the list where there is less, and alone on a phone.
import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { Detail } from '../detail/detail.tsx';
import { showDiff } from '../detail/diff.tsx';
import { showEditor } from '../detail/resend.tsx';
import { Icon, type IconName } from '../icons.tsx';
import { useKeys } from '../keyboard.ts';
import { preference } from '../preferences.ts';
import { route } from '../route.ts';
import { openedSession } from '../session.ts';
import { type Command, showMenuAt } from '../shell/menu.tsx';
import { NotRecording } from '../shell/not-recording.tsx';
import { Split } from '../shell/split.tsx';
import { status } from '../status.ts';
import { counted, countText } from '../words.ts';
import { copyAs, replay } from './exchange-actions.ts';
import { FilterBar } from './filter-bar.tsx';
import { chosenHost, effectiveFilter, writeFilter } from './filter-text.ts';
import { HostTree } from './host-tree.tsx';
import { List } from './list.tsx';
import { columnCommands } from './list-head.tsx';
import { order } from './order.ts';
import { closeDetail, current, lookAtSession, second, toggleSecond } from './selection.ts';
import { transferCommands } from './transfer.ts';
import { TrafficView } from './view.ts';

const hasTree = preference<boolean>('tree', innerWidth >= 1440, (value) => typeof value === 'boolean');

export function TrafficPage() {
  const view = useMemo(() => new TrafficView(), []);
  useEffect(() => () => view.close(), [view]);
  const [filter, by] = [effectiveFilter.value, order.value];
  useEffect(() => view.show(filter, by), [view, filter, by]);
  const width = usePageWidth();
  useTrafficKeys();
  const { id } = route.value;
  // Whether there is any: how many, the foot and the list tell, and nothing else is drawn for it.
  const isEmpty = useComputed(() => view.total.value === 0);
  const isNarrow = width <= 720;
  const list = (
    <div class="list-side">
      <div class="list-and-tree">
        {hasTree.value && !isNarrow && <HostTree />}
        <div class="list-frame">
          <List view={view} isNarrow={isNarrow} />
          {isEmpty.value && <NothingHere isWaiting={view.isWaiting.value} />}
        </div>
      </div>
      <Foot view={view} isNarrow={isNarrow} />
    </div>
  );
  const detail = id === null ? null : <Detail key={id} id={id} />;
  return (
    <div class="traffic">
      {openedSession.value !== null && <OtherSession name={openedSession.value} />}
      {(detail === null || !isNarrow) && <FilterBar />}
      <Split name="detail" isBelow={width < 1000} isAlone={isNarrow} first={list} second={detail} />
    </div>
  );
}

function OtherSession({ name }: { readonly name: string }) {
  return (
    <p class="other-session" role="status">
      <Icon name="sessions" size={14} />
      <span>
        You look at the session <strong>{name}</strong>. What passes now is in another one.
      </span>
      <button type="button" class="link" onClick={() => lookAtSession(null)}>
        Back to what passes now
      </button>
    </p>
  );
}

function Foot({ view, isNarrow }: { readonly view: TrafficView; readonly isNarrow: boolean }) {
  const toggleTree = () => {
    hasTree.value = !hasTree.value;
  };
  const other = second.value;
  const recorded = openedSession.value === null ? (status.value?.recording?.exchanges ?? null) : null;
  // The list may be ahead of the status, which comes once a second.
  const all = recorded === null ? null : Math.max(recorded, view.total.value);
  const progress = view.progress.value;
  return (
    <div class="list-foot">
      {!isNarrow && (
        <button
          type="button"
          class="quiet"
          aria-pressed={hasTree.value}
          aria-label="Tree of hosts"
          title="Tree of hosts"
          onClick={toggleTree}
        >
          <Icon name="tree" />
        </button>
      )}
      <span class="number">{counted(view.total.value, 'exchange')}</span>
      {all !== null && effectiveFilter.value !== '' && <span class="soft number wide-only">of {countText(all)}</span>}
      {progress !== null && <span class="soft number">searched {countText(progress.scanned)}</span>}
      {other !== null && current.value !== null && other.id !== current.value.id && (
        <button type="button" class="button" onClick={() => showDiff(other, current.value!)}>
          <Icon name="diff" size={14} /> Compare {other.id} and {current.value.id}
        </button>
      )}
      <span class="grow" />
      {view.problem.value !== null && <span class="tone-failed">{view.problem.value.message}</span>}
      {order.value === 'id' && (
        <button
          type="button"
          class="quiet"
          aria-pressed={view.isFollowing.value}
          title="Follow the newest (f)"
          onClick={() => view.follow(!view.isFollowing.value)}
        >
          <Icon name="follow" /> Follow
        </button>
      )}
      <MenuButton label="Export and import" icon="save" commands={transferCommands} />
      {!isNarrow && <MenuButton label="Columns" icon="columns" commands={columnCommands} />}
    </div>
  );
}

interface MenuButtonProps {
  readonly label: string;
  readonly icon: IconName;
  readonly commands: () => readonly Command[];
}

function MenuButton({ label, icon, commands }: MenuButtonProps) {
  return (
    <button type="button" class="quiet" aria-label={label} title={label} onClick={(event) => showMenuAt(label, event, commands)}>
      <Icon name={icon} />
    </button>
  );
}

function NothingHere({ isWaiting }: { readonly isWaiting: boolean }) {
  if (status.value?.recording === null)
    return (
      <div class="over-list">
        <NotRecording />
      </div>
    );
  if (isWaiting) return null;
  if (effectiveFilter.value !== '')
    return (
      <div class="empty over-list">
        <strong>Nothing matches this filter</strong>
        <p>What comes and matches will show up here.</p>
        <button type="button" class="button" onClick={clearFilter}>
          Clear the filter
        </button>
      </div>
    );
  const address = status.value?.listening[0] ?? 'http://127.0.0.1:8080';
  return (
    <div class="empty over-list">
      <strong>Waiting for the first request</strong>
      <p>Set {address} as the proxy of a browser or a program, or try it out in a terminal:</p>
      <code>curl --proxy {address} http://example.com/</code>
    </div>
  );
}

function clearFilter(): void {
  writeFilter('');
  chosenHost.value = null;
}

function useTrafficKeys(): void {
  const on = (act: (row: NonNullable<typeof current.value>) => void) => () => {
    if (current.value !== null) act(current.value);
  };
  useKeys({
    r: on(replay),
    e: on(showEditor),
    c: on((row) => copyAs(row, 'curl', 'a curl command')),
    d: on((row) => {
      if (second.value !== null && second.value.id !== row.id) showDiff(second.value, row);
    }),
    x: on(toggleSecond),
    Escape: () => {
      if (second.value !== null) second.value = null;
      else closeDetail();
      document.getElementById('traffic-list')?.focus();
    },
  });
}

function usePageWidth(): number {
  const width = useSignal(innerWidth);
  useEffect(() => {
    const measure = () => {
      width.value = innerWidth;
    };
    addEventListener('resize', measure);
    return () => removeEventListener('resize', measure);
  }, []);
  return width.value;
}
