// Owns a record as it leaves the process in a file, its secrets masked: in its row, its fields, and its contents. Where something in a content is masked, what is
// written is the content without its codings, and the fields say so.
import { decodeContent } from '../content/decode.ts';
import type { RecordedContent, RecordedExchange, RecordedFields } from '../recorded.ts';
import type { MaskRules } from '../redact/rules.ts';
import { maskContent, maskExchange } from '../redact.ts';

export interface WholeRecord {
  readonly exchange: RecordedExchange;
  /** As they were kept; `null` where there was none. */
  readonly requestOctets: Buffer | null;
  readonly responseOctets: Buffer | null;
}

/** @throws never */
export async function maskRecord({ exchange, requestOctets, responseOctets }: WholeRecord, masks: MaskRules): Promise<WholeRecord> {
  const masked = maskExchange(exchange, masks);
  const { request, sent, received, response, requestContent, responseContent } = masked;
  const asked = await maskedContent(requestOctets, requestContent, exchange.request.fields, masks);
  const answered = await maskedContent(responseOctets, responseContent, (exchange.response ?? exchange.received)?.fields ?? [], masks);
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

/** @returns without its codings; `null` where nothing is masked, and nothing at all of what cannot be unpacked to be masked */
export async function maskedContent(
  octets: Buffer | null,
  content: RecordedContent | null,
  fields: RecordedFields,
  masks: MaskRules,
): Promise<Buffer | null> {
  if (octets === null || content === null) return null;
  const decoded = await decodeContent(octets, octets.length < content.length, fields);
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
