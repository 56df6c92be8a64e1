// Owns what is known of an upload on a session of HTTP/2 that others use, too: whether it is a large one, of more content than the smallest window of a
// connection has room for (RFC 9113 §6.9.2). Where that window is what holds content up, nghttp2 sends what one stream has before what the next one has,
// in the order in which they were opened (incremental is not the default: RFC 9218 §4.2). So whatever is opened behind large uploads waits until these
// are over. `Http2Sessions` has requests with content keep clear of sessions that have one.
import type { Body, BodySink } from '../http/message.ts';
import type { Http2Session } from './http2-session.ts';

/** Content on its way to an origin, as it comes. */
export class SharedUpload implements Body {
  readonly length: number | null;
  readonly #content: Body;
  #session: Http2Session | null = null;
  #octets = 0;
  #isLarge: boolean;

  constructor(content: Body) {
    this.#content = content;
    this.length = content.length;
    this.#isLarge = (content.length ?? 0) > SMALLEST_WINDOW;
  }

  /** As far as that is known. */
  get isLarge(): boolean {
    return this.#isLarge;
  }

  /** It goes over this session from now on; `null` for none. */
  goOver(session: Http2Session | null): void {
    if (this.#isLarge) {
      this.#session?.largeUploadOver();
      session?.largeUploadBegun();
    }
    this.#session = session;
  }

  start(sink: BodySink): void {
    this.#content.start({
      write: (bytes) => {
        this.#count(bytes.length);
        return sink.write(bytes);
      },
      end: (trailers) => {
        this.goOver(null);
        sink.end(trailers);
      },
      fail: (error) => {
        this.goOver(null);
        sink.fail(error);
      },
    });
  }

  resume(): void {
    this.#content.resume();
  }

  cancel(): void {
    this.goOver(null);
    this.#content.cancel();
  }

  /** What nobody has announced is large once it is. */
  #count(octets: number): void {
    this.#octets += octets;
    if (this.#isLarge || this.#octets <= SMALLEST_WINDOW) return;
    this.#isLarge = true;
    this.#session?.largeUploadBegun();
  }
}

const SMALLEST_WINDOW = 65_535;
