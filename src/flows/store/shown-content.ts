// Owns what the store makes of what it keeps for somebody to look at: one content as a view, and many exchanges as one HTTP Archive in a file. Decoding
// and masking are content/ and redact.ts; they run here, on the store's thread, since they may take long.
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ContentKind, ContentView } from '../content/content-view.ts';
import { DECODING_BOUNDS } from '../content/decode.ts';
import { viewContent } from '../content/view.ts';
import { exportHar, type HarSource } from '../har-export.ts';
import type { MaskRules } from '../redact/rules.ts';
import { maskContent } from '../redact.ts';
import type { FlowSession } from './flow-session.ts';
import { maskedContent } from './mask-record.ts';
import type { KeptContent } from './protocol.ts';

/** @returns `null` where there is no content, or it is not kept any more */
export async function viewOf(
  session: FlowSession,
  {
    id,
    of,
    as,
    masks,
  }: { readonly id: number; readonly of: 'request' | 'response'; readonly as: ContentKind | null; readonly masks: MaskRules | null },
): Promise<ContentView | null> {
  const exchange = session.find(id)?.exchange() ?? null;
  const kept = session.content(id, of);
  if (exchange === null || kept === null) return null;
  const fields = (of === 'request' ? exchange.request : exchange.response)?.fields ?? [];
  const octets = Buffer.from(kept.bytes.buffer, kept.bytes.byteOffset, kept.bytes.byteLength);
  const mask = masks === null ? undefined : (content: Buffer, type: string | null) => maskContent(content, type, masks);
  return viewContent({ octets, isCut: kept.isCut, fields }, as, DECODING_BOUNDS, mask);
}

/** @returns octets as they passed, or without codings where something in them is masked; `null` as `viewOf` */
export async function contentOf(
  session: FlowSession,
  id: number,
  of: 'request' | 'response',
  masks: MaskRules | null,
): Promise<KeptContent | null> {
  const kept = session.content(id, of);
  const exchange = kept === null || masks === null ? null : (session.find(id)?.exchange() ?? null);
  if (kept === null || masks === null || exchange === null) return masks === null ? kept : null;
  const { request, response, received, requestContent, responseContent } = exchange;
  const content = of === 'request' ? requestContent : responseContent;
  const fields = (of === 'request' ? request : (response ?? received))?.fields ?? [];
  const octets = Buffer.from(kept.bytes.buffer, kept.bytes.byteOffset, kept.bytes.byteLength);
  const masked = await maskedContent(octets, content, fields, masks);
  return masked === null ? kept : { bytes: masked, length: masked.length, isCut: kept.isCut };
}

/** @param file  absolute; made anew, for this user alone */
export async function writeHar(
  session: FlowSession,
  ids: Iterable<number>,
  file: string,
  version: string,
  masks: MaskRules | null,
): Promise<void> {
  const archive = exportHar(sourcesOf(session, ids), version, masks);
  await pipeline(Readable.from(archive), createWriteStream(file, { mode: 0o600, flags: 'wx' }));
}

function* sourcesOf(session: FlowSession, ids: Iterable<number>): Generator<HarSource> {
  for (const id of ids) {
    const exchange = session.find(id)?.exchange() ?? null;
    // One that has not ended has nothing to write yet.
    if (exchange === null || exchange.summary.state !== 'done') continue;
    const octets = (of: 'request' | 'response') => {
      const kept = session.content(id, of);
      return kept === null ? null : Buffer.from(kept.bytes);
    };
    const messages = exchange.summary.kind === 'websocket' ? session.messages(id, 0, MOST_MESSAGES) : [];
    yield { exchange, requestOctets: octets('request'), responseOctets: octets('response'), messages };
  }
}

const MOST_MESSAGES = 10_000;
