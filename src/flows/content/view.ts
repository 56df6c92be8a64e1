// Owns making a view of recorded content: codings off, the kind of it, and what its reader makes of it. All readers are total; what they take is bounded
// here, in octets, characters and parts within parts.
import type { CodingBounds } from '../../http/content-coding.ts';
import type { RecordedFields } from '../recorded.ts';
import { readCbor } from './cbor.ts';
import { decodeText } from './charset.ts';
import type { ContentKind, ContentView, Reading } from './content-view.ts';
import { DECODING_BOUNDS, decodeContent, unpacked } from './decode.ts';
import { boundaryOf, formRows, type Part, partsOf } from './form.ts';
import { graphqlRequests, layOutGraphql } from './graphql.ts';
import { decodeGrpcWebText, type GrpcMessage, grpcMessages } from './grpc.ts';
import { hexDump } from './hex.ts';
import { imageFacts } from './image.ts';
import { layOutJson } from './json.ts';
import { readJwt } from './jwt.ts';
import { alternativesTo, kindOf } from './kind.ts';
import { layOutMarkup } from './markup.ts';
import { readMsgpack } from './msgpack.ts';
import { readProtobuf } from './protobuf.ts';
import { layOutScript } from './script.ts';
import { eventRows } from './sse.ts';

/** Content as it was kept, with the fields of its message. */
export interface KeptMessage {
  readonly octets: Buffer;
  /** Whether these are only the beginning of what passed. */
  readonly isCut: boolean;
  readonly fields: RecordedFields;
}

/**
 * @param as  the kind that it is to be looked at as; `null` for what it is
 * @param mask  what is done to the octets before anybody sees them, given the media type; left out, all is shown. What cannot be unpacked to be masked is not
 * @throws never
 */
export async function viewContent(
  message: KeptMessage,
  as: ContentKind | null = null,
  bounds: CodingBounds = DECODING_BOUNDS,
  mask?: (octets: Buffer, contentType: string | null) => Buffer,
): Promise<ContentView> {
  const contentType = fieldOf(message.fields, 'content-type');
  const decoded = await decodeContent(message.octets, message.isCut, message.fields, bounds);
  const { codings, isCut, isPacked, problem } = decoded;
  const isWithheld = isPacked && mask !== undefined;
  const octets = isWithheld ? NOTHING : (mask?.(decoded.octets, contentType) ?? decoded.octets);
  return await viewOctets(
    { octets, contentType, as: isPacked ? 'hex' : as, codings, isCut },
    isWithheld ? `${problem} There may be secrets in it, so it is shown only where they are.` : problem,
    message.fields,
    bounds,
    0,
  );
}

interface Viewed {
  readonly octets: Buffer;
  readonly contentType: string | null;
  readonly as: ContentKind | null;
  readonly codings: readonly string[];
  readonly isCut: boolean;
}

async function viewOctets(
  viewed: Viewed,
  problem: string | null,
  fields: RecordedFields,
  bounds: CodingBounds,
  depth: number,
): Promise<ContentView> {
  const { octets, contentType, codings, isCut } = viewed;
  const natural = kindOf(octets, contentType);
  const asked = viewed.as ?? natural;
  const isText = TEXT_KINDS.has(asked);
  const {
    text,
    charset,
    problem: charsetProblem,
  } = isText ? decodeText(octets, contentType, isCut) : { text: '', charset: null, problem: null };
  const shown = text.slice(0, MAX_TEXT);
  const context = { octets, text: shown, contentType, isCut, fields, bounds, depth };
  // A request in JSON may be one of GraphQL, which nothing but its content says.
  const kind = asked === 'json' && viewed.as === null && graphqlRequests(shown) !== null ? 'graphql' : asked;
  const { problem: found = null, ...reading } = await READERS[kind](context);
  const layout = { ...reading, ...(reading.text !== undefined && { text: reading.text.slice(0, MAX_LAYOUT) }) };
  const isShort = text.length > MAX_TEXT || (reading.text?.length ?? 0) > MAX_LAYOUT;
  // That the end is missing is said already.
  const problems = [problem, charsetProblem, isCut || isShort ? null : found].filter((each) => each !== null);
  return {
    kind,
    alternatives: [...(kind === natural ? [] : [natural]), ...alternativesTo(kind, octets).filter((each) => each !== natural)],
    ...layout,
    decoded: { codings, charset, length: octets.length, isCut: isCut || isShort },
    problem: problems.length === 0 ? null : problems.join(' '),
  };
}

interface ReadingContext {
  readonly octets: Buffer;
  /** Empty for kinds that are no text. */
  readonly text: string;
  readonly contentType: string | null;
  readonly isCut: boolean;
  readonly fields: RecordedFields;
  readonly bounds: CodingBounds;
  /** Parts that it is a part of. */
  readonly depth: number;
}

const READERS: Readonly<Record<ContentKind, (context: ReadingContext) => Reading | Promise<Reading>>> = {
  json: ({ text }) => layOutJson(text),
  text: ({ text }) => ({ text }),
  html: ({ text }) => ({ text: layOutMarkup(text, 'html') }),
  xml: ({ text }) => ({ text: layOutMarkup(text, 'xml') }),
  css: ({ text }) => ({ text: layOutScript(text, 'css') }),
  javascript: ({ text }) => ({ text: layOutScript(text, 'javascript') }),
  image: readImage,
  form: ({ text }) => ({ rows: formRows(text.trim()) }),
  multipart: readParts,
  protobuf: ({ octets }) => protobufReading(octets),
  grpc: readGrpc,
  graphql: readGraphql,
  jwt: readToken,
  sse: ({ text }) => ({ rows: eventRows(text) }),
  cbor: ({ octets }) => readCbor(octets),
  msgpack: ({ octets }) => readMsgpack(octets),
  hex: ({ octets }) => ({ text: hexDump(octets) }),
};

function readImage({ octets, isCut }: ReadingContext): Reading {
  const facts = imageFacts(octets);
  if (facts === null) return { text: hexDump(octets), problem: 'It is no image that browsers show.' };
  if (octets.length > MAX_IMAGE)
    return { text: hexDump(octets), problem: `It is larger than the ${MAX_IMAGE} octets that are shown of an image.` };
  return { image: { ...facts, base64: octets.toString('base64') }, problem: isCut ? 'Its end is missing.' : null };
}

function readParts(context: ReadingContext): Reading | Promise<Reading> {
  const { octets, contentType } = context;
  const boundary = boundaryOf(contentType ?? '') ?? /^--([^\r\n]{1,70})\r\n/.exec(octets.toString('latin1', 0, 80))?.[1] ?? null;
  if (boundary === null) return { text: hexDump(octets), problem: 'Its media type names no boundary.' };
  const parts = partsOf(octets, boundary);
  if (parts.length === 0) return { text: hexDump(octets), problem: 'Its boundary does not occur in it.' };
  return shownParts(viewParts(parts, context));
}

async function* viewParts(parts: readonly Part[], { isCut, bounds, depth }: ReadingContext): AsyncGenerator<ContentView> {
  for (const { fields, octets: part, title } of parts) {
    const type = fieldOf(fields, 'content-type');
    const viewed = {
      octets: part,
      contentType: type ?? 'text/plain',
      as: depth < MAX_DEPTH ? null : ('hex' as const),
      codings: [],
      isCut: isCut && part === parts.at(-1)!.octets,
    };
    yield { title, ...(await viewOctets(viewed, null, fields, bounds, depth + 1)) };
  }
}

/** As many as can be shown: each may come to as much as a whole, and what is a part may have parts. */
async function shownParts(views: AsyncIterable<ContentView>): Promise<Reading> {
  const parts: ContentView[] = [];
  let shown = 0;
  for await (const view of views) {
    parts.push(view);
    shown += JSON.stringify(view).length;
    if (shown > MAX_SHOWN) return { parts, problem: `Only the first ${parts.length} of its parts are shown.` };
  }
  return { parts };
}

function protobufReading(octets: Buffer): Reading {
  const tree = readProtobuf(octets);
  return tree === null ? { text: hexDump(octets), problem: 'It is no message of protocol buffers.' } : { tree };
}

function readGrpc(context: ReadingContext): Reading | Promise<Reading> {
  const { octets, contentType, fields } = context;
  const messages = grpcMessages(/^application\/grpc-web-text/i.test(contentType ?? '') ? decodeGrpcWebText(octets) : octets);
  const coding = fieldOf(fields, 'grpc-encoding')?.toLowerCase() ?? 'identity';
  if (messages.length === 0 && octets.length > 0) return { parts: [], problem: 'No message of gRPC begins in it.' };
  return shownParts(viewGrpcMessages(messages, coding, context));
}

async function* viewGrpcMessages(messages: readonly GrpcMessage[], coding: string, context: ReadingContext): AsyncGenerator<ContentView> {
  for (const [i, message] of messages.entries()) yield await viewGrpcMessage(message, `message ${i + 1}`, coding, context);
}

async function viewGrpcMessage(message: GrpcMessage, title: string, coding: string, context: ReadingContext): Promise<ContentView> {
  const codings = message.isCompressed && coding !== 'identity' ? [coding] : [];
  const { octets, isCut, isPacked, problem } = await unpacked(message.octets, message.isCut, codings, context.bounds);
  const carried = /\+json/i.test(context.contentType ?? '') ? 'json' : 'protobuf';
  const kind = message.isTrailers ? 'text' : isPacked ? 'hex' : carried;
  const { problem: found = null, ...reading } = await READERS[kind]({ ...context, octets, text: octets.toString('utf8'), isCut });
  return {
    title: message.isTrailers ? 'trailers' : title,
    kind,
    alternatives: [],
    ...reading,
    decoded: { codings, charset: null, length: octets.length, isCut },
    problem: problem ?? (isCut ? null : found),
  };
}

function readGraphql({ text, octets }: ReadingContext): Reading {
  const requests = graphqlRequests(text);
  if (requests === null) return { text: layOutGraphql(text) };
  const part = (title: string, kind: ContentKind, laidOut: string): ContentView => ({
    ...{ title, kind, alternatives: [], text: laidOut.slice(0, MAX_LAYOUT), problem: null },
    decoded: { codings: [], charset: 'utf-8', length: octets.length, isCut: false },
  });
  return {
    parts: requests.flatMap(({ query, operationName, variables }) => [
      part(operationName ?? 'query', 'graphql', layOutGraphql(query)),
      ...(variables === null ? [] : [part('variables', 'json', layOutJson(variables).text)]),
    ]),
  };
}

function readToken({ text }: ReadingContext): Reading {
  const token = readJwt(text);
  if (token === null) return { text, problem: 'It is no JSON Web Token.' };
  const json = `${layOutJson(token.header).text}\n\n${layOutJson(token.payload).text}`;
  return { text: json, rows: [...token.times, ['signature', 'not verified']] };
}

function fieldOf(fields: RecordedFields, lower: string): string | null {
  return fields.find(([name]) => name.toLowerCase() === lower)?.[1] ?? null;
}

const TEXT_KINDS: ReadonlySet<ContentKind> = new Set(['json', 'text', 'html', 'xml', 'css', 'javascript', 'form', 'graphql', 'jwt', 'sse']);
/** Characters that are laid out, and that the layout may come to: as much as a page can show. */
const MAX_TEXT = 2 * 1024 * 1024;
const MAX_LAYOUT = 4 * 1024 * 1024;
const MAX_IMAGE = 8 * 1024 * 1024;
/** Characters that parts may come to with all that is said of them. */
const MAX_SHOWN = 8 * 1024 * 1024;
const MAX_DEPTH = 4;
const NOTHING = Buffer.alloc(0);
