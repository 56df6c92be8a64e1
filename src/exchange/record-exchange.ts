// Owns where an exchange is recorded: its two ends, as the listener gave them, put behind ones that note what passes and pass it on as it is. What the
// stages between them know, they note themselves (`flow.capture`). Whatever is answered goes through the responder, so nothing escapes the record: answers
// of origins, of the cache, and pages of our own, to requests that could not be read as well. Interim responses are not kept.
// Where nothing is recorded none of this runs, nor costs anything.
import type { Capture } from '../flows/capture.ts';
import { CapturedContent } from '../flows/captured-content.ts';
import { EventStreamReader } from '../flows/event-stream.ts';
import type { Flow } from '../flows/flow.ts';
import type { Recorder } from '../flows/recorder.ts';
import { hasField } from '../http/fields.ts';
import type { Body, Fields } from '../http/message.ts';
import type { ClientSocket, Incoming, RequestBody, Responder } from './exchange.ts';

/** The same exchange, seen by `recorder`, which is to be told when the flow is finished. */
export function recordExchange(incoming: Incoming, recorder: Recorder): Incoming {
  const { head, client, flow, cancellation, responder, tunnel, isBackground } = incoming;
  const capture = recorder.begin(flow, head);
  const body = incoming.body === null ? null : new RecordedRequestBody(incoming.body, recorder);
  capture.requestContent = body;
  return { head, body, client, flow, cancellation, responder: new RecordingResponder(responder, capture, recorder), tunnel, isBackground };
}

class RecordedRequestBody extends CapturedContent implements RequestBody {
  readonly #from: RequestBody;

  constructor(from: RequestBody, recorder: Recorder) {
    super(from, recorder.bodyLimit, recorder.memory);
    this.#from = from;
  }

  get failure(): RequestBody['failure'] {
    return this.#from.failure;
  }
}

class RecordingResponder implements Responder {
  readonly #responder: Responder;
  readonly #capture: Capture<Flow>;
  readonly #recorder: Recorder;

  constructor(responder: Responder, capture: Capture<Flow>, recorder: Recorder) {
    this.#responder = responder;
    this.#capture = capture;
    this.#recorder = recorder;
  }

  interim(status: number, reason: string, fields: Fields): void {
    this.#responder.interim(status, reason, fields);
  }

  respond(status: number, reason: string, fields: Fields, body: Body | null, announcedLength: number | null, lines?: string): void {
    const capture = this.#capture;
    // A second one breaks the connection off, and one that comes after the end goes nowhere.
    if (capture.isOver || capture.responseFields !== null) {
      this.#responder.respond(status, reason, fields, body, announcedLength, lines);
      return;
    }
    const { method, version } = capture.request;
    const hasContent = body !== null && method !== 'HEAD' && mayHaveContent(status);
    capture.noteResponse(status, reason, fields, lines, framingOf(method, version, status, body, announcedLength));
    const content = hasContent ? new CapturedContent(body, this.#recorder.bodyLimit, this.#recorder.memory, this.#readerOf(fields)) : null;
    capture.responseContent = content;
    this.#responder.respond(status, reason, fields, content ?? body, announcedLength, lines);
  }

  abort(isInOrder?: boolean): void {
    this.#responder.abort(isInOrder);
  }

  takeOver(status: number, reason: string, fields: Fields): { readonly socket: ClientSocket; readonly early: Buffer } {
    this.#capture.noteResponse(status, reason, fields, undefined, undefined);
    return this.#responder.takeOver(status, reason, fields);
  }

  /** Events of a stream are messages while it lasts. What has a coding is for those who decode it later. */
  #readerOf(fields: Fields): EventStreamReader | null {
    const { contentType } = this.#capture.flow;
    if (contentType === null || !EVENT_STREAM.test(contentType) || hasField(fields, 'content-encoding')) return null;
    return new EventStreamReader((event) => this.#capture.event(event));
  }
}

/** As the connection will announce the content: its length, `null` where its end will tell, `undefined` for nothing. */
function framingOf(
  method: string,
  version: Incoming['head']['version'],
  status: number,
  body: Body | null,
  announcedLength: number | null,
): number | null | undefined {
  if (!mayHaveContent(status)) return undefined;
  if (method === 'HEAD') return announcedLength ?? undefined;
  if (body === null) return 0;
  return body.length ?? (version === '1.0' ? undefined : null);
}

function mayHaveContent(status: number): boolean {
  return status >= 200 && status !== 204 && status !== 304;
}

const EVENT_STREAM = /^text\/event-stream *(?:;|$)/i;
