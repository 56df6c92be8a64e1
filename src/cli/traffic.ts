// Owns what is remembered of a command's traffic while it runs: counts by host, what was denied by which rule, what failed and how, what the cache spared.
// In bounded memory, since the command chooses hosts: of what comes after the bound only the number is kept.
import type { Flow } from '../flows/flow.ts';
import { formatAuthority } from '../http/authority.ts';
import { requestText } from '../policy/request-text.ts';
import { placeText } from './policy-words.ts';

export interface HostTraffic {
  readonly host: string;
  /** Those that were let pass, or never came so far. */
  requests: number;
  /** Those that passed unopened. */
  tunnels: number;
  /** Of the requests, those that no origin was asked for. */
  fromCache: number;
  denied: number;
  failed: number;
  bytesReceived: number;
  bytesSent: number;
}

export interface DeniedTraffic {
  /** `GET http://example.com/a?b`, `CONNECT example.com:443`: the first of them */
  readonly request: string;
  readonly host: string;
  /** Of the rule; `null` when it has none, or no rule decided. */
  readonly rule: string | null;
  /** `policy.yaml:12` */
  readonly place: string;
  count: number;
}

export interface FailedTraffic {
  readonly request: string;
  readonly host: string | null;
  /** RFC 9209, or `handshake_refused`: TLS was to be opened, and did not come about; most likely our certificate was not believed. */
  readonly error: string;
  /** Of the first. */
  readonly detail: string;
  count: number;
}

export interface TrafficSummary {
  readonly requests: number;
  readonly tunnels: number;
  readonly fromCache: number;
  readonly bytesFromCache: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** Those with the most exchanges first. */
  readonly hosts: readonly HostTraffic[];
  readonly denied: readonly DeniedTraffic[];
  readonly failed: readonly FailedTraffic[];
  /** Exchanges with hosts, denials or failures that are not listed, since there were too many. */
  readonly unlisted: number;
}

export class Traffic {
  readonly #hosts = new Map<string, HostTraffic>();
  readonly #denied = new Map<string, DeniedTraffic>();
  readonly #failed = new Map<string, FailedTraffic>();
  readonly #most: number;
  #requests = 0;
  #tunnels = 0;
  #fromCache = 0;
  #bytesFromCache = 0;
  #bytesReceived = 0;
  #bytesSent = 0;
  #unlisted = 0;

  /** @param most  hosts, denials and failures that are kept, of each */
  constructor(most = 1_000) {
    this.#most = most;
  }

  /** @param flow  a finished one */
  add(flow: Flow): void {
    const host = this.#hostOf(flow);
    const isTunnel = flow.method === 'CONNECT';
    // What was in an opened tunnel has flows of its own.
    const isCounted = isTunnel ? flow.outcome === 'tunnelled' : flow.outcome !== 'denied';
    if (isCounted) this.#count(flow, host, isTunnel);
    if (flow.outcome === 'denied') this.#addDenied(flow, host);
    else if (flow.error !== null || flow.interception?.outcome === 'refused') this.#addFailed(flow, host);
  }

  get summary(): TrafficSummary {
    const exchanges = ({ requests, tunnels, denied }: HostTraffic): number => requests + tunnels + denied;
    return {
      requests: this.#requests,
      tunnels: this.#tunnels,
      fromCache: this.#fromCache,
      bytesFromCache: this.#bytesFromCache,
      bytesReceived: this.#bytesReceived,
      bytesSent: this.#bytesSent,
      hosts: [...this.#hosts.values()].sort((a, b) => exchanges(b) - exchanges(a)),
      denied: [...this.#denied.values()].sort((a, b) => b.count - a.count),
      failed: [...this.#failed.values()].sort((a, b) => b.count - a.count),
      unlisted: this.#unlisted,
    };
  }

  #count(flow: Flow, host: HostTraffic | null, isTunnel: boolean): void {
    const isFromCache = flow.outcome === 'reused';
    if (isTunnel) this.#tunnels += 1;
    else this.#requests += 1;
    this.#bytesReceived += flow.bytesToClient;
    this.#bytesSent += flow.bytesFromClient;
    if (isFromCache) {
      this.#fromCache += 1;
      this.#bytesFromCache += flow.bytesToClient;
    }
    if (host === null) return;
    host.requests += isTunnel ? 0 : 1;
    host.tunnels += isTunnel ? 1 : 0;
    host.fromCache += isFromCache ? 1 : 0;
    host.bytesReceived += flow.bytesToClient;
    host.bytesSent += flow.bytesFromClient;
  }

  #addDenied({ decision }: Flow, host: HostTraffic | null): void {
    if (host !== null) host.denied += 1;
    if (decision === null) return;
    const { question, rule, position } = decision;
    const place = placeText(position);
    const name = question.host;
    this.#tally(this.#denied, `${place} ${question.method} ${name}:${question.port}`, () => ({
      request: requestText(question),
      host: name,
      rule: rule?.name ?? null,
      place,
      count: 0,
    }));
  }

  #addFailed(flow: Flow, host: HostTraffic | null): void {
    if (host !== null) host.failed += 1;
    const { error, interception } = flow;
    const code = error?.code ?? 'handshake_refused';
    const request = flow.decision === null ? `${flow.method} ${flow.target}`.trim() : requestText(flow.decision.question);
    this.#tally(this.#failed, `${code} ${host?.host ?? request}`, () => ({
      request,
      host: host?.host ?? null,
      error: code,
      detail: error?.message ?? interception?.reason ?? '',
      count: 0,
    }));
  }

  #hostOf({ decision }: Flow): HostTraffic | null {
    if (decision === null) return null;
    const { host, port } = decision.question;
    // The port only where it tells two places apart.
    const name = port === 80 || port === 443 ? host : formatAuthority({ host, port, kind: host.includes(':') ? 'ipv6' : 'name' });
    const known = this.#hosts.get(name);
    if (known !== undefined) return known;
    if (this.#hosts.size >= this.#most) {
      this.#unlisted += 1;
      return null;
    }
    const made = { host: name, requests: 0, tunnels: 0, fromCache: 0, denied: 0, failed: 0, bytesReceived: 0, bytesSent: 0 };
    this.#hosts.set(name, made);
    return made;
  }

  #tally<T extends { count: number }>(tallies: Map<string, T>, key: string, make: () => T): void {
    let tally = tallies.get(key);
    if (tally === undefined) {
      if (tallies.size >= this.#most) {
        this.#unlisted += 1;
        return;
      }
      tally = make();
      tallies.set(key, tally);
    }
    tally.count += 1;
  }
}
