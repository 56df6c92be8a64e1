// Owns the table of what is stored: a row each, which opens what else is known of it.
import { useSignal } from '@preact/signals';
import { sizeText } from '../../../match/units.ts';
import { Icon } from '../icons.tsx';
import type { CacheEntry } from '../wire.ts';
import { secondsText } from '../words.ts';
import { StoredEntry } from './cache-entry.tsx';
import { ShareBar } from './parts.tsx';

interface EntriesProps {
  readonly entries: readonly CacheEntry[];
  readonly isCut: boolean;
  /** Whether only a part was asked for. */
  readonly isSearched: boolean;
  readonly purge: (what: object, words: string) => void;
}

export function Entries({ entries, isCut, isSearched, purge }: EntriesProps) {
  if (entries.length === 0)
    return (
      <p class="empty">
        {isSearched
          ? 'Nothing is stored that matches.'
          : 'Nothing is stored yet. What origins allow to be kept, and may be asked for again, will be here.'}
      </p>
    );
  return (
    <div class="table-frame">
      <table class="plain-table entry-table">
        <thead>
          <tr>
            <th scope="col">URL</th>
            <th scope="col">Status</th>
            <th scope="col" class="is-right">
              Size
            </th>
            <th scope="col">Age of lifetime</th>
            <th scope="col">For</th>
            <th scope="col">
              <span class="unseen">Forget</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {entries.map((entry, at) => (
            <EntryRows key={`${at} ${entry.url}`} entry={entry} purge={purge} />
          ))}
        </tbody>
      </table>
      {isCut && <p class="soft">There are more: name a part of the URL.</p>}
    </div>
  );
}

function EntryRows({ entry, purge }: { readonly entry: CacheEntry } & Pick<EntriesProps, 'purge'>) {
  const isOpen = useSignal(false);
  return (
    <>
      <tr class={isOpen.value ? 'is-open' : ''}>
        <td class="breakable">
          <button type="button" class="link" aria-expanded={isOpen.value} onClick={() => (isOpen.value = !isOpen.value)}>
            {entry.url}
          </button>
          {!entry.isComplete && (
            <>
              {' '}
              <span class="tag tone-failed">partial</span>
            </>
          )}
        </td>
        <td class="number">{entry.status}</td>
        <td class="is-right number">{sizeText(entry.bytes)}</td>
        <td class="number">
          <span class={entry.isFresh ? 'tone-hit' : 'soft'}>{entry.isFresh ? 'fresh' : 'stale'}</span> {secondsText(entry.ageSeconds)} of{' '}
          {secondsText(entry.lifetimeSeconds)}
          <ShareBar share={entry.ageSeconds / Math.max(1, entry.lifetimeSeconds)} tone={entry.isFresh ? 'hit' : 'plain'} />
        </td>
        <td class="soft">{entry.partition ?? 'everybody'}</td>
        <td>
          <button
            type="button"
            class="quiet"
            aria-label={`Forget ${entry.url}`}
            title="Forget"
            onClick={() => purge({ kind: 'url', url: entry.url }, entry.url)}
          >
            <Icon name="trash" size={14} />
          </button>
        </td>
      </tr>
      {isOpen.value && (
        <tr class="entry-detail">
          <td colSpan={6}>
            <StoredEntry entry={entry} />
          </td>
        </tr>
      )}
    </>
  );
}
