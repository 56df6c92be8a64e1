// Owns what the filters of rules and breakpoints look at while an exchange is under way: the same form as that of recorded ones, as far as it is known.
// Refuses filters that look into content, which has not come by then.
import { needs, testOf } from '../flows/filter/match.ts';
import { parseFilter } from '../flows/filter/parse.ts';
import type { FilterSubject, FilterTest } from '../flows/filter/subject.ts';
import type { RecordedFields, Summary } from '../flows/recorded.ts';
import type { Fields, ResponseHead } from '../http/message.ts';
import type { Received } from './exchange.ts';

export type CompiledMatch = { readonly ok: FilterTest } | { readonly problem: { readonly column: number; readonly message: string } };

/** @throws never */
export function compileMatch(text: string): CompiledMatch {
  const parsed = parseFilter(text);
  if ('problem' in parsed) return parsed;
  if (needs(parsed.ok) !== 'content') return { ok: testOf(parsed.ok) };
  return { problem: { column: 1, message: 'it looks into content, which has not come yet when this is asked' } };
}

/** The request as its client sent it. */
export function requestSubject({ incoming, scheme, authority, pathAndQuery, upgrade }: Received): FilterSubject {
  const { flow, head, body } = incoming;
  const { method, target, version, fields } = head;
  const { decision } = flow;
  const summary: Summary = {
    ...NOTHING,
    id: flow.id,
    kind: upgrade === null ? 'exchange' : 'websocket',
    connectId: flow.connectId,
    startedAtMs: flow.startedAtMs,
    client: flow.clientAddress,
    user: flow.user,
    ...{ method, scheme, host: authority.kind === 'ipv6' ? `[${authority.host}]` : authority.host, port: authority.port },
    ...{ path: pathAndQuery, version },
    decision: decision?.action ?? null,
    rule: decision?.rule?.name ?? null,
    reported: decision?.reported.length ?? 0,
    requestBytes: body?.length ?? 0,
    replayOf: flow.capture?.replayOf ?? null,
  };
  return { summary, request: { method, target, version, fields: pairs(fields) } };
}

/** The same, with what is answered. */
export function responseSubject(received: Received, { status, reason, fields }: Omit<ResponseHead, 'version'>): FilterSubject {
  const asked = requestSubject(received);
  const response = { status, reason, version: asked.summary.version, fields: pairs(fields) };
  const contentType = response.fields.find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? null;
  const cache = received.incoming.flow.cache?.outcome ?? null;
  return { ...asked, summary: { ...asked.summary, status, contentType, cache }, response };
}

/** What the request says of itself. */
type Asked = Pick<Summary, 'method' | 'scheme' | 'host' | 'port' | 'path' | 'version' | 'decision' | 'rule' | 'reported' | 'requestBytes'>;

function pairs(fields: Fields): RecordedFields {
  return fields.map(({ name, value }) => [name, value]);
}

const NOTHING: Omit<Summary, 'id' | 'kind' | 'connectId' | 'replayOf' | 'startedAtMs' | 'client' | 'user' | keyof Asked> = {
  ...{ state: 'pending', status: 0, outcome: null, error: null, cache: null, interception: null, contentType: null },
  ...{ responseBytes: 0, resolveMs: null, connectMs: null, tlsMs: null, firstByteMs: null, totalMs: null, messages: 0, touched: [] },
};
