// Owns the Request and the Response tab: first line, fields with what became of them on the way, content, trailers.
import { useSignal } from '@preact/signals';
import type { RecordedExchange, RecordedFields, RecordedResponse } from '../../../flows/recorded.ts';
import { counted, readable } from '../words.ts';
import { type ChangedField, changedFields } from './changed-fields.ts';
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
      {content !== null && (
        <Content key={side} id={summary.id} side={side} content={content} isRevealed={isRevealed} isDone={summary.state === 'done'} />
      )}
      {content === null && summary.kind === 'exchange' && <p class="soft no-content">No content.</p>}
      {content !== null && content.trailers.length > 0 && (
        <section>
          <h3>Trailers</h3>
          <Fields label="Trailers" fields={unchanged(content.trailers)} reveal={reveal} />
        </section>
      )}
    </div>
  );
}

interface MessageHead {
  readonly line: string;
  readonly fields: readonly ChangedField[];
  /** As it came and as it went on, in words; `null` when it went no further. */
  readonly way: readonly [before: string, after: string] | null;
}

function requestHead({ request, sent, facts }: RecordedExchange): MessageHead {
  const way = sent === null ? null : (['From the client', 'To the origin'] as const);
  const fields = changedFields(request.fields, sent?.fields ?? null);
  // HTTP/2 has :authority in the place of Host (RFC 9113 §8.3.1), whatever the proxy's own copy of the request has.
  const isSaidOtherwise = ({ kind, name }: ChangedField) =>
    kind === 'added' && name.toLowerCase() === 'host' && facts.upstreamProtocol?.startsWith('2') === true;
  return {
    line: `${request.method} ${readable(request.target)} HTTP/${request.version}`,
    fields: fields.filter((field) => !isSaidOtherwise(field)),
    way,
  };
}

function responseHead(received: RecordedResponse | null, response: RecordedResponse | null): MessageHead | null {
  const shown = response ?? received;
  if (shown === null) return null;
  const line = `HTTP/${shown.version} ${shown.status} ${readable(shown.reason)}`;
  if (received === null || response === null) return { line, fields: unchanged(shown.fields), way: null };
  return { line, fields: changedFields(received.fields, response.fields), way: ['From the origin', 'To the client'] };
}

function Head({ line, fields, way, reveal }: MessageHead & { readonly reveal: () => void }) {
  const shows = useSignal<'both' | 'before' | 'after'>('both');
  const changes = fields.filter(({ kind }) => kind !== 'same').length;
  return (
    <section>
      <div class="message-line">
        <code>{line}</code>
      </div>
      {way !== null && changes > 0 && (
        <fieldset class="choice">
          <legend class="unseen">Which fields</legend>
          {(['both', 'before', 'after'] as const).map((which) => (
            <button key={which} type="button" aria-pressed={shows.value === which} onClick={() => (shows.value = which)}>
              {which === 'both' ? counted(changes, 'change') : way[which === 'before' ? 0 : 1]}
            </button>
          ))}
        </fieldset>
      )}
      <Fields label="Fields" fields={fieldsAs(fields, shows.value)} reveal={reveal} />
    </section>
  );
}

function fieldsAs(fields: readonly ChangedField[], shows: 'both' | 'before' | 'after'): readonly ChangedField[] {
  if (shows === 'both') return fields;
  return fields.flatMap(({ name, before, after }) => {
    const value = shows === 'before' ? before : after;
    return value === null ? [] : [{ kind: 'same' as const, name, before: value, after: value }];
  });
}

function unchanged(fields: RecordedFields): readonly ChangedField[] {
  return changedFields(fields, null);
}
