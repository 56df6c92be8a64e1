// Owns an exchange as octets: the row of the list, which is JSON, and everything behind it in the short form that read-detail.ts reads. Written by hand,
// because it runs once an exchange on the thread of the traffic: what is said of one rule, one connection or one certificate is made once and kept beside
// it (encode-facts.ts); field lines stay as they came; and what went to the origin and to the client is a difference to what came.
// What must not be kept is masked here, before anything of it is anywhere else (redact-fields.ts).
import { type Authority, formatAuthority } from '../http/authority.ts';
import { type Field, type Fields, NO_FIELDS } from '../http/message.ts';
import { DEFAULT_PORTS } from '../http/target.ts';
import type { Capture, CapturedMessage } from './capture.ts';
import type { CapturedContent } from './captured-content.ts';
import { type ConnectionTexts, type EncodedBy, FactsEncoder, type Known, namesOfRules } from './encode-facts.ts';
import type { Flow } from './flow.ts';
import type { EncodedTexts } from './frame-batch.ts';
import { hundredths, quoted, serialized } from './json-text.ts';
import { OctetWriter } from './octet-writer.ts';
import type { RecordedChange } from './recorded.ts';
import { keptValue, type Unwritten } from './redact-fields.ts';

export interface EncoderParts extends EncodedBy {
  /** What `Flow.id` is to be added to. */
  readonly base: number;
}

/** Each exchange once; what it keeps is about values that live for long. */
export class ExchangeEncoder {
  readonly #base: number;
  readonly #unwritten: Unwritten | null;
  /** What is being encoded, and the field lines of it. */
  readonly #out = new OctetWriter();
  readonly #raw = new OctetWriter();
  readonly #facts: FactsEncoder;
  /** Places of fields that did not go on. */
  readonly #left: number[] = [];

  constructor({ base, unwritten, policyDigestOf }: EncoderParts) {
    this.#base = base;
    this.#unwritten = unwritten;
    this.#facts = new FactsEncoder({ out: this.#out, unwritten, policyDigestOf });
  }

  /** All of one that has ended. The octets hold until the next call. */
  finished(flow: Flow, capture: Capture): EncodedTexts {
    const out = this.#begin();
    const known = this.#facts.known(flow);
    this.#summary(flow, capture, known, 'done');
    const summary = out.at;
    this.#detail(flow, capture, known);
    return { octets: out.octets, summary, detail: out.at - summary };
  }

  /** The row of one that has not. The octets hold until the next call. */
  begun(flow: Flow, capture: Capture): EncodedTexts {
    const out = this.#begin();
    this.#summary(flow, capture, this.#facts.known(flow), 'pending');
    return { octets: out.octets, summary: out.at, detail: 0 };
  }

  /** `RecordedMessage` without its preview. The octets hold until the next call. */
  message(
    { atMs, direction, kind, length, isCompressed, contentLength, closeCode, problem, fate }: CapturedMessage,
    id: number,
    number: number,
  ): EncodedTexts {
    const out = this.#begin().text(
      `{"exchangeId":${id},"number":${number},"atMs":${atMs},"direction":"${direction}","kind":"${kind}","length":${length}` +
        `,"isCompressed":${isCompressed},"contentLength":${contentLength},"closeCode":${closeCode},"problem":${quoted(problem)}` +
        (fate === undefined ? '}' : `,"fate":{"of":${fate.of},"how":"${fate.how}"}}`),
    );
    return { octets: out.octets, summary: 0, detail: out.at };
  }

  #begin(): OctetWriter {
    this.#raw.clear();
    this.#out.clear();
    return this.#out;
  }

  /** What `readSummary` (read-summary.ts) reads. ASCII. */
  #summary(flow: Flow, capture: Capture, known: Known, state: 'pending' | 'done'): void {
    const { decision, error, interception, cache, connectId } = flow;
    const isDone = state === 'done';
    const out = this.#out
      .text('[')
      .whole(this.#base + flow.id)
      .text(isDone ? ',1,' : ',0,');
    out.whole(kindOf(flow, capture)).text(',');
    out.whole(connectId === null ? 0 : this.#base + connectId).text(',');
    out.whole(capture.replayOf ?? 0).text(',');
    this.#moment(flow.startedAtMs);
    this.#whoAndWhere(flow, capture, known.connection);
    this.#url(capture.path);
    out.text(',"').text(flow.version).text('",').whole(flow.status);
    out.text(',').quotedOr0(isDone ? flow.outcome : null);
    out.text(',').quotedOr0(error === null ? null : error.code);
    if (decision === null || known.decision === null) out.text(',0,0,0');
    else out.text(known.decision.summary).text(decision.reported.length === 0 ? '0' : namesOfRules(decision.reported));
    out.text(',').quotedOr0(cache === null ? null : cache.outcome);
    out.text(',').quotedOr0(interception === null ? null : interception.outcome);
    out.text(',').quotedOr0(flow.contentType).text(',').whole(requestOctets(flow, capture)).text(',').whole(responseOctets(flow, capture));
    out.text(stepsText(flow)).text(',').text(hundredths(flow.firstByteMs));
    out
      .text(',')
      .text(isDone ? hundredths(flow.totalMs) : 'null')
      .text(',')
      .whole(capture.messages);
    out
      .text(',')
      .text(capture.changes === null ? '0' : namesOf(capture.changes))
      .text(']');
  }

  /** The same as of the request before it on its connection, where that asked the same host in the same way. */
  #whoAndWhere({ user, method }: Flow, { scheme, host, port }: Capture, connection: ConnectionTexts): void {
    const out = this.#out;
    const last = connection.asked;
    const isSame = last?.user === user && last.method === method && last.scheme === scheme && last.host === host && last.port === port;
    if (isSame) {
      out.bytes(last.octets);
      return;
    }
    const start = out.at;
    out.text(',').text(connection.client).text(',').quotedOr0(user).text(',').quoted(method);
    out.text(',"').text(scheme).text('",').quoted(host).text(',').whole(port).text(',');
    connection.asked = { user, method, scheme, host, port, octets: out.written(start) };
  }

  /** Milliseconds since the epoch. */
  #moment(ms: number): void {
    const second = Math.floor(ms / 1_000);
    const rest = ms - second * 1_000;
    if (second < 1) this.#out.text(String(ms));
    else
      this.#out
        .whole(second)
        .text(rest < 10 ? '00' : rest < 100 ? '0' : '')
        .whole(rest);
  }

  /** What `readDetail` (read-detail.ts) reads. One character an octet. */
  #detail(flow: Flow, capture: Capture, known: Known): void {
    const { request, received, requestContent, responseContent } = capture;
    const requestLines = this.#lines(request.fields);
    const receivedLines = received === null ? 0 : this.#lines(received.fields);
    const out = this.#out.text('[[').quoted(request.method).text(',');
    this.#url(request.target);
    out.text(',"').text(request.version).text('",').whole(requestLines).text(']');
    if (received === null) out.text(',0');
    else {
      out.text(',[').whole(received.status).text(',').quoted(received.reason);
      out.text(',"').text(received.version).text('",').whole(receivedLines).text(']');
    }
    this.#sent(flow, capture);
    this.#response(flow, capture);
    this.#content(requestContent);
    this.#content(responseContent);
    this.#facts.facts(flow, capture, known);
    out.text(']\n').append(this.#raw);
  }

  #url(url: string): void {
    this.#out.quoted(this.#unwritten === null ? url : this.#unwritten.maskedUrl(url));
  }

  /** The target, the value of Host, and the fields as a difference to those of the request. */
  #sent({ route, upstreamProtocol }: Flow, capture: Capture): void {
    const { sentFields, sentAuthority, sentMethod, sentScheme, sentLength, request } = capture;
    const out = this.#out;
    if (sentFields === null || sentAuthority === null) {
      out.text(',0');
      return;
    }
    out.text(',[').quoted(sentMethod).text(',');
    this.#sentTarget(capture, sentAuthority, route === 'direct' || sentScheme === 'https');
    out
      .text(',')
      .quoted(upstreamProtocol ?? '1.1')
      .text(',');
    if (isWhereItWanted(capture, sentAuthority)) out.text('0,');
    else out.quoted(formatAuthority(sentAuthority, DEFAULT_PORTS[sentScheme])).text(',');
    this.#framing(sentLength === 0 ? undefined : sentLength);
    this.#difference(request.fields, sentFields);
    out.text(']');
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
    out
      .text(',[')
      .whole(status)
      .text(',')
      .quoted(reason)
      .text(flow.version === '2' ? ',"2",' : ',"1.1",');
    this.#framing(responseFraming);
    if (responseLines === undefined) this.#difference(received === null ? NO_FIELDS : received.fields, responseFields);
    else out.text(',0,').whole(this.#maskedLines(responseLines) + this.#lines(responseFields));
    out.text(']');
  }

  /** What the head says of the length: nothing, or `null` where its end tells. */
  #framing(length: number | null | undefined): void {
    if (length === undefined) this.#out.text('""');
    else this.#out.whole(length);
  }

  /**
   * Fields that go on keep their order, and those that are new stand behind them: the places of those that were left out, and the octets of new lines. Where
   * it is otherwise, 0 and the octets of all lines.
   */
  #difference(before: Fields, after: Fields): void {
    const left = this.#left;
    left.length = 0;
    let from = 0;
    let i = 0;
    for (; i < after.length; i += 1) {
      let at = from;
      while (at < before.length && before[at] !== after[i]) at += 1;
      if (at === before.length) break;
      for (; from < at; from += 1) left.push(from);
      from = at + 1;
    }
    for (; from < before.length; from += 1) left.push(from);
    const out = this.#out;
    if (i < after.length && mayGoOn(before, after, i)) {
      out.text(',0,').whole(this.#lines(after));
      return;
    }
    out.text(',[');
    for (let n = 0; n < left.length; n += 1) out.text(n === 0 ? '' : ',').whole(left[n]!);
    out.text('],').whole(this.#lines(after, i));
  }

  /** Puts lines behind those that are there. @returns how many octets they are */
  #lines(fields: Fields, from = 0): number {
    const unwritten = this.#unwritten;
    const raw = this.#raw;
    const start = raw.at;
    for (let i = from; i < fields.length; i += 1) {
      const { name, value, line } = fields[i]!;
      const kept = keptValue(name, value, unwritten);
      if (kept === value && line !== undefined) raw.text(line);
      else raw.text(name).text(': ').text(kept).text('\r\n');
    }
    return raw.at - start;
  }

  /** Those of a stored response, which were made ready before. @returns how many octets they are */
  #maskedLines(lines: string): number {
    if (this.#unwritten !== null) return this.#lines(fieldsOf(lines));
    this.#raw.text(lines);
    return lines.length;
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
      .text(',')
      .whole(kept)
      .text(isComplete ? ',1,' : ',0,')
      .whole(this.#lines(trailers))
      .text(']');
  }
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
  if (resolveMs === null && connectMs === null && tlsMs === null) return ',null,null,null';
  return `,${hundredths(resolveMs)},${hundredths(connectMs)},${hundredths(tlsMs)}`;
}

/** Of what changed it, each once. */
function namesOf(changes: readonly RecordedChange[]): string {
  return serialized([...new Set(changes.filter(({ isMiss }) => !isMiss).map(({ rule }) => rule))]);
}

/** Whether one of those that are new goes on as it came, behind another that does not. */
function mayGoOn(before: Fields, after: Fields, from: number): boolean {
  for (let i = from; i < after.length; i += 1) if (before.includes(after[i]!)) return true;
  return false;
}

function fieldsOf(lines: string): Field[] {
  return lines
    .split('\r\n')
    .filter((line) => line !== '')
    .map((line) => ({ name: line.slice(0, line.indexOf(':')), value: line.slice(line.indexOf(':') + 2) }));
}
