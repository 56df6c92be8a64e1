// A client of HTTP/2 that sends exactly the frames it is told to (RFC 9113 §4), well formed or not: what a library would never send is what these tests
// are about. Field blocks are literals without compression (RFC 7541 §6.2.2), so that every octet of them is the test's.
import { connectRaw, type RawClient } from './raw-client.ts';
import { BrokenOffError } from './raw-connection.ts';

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export const TYPES = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;
export const FLAGS = { endStream: 1, ack: 1, endHeaders: 4 } as const;
export const CODES = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  refusedStream: 7,
  cancel: 8,
  enhanceYourCalm: 11,
} as const;

/** Names and values in turn; one character is one octet. */
export type FieldList = readonly (readonly [name: string, value: string])[];

/** What became of a stream, or of the connection before that. */
export type StreamEnd =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly content: string;
      readonly hasTrailers: boolean;
      readonly code: number | null;
    }
  | { readonly kind: 'reset'; readonly code: number; readonly status: number | null; readonly content: string }
  | { readonly kind: 'goaway'; readonly code: number }
  | { readonly kind: 'closed' };

export class FrameClient {
  readonly connection: RawClient;

  private constructor(connection: RawClient) {
    this.connection = connection;
  }

  /** With the preface and empty SETTINGS sent. @param settings pairs of identifier and value */
  static async connect(port: number, ca: string, settings: readonly (readonly [number, number])[] = []): Promise<FrameClient> {
    const connection = await connectRaw({ port, tls: { ca, servername: 'origin.test', ALPNProtocols: ['h2'] } });
    return FrameClient.over(connection, settings);
  }

  /** The same on a connection on which h2 was chosen. */
  static async over(connection: RawClient, settings: readonly (readonly [number, number])[] = []): Promise<FrameClient> {
    const client = new FrameClient(connection);
    const payload = Buffer.alloc(settings.length * 6);
    settings.forEach(([id, value], i) => {
      payload.writeUInt16BE(id, i * 6);
      payload.writeUInt32BE(value, i * 6 + 2);
    });
    await connection.send(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(TYPES.settings, 0, 0, payload)]));
    return client;
  }

  send(...frames: readonly Buffer[]): Promise<void> {
    return this.connection.send(Buffer.concat(frames));
  }

  async next(): Promise<Frame> {
    const head = await this.connection.readExactly(9);
    const payload = Buffer.from(await this.connection.readExactly(head.readUIntBE(0, 3)));
    return { type: head[3]!, flags: head[4]!, stream: head.readUInt32BE(5), payload };
  }

  /** The next frame that is one of these; others are read over. */
  async nextOf(type: number, stream?: number): Promise<Frame> {
    for (;;) {
      const found = await this.next();
      if (found.type === type && (stream === undefined || found.stream === stream)) return found;
    }
  }

  /** Reads until the stream has ended in whichever way. Frames of others are read over. */
  async end(stream: number): Promise<StreamEnd> {
    let status: number | null = null;
    let content = '';
    try {
      for (;;) {
        const found = await this.next();
        if (found.type === TYPES.goaway && found.payload.readUInt32BE(4) !== CODES.noError)
          return { kind: 'goaway', code: found.payload.readUInt32BE(4) };
        if (found.stream !== stream) continue;
        if (found.type === TYPES.rstStream) return { kind: 'reset', code: found.payload.readUInt32BE(0), status, content };
        const hasTrailers = found.type === TYPES.headers && status !== null && status >= 200;
        if (found.type === TYPES.headers && !hasTrailers) status = statusOf(found.payload);
        if (found.type === TYPES.data) content += found.payload.toString('latin1');
        if ((found.flags & FLAGS.endStream) !== 0 && found.type !== TYPES.continuation) {
          return { kind: 'answered', status: status ?? 0, content, hasTrailers, code: null };
        }
      }
    } catch (error) {
      if (error instanceof BrokenOffError) return { kind: 'closed' };
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.connection.destroy();
  }
}

export function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export function headers(stream: number, fields: FieldList, flags: number = FLAGS.endHeaders | FLAGS.endStream): Buffer {
  return frame(TYPES.headers, flags, stream, block(fields));
}

export function data(stream: number, content: string | Uint8Array, flags: number = FLAGS.endStream): Buffer {
  return frame(TYPES.data, flags, stream, typeof content === 'string' ? Buffer.from(content, 'latin1') : content);
}

export function rstStream(stream: number, code: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(code);
  return frame(TYPES.rstStream, 0, stream, payload);
}

export function windowUpdate(stream: number, octets: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(octets);
  return frame(TYPES.windowUpdate, 0, stream, payload);
}

/** A field block of literals that are not kept (RFC 7541 §6.2.2), without Huffman codes. */
export function block(fields: FieldList): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]));
}

function text(value: string): Buffer {
  const octets = Buffer.from(value, 'latin1');
  return Buffer.concat([integer(octets.length, 7), octets]);
}

/** RFC 7541 §5.1 */
function integer(value: number, prefixBits: number): Buffer {
  const most = 2 ** prefixBits - 1;
  if (value < most) return Buffer.of(value);
  const octets = [most];
  let rest = value - most;
  for (; rest >= 128; rest >>>= 7) octets.push((rest & 127) | 128);
  return Buffer.of(...octets, rest);
}

/** `:status` is always first: an entry of the static table, or three digits (RFC 7541 Appendix A). */
function statusOf(payload: Buffer): number {
  // What the client has said of its table may be answered first.
  let at = 0;
  while ((payload[at]! & 0xe0) === 0x20) at += 1;
  const first = payload[at]!;
  if ((first & 0x80) !== 0) return STATIC_STATUSES[(first & 0x7f) - 8] ?? 0;
  const length = payload[at + 1]!;
  const value = payload.subarray(at + 2, at + 2 + (length & 0x7f));
  return Number((length & 0x80) === 0 ? value.toString('latin1') : digits(value));
}

/** Digits in the Huffman code (RFC 7541 Appendix B): 0, 1 and 2 take five bits, the others six. */
function digits(value: Buffer): string {
  const bits = [...value].map((octet) => octet.toString(2).padStart(8, '0')).join('');
  let found = '';
  for (let at = 0; found.length < 3; ) {
    const short = Number.parseInt(bits.slice(at, at + 5), 2);
    const isShort = short <= 2;
    found += isShort ? short : Number.parseInt(bits.slice(at, at + 6), 2) - 25 + 3;
    at += isShort ? 5 : 6;
  }
  return found;
}

const STATIC_STATUSES = [200, 204, 206, 304, 400, 404, 500];
