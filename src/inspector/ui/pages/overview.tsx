// Owns the page of numbers: how much passes now, what became of it, where it goes and what the cache spared.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Overview, SecondCounts } from '../../../flows/store/protocol.ts';
import { sizeText } from '../../../match/units.ts';
import { getJson } from '../api.ts';
import { listen, unwant, want } from '../live.ts';
import { NotRecording } from '../shell/not-recording.tsx';
import { status } from '../status.ts';
import { countText, dayText, shareText } from '../words.ts';
import { CountsTable, showTraffic } from './counts-table.tsx';
import { Loading, PageBody, SavedTile, Section, Tile } from './parts.tsx';
import { Plot } from './plot.tsx';

export function OverviewPage() {
  const overview = useSignal<Overview | null>(null);
  useEffect(() => {
    const stop = listen((message) => {
      if (message.type === 'overview') overview.value = message;
    });
    want('overview', { type: 'overview', on: true }, { type: 'overview', on: false });
    getJson<Overview | null>('/api/overview').then(
      (came) => {
        overview.value ??= came;
      },
      () => {
        // The WebSocket brings it, too.
      },
    );
    return () => {
      stop();
      unwant('overview');
    };
  }, []);
  if (status.value?.recording === null) return <NotRecording />;
  if (overview.value === null) return <Loading problem={null} />;
  return <Numbers {...overview.value} />;
}

function Numbers(overview: Overview) {
  const { exchanges, denied, failed, hits, bytes, statuses, sinceMs } = overview;
  const { timesMs, steps } = stepsOf(overview.seconds);
  const perStep = (of: (second: SecondCounts) => number) =>
    steps.map((seconds) => seconds.reduce((sum, each) => sum + of(each), 0) / STEP_SECONDS);
  return (
    <PageBody>
      <div class="tiles">
        <Tile title="Exchanges" value={countText(exchanges)} />
        <Tile
          title="Denied"
          value={countText(denied)}
          note={shareText(denied, exchanges)}
          tone="denied"
          open={() => showTraffic('is:denied')}
        />
        <Tile
          title="Failed"
          value={countText(failed)}
          note={shareText(failed, exchanges)}
          tone="failed"
          open={() => showTraffic('is:failed')}
        />
        <Tile
          title="From the cache"
          value={countText(hits)}
          note={shareText(hits, exchanges)}
          tone="hit"
          open={() => showTraffic('is:hit')}
        />
        <Tile title="Transferred" value={sizeText(bytes)} />
        <SavedTile {...overview} />
      </div>
      {sinceMs !== null && <p class="soft">All that ended since {dayText(sinceMs)} is counted, also what had to make room for others.</p>}
      <div class="plots">
        <Plot
          title="Exchanges a second"
          timesMs={timesMs}
          format={(value) => (value < 10 ? value.toFixed(1) : countText(Math.round(value)))}
          series={[
            { name: 'All', tone: 'accent', values: perStep((second) => second.exchanges) },
            { name: 'From the cache', tone: 'hit', values: perStep((second) => second.hits) },
            { name: 'Denied', tone: 'denied', values: perStep((second) => second.denied) },
            { name: 'Failed', tone: 'failed', values: perStep((second) => second.failed) },
          ]}
        />
        <Plot
          title="Content a second"
          timesMs={timesMs}
          isOctets
          format={sizeText}
          series={[{ name: 'Both ways', tone: 'accent', values: perStep((second) => second.bytes) }]}
        />
      </div>
      <Statuses statuses={statuses} />
      <div class="columns">
        <Section title="Hosts">
          <CountsTable head="Name" rows={overview.hosts.slice(0, MOST_ROWS)} word="host:" />
        </Section>
        <Section title="Types">
          <CountsTable head="Name" rows={overview.types.slice(0, MOST_ROWS)} word="type:" />
        </Section>
      </div>
    </PageBody>
  );
}

/** The last ten minutes in steps of a few seconds, so that a line is a line; seconds in which nothing ended are not told. */
function stepsOf(seconds: readonly SecondCounts[]): { timesMs: number[]; steps: SecondCounts[][] } {
  // A line that ended with the last exchange would pass off what was then as now.
  const last = Math.floor(Math.max(seconds.at(-1)?.second ?? 0, Date.now() / 1_000) / STEP_SECONDS);
  const groups = Map.groupBy(seconds, ({ second }) => Math.floor(second / STEP_SECONDS));
  // The newest step is not over: it would always look like a fall.
  const numbers = Array.from({ length: STEPS }, (_, index) => last - STEPS + index);
  return { timesMs: numbers.map((number) => number * STEP_SECONDS * 1_000), steps: numbers.map((number) => groups.get(number) ?? []) };
}

function Statuses({ statuses }: Pick<Overview, 'statuses'>) {
  const total = statuses.reduce((sum, count) => sum + count, 0);
  const known = statuses.map((count, digit) => ({ count, digit })).filter(({ count }) => count > 0);
  return (
    <Section title="Status codes">
      <div class="status-bar" aria-hidden="true">
        {known.map(({ count, digit }) => (
          <span key={digit} class={`is-${digit}xx`} style={{ flexGrow: count / total }} />
        ))}
      </div>
      <ul class="status-legend">
        {known.map(({ count, digit }) => (
          <li key={digit}>
            <span class={`status-key is-${digit}xx`} aria-hidden="true" />
            {digit === 0 ? 'no answer' : `${digit}xx`} <span class="number">{countText(count)}</span>{' '}
            <span class="soft number">{shareText(count, total)}</span>
          </li>
        ))}
      </ul>
    </Section>
  );
}

const STEP_SECONDS = 5;
const STEPS = 119;
const MOST_ROWS = 15;
