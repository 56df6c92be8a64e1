// Owns the page of the cache: how much it holds and answers, what is in it, what a request would get and why, and forgetting.
import { useSignal } from '@preact/signals';
import type { Overview } from '../../../flows/store/protocol.ts';
import { sizeText } from '../../../match/units.ts';
import { problemText, write } from '../api.ts';
import { useAsked } from '../asked.ts';
import { Icon } from '../icons.tsx';
import { attempt, tell } from '../shell/actions.ts';
import { confirm } from '../shell/confirm.tsx';
import type { CacheEntry, CacheStats, CacheTier } from '../wire.ts';
import { counted, countText, shareText } from '../words.ts';
import { Entries } from './cache-entries.tsx';
import { Loading, PageBody, SavedTile, Section, TextField, Tile } from './parts.tsx';

export function CachePage() {
  const stats = useAsked<CacheStats | null>('/api/cache', 3_000);
  const overview = useAsked<Overview | null>('/api/overview', 3_000);
  const pattern = useSignal('');
  const query = pattern.value.trim() === '' ? '' : `?pattern=${encodeURIComponent(asGlob(pattern.value.trim()))}`;
  const entries = useAsked<{ readonly entries: readonly CacheEntry[]; readonly isCut: boolean }>(`/api/cache/entries${query}`);
  const purge = (what: object, words: string) =>
    attempt(async () => {
      const { purged } = await write<{ purged: number }>('POST', '/api/cache/purge', what);
      tell(`${counted(purged, 'stored response')} forgotten: ${words}.`);
      stats.again();
      entries.again();
    });
  if (stats.hasCome && stats.value === null) return <CacheOff />;
  return (
    <PageBody>
      {stats.value !== null && <Tiles stats={stats.value} overview={overview.value} />}
      <WhyBox />
      <Section
        title="Stored responses"
        actions={
          <>
            <input
              class="field is-long"
              type="search"
              aria-label="Part of a URL"
              placeholder="Part of a URL; * stands for anything"
              value={pattern.value}
              onInput={({ currentTarget }) => (pattern.value = currentTarget.value)}
            />
            <button
              type="button"
              class="button is-danger"
              onClick={() =>
                pattern.value.trim() === ''
                  ? confirm('Forget all that is stored?', 'Forget all', () => purge({ kind: 'all' }, 'everything'), FETCHED_AGAIN)
                  : purge({ kind: 'pattern', pattern: asGlob(pattern.value.trim()) }, 'what matched')
              }
            >
              <Icon name="trash" size={14} /> {pattern.value.trim() === '' ? 'Forget all' : 'Forget these'}
            </button>
          </>
        }
      >
        {entries.value === null ? (
          <Loading problem={entries.problem} />
        ) : (
          <Entries {...entries.value} isSearched={pattern.value.trim() !== ''} purge={purge} />
        )}
      </Section>
    </PageBody>
  );
}

/** @param overview  of the session; `null` while nothing is recorded */
function CacheOff() {
  return (
    <div class="empty">
      <strong>Nothing is stored</strong>
      <p>
        The proxy runs with <code>cache: off</code>, or <code>--no-cache</code>. Start it without that, and what answered from the store is
        told here.
      </p>
    </div>
  );
}

function Tiles({ stats, overview }: { readonly stats: CacheStats; readonly overview: Overview | null }) {
  const { entries, tiers, evictions, answers } = stats;
  const reused = answers === null ? 0 : answers.hits + answers.validated + answers.stale + answers.collapsed;
  const asked = answers === null ? 0 : reused + answers.forwarded + answers.unanswered;
  return (
    <div class="tiles">
      <Tile
        title="Hit ratio"
        value={shareText(reused, asked)}
        note={`${countText(reused)} of ${countText(asked)} since the start`}
        tone="hit"
      />
      <Tile title="Validated" value={countText(answers?.validated ?? 0)} note="asked the origin first" />
      {overview !== null && <SavedTile {...overview} />}
      <Tile title="Stored" value={countText(entries)} note={counted(evictions, 'eviction')} />
      {tiers.memory !== null && <TierTile title="In memory" {...tiers.memory} />}
      {tiers.disk !== null && <TierTile title="On disk" {...tiers.disk} />}
    </div>
  );
}

function TierTile({ title, bytes, maxBytes }: CacheTier & { readonly title: string }) {
  return <Tile title={title} value={sizeText(bytes)} note={`${shareText(bytes, maxBytes)} of ${sizeText(maxBytes)}`} />;
}

function WhyBox() {
  const url = useSignal('');
  const lines = useSignal<readonly string[]>([]);
  const problem = useSignal<string | null>(null);
  const ask = async (event: Event): Promise<void> => {
    event.preventDefault();
    try {
      lines.value = (await write<{ lines: readonly string[] }>('POST', '/api/cache/why', { url: url.value })).lines;
      problem.value = null;
    } catch (error) {
      problem.value = problemText(error);
      lines.value = [];
    }
  };
  return (
    <Section title="What would a request get, and why?">
      <form class="form-line" onSubmit={(event) => void ask(event)}>
        <TextField label="URL" placeholder="https://cdn.shop.example/assets/app.js" text={url} isLong isRequired />
        <button type="submit" class="button is-main">
          Why
        </button>
      </form>
      {problem.value !== null && <p class="problem">{problem.value}</p>}
      {lines.value.length > 0 && (
        <ul class="why-lines" role="status">
          {lines.value.map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
      )}
    </Section>
  );
}

const FETCHED_AGAIN = 'Each will be fetched from its origin again when somebody asks for it.';

/** Patterns are about the whole URL. */
function asGlob(text: string): string {
  return text.includes('*') ? text : `*${text}*`;
}
