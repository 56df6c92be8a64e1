// Owns the page of the sessions: what is recorded into, what was kept, and taking one elsewhere as a file.
import type { SessionFacts } from '../../../flows/store/protocol.ts';
import { sizeText } from '../../../match/units.ts';
import { getOctets, putFile, write } from '../api.ts';
import { type Asked, useAsked } from '../asked.ts';
import { Icon } from '../icons.tsx';
import { attempt, saveFile, tell } from '../shell/actions.ts';
import { askText } from '../shell/ask-text.tsx';
import { confirm } from '../shell/confirm.tsx';
import { type Command, showMenuAt } from '../shell/menu.tsx';
import { NotRecording } from '../shell/not-recording.tsx';
import { status } from '../status.ts';
import { lookAtSession } from '../traffic/selection.ts';
import { agoText, countText } from '../words.ts';
import { Loading, PageBody, Section } from './parts.tsx';

export function SessionsPage() {
  const asked = useAsked<readonly SessionFacts[]>('/api/sessions', 3_000);
  if (status.value?.recording === null) return <NotRecording />;
  return (
    <PageBody>
      <Section title="Sessions" actions={<Actions {...asked} />}>
        {asked.value === null ? <Loading problem={asked.problem} /> : <SessionTable sessions={asked.value} again={asked.again} />}
      </Section>
      <p class="soft">
        A session lies in a folder of this user alone, secrets included. In a file of it, credentials, cookies and tokens are masked, unless
        they are asked for. What else passed is in it as it was: give it to those who may read that.
      </p>
    </PageBody>
  );
}

function Actions({ again }: Asked<readonly SessionFacts[]>) {
  return (
    <>
      <button
        type="button"
        class="button is-main"
        onClick={() =>
          askName('Begin a new session', '', (name) => change('POST', '/api/sessions', { name }, `Recording into ‘${name}’.`, again))
        }
      >
        <Icon name="plus" size={14} /> New
      </button>
      <button
        type="button"
        class="button"
        onClick={() =>
          askName('Keep what there is now as', '', (name) =>
            change('POST', '/api/sessions/current/save', { name }, `Kept as ‘${name}’.`, again),
          )
        }
      >
        <Icon name="save" size={14} /> Keep as …
      </button>
      <button type="button" class="button" onClick={() => importFile(again)}>
        <Icon name="external" size={14} /> Open a file …
      </button>
      <button
        type="button"
        class="button is-danger"
        onClick={() =>
          confirm('Forget everything in the session that is recorded into?', 'Forget it', () =>
            change('POST', '/api/sessions/current/clear', {}, 'Forgotten.', again),
          )
        }
      >
        <Icon name="trash" size={14} /> Clear
      </button>
    </>
  );
}

function SessionTable({ sessions, again }: { readonly sessions: readonly SessionFacts[]; readonly again: () => void }) {
  return (
    <div class="table-frame">
      <table class="plain-table session-table">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col" class="is-right">
              Exchanges
            </th>
            <th scope="col" class="is-right">
              On disk
            </th>
            <th scope="col">Last written</th>
            <th scope="col">
              <span class="unseen">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {sessions.map((session) => (
            <tr key={session.name}>
              <td>
                <strong>{session.name}</strong> {session.isRecorded && <span class="tag tone-hit">recording</span>}
                {session.isElsewhere && <span class="tag tone-plain">another process has it</span>}
              </td>
              <td class="is-right number">{session.exchanges === null ? '' : countText(session.exchanges)}</td>
              <td class="is-right number">{sizeText(session.bytes)}</td>
              <td class="soft">{agoText(session.changedAtMs, Date.now())}</td>
              <td class="row-actions">
                <SessionActions session={session} again={again} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function savingCommands(name: string, path: string): readonly Command[] {
  const save = (withSecrets: boolean) =>
    attempt(async () => {
      saveFile(`${name}.sallyport`, await getOctets(`${path}/file?reveal=${withSecrets ? 1 : 0}`));
      tell(withSecrets ? 'Saved. The file has credentials and cookies in it.' : 'Saved. Credentials and cookies are masked in it.');
    });
  return [
    { label: 'Save as a file', icon: 'save', run: () => save(false) },
    { label: 'Save as a file, secrets included', run: () => save(true) },
  ];
}

function SessionActions({
  session: { name, isRecorded, isElsewhere },
  again,
}: {
  readonly session: SessionFacts;
  readonly again: () => void;
}) {
  const path = `/api/sessions/${encodeURIComponent(name)}`;
  const rename = (to: string) => change('POST', `${path}/rename`, { name: to }, `‘${name}’ is ‘${to}’ now.`, again);
  return (
    <>
      <button type="button" class="link" onClick={() => lookAtSession(isRecorded ? null : name)}>
        Look at it
      </button>
      <button
        type="button"
        class="quiet"
        aria-label={`Save ${name} as a file`}
        title="Save as a file"
        aria-haspopup="menu"
        onClick={(event) => showMenuAt(`Save ${name}`, event, () => savingCommands(name, path))}
      >
        <Icon name="save" size={14} />
      </button>
      {!isElsewhere && (
        <button
          type="button"
          class="quiet"
          aria-label={`Rename ${name}`}
          title="Rename"
          onClick={() => askName(`Rename ‘${name}’`, name, rename)}
        >
          <Icon name="edit" size={14} />
        </button>
      )}
      {!isRecorded && !isElsewhere && (
        <button
          type="button"
          class="quiet"
          aria-label={`Remove ${name}`}
          title="Remove"
          onClick={() =>
            confirm(`Remove ‘${name}’ and all that is in it?`, 'Remove it', () => change('DELETE', path, {}, `‘${name}’ is gone.`, again))
          }
        >
          <Icon name="trash" size={14} />
        </button>
      )}
    </>
  );
}

function change(method: 'POST' | 'DELETE', path: string, content: object, words: string, again: () => void): void {
  attempt(async () => {
    await write(method, path, content);
    tell(words);
    again();
  });
}

function importFile(again: () => void): void {
  const input = document.createElement('input');
  input.type = 'file';
  input.accept = '.sallyport';
  input.onchange = () =>
    attempt(async () => {
      const file = input.files?.[0];
      if (file === undefined) return;
      const name = file.name.replace(/\.sallyport$/, '').replace(/[^\w .-]/g, '_');
      const { session } = await putFile<{ session: string }>(`/api/sessions/import?name=${encodeURIComponent(name)}`, file);
      tell(`Imported as ‘${session}’.`, { label: 'Look at it', run: () => lookAtSession(session) });
      again();
    });
  input.click();
}

function askName(title: string, initial: string, then: (name: string) => void): void {
  const hint = 'Letters, digits, blanks, dots and dashes';
  askText({ title, label: 'Name', initial, hint, pattern: String.raw`[\w][\w .\-]*`, maxLength: 64 }, then);
}
