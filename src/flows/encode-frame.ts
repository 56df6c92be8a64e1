// Owns an exchange as text: the row of the list, which is JSON, and everything behind it in the short form that read-detail.ts reads. Assembled by hand,
// because it runs once an exchange on the thread of the traffic: what is said of one rule, one connection or one certificate is made once and kept beside
// it; field lines stay as they came; and what went to the origin and to the client is a difference to what came.
// What must not be kept is masked here, before anything of it is anywhere else (redact-fields.ts).
import { formatAuthority } from '../http/authority.ts';
import { type Field, type Fields, NO_FIELDS } from '../http/message.ts';
import { DEFAULT_PORTS } from '../http/target.ts';
import { explainShort } from '../policy/explain.ts';
import type { Decision } from '../policy/policy.ts';
import type { Capture, CapturedMessage } from './capture.ts';
import type { CapturedContent } from './captured-content.ts';
import type { Flow } from './flow.ts';
import { epochMs, hundredths, quoted, serialized } from './json-text.ts';
import type { RecordedChange } from './recorded.ts';
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
  readonly #shared = new WeakMap<object, string>();
  readonly #connections: (ConnectionTexts | null)[] = Array.from({ length: 256 }, () => null);
  #lastUpstream: UpstreamText = { route: null, address: null, port: 0, protocol: null, text: '' };
  /** Field lines of the exchange that is being encoded. */
  #raw = '';

  constructor({ base, unwritten, policyDigestOf }: EncoderParts) {
    this.#base = base;
    this.#unwritten = unwritten;
    this.#policyDigestOf = policyDigestOf;
  }

  /** What `readSummary` (read-summary.ts) reads. ASCII. */
  summary(flow: Flow, capture: Capture, state: 'pending' | 'done'): string {
    const { decision, error, interception, cache, connectId } = flow;
    const isDone = state === 'done';
    return (
      `[${this.#base + flow.id},${isDone ? 1 : 0},${kindOf(flow, capture)},${connectId === null ? 0 : this.#base + connectId}` +
      `,${capture.replayOf ?? 0},${epochMs(flow.startedAtMs)},${this.#connection(flow).client},${quotedOr0(flow.user)},${quoted(flow.method)}` +
      `,"${capture.scheme}",${quoted(capture.host)},${capture.port},${this.#url(capture.path)},"${flow.version}",${flow.status}` +
      `,${isDone ? `"${flow.outcome}"` : 0},${error === null ? 0 : `"${error.code}"`}` +
      (decision === null
        ? ',0,0,0'
        : this.#decision(decision).summary + (decision.reported.length === 0 ? 0 : namesOfRules(decision.reported))) +
      `,${cache === null ? 0 : `"${cache.outcome}"`},${interception === null ? 0 : `"${interception.outcome}"`},${quotedOr0(flow.contentType)}` +
      `,${requestOctets(flow, capture)},${responseOctets(flow, capture)}${stepsText(flow)}` +
      `,${hundredths(flow.firstByteMs)},${isDone ? hundredths(flow.totalMs) : 'null'},${capture.messages}` +
      `,${capture.changes === null ? 0 : namesOf(capture.changes)}]`
    );
  }

  /** What `readDetail` (read-detail.ts) reads. One character an octet. */
  detail(flow: Flow, capture: Capture): string {
    const { request, received, requestContent, responseContent } = capture;
    const requestLines = this.#lines(request.fields);
    const receivedLines = received === null ? '' : this.#lines(received.fields);
    this.#raw = requestLines + receivedLines;
    return (
      `[[${quoted(request.method)},${this.#url(request.target)},"${request.version}",${requestLines.length}]` +
      (received === null ? ',0' : `,[${received.status},${quoted(received.reason)},"${received.version}",${receivedLines.length}]`) +
      `,${this.#sent(flow, capture)},${this.#response(flow, capture)},${this.#content(requestContent)},${this.#content(responseContent)}` +
      `,${this.#facts(flow, capture)}]\n${this.#raw}`
    );
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

  #url(url: string): string {
    return quoted(this.#unwritten === null ? url : this.#unwritten.maskedUrl(url));
  }

  /** The target, the value of Host, and the fields as a difference to those of the request. */
  #sent({ route, upstreamProtocol }: Flow, capture: Capture): string {
    const { sentFields, sentAuthority, sentMethod, sentScheme, sentPath, sentLength, request } = capture;
    if (sentFields === null || sentAuthority === null) return '0';
    const host = formatAuthority(sentAuthority, DEFAULT_PORTS[sentScheme]);
    const target = route === 'direct' || sentScheme === 'https' ? sentPath : `${sentScheme}://${host}${sentPath === '*' ? '' : sentPath}`;
    return (
      `[${quoted(sentMethod)},${this.#url(target)},"${upstreamProtocol ?? '1.1'}",${quoted(host)},${sentLength === 0 ? '""' : sentLength}` +
      `,${this.#difference(request.fields, sentFields)}]`
    );
  }

  /** Its fields as a difference to those of the origin's response. */
  #response(flow: Flow, { responseFields, responseLines, responseFraming, status, reason, received }: Capture): string {
    if (responseFields === null) return '0';
    const fields =
      responseLines === undefined
        ? this.#difference(received === null ? NO_FIELDS : received.fields, responseFields)
        : `0,${this.#add(this.#maskedLines(responseLines) + this.#lines(responseFields))}`;
    const framing = responseFraming === undefined ? '""' : responseFraming;
    return `[${status},${quoted(reason)},"${flow.version === '2' ? '2' : '1.1'}",${framing},${fields}]`;
  }

  /**
   * Fields that go on keep their order, and those that are new stand behind them: the places of those that were left out, and the octets of new lines. Where
   * it is otherwise, 0 and the octets of all lines.
   */
  #difference(before: Fields, after: Fields): string {
    let left = '';
    let from = 0;
    let i = 0;
    for (; i < after.length; i += 1) {
      let at = from;
      while (at < before.length && before[at] !== after[i]) at += 1;
      if (at === before.length) break;
      for (; from < at; from += 1) left += left === '' ? from : `,${from}`;
      from = at + 1;
    }
    for (; from < before.length; from += 1) left += left === '' ? from : `,${from}`;
    const isInOrder = i === after.length || !mayGoOn(before, after, i);
    return isInOrder ? `[${left}],${this.#add(this.#lines(after, i))}` : `0,${this.#add(this.#lines(after))}`;
  }

  /** Puts lines behind those that are there. @returns how many octets they are */
  #add(lines: string): number {
    this.#raw += lines;
    return lines.length;
  }

  #lines(fields: Fields, from = 0): string {
    const unwritten = this.#unwritten;
    let lines = '';
    for (let i = from; i < fields.length; i += 1) {
      const { name, value, line } = fields[i]!;
      const kept = keptValue(name, value, unwritten);
      lines += kept === value && line !== undefined ? line : `${name}: ${kept}\r\n`;
    }
    return lines;
  }

  /** Those of a stored response, which were made ready before. */
  #maskedLines(lines: string): string {
    return this.#unwritten === null ? lines : this.#lines(fieldsOf(lines));
  }

  #content(content: CapturedContent | null): string {
    if (content === null) return '0';
    const { octets, kept, isComplete, trailers } = content;
    return `[${octets},${kept},${isComplete ? 1 : 0},${trailers.length === 0 ? 0 : this.#add(this.#lines(trailers))}]`;
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
    const name = rule === null ? 0 : quoted(rule.name ?? `${position.file}:${position.line}`);
    return {
      summary: `,"${action}",${decidedBy === 'default' ? 0 : name},`,
      facts:
        `["${action}","${decidedBy}",${quoted(explainShort(decision))},${quoted(position.file)},${position.line}` +
        `,${rule === null ? 'null' : quoted(rule.name)},${quoted(this.#policyDigestOf(rule ?? position))}`,
    };
  }

  /** Most have nothing to tell but who decided and which connection was used. */
  #facts(flow: Flow, capture: Capture): string {
    const { decision, hello, interception, originTls, cache, error } = flow;
    const connection = this.#connection(flow);
    const isOfTunnel = hello !== null || interception !== null;
    const hasEvents = originTls !== null || cache !== null || error !== null || capture.changes !== null;
    return (
      connection.facts +
      (decision === null ? '0' : `${this.#decision(decision).facts}${this.#judgedBy(decision, connection, capture)}]`) +
      (isOfTunnel ? this.#tunnelFacts(flow) : ',0,null') +
      this.#upstream(flow) +
      (hasEvents ? this.#events(flow, capture) : ',0,0,null,0]')
    );
  }

  #tunnelFacts({ hello, interception }: Flow): string {
    const said = hello === null ? 0 : this.#factsOf(hello, ({ serverName, alpn, ja4 }) => ({ serverName, alpn, ja4 }));
    return `,${said},${quoted(interception === null ? null : interception.reason)}`;
  }

  /** The same as of the exchange before it, where that went over the same connection or one like it. */
  #upstream({
    route,
    judged,
    resolvedFrom,
    upstreamAddress: address,
    upstreamPort: port,
    reusedConnection,
    upstreamProtocol: protocol,
  }: Flow): string {
    const isKept = reusedConnection && resolvedFrom === null && judged.length === 0;
    const last = this.#lastUpstream;
    if (isKept && last.address === address && last.port === port && last.route === route && last.protocol === protocol) return last.text;
    const text =
      `,${quoted(route)},${judged.length === 0 ? 0 : serialized(judged)},${quoted(resolvedFrom)},${quoted(address)},${port}` +
      `,${reusedConnection ? 1 : 0},${quoted(protocol)}`;
    if (isKept) this.#lastUpstream = { route, address, port, protocol, text };
    return text;
  }

  /** What was found or went wrong on the way, and what was changed. */
  #events({ originTls, cache, error }: Flow, { changes }: Capture): string {
    return (
      `,${originTls === null ? 0 : this.#factsOf(originTls, (facts) => facts)},${cache === null ? 0 : this.#cache(cache)}` +
      `,${error === null ? 'null' : quoted(error.message)},${changes === null ? 0 : serialized(changes)}]`
    );
  }

  /** Of those that came last: exchanges of one connection say the same of it. */
  #connection({ connectionId: id, clientAddress: address, clientPort: port, listener }: Flow): ConnectionTexts {
    const place = id % this.#connections.length;
    const known = this.#connections[place];
    if (known && known.id === id && known.address === address && known.port === port && known.listener === listener) return known;
    const texts = { id, address, port, listener, client: quoted(address), facts: `[${id},${port},${quoted(listener)},` };
    this.#connections[place] = texts;
    return texts;
  }

  /** What a decision does not say of all requests alike; what its question repeats of the target is left out. */
  #judgedBy({ reported, question }: Decision, connection: ConnectionTexts, { request, scheme, host, port, path }: Capture): string {
    const { contentLength, upgrade, clientAddress, identity, address, hello, response, nowMs, pathAndQuery } = question;
    const asksMore = reported.length > 0 || contentLength !== 0 || upgrade !== null;
    const knowsMore = address !== null || hello !== null || response !== null || nowMs !== 0;
    const isAsItCame = question.method === request.method && question.scheme === scheme && question.host === host && question.port === port;
    return (
      (asksMore ? `,${reported.length === 0 ? 0 : namesOfRules(reported)},${contentLength},${quoted(upgrade)}` : ',0,0,null') +
      `,${clientAddress === connection.address ? connection.client : quoted(clientAddress)}` +
      `,${typeof identity === 'object' ? this.#factsOf(identity, (facts) => facts) : `"${identity}"`}` +
      (knowsMore ? `,${quoted(address)},${serialized(hello ?? 0)},${serialized(response ?? 0)},${nowMs}` : ',null,0,0,0') +
      (isAsItCame && (pathAndQuery ?? '') === path ? ',0' : this.#askedTarget(question))
    );
  }

  #askedTarget({ method, scheme, host, port, pathAndQuery }: Decision['question']): string {
    return `,[${quoted(method)},"${scheme}",${quoted(host)},${port},${pathAndQuery === null ? 'null' : this.#url(pathAndQuery)}]`;
  }

  /** Of an object that many exchanges share. */
  #factsOf<T extends object>(shared: T, pick: (shared: T) => unknown): string {
    let text = this.#shared.get(shared);
    if (text === undefined) this.#shared.set(shared, (text = serialized(pick(shared))));
    return text;
  }

  #cache({ key, outcome, isCollapsed, reuse, storing, ttlSeconds, forwardStatus }: NonNullable<Flow['cache']>): string {
    return (
      `[${this.#url(key)},"${outcome}",${isCollapsed ? 1 : 0},${reuse === null ? 'null' : `"${reuse.why}"`}` +
      `,${storing === null ? 'null' : `"${storing}"`},${ttlSeconds},${forwardStatus}]`
    );
  }
}

interface DecisionTexts {
  /** Up to the number of rules on trial. */
  readonly summary: string;
  readonly facts: string;
}

interface UpstreamText {
  readonly route: string | null;
  readonly address: string | null;
  readonly port: number;
  readonly protocol: string | null;
  readonly text: string;
}

interface ConnectionTexts {
  readonly id: number;
  readonly address: string;
  readonly port: number;
  readonly listener: string;
  readonly client: string;
  /** Up to the decision. */
  readonly facts: string;
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

function quotedOr0(text: string | null): string | 0 {
  return text === null ? 0 : quoted(text);
}

function namesOfRules(rules: Decision['reported']): string {
  return serialized(rules.map(({ name, position }) => name ?? `${position.file}:${position.line}`));
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
