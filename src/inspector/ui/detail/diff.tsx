// Owns two exchanges beside each other: what one has and the other has not, in heads and content. The earlier one is on the left, and where the screen is
// narrow each line of it above what it became.
import { useSignal } from '@preact/signals';
import type { Summary } from '../../../flows/recorded.ts';
import { useAsked } from '../asked.ts';
import { Dialog, showDialog } from '../shell/dialog.tsx';
import { urlText } from '../traffic/url.ts';
import type { Diff, DiffLine } from '../wire.ts';
import { clockText, counted } from '../words.ts';
import { besideEachOther, changedPart, type DiffRow, foldRows } from './diff-rows.ts';

/** From the earlier one to the later one, in whichever order they were selected. */
export function showDiff(one: Summary, other: Summary): void {
  const [a, b] = one.id < other.id ? [one, other] : [other, one];
  showDialog(() => <DiffDialog a={a} b={b} />);
}

function DiffDialog({ a, b }: { readonly a: Summary; readonly b: Summary }) {
  const { value, problem } = useAsked<Diff>(`/api/exchanges/${a.id}/diff/${b.id}`);
  return (
    <Dialog title={`${a.id} and ${b.id}`} isWide>
      <div class="diff-sides">
        <Side {...a} />
        <Side {...b} />
      </div>
      {problem !== null && <p class="problem">{problem}</p>}
      {value !== null && (
        <>
          <Part title="Request" lines={value.request} />
          {value.requestContent.length > 0 && <Part title="Content of the request" lines={value.requestContent} />}
          <Part title="Response" lines={value.response} />
          <Part title="Content of the response" lines={value.responseContent} />
        </>
      )}
    </Dialog>
  );
}

function Side(row: Summary) {
  return (
    <p>
      <strong>{row.id}</strong> <span class="soft number">{clockText(row.startedAtMs)}</span>
      <br />
      {row.method} {urlText(row)}
    </p>
  );
}

function Part({ title, lines }: { readonly title: string; readonly lines: readonly DiffLine[] }) {
  const isWhole = useSignal(false);
  const isSame = lines.every(({ kind }) => kind === 'same');
  const rows = besideEachOther(lines);
  return (
    <section class="diff-part">
      <h3>
        {title} {isSame && <span class="soft">{lines.length === 0 ? 'none' : 'the same'}</span>}
      </h3>
      {!isSame && (
        <table class="diff-lines">
          <caption class="unseen">{title}</caption>
          <tbody>
            {(isWhole.value ? [rows] : foldRows(rows)).map((group, at) =>
              typeof group === 'number' ? (
                <tr key={at}>
                  <td class="diff-fold" colSpan={2}>
                    <button type="button" class="link" onClick={() => (isWhole.value = true)}>
                      {counted(group, 'line')} alike
                    </button>
                  </td>
                </tr>
              ) : (
                group.map((row, index) => <Row key={`${at} ${index}`} {...row} />)
              ),
            )}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Row({ left, right, isSame }: DiffRow) {
  if (isSame)
    return (
      <tr>
        <td>{left}</td>
        <td class="diff-again">{right}</td>
      </tr>
    );
  return (
    <tr>
      <Cell kind="removed" text={left} other={right} />
      <Cell kind="added" text={right} other={left} />
    </tr>
  );
}

/** @param text  `null` where only the other one has a line */
function Cell({ kind, text, other }: { readonly kind: 'removed' | 'added'; readonly text: string | null; readonly other: string | null }) {
  if (text === null) return <td class="diff-nothing" />;
  const [before, changed, after] = changedPart(text, other);
  return (
    <td class={`diff-${kind}`}>
      <span class="unseen">{kind}: </span>
      {before}
      {changed !== '' && <b>{changed}</b>}
      {after}
    </td>
  );
}
