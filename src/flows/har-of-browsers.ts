// Owns what archives have from browsers beyond their format, since viewers look for it there: what a thing was fetched for, the pseudo-header fields of
// HTTP/2, the messages of WebSockets.
import type { RecordedExchange, RecordedFields, RecordedMessage } from './recorded.ts';

/** What a browser fetched it for, in Chromium's words; `null` leaves it to the media type, by which viewers take all text for scripts. */
export function resourceTypeOf({ summary, request }: RecordedExchange): string | null {
  if (summary.kind !== 'exchange') return summary.kind === 'websocket' ? 'websocket' : null;
  const mediaType = (summary.contentType ?? '').split(';', 1)[0]!.trim().toLowerCase();
  if (mediaType === 'text/event-stream') return 'eventsource';
  const destination = fieldOf(request.fields, 'sec-fetch-dest');
  if (destination !== null) return DESTINATIONS.get(destination) ?? 'other';
  return mediaType === 'text/plain' || /[/+]json$/.test(mediaType) ? 'fetch' : null;
}

/**
 * What a client of HTTP/2 has in the place of the first line and of Host (RFC 9113 §8.3.1); browsers have it in front of the other fields.
 *
 * @param url  of the entry
 */
export function pseudoFields({ request, summary }: RecordedExchange, url: string): RecordedFields {
  const { method, version, target, fields } = request;
  if (version !== '2') return [];
  if (summary.kind === 'tunnel')
    return [
      [':method', method],
      [':authority', target],
    ];
  const [, authority] = /^https?:\/\/([^/?#]*)/.exec(target) ?? /:\/\/([^/?#]*)/.exec(url)!;
  const named: RecordedFields = fieldOf(fields, 'host') === null ? [[':authority', authority!]] : [];
  return [[':method', method], ...named, [':scheme', summary.scheme], [':path', summary.path]];
}

/** Messages as Chromium has them. */
export function messageEntries(messages: readonly RecordedMessage[]): object[] {
  return asTheClientHadThem(messages).flatMap(messageEntry);
}

/** What it sent as it sent it; what came for it as it came to be at a breakpoint. */
function asTheClientHadThem(messages: readonly RecordedMessage[]): readonly RecordedMessage[] {
  const fates = new Map(messages.flatMap((message) => (message.fate === undefined ? [] : [[message.fate.of, message]])));
  return messages.flatMap((message) => {
    const fate = message.direction === 'to-client' ? fates.get(message.number) : undefined;
    if (message.fate !== undefined || fate?.fate?.how === 'dropped') return [];
    return [fate ?? message];
  });
}

/** As Chromium has it: `data` is text, or Base64 of what is none. */
function messageEntry({ kind, direction, atMs, preview }: RecordedMessage): object[] {
  if (kind !== 'text' && kind !== 'binary') return [];
  const data = kind === 'text' ? Buffer.from(preview, 'base64').toString('utf8') : preview;
  return [{ type: direction === 'from-client' ? 'send' : 'receive', time: atMs / 1000, opcode: kind === 'text' ? 1 : 2, data }];
}

/** The first of its name. @param lower  the name in lower case */
export function fieldOf(fields: RecordedFields, lower: string): string | null {
  return fields.find(([name]) => name.toLowerCase() === lower)?.[1] ?? null;
}

/** By `Sec-Fetch-Dest` (Fetch Metadata §2.1). */
const DESTINATIONS: ReadonlyMap<string, string> = new Map([
  ...['document', 'iframe', 'frame'].map((each) => [each, 'document'] as const),
  ...['script', 'worker', 'sharedworker', 'serviceworker'].map((each) => [each, 'script'] as const),
  ...['audio', 'video', 'track'].map((each) => [each, 'media'] as const),
  ...([
    ['style', 'stylesheet'],
    ['image', 'image'],
    ['font', 'font'],
    ['manifest', 'manifest'],
    ['empty', 'fetch'],
  ] as const),
]);
