// Owns writing recorded exchanges as an HTTP Archive (HAR 1.2), entry by entry, so that no more than one is in memory. What the format has no place for goes
// into fields with an underscore, as it asks for: those that Chromium writes by its names, and the record itself as `_sallyport`, from which our own
// import makes it whole again. Content stands in it without codings; octets that are no UTF-8 in Base64.
import { isUtf8 } from './content/charset.ts';
import { type DecodedOctets, decodeContent } from './content/decode.ts';
import { formRows } from './content/form.ts';
import { isTextual } from './content/kind.ts';
import type { KeptMessage } from './content/view.ts';
import { fieldOf, messageEntries, pseudoFields, resourceTypeOf } from './har-of-browsers.ts';
import { readableText } from './octet-text.ts';
import type { RecordedExchange, RecordedFields, RecordedMessage, RecordedRequest, RecordedResponse, Summary } from './recorded.ts';
import type { MaskRules } from './redact/rules.ts';
import { maskContent, maskExchange, maskMessage } from './redact.ts';

/** An entry of the archive as JSON, in UTF-8 where it is octets. */
export type WriteEntry = (source: HarSource, rules: MaskRules | null) => Promise<string | Uint8Array>;

/** An exchange with what was kept of its content; `null` where there was none. */
export interface HarSource {
  readonly exchange: RecordedExchange;
  readonly requestOctets: Buffer | null;
  readonly responseOctets: Buffer | null;
  /** Of a WebSocket. */
  readonly messages: readonly RecordedMessage[];
  /** What is to be said of it; in most cases nothing. */
  readonly comment?: string;
}

/**
 * The archive as text, in pieces. Requests that could not be understood have no URL, and no place in it.
 *
 * @param version  of this program
 * @param rules  what is masked; `null` for nothing
 * @param write  `harEntry`, here or on another thread
 * @throws what `sources` and `write` throw
 */
export async function* exportHar(
  sources: AsyncIterable<HarSource> | Iterable<HarSource>,
  version: string,
  rules: MaskRules | null,
  write: WriteEntry = async (source, masks) => JSON.stringify(await harEntry(source, masks)),
): AsyncGenerator<string | Uint8Array> {
  yield `{"log":{"version":"1.2","creator":{"name":"Sallyport","version":${JSON.stringify(version)}},"pages":[],"entries":[`;
  let separator = '\n';
  for await (const source of sources) {
    if (source.exchange.summary.scheme === '') continue;
    yield separator;
    yield await write(source, rules);
    separator = ',\n';
  }
  yield '\n]}}\n';
}

function maskedSource(source: HarSource, rules: MaskRules): HarSource {
  return {
    ...source,
    exchange: maskExchange(source.exchange, rules),
    messages: source.messages.map((message) => maskMessage(message, rules)),
  };
}

/** An entry of `log.entries` (HAR 1.2). @throws never */
export async function harEntry(unmasked: HarSource, rules: MaskRules | null): Promise<object> {
  const source = rules === null ? unmasked : maskedSource(unmasked, rules);
  const { exchange, comment } = source;
  const { summary, facts } = exchange;
  const timings = timingsOf(summary);
  const isWebSocket = summary.kind === 'websocket';
  const resourceType = resourceTypeOf(exchange);
  return {
    startedDateTime: new Date(summary.startedAtMs).toISOString(),
    time: rounded(Object.values(timings).reduce((sum, each) => sum + Math.max(0, each), 0) - Math.max(0, timings.ssl)),
    request: await harRequest(exchange, source.requestOctets, rules),
    response: await harResponse(exchange, source.responseOctets, rules),
    cache: {},
    timings,
    ...(facts.upstreamAddress !== null && { serverIPAddress: facts.upstreamAddress }),
    connection: String(facts.connectionId),
    ...(comment !== undefined && { comment }),
    ...(summary.error !== null && { _error: summary.error }),
    ...((summary.cache === 'hit' || summary.cache === 'stale') && { _fromCache: 'disk' }),
    ...(resourceType !== null && { _resourceType: resourceType }),
    ...(isWebSocket && { _webSocketMessages: messageEntries(source.messages) }),
    _sallyport: exchange,
  };
}

async function harRequest(exchange: RecordedExchange, octets: Buffer | null, rules: MaskRules | null): Promise<object> {
  const { request, summary, requestContent } = exchange;
  const url = harUrl(summary);
  const content =
    octets === null
      ? null
      : await readContent({ octets, isCut: octets.length < (requestContent?.length ?? 0), fields: request.fields }, rules);
  return {
    ...headOf(request, pseudoFields(exchange, url)),
    method: summary.method,
    url,
    queryString: queryOf(summary.path),
    ...(content !== null && { postData: postData(content, request.fields) }),
    bodySize: summary.requestBytes,
  };
}

function postData({ octets, text, comment }: ReadContent, fields: RecordedFields): object {
  const mimeType = readableText(fieldOf(fields, 'content-type') ?? 'application/octet-stream');
  const isForm = text !== null && /^application\/x-www-form-urlencoded/i.test(mimeType);
  return {
    mimeType,
    ...(isForm && { params: formRows(text).map(([name, value]) => ({ name, value })) }),
    text: text ?? octets.toString('base64'),
    ...(text === null && { _encoding: 'base64' }),
    ...comment,
  };
}

async function harResponse(exchange: RecordedExchange, octets: Buffer | null, rules: MaskRules | null): Promise<object> {
  const { response, summary, responseContent } = exchange;
  const head = response ?? NO_RESPONSE;
  const kept = { octets: octets ?? NOTHING, isCut: (octets?.length ?? 0) < (responseContent?.length ?? 0), fields: head.fields };
  const content = await readContent(kept, rules);
  return {
    ...headOf(head),
    status: head.status,
    statusText: readableText(head.reason),
    content: {
      size: content.octets.length,
      ...(content.decoded.codings.length > 0 && !kept.isCut && { compression: content.octets.length - summary.responseBytes }),
      mimeType: readableText(fieldOf(head.fields, 'content-type') ?? 'x-unknown'),
      ...(octets !== null && { text: content.text ?? content.octets.toString('base64') }),
      ...(octets !== null && content.text === null && { encoding: 'base64' }),
      ...content.comment,
    },
    redirectURL: readableText(fieldOf(head.fields, 'location') ?? ''),
    bodySize: response === null ? -1 : summary.responseBytes,
  };
}

function headOf(head: RecordedRequest | RecordedResponse, pseudo: RecordedFields = []): object {
  return {
    httpVersion: `HTTP/${head.version === '2' ? '2.0' : head.version || '1.1'}`,
    cookies: cookiesOf(head.fields),
    headers: [...pseudo, ...head.fields].map(([name, value]) => ({ name, value: readableText(value) })),
    headersSize: -1,
  };
}

interface ReadContent {
  readonly octets: Buffer;
  /** `null` where it is no UTF-8. */
  readonly text: string | null;
  readonly decoded: DecodedOctets;
  readonly comment: { readonly comment?: string };
}

async function readContent(message: KeptMessage, rules: MaskRules | null): Promise<ReadContent> {
  const decoded = await decodeContent(message.octets, message.isCut, message.fields);
  // What cannot be unpacked cannot be masked.
  const unmasked = decoded.isPacked && rules !== null ? NOTHING : decoded.octets;
  const octets = rules === null ? unmasked : maskContent(unmasked, fieldOf(message.fields, 'content-type'), rules);
  const isText = isTextual(octets) && isUtf8(octets, decoded.isCut);
  // Of a character that was cut off at the end nothing is said.
  const text = isText ? new TextDecoder('utf-8', { ignoreBOM: true }).decode(octets, { stream: decoded.isCut }) : null;
  const said = [message.isCut ? `Only the first ${message.octets.length} octets were kept.` : null, decoded.problem].filter(
    (each) => each !== null,
  );
  return { octets, text, decoded, comment: said.length === 0 ? {} : { comment: said.join(' ') } };
}

/** Milliseconds; -1 for what was not needed. `connect` has `ssl` in it, and what is not told apart is waiting. */
function timingsOf({
  resolveMs,
  connectMs,
  tlsMs,
  firstByteMs,
  totalMs,
}: Summary): Record<'dns' | 'connect' | 'ssl' | 'send' | 'wait' | 'receive', number> {
  const total = totalMs ?? firstByteMs ?? 0;
  const connect = connectMs === null && tlsMs === null ? null : (connectMs ?? 0) + (tlsMs ?? 0);
  const wait = Math.max(0, (firstByteMs ?? total) - (resolveMs ?? 0) - (connect ?? 0));
  return {
    dns: rounded(resolveMs ?? -1),
    connect: rounded(connect ?? -1),
    ssl: rounded(tlsMs ?? -1),
    send: 0,
    wait: rounded(wait),
    receive: rounded(firstByteMs === null ? 0 : Math.max(0, total - firstByteMs)),
  };
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** Absolute; of a CONNECT, that of the origin at its other end. */
function harUrl({ kind, scheme, host, port, path }: Summary): string {
  if (scheme === 'tunnel') return `https://${host}:${port}/`;
  const isDefault = port === (scheme === 'https' ? 443 : 80);
  const spelled = kind === 'websocket' ? scheme.replace('http', 'ws') : scheme;
  // What a URL may not have in it as it is, the octets of other texts too, is percent-encoded.
  const encoded = path.replace(/[^!-~]|["<>\\^`{|}]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
  return `${spelled}://${host}${isDefault ? '' : `:${port}`}${encoded}`;
}

function queryOf(path: string): { name: string; value: string }[] {
  const start = path.indexOf('?');
  return start === -1 ? [] : formRows(readableText(path.slice(start + 1))).map(([name, value]) => ({ name, value }));
}

function cookiesOf(fields: RecordedFields): { name: string; value: string }[] {
  return fields.flatMap(([name, value]) => {
    const lower = name.toLowerCase();
    const pairs = lower === 'cookie' ? value.split(';') : lower === 'set-cookie' ? [value.split(';', 1)[0]!] : [];
    return pairs.flatMap((pair) => {
      const [, cookie, content] = /^\s*([^=]*)=(.*)$/s.exec(readableText(pair)) ?? [];
      return cookie === undefined ? [] : [{ name: cookie, value: content! }];
    });
  });
}

const NOTHING = Buffer.alloc(0);
const NO_RESPONSE: RecordedResponse = { status: 0, reason: '', version: '1.1', fields: [] };
