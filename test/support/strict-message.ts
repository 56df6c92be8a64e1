// The second opinion: reads HTTP/1.1 messages (RFC 9112) as strictly as the grammar allows, sharing no code with src/.
// Refuses what a careful peer would not write even where a recipient may take it: bare LF, folds, two framings, chunk extensions, leading zeros.
// Slow and plain on purpose. A message that breaks off is a `BrokenOffError` (raw-connection.ts); one that is wrong is a `MalformedError`.
import { BrokenOffError, type RawConnection, visible } from './raw-connection.ts';

/** Name as spelled, value without the blanks around it; both one character an octet. */
export type WireField = readonly [name: string, value: string];

interface Message {
  /** Start line and header section, as they came, the empty line included. */
  readonly head: string;
  readonly fields: readonly WireField[];
  readonly body: Buffer;
  /** How the end of the content was told (RFC 9112 §6.3). */
  readonly framing: 'none' | 'length' | 'chunked' | 'close';
  readonly trailers: readonly WireField[];
  /** Every octet of the message. */
  readonly raw: Buffer;
}

export interface RawRequest extends Message {
  readonly method: string;
  readonly target: string;
  readonly version: '1.0' | '1.1';
}

export interface RawResponse extends Message {
  readonly status: number;
  readonly reason: string;
  readonly version: '1.0' | '1.1';
}

export interface HeadOf<T extends Message> {
  readonly head: Omit<T, 'body' | 'trailers' | 'raw'>;
  /** Reads the rest of the message. */
  complete(): Promise<T>;
}

/** The head of a request, with the way to its content: for an origin that has to answer `Expect: 100-continue` in between. */
export async function readRequestHead(connection: RawConnection): Promise<HeadOf<RawRequest>> {
  const octets: Buffer[] = [];
  const startLine = await readLine(connection, octets);
  const [, method, target, minor] = match(REQUEST_LINE, startLine, 'request line');
  const version = minor === '1' ? '1.1' : '1.0';
  const fields = await readFields(connection, octets);
  const hosts = valuesOf(fields, 'host');
  if (hosts.length > 1 || (version === '1.1' && hosts.length === 0))
    throw new MalformedError('a request needs exactly one Host', Buffer.concat(octets));
  const stated = statedFraming(fields, version, octets);
  const head = { method: method!, target: target!, version, fields, head: latin1(octets), framing: stated.kind } as const;
  return { head, complete: async () => ({ ...head, ...(await readContent(connection, stated, octets)) }) };
}

/**
 * The next response, interim ones included.
 * @param method  of the request it answers: the answer to a HEAD has no content, a 2xx to CONNECT no framing
 */
export async function readMessage(connection: RawConnection, method: string): Promise<RawResponse> {
  const octets: Buffer[] = [];
  const startLine = await readLine(connection, octets);
  const [, minor, code, reason] = match(STATUS_LINE, startLine, 'status line');
  const version = minor === '1' ? '1.1' : '1.0';
  const status = Number(code);
  const fields = await readFields(connection, octets);
  let stated: Framing = statedFraming(fields, version, octets);
  const isUnframed = status < 200 || status === 204 || (method === 'CONNECT' && status < 300);
  if (isUnframed && stated.kind !== 'none')
    throw new MalformedError(`${status} to ${method} may not be framed (RFC 9110 §8.6, RFC 9112 §6.1)`, Buffer.concat(octets));
  if (isUnframed || status === 304 || method === 'HEAD') stated = { kind: 'none', length: 0 };
  else if (stated.kind === 'none') stated = { kind: 'close', length: 0 };
  const head = { status, reason: reason!, version, fields, head: latin1(octets), framing: stated.kind } as const;
  return { ...head, ...(await readContent(connection, stated, octets)) };
}

/** Every value of a field, in order. `lower` must be lower case. */
export function valuesOf(fields: readonly WireField[], lower: string): string[] {
  return fields.filter(([name]) => name.toLowerCase() === lower).map(([, value]) => value);
}

/** What no careful peer writes. */
export class MalformedError extends Error {
  constructor(problem: string, octets: Uint8Array) {
    super(`${problem}; in\n${visible(octets)}`);
    this.name = 'MalformedError';
  }
}

interface Framing {
  readonly kind: Message['framing'];
  readonly length: number;
}

function statedFraming(fields: readonly WireField[], version: string, octets: Buffer[]): Framing {
  const lengths = valuesOf(fields, 'content-length');
  const codings = valuesOf(fields, 'transfer-encoding');
  const refuse = (problem: string): never => {
    throw new MalformedError(problem, Buffer.concat(octets));
  };
  if (lengths.length + codings.length > 1) refuse('more than one framing field');
  const coding = codings[0];
  if (coding !== undefined) {
    if (coding.toLowerCase() !== 'chunked') refuse(`transfer coding ${JSON.stringify(coding)}`);
    if (version === '1.0') refuse('a transfer coding in HTTP/1.0');
    return { kind: 'chunked', length: 0 };
  }
  const length = lengths[0];
  if (length === undefined) return { kind: 'none', length: 0 };
  if (!/^(?:0|[1-9][0-9]{0,14})$/.test(length)) refuse(`Content-Length ${JSON.stringify(length)}`);
  return { kind: 'length', length: Number(length) };
}

async function readContent(
  connection: RawConnection,
  framing: Framing,
  octets: Buffer[],
): Promise<Pick<Message, 'body' | 'trailers' | 'raw'>> {
  const content: Buffer[] = [];
  let trailers: readonly WireField[] = [];
  if (framing.kind === 'length') content.push(await readInto(octets, connection.readExactly(framing.length)));
  else if (framing.kind === 'close') content.push(await readInto(octets, connection.readToEnd()));
  else if (framing.kind === 'chunked') {
    for (;;) {
      const [, size] = match(CHUNK_SIZE, await readLine(connection, octets), 'chunk size');
      if (size === '0') break;
      content.push(await readInto(octets, connection.readExactly(Number.parseInt(size!, 16))));
      if ((await readLine(connection, octets)) !== '')
        throw new MalformedError('a chunk is longer than announced', Buffer.concat(octets).subarray(-200));
    }
    trailers = await readFields(connection, octets);
  }
  return { body: Buffer.concat(content), trailers, raw: Buffer.concat(octets) };
}

async function readFields(connection: RawConnection, octets: Buffer[]): Promise<readonly WireField[]> {
  const fields: WireField[] = [];
  for (;;) {
    const line = await readLine(connection, octets);
    if (line === '') return fields;
    const [, name, value] = match(FIELD_LINE, line, 'field line');
    fields.push([name!, value!]);
  }
}

/** One line without its CRLF, the only line end there is. */
async function readLine(connection: RawConnection, octets: Buffer[]): Promise<string> {
  const line = await readInto(octets, connection.readUntil('\n'));
  const text = line.toString('latin1');
  if (!text.endsWith('\r\n') || text.indexOf('\r') !== text.length - 2) throw new MalformedError('a line end that is not CRLF', line);
  return text.slice(0, -2);
}

async function readInto(octets: Buffer[], read: Promise<Buffer>): Promise<Buffer> {
  try {
    const bytes = await read;
    octets.push(bytes);
    return bytes;
  } catch (error) {
    if (!(error instanceof BrokenOffError) || octets.length === 0) throw error;
    throw new BrokenOffError(`${error.message}\nafter\n${visible(Buffer.concat(octets).subarray(0, 2000))}`, { cause: error });
  }
}

function match(pattern: RegExp, line: string, what: string): RegExpExecArray {
  const found = pattern.exec(line);
  if (found === null) throw new MalformedError(`not a ${what}`, Buffer.from(line, 'latin1'));
  return found;
}

function latin1(octets: Buffer[]): string {
  return Buffer.concat(octets).toString('latin1');
}

const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e]+) HTTP\/1\.([01])$/;
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5][0-9]{2}) ([\t\x20-\x7e\x80-\xff]*)$/;
const FIELD_LINE =
  /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[\t ]*((?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?)[\t ]*$/;
const CHUNK_SIZE = /^(0|[1-9A-Fa-f][0-9A-Fa-f]{0,11})$/;
