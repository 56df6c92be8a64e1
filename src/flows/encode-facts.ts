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
  readonly #plain: (PlainOctets | null)[] = Array.from({ length: 64 }, () => null);
  readonly #uses: (CacheUse | null)[] = Array.from({ length: 16 }, () => null);

  constructor({ out, unwritten, policyDigestOf }: FactsParts) {
    this.#out = out;
    this.#unwritten = unwritten;
    this.#policyDigestOf = policyDigestOf;
  }

  #url(url: string): void {
    this.#out.quoted(this.#unwritten === null ? url : this.#unwritten.maskedUrl(url));
  }

  /** What is said of others, too. */
  decision(decision: Decision): DecisionTexts {
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
      deniedFor: decidedBy === 'rule' || decidedBy === 'default' ? '' : `,"${decidedBy}"`,
      summary: `,"${action}",${decidedBy === 'default' ? 0 : name},`,
      facts:
        `["${action}","${decidedBy}",${quoted(explainShort(decision))},${quoted(position.file)},${position.line}` +
        `,${rule === null ? 'null' : quoted(rule.name)},${quoted(this.#policyDigestOf(rule ?? position))}`,
    };
  }

  /** Most have nothing to tell but who decided and which connection was used. */
  facts(flow: Flow, capture: Capture, known: DecisionTexts | null): void {
    const { originTls, cache, error } = flow;
    this.#out.text(',[').whole(flow.connectionId).comma().whole(flow.clientPort);
    if (known !== null && isPlain(flow, capture)) this.#plainFacts(flow, known);
    else this.#allFacts(flow, capture, known);
    if (originTls === null && cache === null && error === null && capture.changes === null) this.#out.text(',0,0,null,0]');
    else this.#events(flow, capture);
  }

  /** The same as of an exchange before it, where the same was decided of the same client, and it went the same way. */
  #plainFacts(flow: Flow, decision: DecisionTexts): void {
    const { listener, clientAddress, route, upstreamAddress, upstreamPort, reusedConnection, upstreamProtocol } = flow;
    const { identity, address } = flow.decision!.question;
    const slot = slotOf(upstreamAddress, upstreamPort, this.#plain.length);
    const last = this.#plain[slot];
    const isSame = last?.decision === decision && last.identity === identity && last.address === address && last.listener === listener;
    const isSameWay = isSame && last.route === route && last.upstreamAddress === upstreamAddress && last.upstreamPort === upstreamPort;
    const isAll = isSameWay && last.reusedConnection === reusedConnection && last.upstreamProtocol === upstreamProtocol;
    const out = this.#out;
    if (isAll && last.clientAddress === clientAddress) {
      out.bytes(last.octets);
      return;
    }
    const start = out.at;
    out.comma().quoted(listener).comma().anyText(decision.facts).text(',0,0,null,').quoted(clientAddress).comma();
    this.#identity(identity);
    out.comma().quoted(address).text(',0,0,0,0],0,null');
    this.#upstream(flow);
    const octets = out.written(start);
    const said = { listener, clientAddress, route, upstreamAddress, upstreamPort, reusedConnection, upstreamProtocol };
    this.#plain[slot] = { decision, identity, address, ...said, octets };
  }

  #allFacts(flow: Flow, capture: Capture, decision: DecisionTexts | null): void {
    const out = this.#out.comma().quoted(flow.listener).comma();
    if (decision === null) out.text('0');
    else {
      out.anyText(decision.facts);
      this.#judgedBy(flow.decision!, capture);
    }
    out.anyText(flow.hello !== null || flow.interception !== null ? this.#tunnelFacts(flow) : ',0,null');
    this.#upstream(flow);
  }

  #tunnelFacts({ hello, interception }: Flow): string {
    const said = hello === null ? 0 : this.#factsOf(hello, ({ serverName, alpn, ja4 }) => ({ serverName, alpn, ja4 }));
    return `,${said},${quoted(interception === null ? null : interception.reason)}`;
  }

  #upstream({ route, judged, resolvedFrom, upstreamAddress, upstreamPort, reusedConnection, upstreamProtocol }: Flow): void {
    const out = this.#out.comma().quoted(route).comma();
    out
      .anyText(judged.length === 0 ? '0' : serialized(judged))
      .comma()
      .quoted(resolvedFrom);
    out.comma().quoted(upstreamAddress).comma().whole(upstreamPort);
    out.text(reusedConnection ? ',1,' : ',0,').quoted(upstreamProtocol);
  }

  /** What was found or went wrong on the way, and what was changed. */
  #events({ originTls, cache, error }: Flow, { changes, request }: Capture): void {
    const out = this.#out.comma().text(originTls === null ? '0' : this.#factsOf(originTls, (facts) => facts));
    if (cache === null) out.text(',0');
    else this.#cache(cache, request.target);
    out.comma().quoted(error === null ? null : error.message);
    out
      .comma()
      .text(changes === null ? '0' : serialized(changes))
      .text(']');
  }

  /** What a decision does not say of all requests alike; what its question repeats of the target is left out. */
  #judgedBy({ reported, question }: Decision, { request, scheme, host, port, path }: Capture): void {
    const { contentLength, upgrade, clientAddress, identity, address, hello, response, nowMs, pathAndQuery } = question;
    const out = this.#out;
    const asksMore = reported.length > 0 || contentLength !== 0 || upgrade !== null;
    const knowsMore = address !== null || hello !== null || response !== null || nowMs !== 0;
    const isAsItCame = question.method === request.method && question.scheme === scheme && question.host === host && question.port === port;
    if (asksMore) out.text(`,${reported.length === 0 ? 0 : namesOfRules(reported)},${contentLength},${quoted(upgrade)},`);
    else out.text(',0,0,null,');
    out.quoted(clientAddress).comma();
    this.#identity(identity);
    if (knowsMore) {
      out
        .comma()
        .quoted(address)
        .comma()
        .text(hello === null ? '0' : serialized(hello));
      out
        .comma()
        .text(response === null ? '0' : serialized(response))
        .comma()
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
    const out = this.#out.text(',[').quoted(method).comma().quoted(scheme).comma().quoted(host).comma().whole(port).comma();
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
    this.#usedHow(outcome, isCollapsed, reuse === null ? null : reuse.why, storing);
    out.wholeOrNull(ttlSeconds).comma().wholeOrNull(forwardStatus);
    if (reuse !== null && reuse.kind !== 'miss') this.#stored(reuse.facts, reuse.ageSeconds);
    out.text(']');
  }

  /** The same as of another one before it. */
  #usedHow(outcome: CacheUse['outcome'], isCollapsed: boolean, why: string | null, storing: string | null): void {
    const slot = ((why === null ? 0 : why.length) + (storing === null ? 0 : storing.length)) % this.#uses.length;
    const last = this.#uses[slot];
    const out = this.#out;
    if (last?.outcome === outcome && last.isCollapsed === isCollapsed && last.why === why && last.storing === storing) {
      out.bytes(last.octets);
      return;
    }
    const start = out.at;
    out
      .comma()
      .quoted(outcome)
      .text(isCollapsed ? ',1,' : ',0,')
      .quoted(why)
      .comma()
      .quoted(storing)
      .comma();
    this.#uses[slot] = { outcome, isCollapsed, why, storing, octets: out.written(start) };
  }

  /** How old it was, and how it lives. */
  #stored(facts: ResponseFacts, ageSeconds: number): void {
    const stored = this.#factsOf(facts, (each) => [
      ...[each.lifetimeSeconds, each.lifetimeFrom, each.controlledBy, each.ageValueSeconds],
      ...[each.apparentAgeSeconds, each.responseDelayMs, each.initialAgeMs],
    ]);
    this.#out.comma().text(stored).comma().text(String(ageSeconds));
  }
}

export interface DecisionTexts {
  /** At the end of the row; empty where a rule or the default decided. */
  readonly deniedFor: string;
  /** Up to the number of rules on trial. */
  readonly summary: string;
  readonly facts: string;
}

/** How what is stored was used, and what became of the response. */
interface CacheUse {
  readonly outcome: NonNullable<Flow['cache']>['outcome'];
  readonly isCollapsed: boolean;
  readonly why: string | null;
  readonly storing: string | null;
  readonly octets: Uint8Array;
}

/** The facts of a plain exchange, from its listener to those of its cache. */
interface PlainOctets
  extends Pick<Decision['question'], 'identity' | 'address'>,
    Pick<Flow, 'listener' | 'clientAddress' | 'route' | 'upstreamAddress' | 'upstreamPort' | 'reusedConnection' | 'upstreamProtocol'> {
  readonly decision: DecisionTexts;
  readonly octets: Uint8Array;
}

/** The question was about the request as it came, and asked and knew no more than that of most; where it went was known before. */
function isPlain(
  { decision, hello, interception, clientAddress, judged, resolvedFrom }: Flow,
  { request, scheme, host, port, path }: Capture,
): boolean {
  if (decision === null || hello !== null || interception !== null || decision.reported.length > 0) return false;
  if (resolvedFrom !== null || judged.length > 0) return false;
  const { question } = decision;
  const asksMore = question.contentLength !== 0 || question.upgrade !== null;
  const knowsMore = question.hello !== null || question.response !== null || question.nowMs !== 0;
  const isAsItCame = question.method === request.method && question.scheme === scheme && question.host === host && question.port === port;
  return !asksMore && !knowsMore && isAsItCame && (question.pathAndQuery ?? '') === path && question.clientAddress === clientAddress;
}

export function namesOfRules(rules: Decision['reported']): string {
  return serialized(rules.map(({ name, position }) => name ?? `${position.file}:${position.line}`));
}

/** Where that which is said of both is kept: one of so many places. Names and addresses that differ do so at one of their ends, as a rule. */
export function slotOf(text: string | null, number: number, slots: number): number {
  if (text === null || text === '') return number % slots;
  const { length } = text;
  return (number + length + 7 * text.charCodeAt(0) + 31 * text.charCodeAt(length - 1)) % slots;
}
