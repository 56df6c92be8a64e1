// Owns the line on top: which page, what the proxy is doing, and whether we still hear of it.

import { sizeText } from '../../../match/units.ts';
import { Icon } from '../icons.tsx';
import { connection } from '../live.ts';
import { type Theme, theme } from '../preferences.ts';
import { fragmentOf, route } from '../route.ts';
import { perSecond, status } from '../status.ts';
import type { Status } from '../wire.ts';
import { countText } from '../words.ts';
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

function Facts({ recording, dropped, listening, openConnections }: Status) {
  const rate = perSecond.value;
  const lost = (dropped?.exchanges ?? 0) + (dropped?.contents ?? 0);
  return (
    <div class="facts">
      <RecordingFact recording={recording} />
      {recording !== null && (
        <a
          class="fact"
          href={fragmentOf({ page: 'sessions' })}
          title={`Session ‘${recording.session}’: ${countText(recording.exchanges)} exchanges`}
        >
          {recording.session}
          <span class="soft wide-only">
            {sizeText(recording.bytes)} of {sizeText(recording.maxBytes)}
          </span>
        </a>
      )}
      <span class="fact wide-only" title="Exchanges a second, and connections that are open">
        <span class="number">{rate === null ? '–' : rate < 10 ? rate.toFixed(1) : countText(Math.round(rate))} /s</span>
        <span class="soft number">{countText(openConnections)} open</span>
      </span>
      <span class="fact soft very-wide-only" title="Where clients reach the proxy">
        {listening.map((url) => url.replace(/^http:\/\/|\/$/g, '')).join(', ')}
      </span>
      {lost > 0 && (
        <span class="fact is-problem" title="The disk was slower than the traffic. Nothing that passed was held up.">
          {countText(lost)} not kept
        </span>
      )}
    </div>
  );
}

function RecordingFact({ recording }: Pick<Status, 'recording'>) {
  if (recording === null)
    return (
      <span class="fact recording" title="Turn it on with record: on in the settings">
        <span class="dot" aria-hidden="true" />
        Not recording
      </span>
    );
  if (recording.problem !== null) return <span class="fact is-problem">{recording.problem}</span>;
  return (
    <span class="fact recording is-on" title="What passes is being recorded">
      <span class="dot" aria-hidden="true" />
      Recording
    </span>
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
