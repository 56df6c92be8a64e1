// Owns the way from a host to its addresses: literal, special name, hosts file, remembered answer, DNS. One look-up per name at a time,
// one deadline for each. What may be dialled is judged by the caller at every use, remembered answers included.
//
// How long an answer counts: its TTL within the configured bounds; "does not exist" for `negativeTtlMs` (Node hides the SOA that
// RFC 2308 §5 would take it from); a time-out or server failure for one second, the least that RFC 9520 §3.2 asks for, so that a dead
// server is not asked anew by each request. Addresses that arrive after the deadline are still kept for the next request.
import { isIP } from 'node:net';
import { LRUCache } from 'lru-cache';
import { ProxyError } from '../errors/proxy-error.ts';
import { endsInNumber } from '../net/ip-address.ts';
import { orderAddresses } from './address-order.ts';
import { type DnsAnswer, type DnsSource, serversSource, systemSource } from './dns-source.ts';
import { HostsFile } from './hosts-file.ts';
import type { ResolverOptions } from './options.ts';

export interface Resolved {
  /** Canonical texts in the order to try them (RFC 8305 §4); never empty. */
  readonly addresses: readonly string[];
  readonly from: 'literal' | 'hosts' | 'cache' | 'resolver';
}

export class Resolver {
  readonly #options: ResolverOptions;
  readonly #nowMs: () => number;
  readonly #hosts: HostsFile | null;
  readonly #source: DnsSource;
  readonly #remembered: LRUCache<string, Remembered>;
  readonly #lookUps = new Map<string, LookUp>();

  /**
   * @param nowMs  milliseconds; only differences count
   * @throws ProxyError `proxy_configuration_error` for an unreadable hosts file or a server that is no address
   */
  constructor(options: ResolverOptions, nowMs: () => number = () => performance.now()) {
    this.#options = options;
    this.#nowMs = nowMs;
    this.#source = options.servers.length === 0 ? systemSource(options.systemTtlMs) : serversSource(options.servers, options.timeoutMs);
    this.#remembered = new LRUCache({ max: options.entries });
    this.#hosts = options.hostsFile === '' ? null : new HostsFile(options.hostsFile);
  }

  /**
   * The addresses of a host; at once, without a promise, when nobody has to be asked.
   *
   * @param host  canonical: a lower-case A-label name, dotted IPv4, or IPv6 without brackets
   * @returns a promise that rejects with ProxyError `dns_error` (with `rcode` where one is known) or `dns_timeout`
   * @throws never; failures are rejections, remembered ones too
   */
  resolve(host: string): Resolved | Promise<Resolved> {
    if (isIP(host) !== 0) return { addresses: [host], from: 'literal' };
    if (host === 'localhost' || host.endsWith('.localhost')) return LOOPBACK;
    const listed = this.#hosts?.find(host);
    if (listed !== undefined) return { addresses: listed, from: 'hosts' };

    const known = this.#remembered.get(host);
    if (known !== undefined && this.#nowMs() < known.expiresMs) {
      return known.resolved ?? Promise.reject(this.#failure(host, known.answer));
    }
    return this.#lookUps.get(host)?.promise ?? this.#lookUp(host);
  }

  /** What is known of a host without asking anybody: an address itself, `localhost`, or in the hosts file. */
  known(host: string): readonly string[] | null {
    if (isIP(host) !== 0) return [host];
    if (host === 'localhost' || host.endsWith('.localhost')) return LOOPBACK.addresses;
    return this.#hosts?.find(host) ?? null;
  }

  /** Closes once the look-ups under way are done, for the exchanges that wait for them. */
  retire(): void {
    const underWay = [...this.#lookUps.values()].map(({ promise }) => promise);
    void Promise.allSettled(underWay).then(() => this.close());
  }

  /** Fails the look-ups under way and lets go of files, timers and sockets. */
  close(): void {
    for (const lookUp of [...this.#lookUps.values()]) lookUp.settle(CLOSED);
    this.#source.close();
    this.#hosts?.close();
    this.#remembered.clear();
  }

  #lookUp(host: string): Promise<Resolved> {
    // A number that is no IPv4 address is no name either: `getaddrinfo` would read `127.1` as loopback.
    if (NOT_IN_DNS.test(host) || endsInNumber(host)) return Promise.reject(this.#failure(host, { kind: 'absent', rcode: 'NXDOMAIN' }));

    const { promise, resolve, reject } = Promise.withResolvers<Resolved>();
    const settle = (answer: DnsAnswer): void => {
      const isUnderWay = this.#lookUps.get(host) === lookUp;
      // After the deadline, or after one family's addresses: only addresses are news.
      if (!isUnderWay && answer.kind !== 'found') return;
      const addresses = this.#remember(host, answer);
      if (!isUnderWay) return;
      this.#lookUps.delete(host);
      clearTimeout(deadline);
      if (addresses === null) reject(this.#failure(host, answer));
      else resolve({ addresses, from: 'resolver' });
    };
    const lookUp: LookUp = { promise, settle };
    const deadline = setTimeout(settle, this.#options.timeoutMs, TIMEOUT);
    this.#lookUps.set(host, lookUp);
    this.#source.ask(host, settle);
    return promise;
  }

  #remember(host: string, answer: DnsAnswer): readonly string[] | null {
    const addresses = answer.kind === 'found' ? orderAddresses(answer.addresses) : null;
    this.#remembered.set(host, {
      resolved: addresses === null ? null : { addresses, from: 'cache' },
      answer,
      expiresMs: this.#nowMs() + this.#lifetimeMs(answer),
    });
    return addresses;
  }

  #lifetimeMs(answer: DnsAnswer): number {
    if (answer.kind === 'found') return Math.max(this.#options.minTtlMs, Math.min(this.#options.maxTtlMs, answer.ttlMs));
    return answer.kind === 'absent' ? this.#options.negativeTtlMs : FAILURE_TTL_MS;
  }

  /** A new error each time: its stack and its reader belong to one request. */
  #failure(host: string, answer: DnsAnswer): ProxyError {
    if (answer.kind === 'absent') return absence(host, answer.rcode);
    if (answer.kind === 'failed') return serverFailure(host, answer.rcode, answer.reason, answer.cause);
    const message = `No DNS server answered for ${host} in ${this.#options.timeoutMs} ms. Try again, or check the proxy's DNS servers.`;
    return new ProxyError('dns_timeout', message);
  }
}

interface Remembered {
  /** null for a failure; made once, so that a hit allocates nothing. */
  readonly resolved: Resolved | null;
  readonly answer: DnsAnswer;
  readonly expiresMs: number;
}

interface LookUp {
  readonly promise: Promise<Resolved>;
  readonly settle: (answer: DnsAnswer) => void;
}

/** `localhost` and all below it are loopback, whatever DNS or a hosts file would say (RFC 6761 §6.3). */
const LOOPBACK: Resolved = { addresses: ['::1', '127.0.0.1'], from: 'hosts' };

/** Names that no DNS server may be asked for: `invalid` (RFC 6761 §6.4) and `onion` (RFC 7686 §2, where asking betrays the user). */
const NOT_IN_DNS = /(?:^|\.)(?:invalid|onion)$/;

const FAILURE_TTL_MS = 1_000;
const TIMEOUT: DnsAnswer = { kind: 'timeout' };
const CLOSED: DnsAnswer = { kind: 'failed', rcode: null, reason: 'the proxy is stopping', cause: undefined };

function absence(host: string, rcode: string | null): ProxyError {
  switch (rcode) {
    case 'NXDOMAIN':
      return new ProxyError('dns_error', `The name ${host} does not exist (NXDOMAIN).`, { parameters: { rcode } });
    case 'NOERROR':
      return new ProxyError('dns_error', `The name ${host} has no address: DNS holds neither A nor AAAA for it.`, {
        parameters: { rcode },
      });
    default:
      return new ProxyError('dns_error', `The name ${host} does not exist or has no address.`);
  }
}

function serverFailure(host: string, rcode: string | null, reason: string, cause: unknown): ProxyError {
  if (rcode !== null) {
    return new ProxyError('dns_error', `The DNS server could not look up ${host} (${rcode}). Try again in a moment.`, {
      cause,
      parameters: { rcode },
    });
  }
  return new ProxyError(
    'dns_error',
    `No DNS server could be asked for ${host} (${reason}). Check the network and DNS settings of the proxy.`,
    {
      cause,
    },
  );
}
