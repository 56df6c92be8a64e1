// Owns the table of who or what had how many exchanges, busiest first: hosts, types, clients and users alike. A name leads to its exchanges.
import type { NamedCounts } from '../../../flows/store/protocol.ts';
import { sizeText } from '../../../match/units.ts';
import { go } from '../route.ts';
import { writeFilter } from '../traffic/filter-text.ts';
import { counted, countText, shareText } from '../words.ts';
import { ShareBar } from './parts.tsx';

interface CountsTableProps {
  /** What the names are. */
  readonly head: string;
  readonly rows: readonly NamedCounts[];
  /** Of the filter, by which a name is found. */
  readonly word: 'host:' | 'type:' | 'client:' | 'user:';
}

export function CountsTable({ head, rows, word }: CountsTableProps) {
  const most = Math.max(1, ...rows.map(({ exchanges }) => exchanges));
  return (
    <table class="plain-table counts-table">
      <thead>
        <tr>
          <th scope="col">{head}</th>
          <th scope="col" class="is-right">
            Exchanges
          </th>
          <th scope="col" class="is-right">
            Denied
          </th>
          <th scope="col" class="is-right">
            Content
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ name, exchanges, denied, bytes }) => (
          <tr key={name}>
            <td>
              {name === '' ? (
                <span class="soft">{NAMELESS[word]}</span>
              ) : (
                <button
                  type="button"
                  class="link"
                  title={`Show ${counted(exchanges, 'exchange')}`}
                  onClick={() => showTraffic(`${word}${quoted(name)}`)}
                >
                  {name}
                </button>
              )}
              <ShareBar share={exchanges / most} tone={denied === exchanges ? 'denied' : 'plain'} />
            </td>
            <td class="is-right number">{countText(exchanges)}</td>
            <td class={`is-right number ${denied > 0 ? 'tone-denied' : 'soft'}`}>
              {denied === 0 ? '–' : countText(denied)}
              {denied > 0 && <span class="soft wide-only"> {shareText(denied, exchanges)}</span>}
            </td>
            <td class="is-right number">{sizeText(bytes)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function showTraffic(filter: string): void {
  writeFilter(filter);
  go({ page: 'traffic' });
}

/** What requests that could not be understood, and answers without content, are counted under. */
const NAMELESS = { 'host:': 'no host', 'type:': 'no type', 'client:': 'no address', 'user:': 'no user' } as const;

/** As one word of the filter. */
function quoted(name: string): string {
  return /[\s()|&!",]/.test(name) ? JSON.stringify(name) : name;
}
