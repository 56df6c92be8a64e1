// Owns how content is shown: made easy to read, as it came, octet by octet, or as a picture, whichever it can be. All of it is text or a raster image
// that the browser decodes; nothing of it becomes part of this page.
import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { ContentView } from '../../../flows/content/content-view.ts';
import type { RecordedContent } from '../../../flows/recorded.ts';
import { sizeText } from '../../../match/units.ts';
import { useAsked } from '../asked.ts';
import { Icon } from '../icons.tsx';
import { showMenuAt } from '../shell/menu.tsx';
import { octetsOf } from '../words.ts';
import { FieldTree } from './field-tree.tsx';
import { useFinding } from './finding.ts';
import { HexView } from './hex-view.tsx';
import { JsonTree, parseJson } from './json-tree.tsx';
import { TextView } from './text-view.tsx';

interface ContentProps {
  readonly id: number;
  readonly side: 'request' | 'response';
  readonly content: RecordedContent;
  readonly isRevealed: boolean;
  readonly isDone: boolean;
}

export function Content({ id, side, content, isRevealed, isDone }: ContentProps) {
  const chosen = useSignal<string | null>(null);
  const query = useSignal('');
  const box = useRef<HTMLDivElement>(null);
  const as = chosen.value === null || chosen.value === 'hex' ? '' : `&as=${chosen.value}`;
  const path = `/api/exchanges/${id}/${side}`;
  const revealing = isRevealed ? 'reveal=1' : 'reveal=0';
  const { value, problem } = useAsked<ContentView>(content.kept === 0 ? null : `${path}/view?${revealing}${as}`);
  const kind = chosen.value ?? value?.kind ?? null;
  const found = useFinding(box, query.value, [value, kind]);
  return (
    <section class="content">
      <div class="content-bar">
        <h3>Content</h3>
        {value !== null && kind !== null && <Kinds view={value} kind={kind} choose={(to) => (chosen.value = to)} />}
        <span class="grow" />
        {content.kept > 0 && <FindBox query={query} {...found} />}
      </div>
      <p class="content-facts soft">{factsOf(content, value, isDone).join(' · ')}</p>
      {problem !== null && <p class="problem">{problem}</p>}
      {value?.problem != null && <p class="problem">{value.problem}</p>}
      <div class="content-box" ref={box}>
        {kind === 'hex' ? (
          <HexView path={`${path}/content?${revealing}`} />
        ) : (
          value !== null && <Shown view={value} isSearched={query.value !== ''} />
        )}
      </div>
    </section>
  );
}

function factsOf({ length, kept, isComplete }: RecordedContent, view: ContentView | null, isDone: boolean): string[] {
  const codings = view?.decoded.codings ?? [];
  return [
    codings.length === 0 ? sizeText(length) : `${sizeText(length)} ${codings.join(', ')} → ${sizeText(view!.decoded.length)}`,
    ...(view?.decoded.charset == null ? [] : [view.decoded.charset]),
    ...(kept < length ? [kept === 0 ? 'nothing of it was kept' : `the first ${sizeText(kept)} are kept`] : []),
    ...(view?.decoded.isCut ? ['its end is missing here'] : []),
    ...(isDone && !isComplete ? ['it broke off before its end'] : []),
  ];
}

interface KindsProps {
  readonly view: ContentView;
  readonly kind: string;
  readonly choose: (kind: string) => void;
}

/** What it is, text and octets are at hand; what else it might be is in a menu. */
function Kinds({ view, kind, choose }: KindsProps) {
  const own = useRef(view.kind);
  const all = [...new Set([own.current, ...view.alternatives, 'hex'])];
  const atHand = [...new Set([own.current, ...all.filter((each) => each === 'text'), kind, 'hex'])];
  const others = all.filter((each) => !atHand.includes(each));
  return (
    <>
      <fieldset class="choice">
        <legend class="unseen">Shown as</legend>
        {atHand.map((each) => (
          <button key={each} type="button" aria-pressed={each === kind} onClick={() => choose(each)}>
            {KIND_WORDS[each] ?? each}
          </button>
        ))}
      </fieldset>
      {others.length > 0 && (
        <button
          type="button"
          class="quiet"
          aria-haspopup="menu"
          aria-label="Show as something else"
          title="Show as something else"
          onClick={(event) =>
            showMenuAt('Show as', event, () => others.map((each) => ({ label: KIND_WORDS[each] ?? each, run: () => choose(each) })))
          }
        >
          <Icon name="more" size={14} />
        </button>
      )}
    </>
  );
}

interface FindBoxProps {
  readonly query: { value: string };
  readonly count: number;
  readonly at: number;
  readonly step: (by: number) => void;
}

function FindBox({ query, count, at, step }: FindBoxProps) {
  return (
    <div class="find">
      <input
        class="field"
        type="search"
        aria-label="Find in the content"
        placeholder="Find"
        value={query.value}
        onInput={({ currentTarget }) => (query.value = currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter') step(event.shiftKey ? -1 : 1);
        }}
      />
      {query.value !== '' && (
        <span class="soft number" role="status">
          {count === 0 ? 'none' : `${at + 1} of ${count}`}
        </span>
      )}
      {count > 1 && (
        <>
          <button type="button" class="quiet" aria-label="Previous" onClick={() => step(-1)}>
            <Icon name="up" size={12} />
          </button>
          <button type="button" class="quiet" aria-label="Next" onClick={() => step(1)}>
            <Icon name="down" size={12} />
          </button>
        </>
      )}
    </div>
  );
}

/** @param isSearched  then folded parts, where nothing would be found, are of no use */
function Shown({ view, isSearched }: { readonly view: ContentView; readonly isSearched: boolean }) {
  const { kind, text, rows, parts, image, tree } = view;
  const json = useMemo(() => (TREES.has(kind) && text !== undefined ? parseJson(text) : undefined), [kind, text]);
  return (
    <>
      {image !== undefined && <Picture {...image} />}
      {rows !== undefined && rows.length > 0 && <Rows rows={rows} />}
      {tree !== undefined && !isSearched && <FieldTree nodes={tree} />}
      {json !== undefined && !isSearched ? <JsonTree value={json} /> : text !== undefined && <TextView text={text} kind={kind} />}
      {parts?.map((part, at) => (
        <section key={`${at} ${part.kind}`} class="content-part">
          <h3>
            {part.title ?? `Part ${at + 1}`} <span class="soft">{KIND_WORDS[part.kind] ?? part.kind}</span>
          </h3>
          <Shown view={part} isSearched={isSearched} />
        </section>
      ))}
    </>
  );
}

function Rows({ rows }: { readonly rows: NonNullable<ContentView['rows']> }) {
  return (
    <table class="fields">
      <tbody>
        {rows.map(([name, value], at) => (
          <tr key={`${at} ${name}`}>
            <th scope="row">
              <span class="field-name">{name}</span>
            </th>
            <td class="field-value">{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Only what is decoded to pixels and has no scripts: SVG is not among it. */
function Picture({ type, base64 }: NonNullable<ContentView['image']>) {
  const url = useMemo(() => (RASTER.has(type) ? URL.createObjectURL(new Blob([octetsOf(base64)], { type })) : null), [type, base64]);
  const size = useSignal('');
  useEffect(() => {
    if (url !== null) return () => URL.revokeObjectURL(url);
    return undefined;
  }, [url]);
  if (url === null) return <p class="soft">{type} is not shown as a picture.</p>;
  return (
    <figure class="picture">
      <img
        src={url}
        alt="The content"
        onLoad={({ currentTarget: { naturalWidth, naturalHeight } }) => (size.value = `${naturalWidth} × ${naturalHeight}`)}
      />
      <figcaption class="soft number">
        {size.value} {type}
      </figcaption>
    </figure>
  );
}

const RASTER: ReadonlySet<string> = new Set([
  'image/png',
  'image/jpeg',
  'image/gif',
  'image/webp',
  'image/avif',
  'image/bmp',
  'image/x-icon',
  'image/vnd.microsoft.icon',
]);
const TREES: ReadonlySet<string> = new Set(['json', 'graphql', 'jwt']);
const KIND_WORDS: Readonly<Record<string, string>> = {
  json: 'JSON',
  text: 'Text',
  html: 'HTML',
  xml: 'XML',
  css: 'CSS',
  javascript: 'JavaScript',
  image: 'Picture',
  form: 'Form',
  multipart: 'Parts',
  protobuf: 'Protobuf',
  grpc: 'gRPC',
  graphql: 'GraphQL',
  jwt: 'JWT',
  sse: 'Events',
  cbor: 'CBOR',
  msgpack: 'MessagePack',
  hex: 'Hex',
};
