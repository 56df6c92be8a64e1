// Owns octets both ways between a client and an upstream connection, until both have ended: back-pressure, half-close, idle time, counts.
// Limits are asked of it from outside; what they hold back is throttled-way.ts.
// Upstream octets are written from the very memory they were read into; it goes back to the reader only when the client's kernel has taken them.
// The client's are too, and their memory is freed then. That a socket has nothing left to write (`writableLength` 0) is the proof for all that was
// given to it before, so no write needs a callback.
import { type BreakableSocket, breakOff } from '../net/break-off.ts';
import type { ByteRate } from '../net/byte-rate.ts';
import type { Deadline, Deadlines } from '../net/deadlines.ts';
import { freeMemory, readsIntoOwnMemory } from '../net/free-memory.ts';
import { nextTunnelState, type TunnelState } from './state.ts';
import { ThrottledWay } from './throttled-way.ts';
import type { WebSocketDirection } from './websocket-observer.ts';

/** The part of a socket that is needed here. */
export interface TunnelSocket extends BreakableSocket {
  /** Of TLS, or within it. */
  readonly encrypted?: boolean;
  write(bytes: Buffer): unknown;
  end(): unknown;
  pause(): unknown;
  resume(): unknown;
  isPaused(): boolean;
  on(event: 'data', listener: (bytes: Buffer) => void): unknown;
  on(event: 'end' | 'drain' | 'close', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  readonly writableNeedDrain: boolean;
}

/** A socket that can do without `data` events: it reads into memory that it shares with others, and says so of what it read. */
interface LendingSocket extends TunnelSocket {
  hear(listener: (bytes: Buffer, isLent: boolean) => void): void;
  readonly readableLength: number;
}

export interface TunnelUpstream {
  readonly socket: TunnelSocket;
  consume(consumer: { read(bytes: Buffer): boolean; ended(): void; drained(): void; closed(error: Error | null): void }): void;
  giveBack(bytes: Buffer): void;
  breakOff(): void;
}

export interface RelayEnd {
  readonly bytesFromClient: number;
  readonly bytesToClient: number;
  /**
   * Who ended it: both in order, one of them by breaking off, the idle timer, the proxy's own stop, its limits, a policy that denies it by now, or
   * whoever guards it.
   */
  readonly reason: 'ended' | 'client-failed' | 'upstream-failed' | 'idle' | 'stopped' | 'exhausted' | 'denied' | 'objected';
}

/** What a tunnel is held to. */
export interface TunnelLimits {
  /** Towards the client, and from it; `null` is as fast as it goes. */
  readonly download: ByteRate | null;
  readonly upload: ByteRate | null;
  /** Counts octets, either way. @returns whether they may pass */
  spend(bytes: number): boolean;
}

/** Hears what passes, after it was passed on. It must copy what it keeps, since the memory is used again, and must not throw. */
export interface TunnelObserver {
  fromClient(bytes: Buffer): void;
  toClient(bytes: Buffer): void;
}

/** Sees what passes before it is passed on, at the beginning of a tunnel. */
export interface TunnelGuard {
  /** It may keep `bytes`. @returns what may go on now, perhaps of what it kept; `null` ends the tunnel */
  fromClient(bytes: Buffer): Buffer | null;
  /** It must copy what it keeps. */
  fromServer(bytes: Buffer): void;
  /** Whether it needs to see no more. */
  readonly isOver: boolean;
}

/** Takes octets of a tunnel out of its hands, and gives them back later, perhaps others. */
export interface TunnelDiversion {
  /** Called once, before anything passes. */
  attach(relay: DivertedRelay): void;
  /** @returns how many of these octets pass as they came; it takes those behind them */
  passing(direction: WebSocketDirection, bytes: Buffer): number;
  /** It must copy what it keeps. */
  take(direction: WebSocketDirection, bytes: Buffer): void;
  /** So much waits that no more should come this way. */
  isFull(direction: WebSocketDirection): boolean;
  /** It is not for want of octets that the tunnel is silent. */
  readonly isHolding: boolean;
  /** Nothing more comes this way. @param then  to be called once nothing of it is held any more */
  endAfter(direction: WebSocketDirection, then: () => void): void;
  /** Nobody wants what is held any more. */
  drop(): void;
}

/** What a diversion may do. */
export interface DivertedRelay {
  pass(direction: WebSocketDirection, bytes: Buffer): void;
  /** Less waits than before. */
  roomAgain(direction: WebSocketDirection): void;
  /** What came this way cannot go on. */
  breakOff(direction: WebSocketDirection): void;
}

/** What a relay joins, and what has a say in it. */
export interface RelayParts {
  /** Its owner has removed all listeners of its own. */
  readonly client: TunnelSocket;
  readonly upstream: TunnelUpstream;
  /** Octets that the client sent behind its CONNECT. */
  readonly early: Buffer;
  readonly idleTimeoutMs: number;
  readonly deadlines: Deadlines;
  /** Called once, when both sockets are closed. */
  readonly onEnd: (end: RelayEnd) => void;
  readonly limits?: TunnelLimits | null;
  readonly observer?: TunnelObserver | null;
  readonly guard?: TunnelGuard | null;
  readonly diversion?: TunnelDiversion | null;
}

export class Relay implements DivertedRelay {
  readonly #client: TunnelSocket;
  readonly #upstream: TunnelUpstream;
  readonly #idleTimeoutMs: number;
  readonly #idle: Deadline;
  readonly #onEnd: (end: RelayEnd) => void;
  #state: TunnelState = 'relaying';
  #bytesFromClient = 0;
  #bytesToClient = 0;
  /** Octets whose memory is not free yet: on their way to the client, and on their way upstream. */
  readonly #keptForClient: Buffer[] = [];
  readonly #keptForUpstream: Buffer[] = [];
  readonly #limits: TunnelLimits | null;
  readonly #download: ThrottledWay | null = null;
  readonly #upload: ThrottledWay | null = null;
  /** Octets from which on memory of the client's is freed. */
  readonly #leastFreed: number;
  readonly #observer: TunnelObserver | null;
  #guard: TunnelGuard | null;
  readonly #diversion: TunnelDiversion | null;
  #openSockets = 2;
  #reason: RelayEnd['reason'] = 'ended';

  /** Starts relaying. */
  constructor(parts: RelayParts) {
    const {
      client,
      upstream,
      early,
      idleTimeoutMs,
      deadlines,
      onEnd,
      limits = null,
      observer = null,
      guard = null,
      diversion = null,
    } = parts;
    this.#client = client;
    this.#upstream = upstream;
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#onEnd = onEnd;
    this.#limits = limits;
    this.#observer = observer;
    this.#guard = guard;
    this.#diversion = diversion;
    diversion?.attach(this);
    if (limits !== null && limits.download !== null) {
      this.#download = new ThrottledWay(limits.download, upstream.socket, client, (bytes) => this.#heldForClientDone(bytes));
    }
    if (limits !== null && limits.upload !== null) {
      this.#upload = new ThrottledWay(limits.upload, client, upstream.socket, (bytes) => this.#heldForUpstreamDone(bytes, bytes !== early));
    }
    this.#idle = deadlines.create(() => this.#wasSilent());
    this.#idle.set(idleTimeoutMs);
    upstream.consume(this);
    this.#leastFreed = readsIntoOwnMemory(client) ? WORTH_FREEING : Number.POSITIVE_INFINITY;
    if (isLending(client)) client.hear((bytes, isLent) => this.#heard(isLent ? copyOf(bytes) : bytes, bytes.length >= WORTH_FREEING));
    else client.on('data', (bytes) => this.#heard(bytes, bytes.length >= this.#leastFreed));
    client.on('end', () => this.#ended('from-client', upstream.socket, this.#upload));
    client.on('drain', () => this.#clientDrained());
    client.on('close', () => {
      this.#closed('client-failed', this.#download);
      this.#giveBackKept();
    });
    // To resume what is not paused would cost a turn of the loop each.
    if (client.isPaused()) client.resume();
    if (upstream.socket.isPaused()) upstream.socket.resume();
    if (early.length > 0) this.#heard(early, false);
  }

  /** Ends both sides at once. */
  stop(reason: 'idle' | 'stopped' | 'exhausted' | 'denied' | 'objected'): void {
    if (this.#reason === 'ended') this.#reason = reason;
    this.#breakOff();
  }

  /** Octets of the server that came behind its head: as if they came now. Their memory is not the upstream connection's. */
  readEarly(bytes: Buffer): void {
    this.#bytesToClient += bytes.length;
    if (!this.#mayPass(bytes) || (this.#diversion !== null && this.#divert('to-client', bytes))) return;
    this.pass('to-client', bytes);
    this.#observer?.toClient(bytes);
  }

  // DivertedRelay: what a diversion gives back

  pass(direction: WebSocketDirection, bytes: Buffer): void {
    const sink = this.#endOf(direction);
    sink.write(bytes);
    if (sink.writableNeedDrain) this.#sourceOf(direction).pause();
  }

  roomAgain(direction: WebSocketDirection): void {
    if (!this.#endOf(direction).writableNeedDrain) this.#sourceOf(direction).resume();
  }

  breakOff(direction: WebSocketDirection): void {
    if (this.#reason === 'ended') this.#reason = direction === 'from-client' ? 'client-failed' : 'upstream-failed';
    this.#breakOff();
  }

  // Consumer: what the upstream connection says

  read(bytes: Buffer): boolean {
    if (!this.#mayPass(bytes)) return true;
    this.#guard?.fromServer(bytes);
    this.#idle.set(this.#idleTimeoutMs);
    this.#bytesToClient += bytes.length;
    if (this.#diversion !== null && this.#divert('to-client', bytes)) return true;
    if (this.#download?.hold(bytes)) {
      this.#observer?.toClient(bytes);
      return false;
    }
    const client = this.#client;
    client.write(bytes);
    this.#observer?.toClient(bytes);
    if (client.writableLength === 0) {
      this.#giveBackKept();
      return true;
    }
    this.#keptForClient.push(bytes);
    if (client.writableNeedDrain) this.#upstream.socket.pause();
    return false;
  }

  ended(): void {
    this.#ended('to-client', this.#client, this.#download);
  }

  drained(): void {
    if (this.#upstream.socket.writableLength === 0) this.#freeKept();
    if (this.#diversion?.isFull('from-client')) return;
    if (this.#upload === null) this.#client.resume();
    else this.#upload.drained();
  }

  closed(): void {
    this.#closed('upstream-failed', this.#upload);
    this.#freeKept();
  }

  /** @param isOwned whether the memory of `bytes` is theirs alone, so that it can be freed */
  #heard(bytes: Buffer, isOwned: boolean): void {
    const guard = this.#guard;
    const passed = guard === null ? bytes : guard.fromClient(bytes);
    if (guard?.isOver) this.#guard = null;
    if (passed === null) this.stop('objected');
    // Of what a guard has seen it may have kept a part.
    else if (passed.length > 0) this.#fromClient(passed, isOwned && guard === null);
  }

  #fromClient(bytes: Buffer, isOwned: boolean): void {
    if (!this.#mayPass(bytes)) return;
    this.#idle.set(this.#idleTimeoutMs);
    this.#bytesFromClient += bytes.length;
    if (this.#diversion !== null && this.#divert('from-client', bytes)) return;
    if (this.#upload?.hold(bytes)) {
      this.#observer?.fromClient(bytes);
      return;
    }
    const { socket } = this.#upstream;
    socket.write(bytes);
    this.#observer?.fromClient(bytes);
    if (isOwned) this.#keptForUpstream.push(bytes);
    if (socket.writableLength === 0) this.#freeKept();
    else if (socket.writableNeedDrain) this.#client.pause();
  }

  /** @returns whether nothing of them is left for the relay to pass on */
  #divert(direction: WebSocketDirection, bytes: Buffer): boolean {
    const diversion = this.#diversion!;
    const passing = diversion.passing(direction, bytes);
    if (passing === bytes.length) return false;
    if (passing > 0) {
      const before = Buffer.from(bytes.subarray(0, passing));
      this.pass(direction, before);
      this.#observe(direction, before);
    }
    const taken = bytes.subarray(passing);
    diversion.take(direction, taken);
    this.#observe(direction, taken);
    if (diversion.isFull(direction)) this.#sourceOf(direction).pause();
    return true;
  }

  #observe(direction: WebSocketDirection, bytes: Buffer): void {
    if (direction === 'from-client') this.#observer?.fromClient(bytes);
    else this.#observer?.toClient(bytes);
  }

  #sourceOf(direction: WebSocketDirection): TunnelSocket {
    return direction === 'from-client' ? this.#client : this.#upstream.socket;
  }

  #endOf(direction: WebSocketDirection): TunnelSocket {
    return direction === 'from-client' ? this.#upstream.socket : this.#client;
  }

  #clientDrained(): void {
    if (this.#client.writableLength === 0) this.#giveBackKept();
    if (this.#diversion?.isFull('to-client')) return;
    if (this.#download === null) this.#upstream.socket.resume();
    else this.#download.drained();
  }

  #mayPass(bytes: Buffer): boolean {
    if (this.#limits === null || this.#limits.spend(bytes.length)) return true;
    this.stop('exhausted');
    return false;
  }

  #heldForClientDone(bytes: Buffer): void {
    this.#idle.set(this.#idleTimeoutMs);
    this.#keptForClient.push(bytes);
    if (this.#client.writableLength === 0) this.#giveBackKept();
  }

  #heldForUpstreamDone(bytes: Buffer, isOwned: boolean): void {
    this.#idle.set(this.#idleTimeoutMs);
    if (isOwned && bytes.length >= this.#leastFreed) this.#keptForUpstream.push(bytes);
    if (this.#upstream.socket.writableLength === 0) this.#freeKept();
  }

  /** Silence counts against neither end while it is our limits that make it. */
  #wasSilent(): void {
    if (this.#download?.isHoldingBack || this.#upload?.isHoldingBack || this.#diversion?.isHolding) this.#idle.set(this.#idleTimeoutMs);
    else this.stop('idle');
  }

  /** Once the client's socket has nothing left to write, or is closed. */
  #giveBackKept(): void {
    if (this.#keptForClient.length === 0) return;
    for (const bytes of this.#keptForClient) this.#upstream.giveBack(bytes);
    this.#keptForClient.length = 0;
  }

  /** Once the upstream socket has nothing left to write, or is closed. */
  #freeKept(): void {
    if (this.#keptForUpstream.length === 0) return;
    for (const bytes of this.#keptForUpstream) freeMemory(bytes);
    this.#keptForUpstream.length = 0;
  }

  /** One side has sent everything: the other hears so (FIN) after what is still on its way to it. */
  #ended(direction: WebSocketDirection, other: TunnelSocket, way: ThrottledWay | null): void {
    this.#state = nextTunnelState(this.#state, direction === 'from-client' ? 'client-end' : 'upstream-end');
    if (way?.isHolding) way.endAfter();
    else if (this.#diversion !== null) this.#diversion.endAfter(direction, () => other.end());
    // Both have sent everything, and this one has taken all: to close it says so as well (FIN), in one call for three.
    else if (this.#state === 'closed' && isTransport(other) && other.writableLength === 0) other.destroy();
    else other.end();
  }

  /** @param way leads to the socket that is closed */
  #closed(reason: 'client-failed' | 'upstream-failed', way: ThrottledWay | null): void {
    this.#openSockets -= 1;
    if (this.#state !== 'closed' || way?.isHolding) {
      this.#state = nextTunnelState(this.#state, 'failure');
      if (this.#reason === 'ended') this.#reason = reason;
      this.#breakOff();
    }
    if (this.#openSockets > 0) return;
    this.#idle.clear();
    this.#diversion?.drop();
    this.#onEnd({ bytesFromClient: this.#bytesFromClient, bytesToClient: this.#bytesToClient, reason: this.#reason });
  }

  #breakOff(): void {
    this.#download?.drop();
    this.#upload?.drop();
    this.#diversion?.drop();
    breakOff(this.#client);
    this.#upstream.breakOff();
  }
}

/** Not one whose octets wait to be emitted: those would come too late. */
function isLending(socket: TunnelSocket): socket is LendingSocket {
  return 'hear' in socket && (socket as LendingSocket).readableLength === 0;
}

/** Whether nothing of its own is to be said at its end, as TLS, HTTP/2 and what ends within this process have it. */
function isTransport(socket: TunnelSocket): boolean {
  return 'resetAndDestroy' in socket && socket.encrypted !== true;
}

/** Whether the upstream socket can take them at once is known only when they are written; so what is lent is written as a copy. */
function copyOf(bytes: Buffer): Buffer {
  const copy = bytes.length < WORTH_FREEING ? Buffer.allocUnsafe(bytes.length) : Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}

/** Less is left to the collector: freeing it would cost more than it gives back. */
const WORTH_FREEING = 4 * 1024;
