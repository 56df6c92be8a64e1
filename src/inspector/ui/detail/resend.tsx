// Owns sending a request again that has been edited first. Secrets are masked until they are asked for; a masked one would be sent as its mask.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { RecordedExchange, Summary } from '../../../flows/recorded.ts';
import { getJson, getOctets, write } from '../api.ts';
import { go } from '../route.ts';
import { attempt, tell } from '../shell/actions.ts';
import { closeDialog, Dialog, showDialog } from '../shell/dialog.tsx';
import { urlText } from '../traffic/url.ts';
import { type Draft, draftOf, editedOf, MessageEditor } from './message-editor.tsx';

export function showEditor(row: Summary): void {
  if (row.kind !== 'exchange') return;
  showDialog(() => <ResendDialog {...row} />);
}

function ResendDialog(row: Summary) {
  const draft = useSignal<Draft | null>(null);
  useEffect(() => {
    attempt(async () => {
      draft.value = await draftFor(row);
    });
  }, [row.id]);
  const send = () =>
    attempt(async () => {
      const { method, url } = draft.value!;
      const { id } = await write<{ id: number }>('POST', '/api/send', { method, url, ...editedOf(draft.value!), replayOf: row.id });
      closeDialog();
      tell(`Sent as ${id}.`, { label: 'Show', run: () => go({ page: 'traffic', id }) });
    });
  const foot = (
    <button type="button" class="button is-main" disabled={draft.value === null} onClick={send}>
      Send
    </button>
  );
  return (
    <Dialog title={`Edit and resend ${row.id}`} isWide foot={foot}>
      {draft.value === null ? (
        <p class="soft">Loading …</p>
      ) : (
        <MessageEditor
          draft={draft.value}
          onChange={(changed) => {
            draft.value = changed;
          }}
        />
      )}
    </Dialog>
  );
}

async function draftFor(row: Summary): Promise<Draft> {
  const { request, requestContent } = await getJson<RecordedExchange>(`/api/exchanges/${row.id}?reveal=1`);
  const octets = requestContent === null ? new Uint8Array() : await getOctets(`/api/exchanges/${row.id}/request/content?reveal=1`);
  // The proxy frames what it sends; a length from before the edit would be wrong.
  const fields = request.fields.filter(([name]) => !/^(?:content-length|transfer-encoding|proxy-.*)$/i.test(name));
  return draftOf({ method: row.method, url: urlText(row), status: null }, fields, octets);
}
