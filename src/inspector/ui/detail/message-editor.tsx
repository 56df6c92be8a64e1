// Owns a message as somebody edits it: the first line, fields as lines of text, content as text. Content that is no text stays as it was unless it is
// replaced, so that editing a field does not spoil an image.
import type { RecordedFields } from '../../../flows/recorded.ts';
import { asOctets, base64Of, readable } from '../words.ts';

export interface Draft {
  readonly method: string;
  readonly url: string;
  /** `null` of a request. */
  readonly status: number | null;
  /** `null` of what has no head: a message of a WebSocket. */
  readonly fields: string | null;
  /** `null`: content that is no text. */
  readonly text: string | null;
  /** Base64; `null` leaves it, whatever it is. */
  readonly content: string | null;
}

interface MessageEditorProps {
  readonly draft: Draft;
  readonly onChange: (draft: Draft) => void;
}

export function MessageEditor({ draft, onChange }: MessageEditorProps) {
  return (
    <div class="stack">
      {draft.fields !== null && <HeadEditor draft={draft} fields={draft.fields} onChange={onChange} />}
      {draft.text === null ? (
        <p class="soft">
          {draft.content === null ? 'The content is longer than what is held.' : 'The content is no text.'} It goes on as it is.
        </p>
      ) : (
        <label class="labelled">
          Content
          <textarea
            class="field mono"
            rows={8}
            spellcheck={false}
            value={draft.text}
            onInput={({ currentTarget }) => onChange({ ...draft, text: currentTarget.value })}
          />
        </label>
      )}
    </div>
  );
}

function HeadEditor({ draft, fields, onChange }: MessageEditorProps & { readonly fields: string }) {
  return (
    <>
      {draft.status === null ? (
        <div class="first-line">
          <input
            class="field mono"
            aria-label="Method"
            value={draft.method}
            onInput={({ currentTarget }) => onChange({ ...draft, method: currentTarget.value })}
          />
          <input
            class="field mono"
            aria-label="URL"
            value={draft.url}
            onInput={({ currentTarget }) => onChange({ ...draft, url: currentTarget.value })}
          />
        </div>
      ) : (
        <div class="first-line">
          <input
            class="field mono"
            aria-label="Status"
            inputMode="numeric"
            value={draft.status}
            onInput={({ currentTarget }) => onChange({ ...draft, status: Number(currentTarget.value) })}
          />
          <span class="soft">{draft.url}</span>
        </div>
      )}
      <label class="labelled">
        Fields, one a line
        <textarea
          class="field mono"
          rows={Math.min(12, Math.max(3, fields.split('\n').length))}
          spellcheck={false}
          value={fields}
          onInput={({ currentTarget }) => onChange({ ...draft, fields: currentTarget.value })}
        />
      </label>
    </>
  );
}

/** @param fields  `null` of what has no head @param octets  `null` where they are not at hand */
export function draftOf(
  first: Pick<Draft, 'method' | 'url' | 'status'>,
  fields: RecordedFields | null,
  octets: Uint8Array<ArrayBuffer> | null,
): Draft {
  const lines = fields?.map(([name, value]) => `${name}: ${readable(value)}`).join('\n') ?? null;
  const content = octets === null ? { text: null, content: null } : { text: textOf(octets), content: base64Of(octets) };
  return { ...first, fields: lines, ...content };
}

/** What is written, as it goes to the API. @throws Error that names the line which is no field */
export function editedOf({ fields, text, content }: Draft): { readonly fields?: RecordedFields; readonly content: string | null } {
  const edited = text === null ? content : base64Of(new TextEncoder().encode(text));
  return fields === null ? { content: edited } : { fields: fieldsOf(fields), content: edited };
}

function fieldsOf(text: string): RecordedFields {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line, at) => {
    const colon = line.indexOf(':');
    if (colon < 1) throw new Error(`Line ${at + 1} of the fields is no field: write ‘Name: value’.`);
    return [line.slice(0, colon).trim(), asOctets(line.slice(colon + 1).trim())] as const;
  });
}

function textOf(octets: Uint8Array<ArrayBuffer>): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(octets);
    return text.includes('\0') ? null : text;
  } catch {
    return null;
  }
}
