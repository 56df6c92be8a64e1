// Owns the page of those who use the proxy: clients by their addresses, and users by their names.
import type { NamedCounts } from '../../../flows/store/protocol.ts';
import { useAsked } from '../asked.ts';
import { NotRecording } from '../shell/not-recording.tsx';
import { status } from '../status.ts';
import { CountsTable } from './counts-table.tsx';
import { Loading, PageBody, Section } from './parts.tsx';

interface Clients {
  readonly clients: readonly NamedCounts[];
  readonly users: readonly NamedCounts[];
}

export function ClientsPage() {
  const { value, problem } = useAsked<Clients>('/api/clients', 3_000);
  if (status.value?.recording === null) return <NotRecording />;
  if (value === null) return <Loading problem={problem} />;
  const { clients, users } = value;
  return (
    <PageBody>
      <Section title="Clients">
        {clients.length === 0 ? <p class="soft">No client has come yet.</p> : <CountsTable head="Address" rows={clients} word="client:" />}
      </Section>
      <Section title="Users">
        {users.length === 0 ? (
          <p class="soft">Nobody has signed in. The proxy asks for credentials where the settings or the policy say so.</p>
        ) : (
          <CountsTable head="Name" rows={users} word="user:" />
        )}
      </Section>
    </PageBody>
  );
}
