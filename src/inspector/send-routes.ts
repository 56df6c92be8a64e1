// Owns what the API lets a person send: an exchange again, as it was or edited, and a request written by hand. What is sent takes the proxy's own line,
// as a request of a client of this machine, and is recorded like one.
import * as z from 'zod';
import { BadQuestion, valueAnswer } from '../admin/answers.ts';
import { ProxyError } from '../errors/proxy-error.ts';
import type { RecordedExchange } from '../flows/recorded.ts';
import type { FlowStore } from '../flows/store/flow-store.ts';
import type { Fields } from '../http/message.ts';
import { parseTarget } from '../http/target.ts';
import { isToken } from '../http/token.ts';
import { contentAs, type Route, type RouteAsked } from './route.ts';
import { exchangeAsked, type Recording } from './traffic-routes.ts';

/** Texts are ISO-8859-1. */
export interface WrittenRequest {
  readonly method: string;
  readonly url: string;
  readonly fields: Fields;
  readonly content: Buffer | null;
}

/** @returns the id of the exchange that it has begun */
export type SendRequest = (request: WrittenRequest, replayOf: number | null) => number;

const WRITTEN = z.strictObject({
  method: z.string().refine((text) => isToken(text) && text.length <= 64 && text !== 'CONNECT', 'expected a method such as GET'),
  url: z.string().max(65_536),
  fields: z
    .array(
      z.tuple([
        z.string().refine(isToken, 'expected the name of a field'),
        z.string().regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'a value without line breaks'),
      ]),
    )
    .max(200)
    .default([]),
  content: z.base64().nullable().default(null),
  replayOf: z.int().nullable().default(null),
});

export function sendRoutes(recording: Recording, send: SendRequest): readonly Route[] {
  return [
    {
      method: 'POST',
      path: '/api/exchanges/{id}/replay',
      summary: 'Send the same request again',
      answers: '{id}: of the new exchange',
      async answer(asked) {
        const exchange = await exchangeAsked(recording, asked);
        return valueAnswer({ id: sent(send, await requestOf(exchange, recording.store(), asked), exchange.summary.id) });
      },
    },
    {
      method: 'POST',
      path: '/api/send',
      summary: 'Send a request that was written or edited; content in base64',
      content: WRITTEN,
      answers: '{id}: of the new exchange',
      async answer(asked) {
        const { fields, content, replayOf, ...request } = await contentAs(WRITTEN, asked, MOST_CONTENT);
        const named = fields.map(([name, value]) => ({ name, value }));
        const octets = content === null || content === '' ? null : Buffer.from(content, 'base64');
        return valueAnswer({ id: sent(send, { ...request, fields: named, content: octets }, replayOf) });
      },
    },
  ];
}

async function requestOf(
  { summary, request, requestContent }: RecordedExchange,
  store: Pick<FlowStore, 'ask'>,
  asked: RouteAsked,
): Promise<WrittenRequest> {
  const { id, kind, method, scheme, host, port, path } = summary;
  if (kind !== 'exchange' || scheme === 'tunnel' || scheme === '') throw new BadQuestion('Only requests of HTTP can be sent again.', 409);
  if (isUnwritten(request.fields, path))
    throw new BadQuestion('Its secrets were not written (record.secrets: unwritten), so that it cannot be sent again as it was.', 409);
  const fields = request.fields.map(([name, value]) => ({ name, value }));
  // OPTIONS of the whole server has no path (RFC 9112 §3.2.4).
  const url = `${scheme}://${host}:${port}${path === '*' ? '' : path}`;
  if (requestContent === null || requestContent.length === 0) return { method, url, fields, content: null };
  const session = asked.query.get('session');
  const kept = await store.ask({ kind: 'content', id, of: 'request', ...(session !== null && { session }) });
  if (kept === null || kept.isCut)
    throw new BadQuestion('Its content was not kept as a whole (record.body_limit), so that it cannot be sent again.', 409);
  return { method, url, fields, content: Buffer.from(kept.bytes) };
}

/** What is told to the proxy alone is never kept, and never sent on either. */
function isUnwritten(fields: RecordedExchange['request']['fields'], path: string): boolean {
  return path.includes(MASK) || fields.some(([name, value]) => !MADE_ANEW.has(name.toLowerCase()) && value.includes(MASK));
}

/** Where it goes is said once, by the URL, and what belongs to a connection by whoever has one. */
function sent(send: SendRequest, { method, url, fields, content }: WrittenRequest, replayOf: number | null): number {
  try {
    const target = parseTarget(method, Buffer.from(url, 'utf8').toString('latin1'));
    if (target.form !== 'absolute-form') throw new BadQuestion(`${JSON.stringify(url)}: expected an absolute URL.`);
    const { host, port, kind } = target.authority;
    const own = fields.filter(({ name }) => !MADE_ANEW.has(name.toLowerCase()));
    const authority = `${kind === 'ipv6' ? `[${host}]` : host}:${port}`;
    const named = [{ name: 'Host', value: authority }, ...own];
    return send({ method, url: `${target.scheme}://${authority}${target.pathAndQuery}`, fields: named, content }, replayOf);
  } catch (error) {
    if (error instanceof ProxyError) throw new BadQuestion(error.message);
    throw error;
  }
}

const MADE_ANEW: ReadonlySet<string> = new Set([
  ...['host', 'connection', 'content-length', 'transfer-encoding', 'expect', 'upgrade', 'te', 'trailer', 'keep-alive', 'http2-settings'],
  ...['proxy-connection', 'proxy-authorization'],
]);
/** How what stands in a secret's place begins (flows/redact/mask.ts), in octets, and in a URL. */
const MASK = '\xe2\x80\xb9masked';
const MOST_CONTENT = 32 * 1024 * 1024;
