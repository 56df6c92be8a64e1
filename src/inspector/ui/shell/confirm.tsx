// Owns asking once more before something is gone for good.
import { closeDialog, Dialog, showDialog } from './dialog.tsx';

/** @param question  names what would be gone @param label  of the button that does it */
export function confirm(question: string, label: string, then: () => void, note = 'It cannot be brought back.'): void {
  const doIt = () => {
    closeDialog();
    then();
  };
  showDialog(() => (
    <Dialog
      title={question}
      foot={
        <>
          <button type="button" class="button" onClick={closeDialog}>
            Keep it
          </button>
          <button type="button" class="button is-danger" onClick={doIt}>
            {label}
          </button>
        </>
      }
    >
      <p>{note}</p>
    </Dialog>
  ));
}
