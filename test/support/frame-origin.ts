// An origin of HTTP/2 that sends frames as a test writes them (RFC 9113 §4, §6), over TLS: what a well-behaved server would never send.

import type { AddressInfo, Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import type { TemporaryCa } from './temp-ca.ts';

export interface FrameOrigin {
  readonly port: number;
  readonly accepted: number;
  /** How many of its connections are over. */
  readonly ended: number;
  /** Frames of the client but for its settings and windows: type, flags, stream. */
  readonly frames: readonly (readonly [type: number, flags: number, stream: number])[];
  [Symbol.asyncDispose](): Promise<void>;
}

/** Called for each request, with its stream. Its settings are acknowledged already. */
export type FrameAnswer = (socket: TLSSocket, stream: number, request: number) => void;

export async function startFrameOrigin(ca: TemporaryCa, answer: FrameAnswer): Promise<FrameOrigin> {
  const { key, cert } = ca.issue('localhost', '127.0.0.1');
  const open = new Set<TLSSocket>();
  const frames: (readonly [number, number, number])[] = [];
  let accepted = 0;
  let ended = 0;
  let requests = 0;
  const server = createServer({ key, cert, ALPNProtocols: ['h2'] }, (socket) => {
    accepted += 1;
    open.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => {
      open.delete(socket);
      ended += 1;
    });
    hearFrames(socket, (type, flags, stream) => {
      if (type !== SETTINGS && type !== WINDOW_UPDATE) frames.push([type, flags, stream]);
      if (type !== HEADERS) return;
      requests += 1;
      answer(socket, stream, requests);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    frames,
    get accepted() {
      return accepted;
    },
    get ended() {
      return ended;
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

/** A server's side of a connection: its settings are sent, and those of the client acknowledged, before `hear` is told of each frame. */
export function hearFrames(socket: Socket, hear: (type: number, flags: number, stream: number) => void): void {
  let unread = Buffer.alloc(0);
  let isPrefaceRead = false;
  socket.write(frame(SETTINGS, 0, 0));
  socket.on('data', (bytes: Buffer) => {
    unread = Buffer.concat([unread, bytes]);
    if (!isPrefaceRead && unread.length < PREFACE_LENGTH) return;
    if (!isPrefaceRead) unread = unread.subarray(PREFACE_LENGTH);
    isPrefaceRead = true;
    while (unread.length >= 9 && unread.length >= 9 + unread.readUIntBE(0, 3)) {
      const [type, flags, stream] = [unread[3]!, unread[4]!, unread.readUInt32BE(5)];
      unread = unread.subarray(9 + unread.readUIntBE(0, 3));
      if (type === SETTINGS && (flags & ACK) === 0) socket.write(frame(SETTINGS, ACK, 0));
      hear(type, flags, stream);
    }
  });
}

export function frame(type: number, flags: number, stream: number, payload: Uint8Array | string = ''): Buffer {
  const content = Buffer.from(payload as string);
  const head = Buffer.alloc(9);
  head.writeUIntBE(content.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, content]);
}

/** Fields without compression (RFC 7541 §6.2.2), octet by octet as they are given; up to 126 octets each. */
export function fieldBlock(...fields: readonly (readonly [name: string, value: string])[]): Buffer {
  const parts = fields.map(([name, value]) => [
    [0, name.length],
    Buffer.from(name, 'latin1'),
    [value.length],
    Buffer.from(value, 'latin1'),
  ]);
  return Buffer.concat(parts.flat().map((part) => Buffer.from(part as Uint8Array)));
}

export function headers(stream: number, flags: number, ...fields: readonly (readonly [name: string, value: string])[]): Buffer {
  return frame(HEADERS, flags, stream, fieldBlock(...fields));
}

export function rstStream(stream: number, code: number): Buffer {
  return frame(RST_STREAM, 0, stream, word(code));
}

export function goAway(lastStream: number, code: number): Buffer {
  return frame(GOAWAY, 0, 0, Buffer.concat([word(lastStream), word(code)]));
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export const DATA = 0;
export const HEADERS = 1;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PUSH_PROMISE = 5;
export const PING = 6;
export const GOAWAY = 7;
export const WINDOW_UPDATE = 8;
export const CONTINUATION = 9;
export const ACK = 1;
export const END_STREAM = 1;
export const END_HEADERS = 4;
const PREFACE_LENGTH = 24;
