// Owns what it would take to let a denied request pass: lines for the policy and a test for them, to be pasted by whoever may change it. Nothing is
// loosened from here.
import type { Summary } from '../../../flows/recorded.ts';
import { useAsked } from '../asked.ts';
import { attempt, copyText } from '../shell/actions.ts';
import { Dialog, showDialog } from '../shell/dialog.tsx';
import type { Allowing } from '../wire.ts';

export function showAllowing(row: Summary): void {
  showDialog(() => <AllowingDialog {...row} />);
}

function AllowingDialog({ id, host }: Summary) {
  const { value, problem } = useAsked<Allowing>(`/api/exchanges/${id}/allow`);
  return (
    <Dialog title={`Allow ${host}`}>
      {problem !== null && <p class="problem">{problem}</p>}
      {value !== null && (
        <div class="stack">
          <p>{value.why}</p>
          <Lines title="For the policy" text={value.policy} />
          <Lines title="And a test, so that it stays so" text={value.test} />
          <p class="soft">Nothing has changed yet. Save the file, and the proxy takes it up by itself.</p>
        </div>
      )}
    </Dialog>
  );
}

function Lines({ title, text }: { readonly title: string; readonly text: string }) {
  return (
    <figure class="lines">
      <figcaption>
        {title}
        <button type="button" class="link" onClick={() => attempt(() => copyText(text, 'the lines'))}>
          Copy
        </button>
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard (WCAG 2.1.1). */}
      <pre tabIndex={0}>{text}</pre>
    </figure>
  );
}
