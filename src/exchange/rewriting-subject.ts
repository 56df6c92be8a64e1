// Owns what the filters of rules and breakpoints look at while an exchange is under way: the same form as that of recorded ones, as far as it is known.
import type { FilterSubject } from '../flows/filter/subject.ts';
import type { RecordedFields, Summary } from '../flows/recorded.ts';
import type { Fields, ResponseHead } from '../http/message.ts';
import type { RewritableRequest } from '../rewrite/rewrite-request.ts';
import type { Received } from './exchange.ts';

export function requestSubject({ incoming, upgrade }: Received, request: RewritableRequest): FilterSubject {
  const { flow, head } = incoming;
  const { method, scheme, authority, pathAndQuery, fields } = request;
  const { decision } = flow;
  const host = authority.kind === 'ipv6' ? `[${authority.host}]` : authority.host;
  const summary: Summary = {
    ...NOTHING,
    id: flow.id,
    kind: upgrade === null ? 'exchange' : 'websocket',
    connectId: flow.connectId,
    startedAtMs: flow.startedAtMs,
    client: flow.clientAddress,
    user: flow.user,
    ...{ method, scheme, host, port: authority.port, path: pathAndQuery, version: head.version },
    decision: decision?.action ?? null,
    rule: decision?.rule?.name ?? null,
    reported: decision?.reported.length ?? 0,
    requestBytes: incoming.body?.length ?? 0,
  };
  return { summary, request: { method, target: head.target, version: head.version, fields: pairs(fields) } };
}

export function responseSubject(
  received: Received,
  { status, reason, fields }: Pick<ResponseHead, 'status' | 'reason' | 'fields'>,
): FilterSubject {
  const { incoming, scheme, authority, pathAndQuery } = received;
  const { head, flow } = incoming;
  const asked = requestSubject(received, { method: head.method, fields: head.fields, scheme, authority, pathAndQuery });
  const response = { status, reason, version: head.version, fields: pairs(fields) };
  const contentType = response.fields.find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? null;
  return { ...asked, summary: { ...asked.summary, status, contentType, cache: flow.cache?.outcome ?? null }, response };
}

/** What the request says of itself. */
type Asked = Pick<Summary, 'method' | 'scheme' | 'host' | 'port' | 'path' | 'version' | 'decision' | 'rule' | 'reported' | 'requestBytes'>;

function pairs(fields: Fields): RecordedFields {
  return fields.map(({ name, value }) => [name, value]);
}

const NOTHING: Omit<Summary, 'id' | 'kind' | 'connectId' | 'startedAtMs' | 'client' | 'user' | keyof Asked> = {
  ...{ state: 'pending', replayOf: null, status: 0, outcome: null, error: null, cache: null, interception: null, contentType: null },
  ...{ responseBytes: 0, resolveMs: null, connectMs: null, tlsMs: null, firstByteMs: null, totalMs: null, messages: 0, touched: [] },
};
