// Owns reading HTTP Archives (HAR 1.2) of Chromium, Firefox and our own export into recorded exchanges. Only what is used is asked for, since no two
// programs write the same; what is used and wrong is said with its place. Entries with a URL of another scheme than a proxy forwards (chrome-extension:,
// data:, blob:), which browsers write too, are left out and counted. An archive has content without codings, so the fields that name them go, and a note
// of that comes to the record.
import { z } from 'zod';
import type { RecordedContent, RecordedExchange, RecordedFacts, RecordedFields, RecordedMessage, Summary } from './recorded.ts';
import { isDetail, isSummary } from './store/record-shapes.ts';

export interface ImportedExchange {
  /** Digests are left for whoever keeps the content. */
  readonly exchange: RecordedExchange;
  readonly requestOctets: Buffer | null;
  readonly responseOctets: Buffer | null;
  readonly messages: readonly RecordedMessage[];
}

/**
 * The entries of an archive that a proxy could have forwarded, in its order. Problems with one show when it is reached.
 *
 * @param text  of the file
 * @param name  of the file, for messages
 * @param firstId  of the first exchange; the others count from there
 * @returns at the end: how many entries were left out, since their URLs have other schemes
 * @throws Error that says file, entry and field
 */
export function* importHar(text: string, name: string, firstId: number): Generator<ImportedExchange, number> {
  const entries = entriesOf(text, name);
  let leftOut = 0;
  for (const [i, entry] of entries.entries()) {
    if (isOfAnotherScheme(entry)) leftOut += 1;
    else yield importEntry(entry, `${name}: log.entries[${i}]`, firstId + i - leftOut);
  }
  return leftOut;
}

/** What is no URL at all is not: that is wrong, and said. */
function isOfAnotherScheme(entry: unknown): boolean {
  const asked = ASKED.safeParse(entry);
  const url = asked.success ? URL.parse(asked.data.request.url) : null;
  return url !== null && !SCHEMES.has(url.protocol);
}

function entriesOf(text: string, name: string): readonly unknown[] {
  let archive: unknown;
  try {
    archive = JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (error) {
    throw new Error(`${name} is no HTTP Archive: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  const parsed = ARCHIVE.safeParse(archive);
  if (!parsed.success) throw new Error(`${name} is no HTTP Archive: ${problemOf(parsed.error)}`);
  return parsed.data.log.entries;
}

function importEntry(value: unknown, place: string, id: number): ImportedExchange {
  const parsed = ENTRY.safeParse(value);
  if (!parsed.success) throw new Error(`${place}.${problemOf(parsed.error)}`);
  const entry = parsed.data;
  const requestOctets = requestOctetsOf(entry);
  const responseOctets = octetsOf(entry.response.content.text, entry.response.content.encoding);
  const exchange = exchangeOf(entry, place, id, requestOctets, responseOctets);
  return {
    exchange,
    requestOctets,
    responseOctets,
    messages: (entry._webSocketMessages ?? []).map((message, i) => messageOf(message, id, i + 1)),
  };
}

function exchangeOf(
  entry: Entry,
  place: string,
  id: number,
  requestOctets: Buffer | null,
  responseOctets: Buffer | null,
): RecordedExchange {
  const { request, response } = entry;
  const own = OWN.safeParse(entry._sallyport);
  const asked = fieldsOf(request.headers);
  const answered = fieldsOf(response.headers);
  const answer =
    response.status === 0
      ? null
      : {
          status: response.status,
          reason: octetText(response.statusText),
          version: versionOf(response.httpVersion),
          fields: answered.fields,
        };
  const changes = [asked.change('request'), answered.change('response')].filter((change) => change !== null);
  const imported: RecordedExchange = {
    summary: summaryOf(entry, place, id, requestOctets, responseOctets),
    request: { method: request.method, target: octetText(request.url), version: versionOf(request.httpVersion), fields: asked.fields },
    sent: null,
    received: answer,
    response: answer,
    requestContent: contentOf(requestOctets),
    responseContent: answer === null ? null : contentOf(responseOctets),
    facts: { ...NO_FACTS, upstreamAddress: entry.serverIPAddress || null, changes },
  };
  const whole = own.success ? restored(own.data as unknown as RecordedExchange, imported) : imported;
  // Whoever wrote the archive wrote that as well.
  return isSummary(whole.summary, id) && isDetail(whole) ? whole : imported;
}

/** Our own record, with the heads and the content that the archive has: somebody may have edited it. */
function restored(own: RecordedExchange, imported: RecordedExchange): RecordedExchange {
  const { request, response, requestContent, responseContent } = imported;
  const { id, connectId, replayOf } = { id: imported.summary.id, connectId: null, replayOf: null };
  return {
    ...own,
    // Numbers of another session mean other exchanges here.
    summary: { ...own.summary, id, connectId, replayOf },
    request: { ...own.request, fields: request.fields },
    response: own.response && response && { ...own.response, fields: response.fields },
    requestContent: requestContent && { ...requestContent, trailers: own.requestContent?.trailers ?? [] },
    responseContent: responseContent && { ...responseContent, trailers: own.responseContent?.trailers ?? [] },
    facts: { ...NO_FACTS, ...own.facts, changes: [...(own.facts.changes ?? []), ...imported.facts.changes] },
  };
}

function summaryOf(entry: Entry, place: string, id: number, requestOctets: Buffer | null, responseOctets: Buffer | null): Summary {
  const { request, response, timings } = entry;
  const { scheme, host, port, path } = addressOf(request.method, request.url, place);
  const isWebSocket = entry._webSocketMessages !== undefined || /^ws/i.test(request.url);
  const sum = (...parts: (number | undefined)[]): number => parts.reduce<number>((total, part) => total + Math.max(0, part ?? 0), 0);
  const until = sum(timings.blocked, timings.dns, timings.connect, timings.send, timings.wait);
  const error = entry._error ?? null;
  return {
    ...{
      id,
      state: 'done',
      kind: scheme === 'tunnel' ? 'tunnel' : isWebSocket ? 'websocket' : 'exchange',
      connectId: null,
      replayOf: null,
    },
    ...{ startedAtMs: Date.parse(entry.startedDateTime), client: '', user: null, method: request.method, scheme, host, port, path },
    ...{ version: versionOf(request.httpVersion), status: response.status, outcome: error === null ? 'forwarded' : 'failed', error },
    ...{ decision: null, rule: null, reported: 0, cache: entry._fromCache === undefined ? null : 'hit', interception: null },
    contentType: fieldsOf(response.headers).fields.find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? null,
    requestBytes: Math.max(0, request.bodySize ?? -1) || (requestOctets?.length ?? 0),
    responseBytes: Math.max(0, response.bodySize ?? -1) || (responseOctets?.length ?? 0),
    ...{ resolveMs: stepMs(timings.dns), connectMs: connectOf(timings), tlsMs: stepMs(timings.ssl) },
    ...{ firstByteMs: response.status === 0 ? null : until, totalMs: entry.time ?? until + Math.max(0, timings.receive ?? 0) },
    ...{ messages: entry._webSocketMessages?.length ?? 0, touched: [] },
  };
}

/** `connect` has `ssl` in it. */
function connectOf({ connect, ssl }: Entry['timings']): number | null {
  const all = stepMs(connect);
  return all === null ? null : Math.max(0, all - (stepMs(ssl) ?? 0));
}

function stepMs(ms: number | undefined): number | null {
  return ms === undefined || ms < 0 ? null : ms;
}

function addressOf(method: string, spelled: string, place: string): Pick<Summary, 'scheme' | 'host' | 'port' | 'path'> {
  const url = URL.parse(spelled);
  const scheme = url === null ? undefined : SCHEMES.get(url.protocol);
  if (url === null || scheme === undefined)
    throw new Error(`${place}.request.url: expected a URL of http, https, ws or wss; found ${JSON.stringify(spelled.slice(0, 60))}`);
  const port = Number(url.port) || (scheme === 'https' ? 443 : 80);
  const host = url.hostname.replace(/\.$/, '');
  if (method === 'CONNECT') return { scheme: 'tunnel', host, port, path: '' };
  return { scheme, host, port, path: `${url.pathname}${url.search}` };
}

/** Field lines as octets, without those that HTTP/2 has for the request line, and without codings, which are off the content. */
function fieldsOf(headers: Entry['request']['headers']): {
  readonly fields: RecordedFields;
  change(stage: 'request' | 'response'): RecordedFacts['changes'][number] | null;
} {
  const fields = headers
    .filter(({ name }) => !name.startsWith(':'))
    .map(({ name, value }): [string, string] => [octetText(name), octetText(value)]);
  const isCoding = ([name]: readonly [string, string]): boolean => name.toLowerCase() === 'content-encoding';
  const coding = fields.find(isCoding)?.[1];
  return {
    fields: fields.filter((field) => !isCoding(field)),
    change: (stage) =>
      coding === undefined
        ? null
        : { stage, rule: 'import', what: `removed field Content-Encoding (${coding}): an archive has content without it` },
  };
}

function requestOctetsOf({ request: { postData } }: Entry): Buffer | null {
  if (postData == null) return null;
  if (postData.text !== undefined || postData.params === undefined) return octetsOf(postData.text, postData._encoding);
  return Buffer.from(new URLSearchParams(postData.params.map(({ name, value = '' }) => [name, value])).toString());
}

function octetsOf(text: string | undefined, encoding: string | undefined): Buffer | null {
  return text === undefined ? null : Buffer.from(text, encoding === 'base64' ? 'base64' : 'utf8');
}

function contentOf(octets: Buffer | null): RecordedContent | null {
  return octets === null ? null : { length: octets.length, kept: octets.length, digest: null, isComplete: true, trailers: [] };
}

function messageOf(
  { type, time, opcode, data }: NonNullable<Entry['_webSocketMessages']>[number],
  exchangeId: number,
  number: number,
): RecordedMessage {
  const octets = Buffer.from(data, opcode === 2 ? 'base64' : 'utf8');
  return {
    ...{ exchangeId, number, atMs: Math.round(time * 1000), direction: type === 'send' ? 'from-client' : 'to-client' },
    ...{ kind: opcode === 2 ? 'binary' : 'text', length: octets.length, isCompressed: false, contentLength: octets.length },
    ...{ preview: octets.toString('base64'), closeCode: null, problem: null },
  };
}

/** `HTTP/1.1`, `http/2.0`, `h2`, `HTTP/3`: the number alone. */
function versionOf(spelled: string | undefined): string {
  const found = /(\d)(?:\.(\d))?/.exec(spelled ?? '');
  if (found === null) return '1.1';
  return found[1] === '1' ? `1.${found[2] ?? '1'}` : found[1]!;
}

/** Text of an archive is Unicode; a record has one character an octet. */
function octetText(text: string): string {
  return /[^\x00-\x7f]/.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}

function problemOf({ issues: [issue] }: z.ZodError): string {
  const path = issue!.path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  return `${path.replace(/^\./, '') || 'the whole'}: ${issue!.message.replace(/^Invalid input: /, '')}`;
}

const HEADERS = z.array(z.object({ name: z.string(), value: z.string() })).max(10_000);
const ARCHIVE = z.object({ log: z.object({ entries: z.array(z.unknown()) }) });
/** As much as is needed to leave an entry out: of data: and the like not even the rest is as it should be. */
const ASKED = z.object({ request: z.object({ url: z.string() }) });
const milliseconds = z.number().optional();
const ENTRY = z.object({
  startedDateTime: z
    .string()
    .refine((text) => !Number.isNaN(Date.parse(text)), 'expected a date and time, such as 2026-01-31T12:00:00.000Z'),
  time: milliseconds,
  request: z.object({
    method: z.string().min(1),
    url: z.string(),
    httpVersion: z.string().optional(),
    headers: HEADERS,
    postData: z
      .object({
        text: z.string().optional(),
        _encoding: z.string().optional(),
        params: z.array(z.object({ name: z.string(), value: z.string().optional() })).optional(),
      })
      .nullish(),
    bodySize: z.number().optional(),
  }),
  response: z.object({
    status: z.number().int().min(0).max(999),
    statusText: z.string().default(''),
    httpVersion: z.string().optional(),
    headers: HEADERS,
    content: z.object({ text: z.string().optional(), encoding: z.string().optional() }).default({}),
    bodySize: z.number().optional(),
  }),
  timings: z
    .object({
      blocked: milliseconds,
      dns: milliseconds,
      connect: milliseconds,
      ssl: milliseconds,
      send: milliseconds,
      wait: milliseconds,
      receive: milliseconds,
    })
    .default({}),
  serverIPAddress: z.string().optional(),
  _error: z.string().nullish(),
  _fromCache: z.string().optional(),
  _webSocketMessages: z
    .array(z.object({ type: z.enum(['send', 'receive']), time: z.number(), opcode: z.number().default(1), data: z.string() }))
    .max(1_000_000)
    .optional(),
  _sallyport: z.unknown().optional(),
});
type Entry = z.infer<typeof ENTRY>;

/** As much as tells a record of ours from anything else; the rest is read by whoever shows it. */
const OWN = z.looseObject({
  summary: z.looseObject({
    state: z.literal('done'),
    kind: z.enum(['exchange', 'tunnel', 'websocket']),
    host: z.string(),
    path: z.string(),
  }),
  request: z.looseObject({ method: z.string(), target: z.string(), version: z.string() }),
  facts: z.looseObject({ connectionId: z.number(), changes: z.array(z.unknown()).optional() }),
});

const SCHEMES: ReadonlyMap<string, 'http' | 'https'> = new Map([
  ['http:', 'http'],
  ['https:', 'https'],
  ['ws:', 'http'],
  ['wss:', 'https'],
]);
const NO_FACTS: RecordedFacts = {
  ...{ connectionId: 0, clientPort: 0, listener: '', decision: null, hello: null, interceptionReason: null, route: null, judged: [] },
  ...{ resolvedFrom: null, upstreamAddress: null, upstreamPort: 0, reusedConnection: false, upstreamProtocol: null, originTls: null },
  ...{ cache: null, errorMessage: null, changes: [] },
};
