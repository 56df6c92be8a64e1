// Owns two exchanges beside each other: what one has and the other has not, in heads and content.
import type { Summary } from '../../../flows/recorded.ts';
import { useAsked } from '../asked.ts';
import { Dialog, showDialog } from '../shell/dialog.tsx';
import { urlText } from '../traffic/url.ts';
import type { Diff, DiffLine } from '../wire.ts';

/** From the earlier one to the later one, in whichever order they were selected. */
export function showDiff(one: Summary, other: Summary): void {
  const [a, b] = one.id < other.id ? [one, other] : [other, one];
  showDialog(() => <DiffDialog a={a} b={b} />);
}

function DiffDialog({ a, b }: { readonly a: Summary; readonly b: Summary }) {
  const { value, problem } = useAsked<Diff>(`/api/exchanges/${a.id}/diff/${b.id}`);
  return (
    <Dialog title={`${a.id} and ${b.id}`} isWide>
      <dl class="diff-sides">
        <dt class="diff-removed">−</dt>
        <dd>
          {a.id} {a.method} {urlText(a)}
        </dd>
        <dt class="diff-added">+</dt>
        <dd>
          {b.id} {b.method} {urlText(b)}
        </dd>
      </dl>
      {problem !== null && <p class="problem">{problem}</p>}
      {value !== null && (
        <>
          <Part title="Request" lines={value.request} />
          <Part title="Response" lines={value.response} />
          <Part title="Content" lines={value.content} />
        </>
      )}
    </Dialog>
  );
}

function Part({ title, lines }: { readonly title: string; readonly lines: readonly DiffLine[] }) {
  const isSame = lines.every(({ kind }) => kind === 'same');
  return (
    <section class="diff-part">
      <h3>
        {title} {isSame && <span class="soft">{lines.length === 0 ? 'none' : 'the same'}</span>}
      </h3>
      {!isSame && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard (WCAG 2.1.1).
        <pre class="diff-lines" tabIndex={0}>
          {lines.map(({ kind, text }, at) => (
            <span key={at} class={`diff-${kind}`}>
              {SIGNS[kind]} {text}
              {'\n'}
            </span>
          ))}
        </pre>
      )}
    </section>
  );
}

const SIGNS: Readonly<Record<DiffLine['kind'], string>> = { same: ' ', added: '+', removed: '−' };
