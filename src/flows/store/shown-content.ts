// Owns what the store gives of its contents to somebody who wants to see them: views, contents without their secrets, differences, requests to paste
// elsewhere, HTTP Archives in a file. What is kept is found here; all work on it is done on a thread that can be ended (showing.ts), so that no
// content, whatever it is made to be, holds up what is recorded. Where that was ended, the answer says so in words.
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ContentKind, ContentView } from '../content/content-view.ts';
import { contentCodings } from '../content/decode.ts';
import type { KeptMessage } from '../content/view.ts';
import type { CopyForm } from '../copy-as/copied-request.ts';
import { exportHar, type HarSource } from '../har-export.ts';
import type { RecordedExchange, RecordedMessage } from '../recorded.ts';
import type { MaskRules } from '../redact/rules.ts';
import { maskMessage } from '../redact.ts';
import type { FlowSession } from './flow-session.ts';
import type { MaskContent } from './mask-record.ts';
import type { KeptContent } from './protocol.ts';
import { Refused } from './sessions.ts';
import type { WithContents } from './show-task.ts';
import { NotShown, type Showing } from './showing.ts';

type Side = 'request' | 'response';

/** @returns a `ContentView` as JSON; `null` where there is no content, or it is not kept any more */
export async function viewOf(
  showing: Showing,
  session: FlowSession,
  { id, of, as, masks }: { readonly id: number; readonly of: Side; readonly as: ContentKind | null; readonly masks: MaskRules | null },
): Promise<Uint8Array | null> {
  const content = keptMessage(session, id, of);
  if (content === null) return null;
  try {
    return await showing.ask({ kind: 'view', content, as, masks }, aboutOf(session, 'view', id, of, as, masks === null));
  } catch (error) {
    if (!(error instanceof NotShown)) throw error;
    return new TextEncoder().encode(JSON.stringify(withoutView(content, error.message)));
  }
}

/** @returns octets as they passed, or without codings where something in them is masked; `null` as `viewOf` */
export async function contentOf(
  showing: Showing,
  session: FlowSession,
  id: number,
  of: Side,
  masks: MaskRules | null,
): Promise<KeptContent | null> {
  const kept = session.content(id, of);
  const content = masks === null ? null : keptMessage(session, id, of);
  if (masks === null || kept === null || content === null) return masks === null ? kept : null;
  const masked = await unlessRefused(
    showing.ask({ kind: 'masked', content, masks }, aboutOf(session, 'masked', id, of)),
    (why) => `What is secret in it could not be masked: ${why}. Ask for it with its secrets (reveal=1).`,
  );
  return masked === null ? kept : { bytes: masked, length: masked.length, isCut: kept.isCut };
}

/** @returns an `ExchangeDiff` as JSON. Both may be under way still: what is kept of their contents is what counts */
export async function diffOf(
  showing: Showing,
  session: FlowSession,
  [before, after]: readonly [RecordedExchange, RecordedExchange],
  masks: MaskRules | null,
): Promise<Uint8Array | null> {
  const task = { kind: 'diff', before: withContents(session, before), after: withContents(session, after), masks } as const;
  const about = aboutOf(session, 'diff', before.summary.id, after.summary.id, masks === null);
  return await unlessRefused(showing.ask(task, about), (why) => `They cannot be compared: ${why}.`);
}

/** @returns `{text}` as JSON; `null` for what is no request that can be sent */
export async function copyOf(
  showing: Showing,
  session: FlowSession,
  exchange: RecordedExchange,
  form: CopyForm,
  masks: MaskRules | null,
): Promise<Uint8Array | null> {
  const about = aboutOf(session, 'copy', exchange.summary.id, form, masks === null);
  const task = { kind: 'copy', of: { ...withContents(session, exchange), responseOctets: null }, form, masks } as const;
  return await unlessRefused(showing.ask(task, about), (why) => `It cannot be copied: ${why}.`);
}

/** What is not masked in time is left out. @throws never, but where recording ends */
export function maskContentWith(showing: Showing): MaskContent {
  let last = 0;
  return async ({ octets, isCut, fields }, masks) => {
    try {
      const masked = await showing.ask({ kind: 'masked', content: { octets, isCut, fields }, masks }, `file ${(last += 1)}`);
      return masked === null ? null : Buffer.from(masked.buffer, masked.byteOffset, masked.byteLength);
    } catch (error) {
      if (error instanceof NotShown) return Buffer.alloc(0);
      throw error;
    }
  };
}

/** Previews are short, and there are many: others have their turn in between. */
export function* maskMessages(messages: readonly RecordedMessage[], masks: MaskRules): Generator<void, RecordedMessage[]> {
  const masked: RecordedMessage[] = [];
  for (const message of messages) {
    masked.push(maskMessage(message, masks));
    yield;
  }
  return masked;
}

/** @param file  absolute; made anew, for this user alone */
export async function writeHar(
  showing: Showing,
  session: FlowSession,
  ids: Iterable<number>,
  { file, version, masks }: { readonly file: string; readonly version: string; readonly masks: MaskRules | null },
): Promise<void> {
  const entryOf = async (source: HarSource): Promise<Uint8Array> => {
    const about = `${file} ${source.exchange.summary.id}`;
    try {
      return (await showing.ask({ kind: 'har-entry', source, masks }, about))!;
    } catch (error) {
      if (!(error instanceof NotShown)) throw error;
      const without = { ...source, requestOctets: null, responseOctets: null, comment: `Its contents are left out: ${error.message}.` };
      return (await showing.ask({ kind: 'har-entry', source: without, masks }, about))!;
    }
  };
  const archive = exportHar(sourcesOf(session, ids), version, masks, entryOf);
  await pipeline(Readable.from(archive), createWriteStream(file, { mode: 0o600, flags: 'wx' }));
}

function* sourcesOf(session: FlowSession, ids: Iterable<number>): Generator<HarSource> {
  for (const id of ids) {
    const exchange = session.find(id)?.exchange() ?? null;
    // One that has not ended has nothing to write yet.
    if (exchange === null || exchange.summary.state !== 'done') continue;
    const messages = exchange.summary.kind === 'websocket' ? session.messages(id, 0, MOST_MESSAGES) : [];
    yield { ...withContents(session, exchange), messages };
  }
}

function withContents(
  session: FlowSession,
  exchange: RecordedExchange,
): WithContents & { readonly requestOctets: Buffer | null; readonly responseOctets: Buffer | null } {
  const { id } = exchange.summary;
  return { exchange, requestOctets: octetsOf(session, id, 'request'), responseOctets: octetsOf(session, id, 'response') };
}

function keptMessage(session: FlowSession, id: number, of: Side): KeptMessage | null {
  const exchange = session.find(id)?.exchange() ?? null;
  const kept = session.content(id, of);
  if (exchange === null || kept === null) return null;
  const { request, response, received } = exchange;
  const { bytes, isCut } = kept;
  const octets = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { octets, isCut, fields: (of === 'request' ? request : (response ?? received))?.fields ?? [] };
}

function octetsOf(session: FlowSession, id: number, of: Side): Buffer | null {
  const kept = session.content(id, of);
  return kept === null ? null : Buffer.from(kept.bytes.buffer, kept.bytes.byteOffset, kept.bytes.byteLength);
}

/** Of questions that have the same answer. */
function aboutOf(session: FlowSession, ...words: readonly (string | number | boolean | null)[]): string {
  return [session.name, ...words].join('\n');
}

async function unlessRefused<T>(answer: Promise<T>, sentence: (why: string) => string): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw error instanceof NotShown ? new Refused(sentence(error.message)) : error;
  }
}

/** Where nobody can see it laid out. */
function withoutView({ octets, isCut, fields }: KeptMessage, why: string): ContentView {
  return {
    kind: 'hex',
    alternatives: ['text'],
    text: '',
    decoded: { codings: contentCodings(fields), charset: null, length: octets.length, isCut },
    problem: `It cannot be shown: ${why}. Its octets can be saved as they are.`,
  };
}

const MOST_MESSAGES = 10_000;
