// Owns asking for one line of text in a window of its own.
import { useSignal } from '@preact/signals';
import { closeDialog, Dialog, showDialog } from './dialog.tsx';

interface Question {
  readonly title: string;
  /** Of the field. */
  readonly label: string;
  readonly initial?: string;
  readonly placeholder?: string;
  /** As in HTML; what does not match is not taken. */
  readonly pattern?: string;
  /** What does, in words. */
  readonly hint?: string;
  readonly maxLength: number;
}

/** @param then  is given the text without the blanks around it */
export function askText(question: Question, then: (text: string) => void): void {
  showDialog(() => <TextDialog {...question} then={then} />);
}

function TextDialog({
  title,
  label,
  initial = '',
  placeholder,
  pattern,
  hint,
  maxLength,
  then,
}: Question & { then: (text: string) => void }) {
  const text = useSignal(initial);
  const done = (event: Event) => {
    event.preventDefault();
    closeDialog();
    then(text.value.trim());
  };
  return (
    <Dialog title={title}>
      <form class="form-line" onSubmit={done}>
        <input
          class="field is-long"
          aria-label={label}
          required
          {...{ maxLength, placeholder, pattern, title: hint }}
          value={text.value}
          onInput={({ currentTarget }) => (text.value = currentTarget.value)}
        />
        <button type="submit" class="button is-main">
          OK
        </button>
      </form>
    </Dialog>
  );
}
