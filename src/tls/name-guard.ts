// Owns that a tunnel which passes for the name that its client began with keeps to that name. A server may ask for a second ClientHello
// (HelloRetryRequest, RFC 8446 §4.1.4), in which the client may change its key share and never the name (§4.1.2). Servers do not insist on that: nginx
// goes by the second name. So a client could show one name to the rules, and another to the server.
// What a client says is held back only while it is that second hello. As soon as the server has answered with anything else, all that could name
// something is encrypted, and the guard is over.
import { readClientHello } from './client-hello.ts';
import { HANDSHAKE, MESSAGE_HEADER, RECORD_HEADER, readFirstMessage } from './hello-records.ts';

export class NameGuard {
  readonly #name: string | null;
  #state: 'unanswered' | 'asked-again' | 'over' = 'unanswered';
  /** Octets of the client's record that are still to pass. */
  #passing: number;
  /** Of the client, not passed: the beginning of a record, or of the second hello. */
  readonly #held: Buffer[] = [];
  #heldOctets = 0;
  /** Fewer than these cannot be enough, so that a hello that comes octet by octet is not read as often. */
  #awaited = 0;
  /** What the server has answered, until it is known what that is. */
  #answer: Buffer = NOTHING;
  #objection: string | null = null;

  /**
   * @param name  of the first ClientHello; `null` when there was none
   * @param octets  what the client has said so far: that hello, and what came behind it. They are still to be given to `fromClient`.
   */
  constructor(name: string | null, octets: Buffer) {
    this.#name = name;
    const first = readFirstMessage(octets);
    this.#passing = first.kind === 'message' ? first.end : 0;
  }

  /** Whether nothing that is still to come has to be shown to it. */
  get isOver(): boolean {
    return this.#state === 'over';
  }

  /** Why the tunnel must not go on, as a clause. */
  get objection(): string | null {
    return this.#objection;
  }

  /** @returns what may go on now, perhaps nothing yet; `null` when the tunnel must not go on */
  fromClient(bytes: Buffer): Buffer | null {
    if (this.#state === 'over') return bytes;
    this.#held.push(bytes);
    this.#heldOctets += bytes.length;
    if (this.#heldOctets < this.#awaited) return NOTHING;
    const said = this.#held.length === 1 ? bytes : Buffer.concat(this.#held, this.#heldOctets);
    this.#hold(NOTHING, 0);
    const at = this.#skipRecords(said);
    if (at === said.length) return said;
    if (said[at] === HANDSHAKE) return this.#hear(said, at);
    this.#hold(said.subarray(at), RECORD_HEADER);
    return said.subarray(0, at);
  }

  /** Is shown everything that the server says. */
  fromServer(bytes: Buffer): void {
    if (this.#state !== 'unanswered') return;
    // Its memory is used again.
    this.#answer = Buffer.concat([this.#answer, bytes.subarray(0, MOST_ANSWER)]);
    const state = stateAfter(this.#answer);
    if (state !== null) this.#state = state;
    else if (this.#answer.length >= MOST_ANSWER) this.#state = 'asked-again';
    if (this.#state !== 'unanswered') this.#answer = NOTHING;
  }

  /** Over records that carry no hello: change_cipher_spec, early data, alerts. @returns where the next one begins that is none, or is not all there */
  #skipRecords(said: Buffer): number {
    let at = 0;
    for (;;) {
      const passing = Math.min(this.#passing, said.length - at);
      this.#passing -= passing;
      at += passing;
      if (said[at] === HANDSHAKE || said.length - at < RECORD_HEADER) return at;
      this.#passing = RECORD_HEADER + said.readUInt16BE(at + 3);
    }
  }

  /** @param at  where a handshake record begins */
  #hear(said: Buffer, at: number): Buffer | null {
    if (this.#state === 'unanswered') return this.#object('a handshake message comes before the server has answered the first');
    const read = readClientHello(said.subarray(at));
    switch (read.kind) {
      case 'need-more':
        this.#hold(said.subarray(at), read.octets);
        return said.subarray(0, at);
      case 'hello':
        if (read.hello.serverName !== this.#name)
          return this.#object(`${read.hello.serverName ?? 'no name'} comes in the second ClientHello`);
        this.#state = 'over';
        return said;
      case 'malformed':
        return this.#object(`its second ClientHello cannot be read: ${read.reason}`);
      case 'not-tls':
        return this.#object('something else comes where the second ClientHello should');
    }
  }

  #hold(bytes: Buffer, awaited: number): void {
    this.#held.length = 0;
    if (bytes.length > 0) this.#held.push(bytes);
    this.#heldOctets = bytes.length;
    this.#awaited = awaited;
  }

  #object(objection: string): null {
    this.#objection = `TLS was begun with ${this.#name ?? 'no name'}, and ${objection}`;
    return null;
  }
}

/** What the beginning of a server's answer makes of it; `null` while that is not known. Servers of old send a warning before it. */
function stateAfter(answer: Buffer): 'asked-again' | 'over' | null {
  let message: Buffer = NOTHING;
  for (let at = 0; at < answer.length; ) {
    if (answer[at] !== HANDSHAKE && answer[at] !== ALERT) return 'over';
    if (answer.length < at + RECORD_HEADER) return null;
    const end = at + RECORD_HEADER + answer.readUInt16BE(at + 3);
    if (answer[at] === HANDSHAKE) message = Buffer.concat([message, answer.subarray(at + RECORD_HEADER, end)]);
    if (message.length >= RANDOM_END) return isRetryRequest(message) ? 'asked-again' : 'over';
    at = end;
  }
  return null;
}

/** RFC 8446 §4.1.3: a ServerHello with a random of its own. */
function isRetryRequest(message: Buffer): boolean {
  return message[0] === SERVER_HELLO && message.subarray(RANDOM_START, RANDOM_END).equals(RETRY_RANDOM);
}

const NOTHING = Buffer.alloc(0);
const ALERT = 21;
const SERVER_HELLO = 2;
/** Behind the header and the legacy version. */
const RANDOM_START = MESSAGE_HEADER + 2;
const RANDOM_END = RANDOM_START + 32;
/** SHA-256 of "HelloRetryRequest". */
const RETRY_RANDOM = Buffer.from('cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c', 'hex');
/** Whoever warns longer than this is taken to ask again. */
const MOST_ANSWER = 4_096;
