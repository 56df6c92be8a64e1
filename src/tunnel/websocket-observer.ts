// Owns what is known of a WebSocket that passes through the proxy: how many messages went each way, how it was closed and, for whoever watches, what
// happened in it, one event after the other. Frames of both directions are joined into messages (RFC 6455 §5.4) and decompressed for display
// (RFC 7692); what passes stays as it is. Everything is bounded: nobody chooses by a message how much memory that takes.
// Without a watcher only heads of frames are looked at, and nothing of a message is copied.
import { agreedExtensions, MessageInflater } from './permessage-deflate.ts';
import { type FrameHead, FrameReader, type FrameSink, OPCODES, RSV1 } from './websocket.ts';

/** For the record of the exchange that became the WebSocket; counts go up while it is open. */
export interface WebSocketCounts {
  /** Messages that came whole. */
  messagesFromClient: number;
  messagesToClient: number;
  /**
   * What the first close frame says: the other end answers with one of its own. 1005 if that frame says nothing (RFC 6455 §7.1.5); `null` if
   * the connection ended without one.
   */
  closeCode: number | null;
}

export type WebSocketDirection = 'from-client' | 'to-client';

export interface WebSocketEvent {
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  readonly direction: WebSocketDirection;
  /** `unknown` is an opcode without a meaning; `lost` comes last, where frames cannot be told apart any more. */
  readonly kind: 'text' | 'binary' | 'close' | 'ping' | 'pong' | 'unknown' | 'lost';
  /** Octets as they were sent, of all frames of the message. */
  readonly length: number;
  readonly isCompressed: boolean;
  /** Octets after decompression; `null` where they could not be read. */
  readonly contentLength: number | null;
  /** The beginning of the content; of a close frame the reason without the code. Text may be cut within a character, and need not be UTF-8. */
  readonly preview: Buffer;
  readonly closeCode: number | null;
  /** What the protocol does not allow, or why the content cannot be shown, as a sentence without a full stop; `null` if all is well. */
  readonly problem: string | null;
}

export interface WebSocketWatcher {
  /** Milliseconds since the epoch. */
  nowMs(): number;
  event(event: WebSocketEvent): void;
}

export interface WebSocketObserverOptions {
  /** Octets of a message that are shown. */
  readonly previewOctets: number;
  /** Octets of a compressed message that are kept until it is whole, and that it may come to. */
  readonly maxInflated: number;
}

const DEFAULTS: WebSocketObserverOptions = { previewOctets: 4 * 1024, maxInflated: 1024 * 1024 };

/** Fits `Relay` as its observer. */
export class WebSocketObserver {
  readonly counts: WebSocketCounts = { messagesFromClient: 0, messagesToClient: 0, closeCode: null };
  readonly #fromClient: FrameReader;
  readonly #toClient: FrameReader;
  readonly #extensions: string | undefined;
  readonly #inflaters: Record<WebSocketDirection, MessageInflater | null> = { 'from-client': null, 'to-client': null };

  /**
   * @param extensions the Sec-WebSocket-Extensions field of the 101; `undefined` without one
   * @param watcher `null` when nothing but the counts is wanted
   */
  constructor(extensions: string | undefined, watcher: WebSocketWatcher | null = null, options: WebSocketObserverOptions = DEFAULTS) {
    const { counts } = this;
    this.#extensions = extensions;
    const onClose = (code: number): void => {
      counts.closeCode ??= code;
    };
    const fromClient = { onMessage: () => (counts.messagesFromClient += 1), onClose };
    const toClient = { onMessage: () => (counts.messagesToClient += 1), onClose };
    if (watcher === null) {
      this.#fromClient = new FrameReader('client', new MessageCounter(fromClient));
      this.#toClient = new FrameReader('server', new MessageCounter(toClient));
      return;
    }
    const { deflate, unknown } = agreedExtensions(extensions);
    const shown = { watcher, options, unknown };
    const inflater = (forgets: boolean): MessageInflater => new MessageInflater(forgets, options.maxInflated);
    const fromClientInflater = deflate === null ? null : inflater(deflate.clientForgets);
    const toClientInflater = deflate === null ? null : inflater(deflate.serverForgets);
    this.#inflaters['from-client'] = fromClientInflater;
    this.#inflaters['to-client'] = toClientInflater;
    this.#fromClient = new FrameReader('client', new MessageReader('from-client', fromClient, shown, fromClientInflater));
    this.#toClient = new FrameReader('server', new MessageReader('to-client', toClient, shown, toClientInflater));
  }

  fromClient(bytes: Buffer): void {
    this.#fromClient.read(bytes);
  }

  toClient(bytes: Buffer): void {
    this.#toClient.read(bytes);
  }

  /** Octets until no message is under way in this direction; `null` where that cannot be said yet, or no more. */
  octetsToNext(direction: WebSocketDirection): number | null {
    return direction === 'from-client' ? this.#fromClient.octetsToNext : this.#toClient.octetsToNext;
  }

  /**
   * For whoever reads messages of a direction from the next one on: what decompresses them, `null` where nothing has to.
   *
   * @param maxInflated octets that a message may come to
   * @returns a sentence without a full stop where nobody could read them
   */
  inflaterFrom(direction: WebSocketDirection, maxInflated: number): MessageInflater | string | null {
    const { deflate, unknown } = agreedExtensions(this.#extensions);
    if (unknown.length > 0) return `they are changed by an extension that is not known here: ${unknown.join(', ').slice(0, 100)}`;
    if (deflate === null) return null;
    if (direction === 'from-client' ? deflate.clientForgets : deflate.serverForgets) return new MessageInflater(true, maxInflated);
    return this.#inflaters[direction]?.fork(maxInflated) ?? 'they are compressed, and refer to messages that nobody has kept';
  }
}

interface Counted {
  onMessage(): void;
  onClose(code: number): void;
}

/** Messages of one direction, without what is in them. */
class MessageCounter implements FrameSink {
  readonly #counted: Counted;

  constructor(counted: Counted) {
    this.#counted = counted;
  }

  begin(head: FrameHead): number {
    return head.opcode === OPCODES.close ? CLOSE_CODE_LENGTH : 0;
  }

  end(head: FrameHead, kept: Buffer): void {
    if (head.opcode === OPCODES.close) this.#counted.onClose(closeCodeOf(kept) ?? NO_STATUS);
    else if (head.opcode <= OPCODES.binary && head.isFinal) this.#counted.onMessage();
  }

  lost(): void {
    // The counts stay at what could be told.
  }
}

interface Shown {
  readonly watcher: WebSocketWatcher;
  readonly options: WebSocketObserverOptions;
  readonly unknown: readonly string[];
}

/** A message of which not all frames have come. */
interface Open {
  readonly kind: 'text' | 'binary';
  readonly isCompressed: boolean;
  /** What is kept of it, with room behind: a message may come in a million frames, which must not be a million pieces. */
  content: Buffer;
  kept: number;
  /** Octets as they were sent. */
  length: number;
  problem: string | null;
}

/** Messages of one direction as events. */
class MessageReader implements FrameSink {
  readonly #direction: WebSocketDirection;
  readonly #counted: Counted;
  readonly #shown: Shown;
  readonly #inflater: MessageInflater | null;
  #open: Open | null = null;

  constructor(direction: WebSocketDirection, counted: Counted, shown: Shown, inflater: MessageInflater | null) {
    this.#direction = direction;
    this.#counted = counted;
    this.#shown = shown;
    this.#inflater = inflater;
  }

  begin(head: FrameHead): number {
    if (head.opcode > OPCODES.binary) return MAX_CONTROL;
    const { previewOctets, maxInflated } = this.#shown.options;
    const open = head.opcode === OPCODES.continuation ? this.#open : null;
    const isCompressed = open === null ? this.#isCompressed(head) : open.isCompressed;
    return Math.max(0, (isCompressed ? maxInflated : previewOctets) - (open?.kept ?? 0));
  }

  end(head: FrameHead, kept: Buffer): void {
    if (head.opcode > OPCODES.binary) {
      this.#emit(head.opcode === OPCODES.close ? this.#close(head, kept) : this.#control(head, kept));
      return;
    }
    const problem = head.problem ?? this.#outOfOrder(head) ?? this.#reserved(head);
    if (head.opcode !== OPCODES.continuation || this.#open === null) {
      // A message that never ended is forgotten: both ends have to give up here anyway (RFC 6455 §5.4).
      const kind = head.opcode === OPCODES.text ? 'text' : 'binary';
      this.#open = { kind, isCompressed: this.#isCompressed(head), content: NOTHING, kept: 0, length: 0, problem };
    }
    const open = this.#open;
    append(open, kept);
    open.length += head.length;
    open.problem ??= problem;
    if (!head.isFinal) return;
    this.#open = null;
    this.#counted.onMessage();
    this.#emit(open.isCompressed && this.#inflater !== null ? this.#inflated(open, this.#inflater) : plain(open));
  }

  lost(problem: string): void {
    this.#emit({ ...EMPTY, kind: 'lost', problem });
  }

  #inflated({ kind, content, kept, length, problem }: Open, inflater: MessageInflater): Facts {
    const { maxInflated, previewOctets } = this.#shown.options;
    const facts = { ...EMPTY, kind, length, isCompressed: true };
    if (length > maxInflated) {
      inflater.skip();
      return { ...facts, contentLength: null, problem: problem ?? `it is more than ${maxInflated} octets compressed` };
    }
    const inflated = inflater.inflate(content.subarray(0, kept));
    if (inflated.kind === 'unreadable') return { ...facts, contentLength: null, problem: problem ?? inflated.reason };
    // A copy, so that the rest of it need not stay.
    const preview = Buffer.from(inflated.bytes.subarray(0, previewOctets));
    return { ...facts, contentLength: inflated.bytes.length, preview, problem };
  }

  #control(head: FrameHead, kept: Buffer): Facts {
    const { opcode, length } = head;
    const kind = opcode === OPCODES.ping ? 'ping' : opcode === OPCODES.pong ? 'pong' : 'unknown';
    return { ...EMPTY, kind, length, contentLength: length, preview: kept, problem: head.problem ?? this.#reserved(head) };
  }

  #close(head: FrameHead, kept: Buffer): Facts {
    const { length } = head;
    const closeCode = closeCodeOf(kept);
    this.#counted.onClose(closeCode ?? NO_STATUS);
    const problem = head.problem ?? this.#reserved(head) ?? (length === 1 ? 'a close code has two octets' : null);
    return { ...EMPTY, kind: 'close', length, contentLength: length, preview: kept.subarray(CLOSE_CODE_LENGTH), closeCode, problem };
  }

  #isCompressed(head: FrameHead): boolean {
    return this.#inflater !== null && (head.reserved & RSV1) !== 0;
  }

  #outOfOrder({ opcode }: FrameHead): string | null {
    if (opcode === OPCODES.continuation) return this.#open === null ? 'a message goes on that has not begun' : null;
    return this.#open === null ? null : 'a message begins before the one before has ended';
  }

  /** Only an extension gives the reserved bits a meaning, and RSV1 of a message's first frame is that of permessage-deflate. */
  #reserved({ reserved, opcode }: FrameHead): string | null {
    const isFirst = opcode === OPCODES.text || opcode === OPCODES.binary;
    const rest = this.#inflater !== null && isFirst ? reserved & ~RSV1 : reserved;
    if (rest === 0) return null;
    const { unknown } = this.#shown;
    return unknown.length === 0
      ? 'a reserved bit is set that no extension uses'
      : `it is changed by an extension that is not known here: ${unknown.join(', ').slice(0, 100)}`;
  }

  #emit(facts: Facts): void {
    const { watcher } = this.#shown;
    watcher.event({ atMs: watcher.nowMs(), direction: this.#direction, ...facts });
  }
}

type Facts = Omit<WebSocketEvent, 'atMs' | 'direction'>;

function plain({ kind, content, kept, length, problem }: Open): Facts {
  return { ...EMPTY, kind, length, contentLength: length, preview: content.subarray(0, kept), problem };
}

function append(open: Open, bytes: Buffer): void {
  const end = open.kept + bytes.length;
  if (open.kept === 0) open.content = bytes;
  else if (bytes.length > 0) {
    if (end > open.content.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(end, 2 * open.content.length));
      open.content.copy(grown, 0, 0, open.kept);
      open.content = grown;
    }
    bytes.copy(open.content, open.kept);
  }
  open.kept = end;
}

function closeCodeOf(payload: Buffer): number | null {
  return payload.length < CLOSE_CODE_LENGTH ? null : payload.readUInt16BE(0);
}

const CLOSE_CODE_LENGTH = 2;
/** A control frame's payload (RFC 6455 §5.5). */
const MAX_CONTROL = 125;
/** The code of a close frame without one (RFC 6455 §7.1.5). */
const NO_STATUS = 1005;
const NOTHING = Buffer.alloc(0);
const EMPTY = { length: 0, isCompressed: false, contentLength: 0, preview: NOTHING, closeCode: null, problem: null } as const;
