// Owns the page of those who use the proxy: clients by their addresses, and users by their names.
import type { NamedCounts } from '../../../flows/store/protocol.ts';
import { useAsked } from '../asked.ts';
import { bytesText, countText, shareText } from '../words.ts';
import { showTraffic } from './overview.tsx';
import { Loading, PageBody, Section, ShareBar } from './parts.tsx';

interface Clients {
  readonly clients: readonly NamedCounts[];
  readonly users: readonly NamedCounts[];
}

export function ClientsPage() {
  const { value, problem } = useAsked<Clients>('/api/clients', 3_000);
  if (value === null) return <Loading problem={problem} />;
  return (
    <PageBody>
      <Names title="Clients" rows={value.clients} word="client:" none="No client has come yet." />
      <Names
        title="Users"
        rows={value.users}
        word="user:"
        none="Nobody has signed in. The proxy asks for credentials where the settings or the policy say so."
      />
    </PageBody>
  );
}

interface NamesProps {
  readonly title: string;
  readonly rows: readonly NamedCounts[];
  readonly word: 'client:' | 'user:';
  readonly none: string;
}

function Names({ title, rows, word, none }: NamesProps) {
  const most = Math.max(1, ...rows.map(({ exchanges }) => exchanges));
  return (
    <Section title={title}>
      {rows.length === 0 ? (
        <p class="soft">{none}</p>
      ) : (
        <table class="plain-table">
          <thead>
            <tr>
              <th scope="col">{word === 'client:' ? 'Address' : 'Name'}</th>
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
                  <button
                    type="button"
                    class="link"
                    onClick={() => showTraffic(`${word}${/[\s()|&!]/.test(name) ? JSON.stringify(name) : name}`)}
                  >
                    {name}
                  </button>
                  <ShareBar share={exchanges / most} />
                </td>
                <td class="is-right number">{countText(exchanges)}</td>
                <td class={`is-right number ${denied > 0 ? 'tone-denied' : 'soft'}`}>
                  {denied === 0 ? '–' : `${countText(denied)} (${shareText(denied, exchanges)})`}
                </td>
                <td class="is-right number">{bytesText(bytes)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Section>
  );
}
