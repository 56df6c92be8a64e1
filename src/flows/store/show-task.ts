// Owns what may be asked of one content, or of few, that somebody wants to see: what is handed over, what comes back, and doing it. All of it is work
// on octets of strangers that may take as long as they have made it to take, so it is done on a thread that can be ended (show-worker.ts). What comes
// back is octets, in most cases JSON as it is to be sent: whoever passes it on has nothing to take apart.
import type { ContentKind } from '../content/content-view.ts';
import { DECODING_BOUNDS } from '../content/decode.ts';
import { type KeptMessage, viewContent } from '../content/view.ts';
import { type CopyForm, copiedRequest } from '../copy-as/copied-request.ts';
import { asCurl } from '../copy-as/curl.ts';
import { asFetch } from '../copy-as/fetch.ts';
import { asPython } from '../copy-as/python.ts';
import { type DiffSide, diffExchanges } from '../diff.ts';
import { type HarSource, harEntry } from '../har-export.ts';
import type { RecordedExchange, RecordedFields } from '../recorded.ts';
import type { MaskRules } from '../redact/rules.ts';
import { maskContent, maskExchange } from '../redact.ts';
import { maskedContent, maskRecord } from './mask-record.ts';

/** Content as it was kept, and what its message says of it. */
export interface KeptOctets {
  readonly octets: Uint8Array;
  readonly isCut: boolean;
  readonly fields: RecordedFields;
}

/** An exchange with its contents; `null` where there was none. */
export interface WithContents {
  readonly exchange: RecordedExchange;
  readonly requestOctets: Uint8Array | null;
  readonly responseOctets: Uint8Array | null;
}

/** `masks` of `null` masks nothing. */
export type ShowTask =
  /** A `ContentView`; `as` is `null` for what it is. */
  | { readonly kind: 'view'; readonly content: KeptOctets; readonly as: ContentKind | null; readonly masks: MaskRules | null }
  /** The content without its codings and its secrets; nothing where there are none in it. */
  | { readonly kind: 'masked'; readonly content: KeptOctets; readonly masks: MaskRules }
  /** An `ExchangeDiff`. */
  | { readonly kind: 'diff'; readonly before: WithContents; readonly after: WithContents; readonly masks: MaskRules | null }
  /** `{text}`; nothing for what can not be copied. */
  | { readonly kind: 'copy'; readonly of: WithContents; readonly form: CopyForm; readonly masks: MaskRules | null }
  /** An entry of an HTTP Archive. */
  | { readonly kind: 'har-entry'; readonly source: HarSource; readonly masks: MaskRules | null };

/** @throws Error where it takes more than there is */
export async function perform(task: ShowTask): Promise<Uint8Array | null> {
  switch (task.kind) {
    case 'view':
      return jsonOctets(await viewOf(task.content, task.as, task.masks));
    case 'masked':
      return await maskedContent(keptMessage(task.content), task.masks);
    case 'diff': {
      const [before, after] = [await sideOf(task.before, task.masks), await sideOf(task.after, task.masks)];
      return jsonOctets(diffExchanges(before, after));
    }
    case 'copy':
      return await copied(task.of, task.form, task.masks);
    case 'har-entry': {
      const { source, masks } = task;
      const octets = { requestOctets: bufferOf(source.requestOctets), responseOctets: bufferOf(source.responseOctets) };
      return jsonOctets(await harEntry({ ...source, ...octets }, masks));
    }
    default:
      return task satisfies never;
  }
}

function viewOf(content: KeptOctets, as: ContentKind | null, masks: MaskRules | null) {
  const mask = masks === null ? undefined : (octets: Buffer, type: string | null) => maskContent(octets, type, masks);
  return viewContent(keptMessage(content), as, DECODING_BOUNDS, mask);
}

async function sideOf({ exchange, requestOctets, responseOctets }: WithContents, masks: MaskRules | null): Promise<DiffSide> {
  const { request, response, received, requestContent, responseContent } = exchange;
  const textOf = async (octets: Uint8Array | null, length: number, fields: RecordedFields): Promise<string | null> => {
    if (octets === null) return null;
    const { text, kind, rows = [] } = await viewOf({ octets, isCut: octets.length < length, fields }, null, masks);
    if (text !== undefined || kind !== 'form') return text ?? null;
    return rows.map(([name, value]) => (value === '' ? name : `${name}=${value}`)).join('\n');
  };
  return {
    exchange: masks === null ? exchange : maskExchange(exchange, masks),
    requestText: await textOf(requestOctets, requestContent?.length ?? 0, request.fields),
    responseText: await textOf(responseOctets, responseContent?.length ?? 0, (response ?? received)?.fields ?? []),
  };
}

async function copied({ exchange, requestOctets }: WithContents, form: CopyForm, masks: MaskRules | null): Promise<Uint8Array | null> {
  const record = { exchange, requestOctets: bufferOf(requestOctets), responseOctets: null };
  const shown = masks === null ? record : await maskRecord(record, { rules: masks, content: maskedContent });
  const request = copiedRequest(shown.exchange, shown.requestOctets);
  return request === null ? null : jsonOctets({ text: FORMS[form](request) });
}

function keptMessage({ octets, ...rest }: KeptOctets): KeptMessage {
  return { ...rest, octets: bufferOf(octets) };
}

/** The same memory. */
function bufferOf<T extends Uint8Array | null>(octets: T): T extends null ? null : Buffer;
function bufferOf(octets: Uint8Array | null): Buffer | null {
  return octets === null ? null : Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
}

/** In memory of its own, to be handed over. @throws Error where it is more than anybody shows */
function jsonOctets(value: object): Uint8Array {
  const octets = new TextEncoder().encode(JSON.stringify(value));
  if (octets.length > MOST_SHOWN) throw new Error(`it comes to ${octets.length} octets, more than can be shown`);
  return octets;
}

const FORMS: Readonly<Record<CopyForm, typeof asCurl>> = { curl: asCurl, fetch: asFetch, python: asPython };
/** An archive's entry has two whole contents, and may have many messages. */
const MOST_SHOWN = 96 * 2 ** 20;
