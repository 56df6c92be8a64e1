// Owns what is known of one stored response: how old it is and how that comes about, what requests it answers, its tags and its fields.
import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { changedFields } from '../../../flows/changed-fields.ts';
import { useAsked } from '../asked.ts';
import { Facts } from '../detail/facts.tsx';
import { Fields } from '../detail/fields.tsx';
import type { CacheEntry, StoredResponseEntry } from '../wire.ts';
import { countText, dayText } from '../words.ts';
import { Loading } from './parts.tsx';

export function StoredEntry({ entry }: { readonly entry: CacheEntry }) {
  const isRevealed = useSignal(false);
  const place = useRef(-1);
  const user = userOf(entry);
  const query = new URLSearchParams({ url: entry.url, ...(user !== null && { user }), ...(isRevealed.value && { reveal: '1' }) });
  const asked = useAsked<readonly StoredResponseEntry[]>(`/api/cache/entry?${query}`);
  if (asked.value === null) return <Loading problem={asked.problem} />;
  // Under one URL there may be others, for somebody else or selected by other fields; once secrets are shown, its own may not be told by them.
  if (!isRevealed.value) place.current = asked.value.findIndex((other) => other.partition === entry.partition && sameChoice(other, entry));
  const stored = asked.value[place.current];
  if (stored === undefined) return <p class="soft">It is not stored any more.</p>;
  return (
    <>
      <Facts rows={rowsOf(stored)} />
      <Fields
        label="Stored fields"
        fields={changedFields(
          stored.fields.map(({ name, value }) => [name, value]),
          null,
        )}
        reveal={() => (isRevealed.value = true)}
      />
    </>
  );
}

function rowsOf(stored: StoredResponseEntry): readonly (readonly [name: string, value: string | readonly string[] | null])[] {
  const { status, reason, extent, isComplete, origin, selectedBy, tags } = stored;
  const octets = `octets ${countText(extent.first)} to ${countText(extent.first + extent.length - 1)}`;
  const whole = extent.completeLength === null ? 'an unknown number' : countText(extent.completeLength);
  return [
    ['Age', stored.arithmetic],
    ['Status', `${status} ${reason}`.trimEnd()],
    ['Content', isComplete ? `all ${countText(extent.length)} octets` : `${octets} of ${whole}`],
    ['Stored', `${dayText(stored.storedAtMs)}${origin === null ? '' : `, from ${origin.address} port ${origin.port}`}`],
    ['Invalidated', stored.isInvalidated ? 'since a later request: the origin is asked before it answers' : null],
    ['Request', stored.isFromAuthorized ? 'had Authorization (RFC 9111 §3.5)' : null],
    ['For', stored.partition],
    ['Varies by', selectedBy.map(({ name, value }) => (value === null ? `${name}, which was not there` : `${name}: ${value}`))],
    ['Tags', tags.length === 0 ? null : tags.join(' ')],
  ];
}

function sameChoice({ selectedBy: one }: CacheEntry, { selectedBy: other }: CacheEntry): boolean {
  return one.length === other.length && one.every(({ name, value }, at) => other[at]?.name === name && other[at].value === value);
}

/** Where a rule keeps users apart. */
function userOf({ partition }: CacheEntry): string | null {
  return partition?.startsWith('user=') === true ? partition.slice('user='.length) : null;
}
