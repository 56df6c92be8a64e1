// Owns an exchange as JSON: the row of the list, and everything behind it (recorded.ts), in ASCII. Assembled by hand, because it runs once an exchange on
// the thread of the traffic: what is said of one rule, one connection or one certificate is made once and kept beside it, and a field that goes on as
// it came is written once and repeated.
// What must not be kept is masked here, before anything of it is anywhere else (redact-fields.ts).
//
// Two departures from the plain form, which save a third of it: the question of a decision lacks its fields, which are those of the request, and
// framing fields are made here from what the writer was given, in the place where it puts them.
import { formatAuthority } from '../http/authority.ts';
import type { Field, Fields } from '../http/message.ts';
import { DEFAULT_PORTS } from '../http/target.ts';
import { explainShort } from '../policy/explain.ts';
import type { Decision } from '../policy/policy.ts';
import type { Capture, CapturedMessage } from './capture.ts';
import type { CapturedContent } from './captured-content.ts';
import type { Flow } from './flow.ts';
import { epochMs, hundredths, quoted, serialized } from './json-text.ts';
import { keptValue, type Unwritten } from './redact-fields.ts';

export interface EncoderParts {
  /** What `Flow.id` is to be added to. */
  readonly base: number;
  /** `null` where all secrets but those of the proxy itself are kept. */
  readonly unwritten: Unwritten | null;
  /** Of the policy that a rule, or the place of a default, belongs to. */
  readonly policyDigestOf: (decider: object) => string;
}

/** Each exchange once; what it keeps is about values that live for long. */
export class ExchangeEncoder {
  readonly #base: number;
  readonly #unwritten: Unwritten | null;
  readonly #policyDigestOf: (decider: object) => string;
  readonly #decisions = new WeakMap<object, Map<string, DecisionTexts>>();
  readonly #facts = new WeakMap<object, string>();
  readonly #lines = new Map<string, string>();
  readonly #connections: (ConnectionText | null)[] = Array.from({ length: 256 }, () => null);
  /** Field lines of the last list, and what they read as. */
  #fields: Fields = [];
  readonly #texts: string[] = [];

  constructor({ base, unwritten, policyDigestOf }: EncoderParts) {
    this.#base = base;
    this.#unwritten = unwritten;
    this.#policyDigestOf = policyDigestOf;
  }

  /** `Summary`. */
  summary(flow: Flow, capture: Capture, state: 'pending' | 'done'): string {
    const { decision, error, interception, cache } = flow;
    const isDone = state === 'done';
    return (
      `{"id":${this.#base + flow.id},"state":"${state}","kind":"${kindOf(flow, capture)}","connectId":${this.#idOf(flow.connectId)}` +
      `,"replayOf":${capture.replayOf},"startedAtMs":${epochMs(flow.startedAtMs)},"client":${quoted(flow.clientAddress)}` +
      `,"user":${quoted(flow.user)},"method":${quoted(flow.method)},"scheme":"${capture.scheme}","host":${quoted(capture.host)}` +
      `,"port":${capture.port},"path":${this.#url(capture.path)},"version":"${flow.version}","status":${flow.status}` +
      `,"outcome":${isDone ? `"${flow.outcome}"` : 'null'},"error":${error === null ? 'null' : `"${error.code}"`}` +
      (decision === null ? NOT_DECIDED : this.#decision(decision).summary + decision.reported.length) +
      `,"cache":${cache === null ? 'null' : `"${cache.outcome}"`}` +
      `,"interception":${interception === null ? 'null' : `"${interception.outcome}"`},"contentType":${quoted(flow.contentType)}` +
      `,"requestBytes":${requestOctets(flow, capture)},"responseBytes":${responseOctets(flow, capture)}${stepsText(flow)}` +
      `,"firstByteMs":${hundredths(flow.firstByteMs)},"totalMs":${isDone ? hundredths(flow.totalMs) : 'null'}` +
      `,"messages":${capture.messages},"touched":[]}`
    );
  }

  /** `RecordedExchange` without its summary. */
  detail(flow: Flow, capture: Capture): string {
    const text =
      `{"request":${this.#request(capture)},"sent":${this.#sent(flow, capture)}` +
      `,"received":${this.#received(capture)},"response":${this.#response(flow, capture)}` +
      `,"requestContent":${this.#content(capture.requestContent)},"responseContent":${this.#content(capture.responseContent)}` +
      `,"facts":${this.#exchangeFacts(flow)}}`;
    this.#forgetFields();
    return text;
  }

  /** `RecordedMessage` without its preview. */
  message(
    { atMs, direction, kind, length, isCompressed, contentLength, closeCode, problem }: CapturedMessage,
    id: number,
    number: number,
  ): string {
    return (
      `{"exchangeId":${id},"number":${number},"atMs":${atMs},"direction":"${direction}","kind":"${kind}","length":${length}` +
      `,"isCompressed":${isCompressed},"contentLength":${contentLength},"closeCode":${closeCode},"problem":${quoted(problem)}}`
    );
  }

  #idOf(id: number | null): number | null {
    return id === null ? null : this.#base + id;
  }

  #url(url: string): string {
    return quoted(this.#unwritten === null ? url : this.#unwritten.maskedUrl(url));
  }

  #request({ request: { method, target, version, fields } }: Capture): string {
    return `{"method":${quoted(method)},"target":${this.#url(target)},"version":"${version}","fields":[${this.#firstFields(fields)}]}`;
  }

  /** With what the writer puts before and behind the fields (http1/writer.ts, http2-client.ts). */
  #sent({ route, upstreamProtocol }: Flow, capture: Capture): string {
    const { sentFields, sentAuthority, sentMethod, sentScheme, sentPath, sentLength } = capture;
    if (sentFields === null || sentAuthority === null) return 'null';
    const host = formatAuthority(sentAuthority, DEFAULT_PORTS[sentScheme]);
    const target = route === 'direct' || sentScheme === 'https' ? sentPath : `${sentScheme}://${host}${sentPath === '*' ? '' : sentPath}`;
    const fields = this.#fieldsBehind(sentFields);
    const framing = sentLength === 0 ? '' : framingText(sentLength, upstreamProtocol === '2' ? '2' : '1.1');
    return (
      `{"method":${quoted(sentMethod)},"target":${this.#url(target)},"version":"${upstreamProtocol ?? '1.1'}"` +
      `,"fields":[["Host",${quoted(host)}]${fields === '' ? '' : `,${fields}`}${framing}]}`
    );
  }

  #received({ received }: Capture): string {
    if (received === null) return 'null';
    const { status, reason, version, fields } = received;
    return `{"status":${status},"reason":${quoted(reason)},"version":"${version}","fields":[${this.#firstFields(fields)}]}`;
  }

  #response(flow: Flow, capture: Capture): string {
    const { responseFields, responseLines, responseFraming, status, reason } = capture;
    if (responseFields === null) return 'null';
    const version = flow.version === '2' ? '2' : '1.1';
    const lines = responseLines === undefined ? '' : this.#preparedLines(responseLines);
    const fields = this.#fieldsBehind(responseFields);
    const all = `${lines}${lines === '' || fields === '' ? '' : ','}${fields}`;
    const framing = responseFraming === undefined ? '' : framingText(responseFraming, version);
    return `{"status":${status},"reason":${quoted(reason)},"version":"${version}","fields":[${all === '' ? framing.slice(1) : all + framing}]}`;
  }

  #content(content: CapturedContent | null): string {
    if (content === null) return 'null';
    const { octets, kept, isComplete, trailers } = content;
    if (trailers.length === 0 && isComplete) return `{"length":${octets},"kept":${kept},"digest":null,"isComplete":true,"trailers":[]}`;
    return `{"length":${octets},"kept":${kept},"digest":null,"isComplete":${isComplete},"trailers":[${trailers.map((field) => this.#field(field)).join()}]}`;
  }

  /** Remembers what they read as, for a list that goes on with most of them. */
  #firstFields(fields: Fields): string {
    const texts = this.#texts;
    texts.length = 0;
    this.#fields = fields;
    let all = '';
    for (let i = 0; i < fields.length; i += 1) {
      const text = this.#field(fields[i]!);
      texts.push(text);
      all += i === 0 ? text : `,${text}`;
    }
    return all;
  }

  /** Fields go on in the order in which they came; those that are new are made. */
  #fieldsBehind(fields: Fields): string {
    const before = this.#fields;
    let from = 0;
    let all = '';
    for (let i = 0; i < fields.length; i += 1) {
      const field = fields[i]!;
      let at = from;
      while (at < before.length && before[at] !== field) at += 1;
      const isKnown = at < before.length;
      if (isKnown) from = at + 1;
      const text = isKnown ? this.#texts[at]! : this.#field(field);
      all += i === 0 ? text : `,${text}`;
    }
    return all;
  }

  #forgetFields(): void {
    this.#fields = [];
    this.#texts.length = 0;
  }

  #field({ name, value }: Field): string {
    return `[${quoted(name)},${quoted(keptValue(name, value, this.#unwritten))}]`;
  }

  /** Those of a stored response, which are the same for all who get it. */
  #preparedLines(lines: string): string {
    const known = this.#lines.get(lines);
    if (known !== undefined) return known;
    const fields = lines
      .split('\r\n')
      .filter((line) => line !== '')
      .map((line) => this.#field({ name: line.slice(0, line.indexOf(':')), value: line.slice(line.indexOf(':') + 2) }));
    const text = fields.join();
    if (this.#lines.size === MOST_LINES) this.#lines.clear();
    this.#lines.set(lines, text);
    return text;
  }

  #decision(decision: Decision): DecisionTexts {
    const { action, rule, position, decidedBy, awaits } = decision;
    const isRepeated = (decidedBy === 'default' || decidedBy === 'rule') && awaits !== 'address';
    if (!isRepeated) return this.#decisionTexts(decision);
    const decider = rule ?? position;
    let byAction = this.#decisions.get(decider);
    if (byAction === undefined) this.#decisions.set(decider, (byAction = new Map()));
    let texts = byAction.get(action);
    if (texts === undefined) byAction.set(action, (texts = this.#decisionTexts(decision)));
    return texts;
  }

  #decisionTexts(decision: Decision): DecisionTexts {
    const { action, rule, position, decidedBy } = decision;
    const name = rule === null ? 'null' : quoted(rule.name ?? `${position.file}:${position.line}`);
    return {
      summary: `,"decision":"${action}","rule":${decidedBy === 'default' ? 'null' : name},"reported":`,
      facts:
        `{"action":"${action}","decidedBy":"${decidedBy}","sentence":${quoted(explainShort(decision))}` +
        `,"file":${quoted(position.file)},"line":${position.line},"rule":${rule === null ? 'null' : quoted(rule.name)}` +
        `,"policyDigest":${quoted(this.#policyDigestOf(rule ?? position))}`,
    };
  }

  #exchangeFacts(flow: Flow): string {
    const { decision, hello, interception, judged, originTls, cache, error, upstreamAddress } = flow;
    return (
      this.#connection(flow) +
      (decision === null ? 'null' : `${this.#decision(decision).facts}${this.#judgedBy(decision)}}`) +
      (hello === null ? ',"hello":null' : `,"hello":${this.#factsOf(hello, ({ serverName, alpn, ja4 }) => ({ serverName, alpn, ja4 }))}`) +
      `,"interceptionReason":${quoted(interception === null ? null : interception.reason)},"route":${quoted(flow.route)}` +
      `,"judged":${judged.length === 0 ? '[]' : serialized(judged)}` +
      `,"resolvedFrom":${flow.resolvedFrom === null ? 'null' : `"${flow.resolvedFrom}"`}` +
      `,"upstreamAddress":${upstreamAddress === null ? 'null' : `"${upstreamAddress}"`},"upstreamPort":${flow.upstreamPort}` +
      `,"reusedConnection":${flow.reusedConnection}` +
      `,"upstreamProtocol":${flow.upstreamProtocol === null ? 'null' : `"${flow.upstreamProtocol}"`}` +
      `,"originTls":${originTls === null ? 'null' : this.#factsOf(originTls, (facts) => facts)}` +
      `,"cache":${cache === null ? 'null' : this.#cache(cache)}` +
      `,"errorMessage":${error === null ? 'null' : quoted(error.message)},"changes":[]}`
    );
  }

  /** Of those that came last: exchanges of one connection say the same of it. */
  #connection({ connectionId: id, clientPort: port, listener }: Flow): string {
    const place = id % this.#connections.length;
    const known = this.#connections[place];
    if (known && known.id === id && known.port === port && known.listener === listener) return known.text;
    const text = `{"connectionId":${id},"clientPort":${port},"listener":${quoted(listener)},"decision":`;
    this.#connections[place] = { id, port, listener, text };
    return text;
  }

  /** What a decision does not say of all requests alike. */
  #judgedBy({ reported, question }: Decision): string {
    const { identity } = question;
    const names =
      reported.length === 0 ? '' : reported.map(({ name, position }) => quoted(name ?? `${position.file}:${position.line}`)).join();
    const groups = typeof identity === 'object' ? identity.groups.map(quoted).join() : '';
    return (
      `,"reported":[${names}],"groups":[${groups}],"question":{"method":${quoted(question.method)},"scheme":"${question.scheme}"` +
      `,"host":${quoted(question.host)},"port":${question.port}` +
      `,"pathAndQuery":${question.pathAndQuery === null ? 'null' : this.#url(question.pathAndQuery)}` +
      `,"contentLength":${question.contentLength},"upgrade":${quoted(question.upgrade)}` +
      `,"clientAddress":${quoted(question.clientAddress)},"listener":${quoted(question.listener)}` +
      `,"identity":${typeof identity === 'object' ? this.#factsOf(identity, (facts) => facts) : `"${identity}"`}` +
      `,"address":${quoted(question.address)},"hello":${question.hello === null ? 'null' : serialized(question.hello)}` +
      `,"response":${question.response === null ? 'null' : serialized(question.response)},"nowMs":${question.nowMs}}`
    );
  }

  /** Of an object that many exchanges share. */
  #factsOf<T extends object>(shared: T, pick: (shared: T) => unknown): string {
    let text = this.#facts.get(shared);
    if (text === undefined) this.#facts.set(shared, (text = serialized(pick(shared))));
    return text;
  }

  #cache({ key, outcome, isCollapsed, reuse, storing, ttlSeconds, forwardStatus }: NonNullable<Flow['cache']>): string {
    return (
      `{"key":${this.#url(key)},"outcome":"${outcome}","isCollapsed":${isCollapsed},"reuseWhy":${reuse === null ? 'null' : `"${reuse.why}"`}` +
      `,"storing":${storing === null ? 'null' : `"${storing}"`},"ttlSeconds":${ttlSeconds},"forwardStatus":${forwardStatus}}`
    );
  }
}

interface DecisionTexts {
  /** Up to the number of rules on trial. */
  readonly summary: string;
  readonly facts: string;
}

interface ConnectionText {
  readonly id: number;
  readonly port: number;
  readonly listener: string;
  readonly text: string;
}

function kindOf({ method, websocket }: Flow, { status }: Capture): 'exchange' | 'tunnel' | 'websocket' {
  if (method === 'CONNECT') return 'tunnel';
  return websocket !== null || status === 101 ? 'websocket' : 'exchange';
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
  if (resolveMs === null && connectMs === null && tlsMs === null) return ',"resolveMs":null,"connectMs":null,"tlsMs":null';
  return `,"resolveMs":${hundredths(resolveMs)},"connectMs":${hundredths(connectMs)},"tlsMs":${hundredths(tlsMs)}`;
}

/** @param length `null` where nobody knew it when the head went out */
function framingText(length: number | null, version: '1.1' | '2'): string {
  if (length !== null) return `,["Content-Length","${length}"]`;
  return version === '2' ? '' : ',["Transfer-Encoding","chunked"]';
}

const NOT_DECIDED = ',"decision":null,"rule":null,"reported":0';
/** Stored responses whose fields are kept as text. */
const MOST_LINES = 512;
