// Owns the line on top: which page, what the proxy is doing, and whether we still hear of it.
import { Icon } from '../icons.tsx';
import { connection } from '../live.ts';
import { type Theme, theme } from '../preferences.ts';
import { fragmentOf, route } from '../route.ts';
import { status } from '../status.ts';
import type { Status } from '../wire.ts';
import { bytesText, countText } from '../words.ts';
import { showKeyboardHelp } from './keyboard-help.tsx';
import { PAGE_TITLES } from './rail.tsx';

export function Header() {
  return (
    <header class="header">
      <h1>{PAGE_TITLES[route.value.page]}</h1>
      {connection.value === 'lost' ? <Reconnecting /> : status.value !== null && <Facts {...status.value} />}
      <span class="grow" />
      <button type="button" class="quiet" aria-label={`Colours: ${theme.value}`} title={`Colours: ${theme.value} (t)`} onClick={nextTheme}>
        <Icon name={theme.value} />
      </button>
      <button type="button" class="quiet wide-only" aria-label="Keyboard" title="Keyboard (?)" onClick={showKeyboardHelp}>
        <Icon name="keyboard" />
      </button>
    </header>
  );
}

function Facts({ isRecording, session, perSecond, active, dropped, listeners }: Status) {
  return (
    <div class="facts">
      <span
        class={`fact recording ${isRecording ? 'is-on' : ''}`}
        title={isRecording ? 'What passes is being recorded' : 'Recording is off: record in the settings'}
      >
        <span class="dot" aria-hidden="true" />
        {isRecording ? 'Recording' : 'Not recording'}
      </span>
      <a
        class="fact"
        href={fragmentOf({ page: 'sessions' })}
        title={`Session ‘${session.name}’, ${countText(session.exchanges)} exchanges, ${bytesText(session.bytes)} on disk`}
      >
        {session.name}
        <span class="soft wide-only"> · {bytesText(session.bytes)}</span>
      </a>
      <span class="fact wide-only" title="Exchanges a second; how many are under way">
        <span class="number">{perSecond < 10 ? perSecond.toFixed(1) : Math.round(perSecond)}</span>/s
        <span class="soft"> · {countText(active)} open</span>
      </span>
      <span class="fact soft very-wide-only" title="Where clients reach the proxy">
        {listeners.join(', ')}
      </span>
      {dropped.exchanges + dropped.contents > 0 && (
        <span class="fact is-problem" title="The disk was slower than the traffic. Nothing that passed was held up.">
          {countText(dropped.exchanges)} exchanges and {countText(dropped.contents)} contents not kept
        </span>
      )}
    </div>
  );
}

function Reconnecting() {
  return (
    <div class="facts" role="status">
      <span class="fact is-problem">
        <Icon name="pending" size={14} />
        The proxy does not answer. Trying again …
      </span>
    </div>
  );
}

export function nextTheme(): void {
  const order: readonly Theme[] = ['system', 'light', 'dark'];
  theme.value = order[(order.indexOf(theme.value) + 1) % order.length]!;
}
