// Owns the Request and the Response tab: first line, fields with what became of them on the way, content, trailers.
import { useSignal } from '@preact/signals';
import { asAfterHttp1, type ChangedField, changedFields } from '../../../flows/changed-fields.ts';
import type { RecordedContent, RecordedExchange, RecordedFields, RecordedRequest, RecordedResponse } from '../../../flows/recorded.ts';
import { counted, readable } from '../words.ts';
import { Content } from './content.tsx';
import { Fields } from './fields.tsx';
import type { TabContent } from './tabs.tsx';

type Side = 'request' | 'response';

export function MessageTab({ side, exchange, isRevealed, reveal }: TabContent & { readonly side: Side }) {
  const content = side === 'request' ? exchange.requestContent : exchange.responseContent;
  const { summary } = exchange;
  const head = side === 'request' ? requestHead(exchange) : responseHead(exchange.received, exchange.response);
  if (head === null) return <p class="empty">{summary.state === 'pending' ? 'No response yet.' : 'The client got no response.'}</p>;
  return (
    <div class="message">
      <Head {...head} reveal={reveal} />
      {content !== null && content.length > 0 && (
        <Content key={side} id={summary.id} side={side} content={content} isRevealed={isRevealed} isDone={summary.state === 'done'} />
      )}
      {(content === null ? summary.kind === 'exchange' : content.length === 0) && (
        <p class="soft no-content">{emptyText(content, summary.state === 'done')}</p>
      )}
      {content !== null && content.trailers.length > 0 && (
        <section>
          <h3>Trailers</h3>
          <Fields label="Trailers" fields={unchanged(content.trailers)} reveal={reveal} />
        </section>
      )}
    </div>
  );
}

function emptyText(content: RecordedContent | null, isDone: boolean): string {
  if (content === null || (isDone && content.isComplete)) return 'No content.';
  return isDone ? 'No content: it broke off before that.' : 'No content yet.';
}

interface MessageHead {
  readonly line: string;
  readonly fields: readonly ChangedField[];
  /** As it came and as it went on; `null` when it went no further. */
  readonly way: readonly [before: Place, after: Place] | null;
}

interface Place {
  readonly name: string;
  readonly line: string;
  readonly fields: RecordedFields;
}

function requestHead({ request, sent }: RecordedExchange): MessageHead {
  const came = { name: 'From the client', line: requestLine(request), fields: request.fields };
  if (sent === null) return { line: came.line, fields: unchanged(came.fields), way: null };
  const fields = changedFields(request.fields, asAfterHttp1(request.fields, sent.fields));
  return { line: came.line, fields, way: [came, { name: 'To the origin', line: requestLine(sent), fields: sent.fields }] };
}

function requestLine({ method, target, version }: RecordedRequest): string {
  return `${method} ${readable(target)} HTTP/${version}`;
}

function responseHead(received: RecordedResponse | null, response: RecordedResponse | null): MessageHead | null {
  const shown = response ?? received;
  if (shown === null) return null;
  const line = statusLine(shown);
  if (received === null || response === null) return { line, fields: unchanged(shown.fields), way: null };
  const came = { name: 'From the origin', line: statusLine(received), fields: received.fields };
  const went = { name: 'To the client', line, fields: response.fields };
  return { line, fields: changedFields(received.fields, response.fields), way: [came, went] };
}

function statusLine({ version, status, reason }: RecordedResponse): string {
  return `HTTP/${version} ${status} ${readable(reason)}`;
}

function Head({ line, fields, way, reveal }: MessageHead & { readonly reveal: () => void }) {
  const shows = useSignal<'both' | 'before' | 'after'>('both');
  const changes = fields.filter(({ kind }) => kind !== 'same').length;
  const place = way === null || shows.value === 'both' ? null : way[shows.value === 'before' ? 0 : 1];
  return (
    <section>
      <FirstLine text={place?.line ?? line} />
      {way !== null && changes > 0 && (
        <fieldset class="choice">
          <legend class="unseen">Which fields</legend>
          {(['both', 'before', 'after'] as const).map((which) => (
            <button key={which} type="button" aria-pressed={shows.value === which} onClick={() => (shows.value = which)}>
              {which === 'both' ? counted(changes, 'change') : way[which === 'before' ? 0 : 1].name}
            </button>
          ))}
        </fieldset>
      )}
      <Fields label="Fields" fields={place === null ? fields : unchanged(place.fields)} reveal={reveal} />
    </section>
  );
}

/** One that would push the fields out of sight scrolls by itself. */
function FirstLine({ text }: { readonly text: string }) {
  const isLong = text.length > LONG_LINE;
  return (
    <div class={`message-line ${isLong ? 'is-long' : ''}`} {...(isLong && { tabIndex: 0, role: 'group', 'aria-label': 'First line' })}>
      <code>{text}</code>
    </div>
  );
}

function unchanged(fields: RecordedFields): readonly ChangedField[] {
  return changedFields(fields, null);
}

/** Characters: some eight lines on a narrow screen. */
const LONG_LINE = 400;
