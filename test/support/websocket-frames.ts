// Frames of a WebSocket, right ones and wrong ones, and an observer that keeps what it saw.
import { type WebSocketEvent, WebSocketObserver, type WebSocketObserverOptions } from '../../src/tunnel/websocket-observer.ts';

export interface FrameShape {
  readonly opcode: number;
  readonly payload?: string | Uint8Array;
  readonly isFinal?: boolean;
  readonly reserved?: number;
  readonly key?: readonly [number, number, number, number] | null;
  /** How the length is written: as short as it can be, unless said otherwise. */
  readonly lengthOctets?: 0 | 2 | 8;
}

/** One frame (RFC 6455 §5.2), unmasked unless it has a key. */
export function frame({ opcode, payload = '', isFinal = true, reserved = 0, key = null, lengthOctets }: FrameShape): Buffer {
  const content = Buffer.from(payload as string);
  const size = lengthOctets ?? (content.length < 126 ? 0 : content.length < 65_536 ? 2 : 8);
  const head = Buffer.alloc(2 + size);
  head[0] = (isFinal ? 0x80 : 0) | (reserved << 4) | opcode;
  head[1] = (key === null ? 0 : 0x80) | (size === 0 ? content.length : size === 2 ? 126 : 127);
  if (size > 0) head.writeUIntBE(content.length, size === 2 ? 2 : 4, size === 2 ? 2 : 6);
  if (key === null) return Buffer.concat([head, content]);
  return Buffer.concat([head, Buffer.from(key), content.map((octet, at) => octet ^ key[at & 3]!)]);
}

/** What an event says, in few words: the preview as text. */
export type Seen = Omit<WebSocketEvent, 'atMs' | 'preview'> & { readonly preview: string };

export interface Watched {
  readonly observer: WebSocketObserver;
  readonly seen: readonly Seen[];
  readonly previews: readonly Buffer[];
}

export function watch(extensions?: string, options?: WebSocketObserverOptions): Watched {
  const seen: Seen[] = [];
  const previews: Buffer[] = [];
  const event = ({ atMs: _, preview, ...facts }: WebSocketEvent): void => {
    previews.push(preview);
    seen.push({ ...facts, preview: preview.toString() });
  };
  const observer = new WebSocketObserver(extensions, { nowMs: () => 0, event }, options);
  return { observer, seen, previews };
}

/** Octets as a socket brings them: their memory is used for something else as soon as they were heard. */
export function hear(listener: (bytes: Buffer) => void, octets: Buffer, ...cuts: readonly number[]): void {
  let from = 0;
  for (const to of [...cuts, octets.length]) {
    const piece = Buffer.from(octets.subarray(from, to));
    listener(piece);
    piece.fill(0xdd);
    from = to;
  }
}
