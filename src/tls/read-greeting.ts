// Owns waiting for what a client says first in a tunnel, until it is known for TLS, for HTTP without TLS, or for something else.
// Nothing is consumed: whoever goes on is given every octet. Silence is an answer, too: where servers speak first (SSH, SMTP), clients wait.
import type { Deadline, Deadlines } from '../net/deadlines.ts';
import { type ClientHello, readClientHello } from './client-hello.ts';
import { plainHttp } from './plain-http.ts';

/** `octets` are all that has come so far, in memory of their own or in that of `early`. */
export type Greeting =
  | { readonly kind: 'tls'; readonly hello: ClientHello; readonly octets: Buffer }
  | { readonly kind: 'http'; readonly protocol: 'http/1.1' | 'h2'; readonly octets: Buffer }
  /** Neither, or silence. The reason is a clause: "it said nothing for 5000 ms". */
  | { readonly kind: 'other'; readonly reason: string; readonly octets: Buffer }
  /**
   * It begins like TLS or HTTP, and cannot be read as that, or was not all there in time. A server may still make TLS of it, so whoever took it for
   * `other` would let pass what is only well hidden. `isTls`: an alert would be understood.
   */
  | { readonly kind: 'unclear'; readonly isTls: boolean; readonly reason: string; readonly octets: Buffer }
  /** The client has ended its side or broken off before that could be known. */
  | { readonly kind: 'gone' };

/** The part of a socket that is needed here. */
export interface GreetingSocket {
  readonly destroyed: boolean;
  readonly readableEnded: boolean;
  pause(): unknown;
  resume(): unknown;
  on(event: 'data', listener: (bytes: Buffer) => void): unknown;
  on(event: 'end' | 'close', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  off(event: 'data', listener: (bytes: Buffer) => void): unknown;
  off(event: 'end' | 'close' | 'error', listener: () => void): unknown;
}

export interface GreetingOptions {
  /** From now until the greeting must be known. */
  readonly timeoutMs: number;
}

/**
 * Reads until the greeting is known. When it resolves, the socket is paused and has no listener of ours left.
 *
 * @param early octets that have been read from the socket before
 */
export function readGreeting(socket: GreetingSocket, early: Buffer, options: GreetingOptions, deadlines: Deadlines): Promise<Greeting> {
  const known = identify(early);
  if (known.kind !== 'need-more') return Promise.resolve(known);
  if (socket.destroyed || socket.readableEnded) return Promise.resolve(GONE);
  return new Promise((resolve) => new GreetingReader(socket, early, known.octets, options.timeoutMs, deadlines, resolve));
}

class GreetingReader {
  readonly #socket: GreetingSocket;
  readonly #resolve: (greeting: Greeting) => void;
  readonly #deadline: Deadline;
  readonly #pieces: Buffer[];
  #length: number;
  /** Fewer octets than these cannot be enough, so that a hello that comes octet by octet is not read as often. */
  #awaited: number;

  constructor(
    socket: GreetingSocket,
    early: Buffer,
    awaited: number,
    timeoutMs: number,
    deadlines: Deadlines,
    resolve: (greeting: Greeting) => void,
  ) {
    this.#socket = socket;
    this.#resolve = resolve;
    this.#pieces = early.length === 0 ? [] : [early];
    this.#length = early.length;
    this.#awaited = awaited;
    this.#deadline = deadlines.create(() => this.#settle(this.#tooSlow(timeoutMs)));
    this.#deadline.set(timeoutMs);
    socket.on('data', this.#read);
    socket.on('end', this.#left);
    socket.on('close', this.#left);
    socket.on('error', this.#left);
    socket.resume();
  }

  readonly #read = (bytes: Buffer): void => {
    this.#pieces.push(bytes);
    this.#length += bytes.length;
    if (this.#length < this.#awaited) return;
    const read = identify(this.#octets());
    if (read.kind === 'need-more') this.#awaited = read.octets;
    else this.#settle(read);
  };

  readonly #left = (): void => this.#settle(GONE);

  #tooSlow(timeoutMs: number): Greeting {
    const octets = this.#octets();
    if (octets.length === 0) return { kind: 'other', reason: `it said nothing for ${timeoutMs} ms`, octets };
    const isTls = readClientHello(octets).kind === 'need-more';
    return { kind: 'unclear', isTls, reason: `only ${octets.length} octets of it came within ${timeoutMs} ms`, octets };
  }

  #octets(): Buffer {
    if (this.#pieces.length > 1) this.#pieces.splice(0, this.#pieces.length, Buffer.concat(this.#pieces, this.#length));
    return this.#pieces[0] ?? NOTHING;
  }

  #settle(greeting: Greeting): void {
    const socket = this.#socket;
    this.#deadline.clear();
    socket.off('data', this.#read);
    socket.off('end', this.#left);
    socket.off('close', this.#left);
    socket.off('error', this.#left);
    socket.pause();
    this.#resolve(greeting);
  }
}

function identify(octets: Buffer): Greeting | { readonly kind: 'need-more'; readonly octets: number } {
  const read = readClientHello(octets);
  switch (read.kind) {
    case 'hello':
      return { kind: 'tls', hello: read.hello, octets };
    case 'malformed':
      return { kind: 'unclear', isTls: true, reason: read.reason, octets };
    case 'need-more':
      return octets.length === 0 ? { kind: 'need-more', octets: 1 } : read;
    case 'not-tls':
      return identifyHttp(octets);
  }
}

function identifyHttp(octets: Buffer): Greeting | { readonly kind: 'need-more'; readonly octets: number } {
  const protocol = plainHttp(octets);
  switch (protocol) {
    case 'need-more':
      return { kind: 'need-more', octets: octets.length + 1 };
    case 'other':
      return { kind: 'other', reason: 'it is neither TLS nor HTTP', octets };
    case 'http/1.1':
    case 'h2':
      return { kind: 'http', protocol, octets };
  }
}

const GONE: Greeting = Object.freeze({ kind: 'gone' });
const NOTHING = Buffer.alloc(0);
