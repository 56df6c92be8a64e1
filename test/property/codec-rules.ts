// Owns the rules that any input at all has to keep to, for the fuzzer: a reader throws nothing but a `ProxyError`, ends, tells no more than it was
// fed, and tells the same however the input was cut; what it accepted is the same message when it is written and read again; a target that is
// accepted has one meaning, which its own spelling gives again; and a request of HTTP/2 that is accepted is, written as HTTP/1.1, that one request and
// nothing else. Written to be fast: its working memory is used again for every input.
import { ProxyError } from '../../src/errors/proxy-error.ts';
import { formatAuthority } from '../../src/http/authority.ts';
import { forwardRequestFields } from '../../src/http/forwarding.ts';
import { CHUNKED, type Framing } from '../../src/http/framing.ts';
import { type Fields, NO_FIELDS } from '../../src/http/message.ts';
import { normalisePath } from '../../src/http/path.ts';
import { parseTarget } from '../../src/http/target.ts';
import { Http1Reader, type ReaderEvent, type ReaderLimits } from '../../src/http1/reader.ts';
import { MessageWriter, type Output, requestHeadText, responseHeadText } from '../../src/http1/writer.ts';
import { readRequestHead as readHttp2RequestHead } from '../../src/listeners/http2-fields.ts';

export const KINDS = ['request', 'response', 'chunked', 'target', 'stream'] as const;
export type Kind = (typeof KINDS)[number];

export type Verdict = 'accepted' | 'refused' | 'unfinished';

/**
 * @param answers  for responses: the methods they answer
 * @param cut  where the input is cut in two for the second reading
 * @throws what breaks a rule
 */
export function check(kind: Kind, bytes: Buffer, answers: readonly string[], cut: number): Verdict {
  if (kind === 'target') return checkTarget(bytes.toString('latin1'));
  if (kind === 'stream') return checkStream(bytes.toString('latin1'));
  const role = kind === 'response' ? 'response' : 'request';
  WHOLE.read(role, answers, bytes, bytes.length);
  IN_TWO.read(role, answers, bytes, cut);
  const difference = WHOLE.differenceTo(IN_TWO);
  if (difference !== null) throw new Error(`cut after ${cut} octets it reads differently: ${difference}`);
  const accepted = WHOLE.writeAgain(role, answers);
  return WHOLE.error !== null ? 'refused' : accepted ? 'accepted' : 'unfinished';
}

/** Everything a reader made of an input. Used again for the next input. */
class Reading {
  readonly events: Exclude<ReaderEvent, { kind: 'content' }>[] = [];
  /** Where in `content` it stood at each event. */
  readonly marks: number[] = [];
  readonly content: Buffer = Buffer.alloc(CONTENT_ROOM);
  contentLength = 0;
  rest = '';
  ending = '';
  error: ProxyError | null = null;
  #answer = 0;

  read(role: 'request' | 'response', answers: readonly string[], bytes: Buffer, cut: number, limits = FUZZ_LIMITS): void {
    this.events.length = 0;
    this.marks.length = 0;
    this.contentLength = 0;
    this.rest = '';
    this.error = null;
    this.#answer = 0;
    const reader = new Http1Reader(role, limits);
    if (role === 'response') reader.expectResponseTo(answers[0] ?? 'GET');
    let hasLeft = false;
    try {
      reader.feed(bytes.subarray(0, cut));
      hasLeft = this.#pull(reader, role, answers, bytes.length);
      if (cut < bytes.length && !hasLeft) {
        reader.feed(bytes.subarray(cut));
        hasLeft = this.#pull(reader, role, answers, bytes.length);
      } else if (hasLeft) this.rest += bytes.toString('latin1', cut);
      this.ending = hasLeft ? 'other' : reader.finish();
      if (this.ending === 'complete') this.#pull(reader, role, answers, bytes.length);
    } catch (error) {
      if (!(error instanceof ProxyError) || error.code === 'proxy_internal_error') throw error;
      this.error = error;
      this.ending = 'refused';
      if (reader.next() !== null) throw new Error('it reads on after an error');
    }
  }

  /** Whether the connection went on with another protocol. */
  #pull(reader: Http1Reader, role: 'request' | 'response', answers: readonly string[], fed: number): boolean {
    for (;;) {
      const event = reader.next();
      if (event === null) return false;
      if (event.kind === 'content') {
        if (event.bytes.length === 0) throw new Error('a content event has no octets');
        this.contentLength += event.bytes.copy(this.content, this.contentLength);
        if (this.contentLength > fed) throw new Error('it reports more content than it was fed');
        continue;
      }
      this.events.push(event);
      this.marks.push(this.contentLength);
      if (this.events.length > fed + 2) throw new Error('it reports more events than it was fed octets');
      const answered = role === 'response' ? (answers[this.#answer] ?? 'GET') : '';
      if (hasLeftHttp(event, answered)) {
        this.rest = reader.takeRest().toString('latin1');
        return true;
      }
      if (event.kind === 'end' && role === 'response') {
        this.#answer += 1;
        reader.expectResponseTo(answers[this.#answer] ?? 'GET');
      }
    }
  }

  /** Null when both are the same. */
  differenceTo(other: Reading): string | null {
    if (this.ending !== other.ending) return `${this.ending}, ${other.ending}`;
    if (
      this.error?.message !== other.error?.message ||
      this.error?.status !== other.error?.status ||
      this.error?.code !== other.error?.code
    ) {
      return `${this.error}, ${other.error}`;
    }
    if (this.rest !== other.rest) return 'what is left for the other protocol';
    if (
      this.contentLength !== other.contentLength ||
      this.content.compare(other.content, 0, this.contentLength, 0, this.contentLength) !== 0
    ) {
      return 'content';
    }
    if (this.events.length !== other.events.length) return `${this.events.length} events, ${other.events.length}`;
    for (let i = 0; i < this.events.length; i += 1) {
      if (this.marks[i] !== other.marks[i] || !isSameEvent(this.events[i]!, other.events[i]!)) return `event ${i}`;
    }
    return null;
  }

  /** Writes every whole message and reads it back. Whether there was one. */
  writeAgain(role: 'request' | 'response', answers: readonly string[]): boolean {
    let written = 0;
    for (let i = 0; i + 1 < this.events.length; i += 1) {
      const event = this.events[i]!;
      const end = this.events[i + 1]!;
      if (event.kind === 'end' || event.kind === 'interim' || end.kind !== 'end') continue;
      const content = this.content.subarray(this.marks[i], this.marks[i + 1]);
      checkRoundTrip(event, role === 'response' ? (answers[written] ?? 'GET') : '', content, end.trailers);
      written += 1;
    }
    return written > 0;
  }
}

function hasLeftHttp(event: ReaderEvent, answered: string): boolean {
  if (event.kind === 'request') return event.head.method === 'CONNECT';
  return event.kind === 'response' && (event.head.status === 101 || (answered === 'CONNECT' && event.head.status < 300));
}

function checkRoundTrip(event: ReaderEvent & { kind: 'request' | 'response' }, answered: string, content: Buffer, trailers: Fields): void {
  const fields = withoutWriterFields(event.head.fields);
  const { framing } = event;
  const head = headTextOf(event, fields, hasNoContent(event, answered) ? null : framing);
  WIRE.length = 0;
  let outcome: ProxyError | null | undefined;
  const writer = new MessageWriter(WIRE, head, framing, (error) => {
    outcome = error;
  });
  const half = content.length >> 1;
  writer.write(content.subarray(0, half));
  writer.write(content.subarray(half));
  writer.end(trailers);
  if (outcome !== null) throw new Error(`the writer did not finish: ${outcome}`);
  if (writer.bytesWritten !== WIRE.length) throw new Error('the writer miscounts its octets');
  AGAIN.read(event.kind, [answered], WIRE.bytes.subarray(0, WIRE.length), WIRE.length, WRITTEN_LIMITS);
  const [first, last] = AGAIN.events;
  if (AGAIN.error !== null || AGAIN.events.length !== 2 || first === undefined || last?.kind !== 'end')
    throw new Error(`written, it reads as ${AGAIN.error ?? AGAIN.ending}`);
  if (!isSameStart(event, first)) throw new Error('written, its start line reads differently');
  if (first.kind === 'end' || !isSameFields(withoutWriterFields(first.head.fields), fields))
    throw new Error('written, its fields read differently');
  if (AGAIN.contentLength !== content.length || AGAIN.content.compare(content, 0, content.length, 0, content.length) !== 0)
    throw new Error('written, its content reads differently');
  if (!isSameFields(last.trailers, trailers)) throw new Error('written, its trailers read differently');
}

function headTextOf(event: ReaderEvent & { kind: 'request' | 'response' }, fields: Fields, framing: Framing | null): string {
  if (event.kind === 'request') return requestHeadText(event.head.method, event.head.target, 'a.example', fields, event.framing);
  return responseHeadText(event.head.status, event.head.reason, fields, framing, 'close');
}

function hasNoContent(event: ReaderEvent & { kind: 'request' | 'response' }, answered: string): boolean {
  return event.kind === 'response' && (answered === 'HEAD' || event.head.status === 204 || event.head.status === 304);
}

/** Less what the writer makes itself. */
function withoutWriterFields(fields: Fields): Fields {
  return fields.filter(({ name }) => !WRITER_FIELDS.has(name.toLowerCase()));
}

function isSameEvent(a: Reading['events'][number], b: Reading['events'][number]): boolean {
  if (a.kind === 'end') return b.kind === 'end' && isSameFields(a.trailers, b.trailers);
  return b.kind !== 'end' && isSameStart(a, b) && a.head.version === b.head.version && isSameFields(a.head.fields, b.head.fields);
}

function isSameStart(a: Reading['events'][number], b: Reading['events'][number]): boolean {
  if (a.kind === 'request') return b.kind === 'request' && a.head.method === b.head.method && a.head.target === b.head.target;
  if (a.kind === 'end' || b.kind === 'end' || b.kind === 'request') return false;
  return a.kind === b.kind && a.head.status === b.head.status && a.head.reason === b.head.reason;
}

function isSameFields(a: Fields, b: Fields): boolean {
  return a.length === b.length && a.every((field, i) => field.name === b[i]!.name && field.value === b[i]!.value);
}

/** `METHOD target`: refused, or of one meaning that its own spelling gives again. */
function checkTarget(input: string): Verdict {
  const blank = input.indexOf(' ');
  const method = blank < 0 ? 'GET' : input.slice(0, blank);
  const text = input.slice(blank + 1);
  try {
    const target = parseTarget(method, text);
    const spelled = spell(target);
    if (/[\x00-\x20\x7f-\uffff]/.test(spelled)) throw new Error(`it has a character that cannot be sent: ${JSON.stringify(spelled)}`);
    const again = JSON.stringify(parseTarget(method, spelled));
    if (again !== JSON.stringify(target)) throw new Error(`${JSON.stringify(target)} reads again as ${again}`);
    if ('pathAndQuery' in target) checkPath(target.pathAndQuery);
    return 'accepted';
  } catch (error) {
    if (!(error instanceof ProxyError) || error.code !== 'http_request_error') throw error;
    return 'refused';
  }
}

/**
 * A request's fields on a stream, a line each. What nghttp2 lets nobody see is not looked for: names in upper case. Two octets stand for the line ends
 * that a value can have there and a line of the input cannot.
 */
function checkStream(input: string): Verdict {
  const list: string[] = [];
  for (const line of input.split('\n')) {
    const colon = line.indexOf(':', 1);
    if (colon < 0) continue;
    const [name, value] = [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    list.push(...[name, value].map((text) => text.replaceAll('\x85', '\n').replaceAll('\xa0', '\r')));
  }
  try {
    const { head, contentLength, isWebSocket } = readHttp2RequestHead(list, FUZZ_LIMITS);
    const target = parseTarget(head.method, head.target);
    if (target.form !== 'absolute-form') return 'accepted';
    const fields = forwardRequestFields(head.fields, head.version, 'fuzz');
    const forwarded = { ...head, target: target.pathAndQuery, fields };
    const framing = isWebSocket ? 0 : (contentLength ?? CHUNKED);
    const content = framing === CHUNKED ? SMUGGLED : Buffer.alloc(Math.min(framing, CONTENT_ROOM));
    if (framing <= CONTENT_ROOM) checkRoundTrip({ kind: 'request', head: forwarded, framing }, '', content, NO_FIELDS);
    return 'accepted';
  } catch (error) {
    if (!(error instanceof ProxyError) || error.code !== 'http_request_error') throw error;
    return 'refused';
  }
}

function spell(target: ReturnType<typeof parseTarget>): string {
  switch (target.form) {
    case 'absolute-form':
      return `${target.scheme}://${formatAuthority(target.authority)}${target.pathAndQuery === '*' ? '' : target.pathAndQuery}`;
    case 'authority-form':
      return formatAuthority(target.authority);
    case 'origin-form':
      return target.pathAndQuery;
    case 'asterisk-form':
      return '*';
    default:
      return target satisfies never;
  }
}

function checkPath(pathAndQuery: string): void {
  const { isUsable, pathAndQuery: normal } = normalisePath(pathAndQuery);
  if (isUsable && normalisePath(normal).pathAndQuery !== normal)
    throw new Error(`the normal form of a path has another: ${JSON.stringify(normal)}`);
}

/** An `Output` in memory that always takes everything. */
class Wire implements Output {
  readonly bytes: Buffer = Buffer.alloc(2 * CONTENT_ROOM);
  readonly writableCorked = 0;
  readonly writableLength = 0;
  readonly writableNeedDrain = false;
  length = 0;

  write(piece: Buffer | string): void {
    this.length += typeof piece === 'string' ? this.bytes.write(piece, this.length, 'latin1') : piece.copy(this.bytes, this.length);
  }
  cork(): void {}
  uncork(): void {}
}

const CONTENT_ROOM = 8192;
const SMUGGLED = Buffer.from('0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: b.example\r\n\r\n');
const FUZZ_LIMITS: ReaderLimits = { headBytes: 1024, targetBytes: 256, fieldCount: 16, trailerBytes: 256 };
// With room for what the writer adds.
const WRITTEN_LIMITS: ReaderLimits = { headBytes: 2048, targetBytes: 256, fieldCount: 20, trailerBytes: 1024 };
const WRITER_FIELDS: ReadonlySet<string> = new Set(['host', 'content-length', 'transfer-encoding', 'connection']);
const WHOLE = new Reading();
const IN_TWO = new Reading();
const AGAIN = new Reading();
const WIRE = new Wire();
