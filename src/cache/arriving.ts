// Owns a response whose content is on its way from the origin into a store, and everybody who reads along: one writer, many readers.
// What comes is copied into the store's writer, and readers take it from there, each at its own pace; the origin is held back when even the fastest
// of them is far behind. When the store gives up (too large, disk full), those who read finish all the same: then the slowest sets the pace.
// A response that nobody reads any more is given up, unless nearly all of it has come. It is stored only when it has come to its end.
import { ProxyError } from '../errors/proxy-error.ts';
import { type Body, type BodySink, type Fields, FULL, NO_FIELDS, TAKEN, type Taken } from '../http/message.ts';
import type { StoredResponse } from './stored-response.ts';
import type { ContentWriter, Soon } from './stores/cache-store.ts';

/** What became of the storing, once the content has ended. */
export type ArrivalOutcome = 'stored' | 'not-stored' | 'incomplete';

/** Who stores it. */
export interface Arrival {
  /** Stores what has come, `length` octets in all. */
  commit(length: number): Soon<boolean>;
  /** Called once. */
  ended(outcome: ArrivalOutcome): void;
}

export class ArrivingResponse implements BodySink {
  /** As it will be stored; its extent is known only at the end. */
  readonly response: StoredResponse;
  readonly #body: Body;
  readonly #writer: ContentWriter;
  readonly #arrival: Arrival;
  #readers: Reader[] = NOBODY;
  #state: 'waiting' | 'arriving' | 'complete' | 'broken' = 'waiting';
  #failure: ProxyError | null = null;
  /** Octets that have come. */
  #arrived = 0;
  /** The store has given up: what has come since stands in `#piece` alone. */
  #isStoring = true;
  #piece: Buffer = NOTHING;
  #isPaused = false;
  #isStoreBehind = false;
  #isOver = false;
  #isReleased = false;
  /** Nobody has to read: it is fetched for the store's sake. */
  #isKeptAnyway = false;

  constructor(response: StoredResponse, body: Body, writer: ContentWriter, arrival: Arrival) {
    this.response = response;
    this.#body = body;
    this.#writer = writer;
    this.#arrival = arrival;
  }

  /** Whether another reader would get all of it: it can be read back from its first octet on. */
  get isShareable(): boolean {
    return this.#isStoring && this.#state !== 'broken';
  }

  /** `length` octets of the content from position `first` on, all of it without them, for one more reader. */
  read(first = 0, length: number | null = null): Body {
    const reader = new Reader(this, first, length ?? this.#body.length, length === null ? Number.POSITIVE_INFINITY : first + length);
    if (this.#readers.length === 0) this.#readers = [reader];
    else this.#readers.push(reader);
    return reader;
  }

  /** Takes it in although nobody reads it. */
  keepAnyway(): void {
    this.#isKeptAnyway = true;
    this.begin();
  }

  // What readers say

  begin(): void {
    if (this.#state !== 'waiting') return;
    this.#state = 'arriving';
    this.#body.start(this);
  }

  /** @returns what comes behind `position`, empty when it is lost; `null` while there is nothing yet; a promise while it is read back */
  readFrom(position: number): Buffer | null | Promise<Buffer | null> {
    const written = this.#writer.written;
    if (position < written) return this.#writer.read(position, PIECE) ?? NOTHING;
    return position < this.#arrived ? this.#piece.subarray(this.#piece.length - (this.#arrived - position)) : null;
  }

  /** `undefined` while it goes on; `null` when all that has come is all there is. */
  endAt(position: number): ProxyError | null | undefined {
    if (position < this.#arrived || this.#state === 'waiting' || this.#state === 'arriving') return undefined;
    return this.#failure;
  }

  moved(): void {
    if (this.#isPaused && this.#mayComeOn()) this.#comeOn();
  }

  left(reader: Reader): void {
    this.#readers.splice(this.#readers.indexOf(reader), 1);
    if (this.#isOver) this.#releaseWhenUnread();
    else if (this.#state === 'complete') return;
    else if (this.#readers.length > 0) this.moved();
    else if (this.#isWorthFinishing()) this.#goOnUnread();
    else this.#giveUp();
  }

  // BodySink: what the origin's answer says

  write(bytes: Buffer): Taken {
    if (this.#state !== 'arriving') return TAKEN;
    if (this.#isStoring && !this.#writer.write(bytes)) this.#isStoring = false;
    if (!this.#isStoring) this.#piece = Buffer.from(bytes);
    this.#arrived += bytes.length;
    this.#pumpAll();
    if (this.#state === 'arriving' && this.#readers.length === 0 && !this.#isStoring) this.#giveUp();
    if (this.#state !== 'arriving' || this.#mayComeOn()) return TAKEN;
    this.#isPaused = true;
    return FULL;
  }

  end(_trailers: Fields): void {
    if (this.#state !== 'arriving') return;
    this.#state = 'complete';
    const stored = this.#isStoring ? this.#arrival.commit(this.#arrived) : false;
    if (stored instanceof Promise) void stored.then((isStored) => this.#settle(isStored));
    else this.#settle(stored);
    this.#pumpAll();
  }

  fail(error: ProxyError): void {
    if (this.#state !== 'arriving') return;
    this.#break(error);
    this.#pumpAll();
  }

  #settle(isStored: boolean): void {
    this.#over(isStored ? 'stored' : 'not-stored');
  }

  /** From here on nobody new comes to read. */
  #over(outcome: ArrivalOutcome): void {
    this.#isOver = true;
    this.#arrival.ended(outcome);
    this.#releaseWhenUnread();
  }

  #pumpAll(): void {
    // A reader that is done takes itself off the list.
    if (this.#readers.length === 1) this.#readers[0]!.pump();
    else for (const reader of this.#readers.slice()) reader.pump();
  }

  /** Whether the origin may send more: a store that is behind, or readers who are all far behind, have to be waited for. */
  #mayComeOn(): boolean {
    if (!this.#isStoring) return this.#readers.every(({ position }) => position >= this.#arrived);
    if (!this.#isStoreReady()) return false;
    if (this.#readers.length === 0) return true;
    let fastest = 0;
    for (const { position } of this.#readers) if (position > fastest) fastest = position;
    return this.#arrived - fastest <= MOST_AHEAD;
  }

  #isStoreReady(): boolean {
    if (this.#isStoreBehind) return false;
    const ready = this.#writer.ready();
    if (ready === null) return true;
    this.#isStoreBehind = true;
    void ready.then(() => {
      this.#isStoreBehind = false;
      this.moved();
    });
    return false;
  }

  #comeOn(): void {
    this.#isPaused = false;
    this.#body.resume();
  }

  /** It may be that nobody ever began to read. */
  #goOnUnread(): void {
    this.begin();
    this.moved();
  }

  #isWorthFinishing(): boolean {
    if (!this.#isStoring) return false;
    if (this.#isKeptAnyway) return true;
    const { length } = this.#body;
    if (length === null) return false;
    const missing = length - this.#arrived;
    return missing <= WORTH_FINISHING_BYTES || missing <= length * WORTH_FINISHING_SHARE;
  }

  #giveUp(): void {
    this.#break(new ProxyError('connection_terminated', 'Everybody who wanted it has left.'));
    this.#body.cancel();
  }

  #break(error: ProxyError): void {
    this.#state = 'broken';
    this.#failure = error;
    if (this.#isStoring) this.#writer.abandon();
    this.#over('incomplete');
  }

  #releaseWhenUnread(): void {
    if (this.#readers.length > 0 || !this.#isOver || this.#isReleased) return;
    this.#isReleased = true;
    this.#writer.release();
  }
}

/** One who reads along. */
class Reader implements Body {
  readonly length: number | null;
  position: number;
  readonly #end: number;
  readonly #arriving: ArrivingResponse;
  #sink: BodySink | null = null;
  #isFull = false;
  #isReading = false;
  #isOver = false;

  constructor(arriving: ArrivingResponse, first: number, length: number | null, end: number) {
    this.#arriving = arriving;
    this.position = first;
    this.length = length;
    this.#end = end;
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    this.#arriving.begin();
    this.pump();
  }

  resume(): void {
    if (!this.#isFull) return;
    this.#isFull = false;
    this.pump();
  }

  cancel(): void {
    if (!this.#isOver) this.#finish();
  }

  /** Passes on what is there. */
  pump(): void {
    const sink = this.#sink;
    if (sink === null) return;
    while (!this.#isFull && !this.#isReading && !this.#isOver) {
      const end = this.position >= this.#end ? null : this.#arriving.endAt(this.position);
      if (end !== undefined) {
        this.#finish();
        if (end === null) sink.end(NO_FIELDS);
        else sink.fail(end);
        return;
      }
      const bytes = this.#arriving.readFrom(this.position);
      if (bytes === null) break;
      if (bytes instanceof Promise) {
        this.#isReading = true;
        void bytes.then((found) => {
          this.#isReading = false;
          if (!this.#isOver) this.#pass(sink, found);
          this.pump();
        });
        return;
      }
      this.#pass(sink, bytes);
    }
    this.#arriving.moved();
  }

  #pass(sink: BodySink, bytes: Buffer | null): void {
    if (bytes === null || bytes.length === 0) {
      this.#finish();
      sink.fail(new ProxyError('http_response_incomplete', 'What had been stored of the response could not be read back.'));
      return;
    }
    const wanted = this.position + bytes.length > this.#end ? bytes.subarray(0, this.#end - this.position) : bytes;
    this.position += wanted.length;
    this.#isFull = sink.write(wanted) === FULL;
  }

  #finish(): void {
    this.#isOver = true;
    this.#arriving.left(this);
  }
}

const NOTHING = Buffer.alloc(0);
/** Shared by all who have no readers yet; never written to. */
const NOBODY: Reader[] = [];
/** Read back at once. */
const PIECE = 64 * 1024;
/** How far the origin may be ahead of the fastest reader. */
const MOST_AHEAD = 256 * 1024;
/** With so little missing, what nobody waits for is fetched to its end: it would cost more to begin anew. As Squid does. */
const WORTH_FINISHING_BYTES = 16 * 1024;
const WORTH_FINISHING_SHARE = 0.05;
