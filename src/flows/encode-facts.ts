// Owns the second half of an exchange as octets (encode-frame.ts): what the stages found. What is said of one rule, one connection, one certificate or one
// stored response is made once, and kept beside it for the next exchange that says the same.
import type { ResponseFacts } from '../cache/rules/freshness.ts';
import { explainShort } from '../policy/explain.ts';
import type { Decision } from '../policy/policy.ts';
import type { Capture } from './capture.ts';
import type { Flow } from './flow.ts';
import { quoted, serialized } from './json-text.ts';
import type { OctetWriter } from './octet-writer.ts';
import type { Unwritten } from './redact-fields.ts';

export interface FactsParts extends EncodedBy {
  /** What is written into. */
  readonly out: OctetWriter;
}

/** What both halves are encoded by. */
export interface EncodedBy {
  /** `null` where all secrets but those of the proxy itself are kept. */
  readonly unwritten: Unwritten | null;
  /** Of the policy that a rule, or the place of a default, belongs to. */
  readonly policyDigestOf: (decider: object) => string;
}

/** What it keeps is about values that live for long. */
export class FactsEncoder {
  readonly #out: OctetWriter;
  readonly #unwritten: Unwritten | null;
  readonly #policyDigestOf: (decider: object) => string;
  readonly #decisions = new WeakMap<object, Map<string, DecisionTexts>>();
  readonly #shared = new WeakMap<object, string>();
  readonly #connections: (ConnectionTexts | null)[] = Array.from({ length: 256 }, () => null);
  #lastUpstream: UpstreamText = { route: null, address: null, port: 0, protocol: null, text: '' };

  constructor({ out, unwritten, policyDigestOf }: FactsParts) {
    this.#out = out;
    this.#unwritten = unwritten;
    this.#policyDigestOf = policyDigestOf;
  }

  /** What is said of others, too. */
  known(flow: Flow): Known {
    return { connection: this.#connection(flow), decision: flow.decision === null ? null : this.#decision(flow.decision) };
  }

  #url(url: string): void {
    this.#out.quoted(this.#unwritten === null ? url : this.#unwritten.maskedUrl(url));
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
  facts(flow: Flow, capture: Capture, known: Known): void {
    const { originTls, cache, error } = flow;
    if (known.decision !== null && isPlain(flow, capture)) this.#plainFacts(flow, known.connection, known.decision);
    else this.#allFacts(flow, capture, known);
    if (originTls === null && cache === null && error === null && capture.changes === null) this.#out.text(',0,0,null,0]');
    else this.#events(flow, capture);
  }

  /** The same as of the request before it on its connection, where the same was decided of the same client, and it went the same way. */
  #plainFacts(flow: Flow, connection: ConnectionTexts, decision: DecisionTexts): void {
    const { identity, address } = flow.decision!.question;
    const upstream = this.#upstream(flow);
    const last = connection.plain;
    if (last?.decision === decision && last.identity === identity && last.address === address && last.upstream === upstream) {
      this.#out.bytes(last.octets);
      return;
    }
    const out = this.#out;
    const start = out.at;
    out.text(',').text(connection.facts).text(decision.facts).text(',0,0,null,').text(connection.client).text(',');
    this.#identity(identity);
    out.text(',').quoted(address).text(',0,0,0,0],0,null').text(upstream);
    connection.plain = { decision, identity, address, upstream, octets: out.written(start) };
  }

  #allFacts(flow: Flow, capture: Capture, { connection, decision }: Known): void {
    const out = this.#out.text(',').text(connection.facts);
    if (decision === null) out.text('0');
    else {
      out.text(decision.facts);
      this.#judgedBy(flow.decision!, connection, capture);
    }
    out.text(flow.hello !== null || flow.interception !== null ? this.#tunnelFacts(flow) : ',0,null').text(this.#upstream(flow));
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
  #events({ originTls, cache, error }: Flow, { changes, request }: Capture): void {
    const out = this.#out.text(',').text(originTls === null ? '0' : this.#factsOf(originTls, (facts) => facts));
    if (cache === null) out.text(',0');
    else this.#cache(cache, request.target);
    out.text(',').quoted(error === null ? null : error.message);
    out
      .text(',')
      .text(changes === null ? '0' : serialized(changes))
      .text(']');
  }

  /** Of those that came last: exchanges of one connection say the same of it. */
  #connection({ connectionId: id, clientAddress: address, clientPort: port, listener }: Flow): ConnectionTexts {
    const place = id % this.#connections.length;
    const known = this.#connections[place];
    if (known && known.id === id && known.address === address && known.port === port && known.listener === listener) return known;
    const texts = {
      id,
      address,
      port,
      listener,
      client: quoted(address),
      facts: `[${id},${port},${quoted(listener)},`,
      asked: null,
      plain: null,
    };
    this.#connections[place] = texts;
    return texts;
  }

  /** What a decision does not say of all requests alike; what its question repeats of the target is left out. */
  #judgedBy({ reported, question }: Decision, connection: ConnectionTexts, { request, scheme, host, port, path }: Capture): void {
    const { contentLength, upgrade, clientAddress, identity, address, hello, response, nowMs, pathAndQuery } = question;
    const out = this.#out;
    const asksMore = reported.length > 0 || contentLength !== 0 || upgrade !== null;
    const knowsMore = address !== null || hello !== null || response !== null || nowMs !== 0;
    const isAsItCame = question.method === request.method && question.scheme === scheme && question.host === host && question.port === port;
    if (asksMore) out.text(`,${reported.length === 0 ? 0 : namesOfRules(reported)},${contentLength},${quoted(upgrade)},`);
    else out.text(',0,0,null,');
    out.text(clientAddress === connection.address ? connection.client : quoted(clientAddress)).text(',');
    this.#identity(identity);
    if (knowsMore) {
      out
        .text(',')
        .quoted(address)
        .text(',')
        .text(hello === null ? '0' : serialized(hello));
      out
        .text(',')
        .text(response === null ? '0' : serialized(response))
        .text(',')
        .text(String(nowMs));
    } else out.text(',null,0,0,0');
    if (isAsItCame && (pathAndQuery ?? '') === path) out.text(',0]');
    else this.#askedTarget(question);
  }

  #identity(identity: Decision['question']['identity']): void {
    if (typeof identity === 'object') this.#out.text(this.#factsOf(identity, (facts) => facts));
    else this.#out.quoted(identity);
  }

  #askedTarget({ method, scheme, host, port, pathAndQuery }: Decision['question']): void {
    const out = this.#out.text(',[').quoted(method).text(',').quoted(scheme).text(',').quoted(host).text(',').whole(port).text(',');
    if (pathAndQuery === null) out.text('null');
    else this.#url(pathAndQuery);
    out.text(']]');
  }

  /** Of an object that many exchanges share. */
  #factsOf<T extends object>(shared: T, pick: (shared: T) => unknown): string {
    let text = this.#shared.get(shared);
    if (text === undefined) this.#shared.set(shared, (text = serialized(pick(shared))));
    return text;
  }

  /** Its key is 0 where that is the target as it was sent. */
  #cache({ key, outcome, isCollapsed, reuse, storing, ttlSeconds, forwardStatus }: NonNullable<Flow['cache']>, target: string): void {
    const out = this.#out.text(',[');
    if (key === target) out.text('0');
    else this.#url(key);
    out
      .text(',')
      .quoted(outcome)
      .text(isCollapsed ? ',1,' : ',0,')
      .quoted(reuse === null ? null : reuse.why);
    out.text(',').quoted(storing).text(',').whole(ttlSeconds).text(',').whole(forwardStatus);
    if (reuse !== null && reuse.kind !== 'miss') this.#stored(reuse.facts, reuse.ageSeconds);
    out.text(']');
  }

  /** How old it was, and how it lives. */
  #stored(facts: ResponseFacts, ageSeconds: number): void {
    const stored = this.#factsOf(facts, (each) => [
      ...[each.lifetimeSeconds, each.lifetimeFrom, each.controlledBy, each.ageValueSeconds],
      ...[each.apparentAgeSeconds, each.responseDelayMs, each.initialAgeMs],
    ]);
    this.#out.text(',').text(stored).text(',').text(String(ageSeconds));
  }
}

export interface Known {
  readonly connection: ConnectionTexts;
  readonly decision: DecisionTexts | null;
}

export interface DecisionTexts {
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

export interface ConnectionTexts {
  readonly id: number;
  readonly address: string;
  readonly port: number;
  readonly listener: string;
  readonly client: string;
  /** Up to the decision. */
  readonly facts: string;
  /** Of the last request, for others like it. */
  asked: AskedOctets | null;
  plain: PlainOctets | null;
}

/** What is said in the summary of who asked for what, up to the path. */
interface AskedOctets extends Pick<Flow, 'user' | 'method'>, Pick<Capture, 'scheme' | 'host' | 'port'> {
  readonly octets: Uint8Array;
}

/** The facts of a plain exchange, as far as those of its cache. */
interface PlainOctets extends Pick<Decision['question'], 'identity' | 'address'> {
  readonly decision: DecisionTexts;
  readonly upstream: string;
  readonly octets: Uint8Array;
}

/** The question was about the request as it came, and asked and knew no more than that of most. */
function isPlain({ decision, hello, interception, clientAddress }: Flow, { request, scheme, host, port, path }: Capture): boolean {
  if (decision === null || hello !== null || interception !== null || decision.reported.length > 0) return false;
  const { question } = decision;
  const asksMore = question.contentLength !== 0 || question.upgrade !== null;
  const knowsMore = question.hello !== null || question.response !== null || question.nowMs !== 0;
  const isAsItCame = question.method === request.method && question.scheme === scheme && question.host === host && question.port === port;
  return !asksMore && !knowsMore && isAsItCame && (question.pathAndQuery ?? '') === path && question.clientAddress === clientAddress;
}

export function namesOfRules(rules: Decision['reported']): string {
  return serialized(rules.map(({ name, position }) => name ?? `${position.file}:${position.line}`));
}
