// Owns how fields are shown: a table whose marks say what the proxy did to each, and secrets as masks until they are asked for.
import type { ChangedField } from '../../../flows/changed-fields.ts';
import { Icon } from '../icons.tsx';
import { readable } from '../words.ts';

interface FieldsProps {
  readonly label: string;
  readonly fields: readonly ChangedField[];
  readonly reveal: () => void;
}

export function Fields({ label, fields, reveal }: FieldsProps) {
  if (fields.length === 0) return <p class="soft">No fields.</p>;
  return (
    <table class="fields" aria-label={label}>
      <tbody>
        {fields.map((field, at) => (
          <tr key={`${at} ${field.name}`} class={`field-${field.kind}`}>
            <td class="field-mark" title={WORDS[field.kind]}>
              {MARKS[field.kind]}
              <span class="unseen">{WORDS[field.kind]}</span>
            </td>
            <th scope="row">
              <span class="field-name">{field.name}</span>
            </th>
            <td class="field-value">
              {field.kind === 'changed' && (
                <del>
                  <Value text={field.before!} reveal={reveal} />
                </del>
              )}
              {field.kind === 'removed' ? (
                <del>
                  <Value text={field.before!} reveal={reveal} />
                </del>
              ) : (
                <Value text={field.after!} reveal={reveal} />
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Value({ text, reveal }: { readonly text: string; readonly reveal: () => void }) {
  const parts = readable(text).split(MASK);
  return (
    <>
      {parts.map((part, at) =>
        MASK.test(part) ? (
          <button key={`${at} ${part}`} type="button" class="masked" title="Show what is masked" onClick={reveal}>
            <Icon name="reveal" size={12} />
            {part.slice(1, -1)}
          </button>
        ) : (
          part
        ),
      )}
    </>
  );
}

/** As `flows/redact.ts` writes it. */
const MASK = /(‹masked[^›]*›)/;
const MARKS: Readonly<Record<ChangedField['kind'], string>> = { same: '', added: '+', removed: '−', changed: '~' };
const WORDS: Readonly<Record<ChangedField['kind'], string>> = {
  same: '',
  added: 'Added by the proxy',
  removed: 'Not sent on',
  changed: 'Changed on the way',
};
