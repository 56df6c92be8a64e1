// Owns a record as it leaves the process in a file, its secrets masked: in its row, its fields, and its contents. Where something in a content is masked, what is
// written is the content without its codings, and the fields say so.
import { decodeContent } from '../content/decode.ts';
import type { KeptMessage } from '../content/view.ts';
import type { RecordedContent, RecordedExchange, RecordedFields } from '../recorded.ts';
import type { MaskRules } from '../redact/rules.ts';
import { maskContent, maskExchange } from '../redact.ts';

export interface WholeRecord {
  readonly exchange: RecordedExchange;
  /** As they were kept; `null` where there was none. */
  readonly requestOctets: Buffer | null;
  readonly responseOctets: Buffer | null;
}

/**
 * What is left of content without its secrets, and without its codings; `null` where nothing is masked. Of what cannot be unpacked to be masked, nothing is left.
 */
export type MaskContent = (content: KeptMessage, masks: MaskRules) => Promise<Buffer | null>;

/** What is masked of records, and how their contents are. */
export interface Masking {
  readonly rules: MaskRules;
  /** `maskedContent`, here or on another thread. */
  readonly content: MaskContent;
}

/** @throws what masking contents throws */
export async function maskRecord({ exchange, requestOctets, responseOctets }: WholeRecord, masking: Masking): Promise<WholeRecord> {
  const masked = maskExchange(exchange, masking.rules);
  const { request, sent, received, response, requestContent, responseContent } = masked;
  const maskOf = async (octets: Buffer | null, content: RecordedContent | null, fields: RecordedFields): Promise<Buffer | null> =>
    octets === null || content === null
      ? null
      : await masking.content({ octets, isCut: octets.length < content.length, fields }, masking.rules);
  const asked = await maskOf(requestOctets, requestContent, exchange.request.fields);
  const answered = await maskOf(responseOctets, responseContent, (exchange.response ?? exchange.received)?.fields ?? []);
  return {
    exchange: {
      ...masked,
      request: asked === null ? request : withoutCodings(request),
      sent: asked === null || sent === null ? sent : withoutCodings(sent),
      received: answered === null || received === null ? received : withoutCodings(received),
      response: answered === null || response === null ? response : withoutCodings(response),
      requestContent: asked === null ? requestContent : withLength(requestContent, asked.length),
      responseContent: answered === null ? responseContent : withLength(responseContent, answered.length),
    },
    requestOctets: asked ?? requestOctets,
    responseOctets: answered ?? responseOctets,
  };
}

/** @throws never */
export async function maskedContent({ octets, isCut, fields }: KeptMessage, masks: MaskRules): Promise<Buffer | null> {
  const decoded = await decodeContent(octets, isCut, fields);
  if (decoded.isPacked) return NOTHING;
  const type = fields.find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? null;
  const masked = maskContent(decoded.octets, type, masks);
  return masked === decoded.octets ? null : masked;
}

function withoutCodings<M extends { readonly fields: RecordedFields }>(message: M): M {
  return { ...message, fields: message.fields.filter(([name]) => name.toLowerCase() !== 'content-encoding') };
}

/** What was not kept is missing still. */
function withLength(content: RecordedContent | null, kept: number): RecordedContent | null {
  return content === null ? null : { ...content, kept, length: kept + content.length - content.kept };
}

const NOTHING = Buffer.alloc(0);
