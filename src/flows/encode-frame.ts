// Owns an exchange as octets: the row of the list, which is JSON, and everything behind it in the short form that read-detail.ts reads. Written by hand,
// because it runs once an exchange on the thread of the traffic: what is said of one rule, one connection or one certificate is made once and kept beside
// it (encode-facts.ts); field lines stay as they came; and what went to the origin and to the client is a difference to what came.
// What must not be kept is masked here, before anything of it is anywhere else (redact-fields.ts).
import { type Authority, formatAuthority } from '../http/authority.ts';
import { type Fields, NO_FIELDS } from '../http/message.ts';
import { DEFAULT_PORTS } from '../http/target.ts';
import type { Capture, CapturedMessage } from './capture.ts';
import type { CapturedContent } from './captured-content.ts';
import { type DecisionTexts, type EncodedBy, FactsEncoder, namesOfRules, slotOf } from './encode-facts.ts';
import { FieldLines } from './field-lines.ts';
import type { Flow } from './flow.ts';
import type { EncodedTexts, PlaceOfTexts } from './frame-batch.ts';
import { hundredths, quoted, serialized } from './json-text.ts';
import { OctetWriter } from './octet-writer.ts';
import type { RecordedChange } from './recorded.ts';
import type { Unwritten } from './redact-fields.ts';

export interface EncoderParts extends EncodedBy {
  /** What `Flow.id` is to be added to. */
  readonly base: number;
}

/** Each exchange once; what it keeps is about values that live for long. */
export class ExchangeEncoder {
  readonly #base: number;
  readonly #unwritten: Unwritten | null;
  readonly #out = new OctetWriter();
  readonly #lines: FieldLines;
  readonly #facts: FactsEncoder;
  /** In which the exchange before began. */
  #second: { readonly startedMs: number; readonly octets: Uint8Array } = { startedMs: Number.NaN, octets: new Uint8Array(0) };
  readonly #asked: (AskedOctets | null)[] = Array.from({ length: 64 }, () => null);
  readonly #became: (BecameOctets | null)[] = Array.from({ length: SLOTS }, () => null);
  readonly #sentHeads: ({ readonly method: string; readonly protocol: string; readonly octets: Uint8Array } | null)[] = Array.from(
    { length: SLOTS },
    () => null,
  );
  readonly #statusLines: (StatusLineOctets | null)[] = Array.from({ length: SLOTS }, () => null);
  /** Places of fields that did not go on; as many as count. */
  readonly #left: number[] = [];

  constructor({ base, unwritten, policyDigestOf }: EncoderParts) {
    this.#base = base;
    this.#unwritten = unwritten;
    this.#lines = new FieldLines(unwritten);
    this.#facts = new FactsEncoder({ out: this.#out, unwritten, policyDigestOf });
  }

  /** All of one that has ended, written into `place`; elsewhere, if that has no room for it. */
  finished(place: PlaceOfTexts, flow: Flow, capture: Capture): EncodedTexts {
    const out = this.#begin(place);
    const { at } = out;
    const known = this.#known(flow);
    const origin = this.#summary(flow, capture, known, 'done');
    const detailAt = out.at;
    this.#detail(flow, capture, known, origin);
    return { octets: out.octets, at, summary: detailAt - at, detail: out.at - detailAt };
  }

  /** The row of one that has not. */
  begun(place: PlaceOfTexts, flow: Flow, capture: Capture): EncodedTexts {
    const out = this.#begin(place);
    const { at } = out;
    this.#summary(flow, capture, this.#known(flow), 'pending');
    return { octets: out.octets, at, summary: out.at - at, detail: 0 };
  }

  /** `RecordedMessage` without its preview. */
  message(
    place: PlaceOfTexts,
    { atMs, direction, kind, length, isCompressed, contentLength, closeCode, problem, fate }: CapturedMessage,
    id: number,
    number: number,
  ): EncodedTexts {
    const out = this.#begin(place);
    const { at } = out;
    out.anyText(
      `{"exchangeId":${id},"number":${number},"atMs":${atMs},"direction":"${direction}","kind":"${kind}","length":${length}` +
        `,"isCompressed":${isCompressed},"contentLength":${contentLength},"closeCode":${closeCode},"problem":${quoted(problem)}` +
        (fate === undefined ? '}' : `,"fate":{"of":${fate.of},"how":"${fate.how}"}}`),
    );
    return { octets: out.octets, at, summary: 0, detail: out.at - at };
  }

  #known({ decision }: Flow): DecisionTexts | null {
    return decision === null ? null : this.#facts.decision(decision);
  }

  #begin({ octets, at }: PlaceOfTexts): OctetWriter {
    this.#lines.clear();
    this.#out.goOnIn(octets, at);
    return this.#out;
  }

  /** What `readSummary` (read-summary.ts) reads. ASCII. @returns scheme and authority, as they stand before the path in absolute-form */
  #summary(flow: Flow, capture: Capture, known: DecisionTexts | null, state: 'pending' | 'done'): string {
    const { connectId } = flow;
    const isDone = state === 'done';
    const out = this.#out
      .text('[')
      .whole(this.#base + flow.id)
      .text(isDone ? ',1,' : ',0,');
    out.whole(kindOf(flow, capture)).comma();
    out.whole(connectId === null ? 0 : this.#base + connectId).comma();
    out.whole(capture.replayOf ?? 0).comma();
    this.#moment(flow.startedAtMs);
    const origin = this.#whoAndWhere(flow, capture);
    this.#url(capture.path);
    this.#whatBecame(flow, known, isDone);
    out.whole(requestOctets(flow, capture)).comma().whole(responseOctets(flow, capture));
    out.text(stepsText(flow)).text(hundredths(flow.firstByteMs));
    out
      .comma()
      .text(isDone ? hundredths(flow.totalMs) : 'null')
      .comma()
      .whole(capture.messages);
    out
      .comma()
      .anyText(capture.changes === null ? '0' : namesOf(capture.changes))
      .text(known === null ? '' : known.deniedFor)
      .text(']');
    return origin;
  }

  /** The same as of another request before it, where the same client asked the same host in the same way. @returns scheme and authority */
  #whoAndWhere({ clientAddress, user, method }: Flow, { scheme, host, port }: Capture): string {
    const out = this.#out;
    const slot = slotOf(host, port + method.length, this.#asked.length);
    const last = this.#asked[slot];
    const isSame = last?.host === host && last.port === port && last.scheme === scheme && last.method === method && last.user === user;
    if (isSame && last.clientAddress === clientAddress) {
      out.bytes(last.octets);
      return last.origin;
    }
    const start = out.at;
    out.comma().quoted(clientAddress).comma().quotedOr0(user).comma().quoted(method);
    out.text(',"').text(scheme).text('",').quoted(host).comma().whole(port).comma();
    const origin = originOf(scheme, host, port);
    this.#asked[slot] = { clientAddress, user, method, scheme, host, port, origin, octets: out.written(start) };
    return origin;
  }

  /** The same as of another exchange before it, where nothing was wrong with either. */
  #whatBecame(flow: Flow, known: DecisionTexts | null, isDone: boolean): void {
    const { version, status, outcome, error, decision, cache, interception, contentType } = flow;
    const isUsual = isDone && error === null && interception === null && (decision === null || decision.reported.length === 0);
    const stored = cache === null ? null : cache.outcome;
    const slot = slotOf(contentType, status + (stored === null ? 0 : stored.length), SLOTS);
    const last = this.#became[slot]!;
    const isSame = last?.status === status && last.known === known && last.stored === stored && last.outcome === outcome;
    const out = this.#out;
    if (isUsual && isSame && last.version === version && last.contentType === contentType) {
      out.bytes(last.octets);
      return;
    }
    const start = out.at;
    out.text(',"').text(version).text('",').whole(status);
    out.comma().quotedOr0(isDone ? outcome : null);
    out.comma().quotedOr0(error === null ? null : error.code);
    if (decision === null || known === null) out.text(',0,0,0');
    else out.anyText(known.summary).anyText(decision.reported.length === 0 ? '0' : namesOfRules(decision.reported));
    out.comma().quotedOr0(stored);
    out
      .comma()
      .quotedOr0(interception === null ? null : interception.outcome)
      .comma()
      .quotedOr0(contentType)
      .comma();
    if (isUsual) this.#became[slot] = { version, status, outcome, known, stored, contentType, octets: out.written(start) };
  }

  /** Milliseconds since the epoch. */
  #moment(ms: number): void {
    const out = this.#out;
    let rest = ms - this.#second.startedMs;
    if (!(rest >= 0 && rest < 1_000)) {
      const second = Math.floor(ms / 1_000);
      if (second < 1) return void out.text(String(ms));
      this.#second = { startedMs: second * 1_000, octets: Buffer.from(String(second)) };
      rest = ms - second * 1_000;
    }
    out
      .bytes(this.#second.octets)
      .text(rest < 10 ? '00' : rest < 100 ? '0' : '')
      .whole(rest);
  }

  /** What `readDetail` (read-detail.ts) reads. One character an octet. */
  #detail(flow: Flow, capture: Capture, known: DecisionTexts | null, origin: string): void {
    const { request, received, requestContent, responseContent } = capture;
    const requestLines = this.#lines.add(request.fields);
    const receivedLines = received === null ? 0 : this.#lines.add(received.fields);
    const out = this.#out.text('[[').quoted(request.method).comma();
    this.#target(capture, origin);
    out.text(',"').text(request.version).text('",').whole(requestLines).text(']');
    if (received === null) out.text(',0');
    else {
      this.#statusLine(received.status, received.reason, received.version);
      out.whole(receivedLines).text(']');
    }
    this.#sent(flow, capture);
    this.#response(flow, capture);
    this.#content(requestContent);
    this.#content(responseContent);
    this.#facts.facts(flow, capture, known);
    out.text(']\n');
    this.#lines.writeTo(out);
  }

  /** 1 where it is the path that was asked for, and 0 where the scheme and the authority stand before that. */
  #target({ request: { target }, path }: Capture, origin: string): void {
    const out = this.#out;
    const isMasked = this.#unwritten !== null;
    if (!isMasked && target === path) out.text('1');
    else if (!isMasked && target.length === origin.length + path.length && target.startsWith(origin) && target.endsWith(path))
      out.text('0');
    else this.#url(target);
  }

  /** The same as of another response before it, up to the octets of its lines. */
  #statusLine(status: number, reason: string, version: string): void {
    const out = this.#out;
    const slot = status % SLOTS;
    const last = this.#statusLines[slot]!;
    if (last?.status === status && last.version === version && last.reason === reason) {
      out.bytes(last.octets);
      return;
    }
    const start = out.at;
    out.text(',[').whole(status).comma().quoted(reason).text(',"').text(version).text('",');
    this.#statusLines[slot] = { status, reason, version, octets: out.written(start) };
  }

  #url(url: string): void {
    this.#out.quoted(this.#unwritten === null ? url : this.#unwritten.maskedUrl(url));
  }

  /** The target, the value of Host, and the fields as a difference to those of the request. */
  #sent({ route, upstreamProtocol }: Flow, capture: Capture): void {
    const { sentFields, sentAuthority, sentMethod, sentScheme, sentPath, sentLength, path, request } = capture;
    const out = this.#out;
    if (sentFields === null || sentAuthority === null) {
      out.text(',0');
      return;
    }
    const isPath = route === 'direct' || sentScheme === 'https';
    const protocol = upstreamProtocol ?? '1.1';
    const wanted = isWhereItWanted(capture, sentAuthority);
    if (isPath && wanted && sentPath === path) this.#sentAsAsked(sentMethod, protocol);
    else {
      out.text(',[').quoted(sentMethod).comma();
      this.#sentTarget(capture, sentAuthority, isPath);
      out.comma().quoted(protocol).comma();
      if (wanted) out.text('0,');
      else out.quoted(formatAuthority(sentAuthority, DEFAULT_PORTS[sentScheme])).comma();
    }
    this.#framing(sentLength === 0 ? undefined : sentLength);
    this.#difference(request.fields, sentFields);
    out.text(']');
  }

  /** The same as of another request before it: the path that was asked for, from where it was wanted. */
  #sentAsAsked(method: string, protocol: string): void {
    const out = this.#out;
    const slot = slotOf(method, protocol.length, SLOTS);
    const last = this.#sentHeads[slot]!;
    if (last?.method === method && last.protocol === protocol) {
      out.bytes(last.octets);
      return;
    }
    const start = out.at;
    out.text(',[').quoted(method).text(',0,').quoted(protocol).text(',0,');
    this.#sentHeads[slot] = { method, protocol, octets: out.written(start) };
  }

  /** 0 where it is the path that was asked for. */
  #sentTarget({ path, sentPath, sentScheme }: Capture, authority: Authority, isPath: boolean): void {
    if (isPath && sentPath === path) this.#out.text('0');
    else if (isPath) this.#url(sentPath);
    else this.#url(`${sentScheme}://${formatAuthority(authority, DEFAULT_PORTS[sentScheme])}${sentPath === '*' ? '' : sentPath}`);
  }

  /** Its fields as a difference to those of the origin's response. */
  #response(flow: Flow, { responseFields, responseLines, responseFraming, status, reason, received }: Capture): void {
    const out = this.#out;
    if (responseFields === null) {
      out.text(',0');
      return;
    }
    this.#statusLine(status, reason, flow.version === '2' ? '2' : '1.1');
    this.#framing(responseFraming);
    if (responseLines === undefined) this.#difference(received === null ? NO_FIELDS : received.fields, responseFields);
    else out.text(',0,').whole(this.#lines.addReady(responseLines) + this.#lines.add(responseFields));
    out.text(']');
  }

  /** What the head says of the length: nothing, or `null` where its end tells. */
  #framing(length: number | null | undefined): void {
    if (length === undefined) this.#out.text('""');
    else this.#out.wholeOrNull(length);
  }

  /**
   * Fields that go on keep their order, and those that are new stand behind them: the places of those that were left out, and the octets of new lines. Where
   * it is otherwise, 0 and the octets of all lines.
   */
  #difference(before: Fields, after: Fields): void {
    const left = this.#left;
    let leftOut = 0;
    let from = 0;
    let i = 0;
    for (; i < after.length; i += 1) {
      let at = from;
      while (at < before.length && before[at] !== after[i]) at += 1;
      if (at === before.length) break;
      for (; from < at; from += 1) left[leftOut++] = from;
      from = at + 1;
    }
    for (; from < before.length; from += 1) left[leftOut++] = from;
    const out = this.#out;
    if (i < after.length && mayGoOn(before, after, i)) {
      out.text(',0,').whole(this.#lines.add(after));
      return;
    }
    out.text(',[');
    for (let n = 0; n < leftOut; n += 1) out.text(n === 0 ? '' : ',').whole(left[n]!);
    out.text('],').whole(this.#lines.add(after, i));
  }

  #content(content: CapturedContent | null): void {
    const out = this.#out;
    if (content === null) {
      out.text(',0');
      return;
    }
    const { octets, kept, isComplete, trailers } = content;
    out
      .text(',[')
      .whole(octets)
      .comma()
      .whole(kept)
      .text(isComplete ? ',1,' : ',0,')
      .whole(this.#lines.add(trailers))
      .text(']');
  }
}

/** What stands before the path in absolute-form (RFC 9112 §3.2.2). */
function originOf(scheme: Capture['scheme'], host: string, port: number): string {
  const isUsual = (scheme === 'http' || scheme === 'https') && port === DEFAULT_PORTS[scheme];
  return isUsual ? `${scheme}://${host}` : `${scheme}://${host}:${port}`;
}

/** What a summary says of who asked for what, up to the path. */
interface AskedOctets extends Pick<Flow, 'clientAddress' | 'user' | 'method'>, Pick<Capture, 'scheme' | 'host' | 'port'> {
  /** Scheme and authority, as they stand before the path in absolute-form. */
  readonly origin: string;
  readonly octets: Uint8Array;
}

/** What a summary says between the path and the octets of contents. */
interface BecameOctets extends Pick<Flow, 'version' | 'status' | 'outcome' | 'contentType'> {
  readonly known: DecisionTexts | null;
  readonly stored: string | null;
  readonly octets: Uint8Array;
}

interface StatusLineOctets {
  readonly status: number;
  readonly reason: string;
  readonly version: string;
  readonly octets: Uint8Array;
}

/** It went to the authority that was asked for, in the same scheme. */
function isWhereItWanted({ scheme, host, port, sentScheme }: Capture, authority: Authority): boolean {
  return authority.host === host && authority.port === port && scheme === sentScheme;
}

/** Its place in `KINDS` of read-summary.ts. */
function kindOf({ method, websocket }: Flow, { status }: Capture): 0 | 1 | 2 {
  if (method === 'CONNECT') return 1;
  return websocket !== null || status === 101 ? 2 : 0;
}

/** Of a connection that was given away, all octets of it are content. */
function requestOctets(flow: Flow, { requestContent }: Capture): number {
  if (flow.method === 'CONNECT' || flow.websocket !== null) return flow.bytesFromClient;
  return requestContent === null ? 0 : requestContent.octets;
}

function responseOctets(flow: Flow, { responseContent }: Capture): number {
  if (flow.method === 'CONNECT' || flow.websocket !== null) return flow.bytesToClient;
  return responseContent === null ? 0 : responseContent.octets;
}

/** Nothing of it is there on a connection that was kept, or without one. */
function stepsText({ resolveMs, connectMs, tlsMs }: Flow): string {
  if (resolveMs === null && connectMs === null && tlsMs === null) return ',null,null,null,';
  return `,${hundredths(resolveMs)},${hundredths(connectMs)},${hundredths(tlsMs)},`;
}

/** Of what changed it, each once. */
function namesOf(changes: readonly RecordedChange[]): string {
  return serialized([...new Set(changes.filter(({ isMiss }) => !isMiss).map(({ rule }) => rule))]);
}

/** Whether one of those that are new goes on as it came, behind another that does not. */
function mayGoOn(before: Fields, after: Fields, from: number): boolean {
  for (let i = from; i < after.length; i += 1) {
    const field = after[i];
    for (let at = 0; at < before.length; at += 1) if (before[at] === field) return true;
  }
  return false;
}

/** Enough for what is usual: statuses fall into different ones. */
const SLOTS = 32;
