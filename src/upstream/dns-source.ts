// Owns the two ways to ask for a name's addresses: the system's resolver (getaddrinfo: no TTL, search domains and nsswitch as the
// system has them) and a list of DNS servers (A and AAAA at once, TTLs, never a search domain).
// Keeps nothing, times nothing out and judges nothing: `resolve.ts` has the cache and the deadline.
import { promises as dns } from 'node:dns';
import { ProxyError } from '../errors/proxy-error.ts';
import { parseIpAddress } from '../net/ip-address.ts';

export type DnsAnswer =
  | { readonly kind: 'found'; readonly addresses: readonly string[]; readonly ttlMs: number }
  /** The name or its addresses do not exist; rcode null: the source does not tell which. */
  | { readonly kind: 'absent'; readonly rcode: 'NXDOMAIN' | 'NOERROR' | null }
  /** Nobody knows now; rcode null: no server was reached, `reason` is the system's word. */
  | { readonly kind: 'failed'; readonly rcode: string | null; readonly reason: string; readonly cause: unknown }
  | { readonly kind: 'timeout' };

export interface DnsSource {
  /** Reports at least once; a second report is a fuller answer than the first. Never throws. */
  ask(host: string, report: (answer: DnsAnswer) => void): void;
  /** Ends what is under way as far as it can be ended. */
  close(): void;
}

/**
 * `getaddrinfo` cannot be given up: a name whose servers are silent holds a thread for longer than anybody waits. So a name that is still being
 * asked is not asked again, and beyond a number of them nothing is asked: one client's dead names must not starve the others' living ones.
 *
 * @param ttlMs  how long the system's answers count, since they come without a TTL
 */
export function systemSource(ttlMs: number): DnsSource {
  const waiting = new Map<string, (answer: DnsAnswer) => void>();
  return {
    ask(host, report) {
      if (!waiting.has(host) && waiting.size >= MOST_SYSTEM_LOOKUPS) {
        report({ kind: 'failed', rcode: null, reason: 'too many look-ups are under way', cause: undefined });
        return;
      }
      const isUnderWay = waiting.has(host);
      waiting.set(host, report);
      if (isUnderWay) return;
      const answered = (answer: DnsAnswer): void => {
        const latest = waiting.get(host);
        waiting.delete(host);
        latest?.(answer);
      };
      dns.lookup(host, { all: true, order: 'verbatim' }).then(
        (found) =>
          answered(
            foundAnswer(
              found.map(({ address }) => address),
              ttlMs,
            ),
          ),
        (error) => answered(failureAnswer(error)),
      );
    },
    close() {}, // getaddrinfo cannot be interrupted
  };
}

/**
 * IPv6 comes first in an answer (RFC 8305 §4). One family failing while the other answers is no failure (RFC 4074 §4 shows servers
 * that break on AAAA); nor does the slower family hold up the faster for long: RFC 8305 §3.
 *
 * @param servers    `192.0.2.53`, `192.0.2.53:5353`, `[2001:db8::53]:53`; at least one
 * @param timeoutMs  the caller's deadline, to space the retries by
 * @throws ProxyError `proxy_configuration_error` when one is not written so
 */
export function serversSource(servers: readonly string[], timeoutMs: number): DnsSource {
  // Node looks for overdue queries once in `timeout`, so the first retry comes after up to twice as long: a quarter of the deadline with one
  // server. The wait doubles with each round over all servers; the last rounds are cut short by the deadline.
  const timeout = Math.min(1_000, Math.max(250, Math.round(timeoutMs / (8 * servers.length))));
  const resolver = new dns.Resolver({ timeout, tries: 5 });
  try {
    resolver.setServers(servers);
  } catch (error) {
    const message = `The DNS servers "${servers.join(', ')}" are not all addresses. Write 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:53.`;
    throw new ProxyError('proxy_configuration_error', message, { cause: error });
  }
  return {
    ask(host, report) {
      const merge = createMerge(report);
      resolver.resolve6(host, { ttl: true }).then(
        (records) => merge(IPV6, recordsAnswer(records)),
        (error) => merge(IPV6, failureAnswer(error)),
      );
      resolver.resolve4(host, { ttl: true }).then(
        (records) => merge(IPV4, recordsAnswer(records)),
        (error) => merge(IPV4, failureAnswer(error)),
      );
    },
    close() {
      resolver.cancel();
    },
  };
}

/** Milliseconds that the faster family's addresses wait for the slower's ("Resolution Delay", RFC 8305 §3 and §8). */
const RESOLUTION_DELAY_MS = 50;

const IPV6 = 0;
const IPV4 = 1;

/** Joins the answers of both families: both at once when they come close together, else the first and, later, both. */
function createMerge(report: (answer: DnsAnswer) => void): (family: 0 | 1, answer: DnsAnswer) => void {
  const answers: [DnsAnswer | null, DnsAnswer | null] = [null, null];
  let delay: NodeJS.Timeout | undefined;
  return (family, answer) => {
    answers[family] = answer;
    const [ipv6, ipv4] = answers;
    if (ipv6 !== null && ipv4 !== null) {
      clearTimeout(delay);
      report(joined(ipv6, ipv4));
    } else if (answer.kind === 'found') {
      delay = setTimeout(report, RESOLUTION_DELAY_MS, answer);
    }
  };
}

function joined(ipv6: DnsAnswer, ipv4: DnsAnswer): DnsAnswer {
  if (ipv6.kind === 'found' && ipv4.kind === 'found') {
    return { kind: 'found', addresses: [...ipv6.addresses, ...ipv4.addresses], ttlMs: Math.min(ipv6.ttlMs, ipv4.ttlMs) };
  }
  return WEIGHT[ipv6.kind] > WEIGHT[ipv4.kind] ? ipv6 : ipv4;
}

// A family that nobody could answer for may have addresses: that weighs more than the other's certain "none".
const WEIGHT: Record<DnsAnswer['kind'], number> = { found: 3, failed: 2, timeout: 1, absent: 0 };

function recordsAnswer(records: readonly { readonly address: string; readonly ttl: number }[]): DnsAnswer {
  // RFC 2181 §8: a TTL with its top bit set is to be taken for zero.
  const ttlSeconds = records.reduce((least, { ttl }) => Math.min(least, ttl > 0x7fff_ffff ? 0 : ttl), Number.POSITIVE_INFINITY);
  return foundAnswer(
    records.map(({ address }) => address),
    ttlSeconds * 1_000,
  );
}

/** Only what can be dialled: getaddrinfo may give addresses with a zone, which no request may name. */
function foundAnswer(addresses: readonly string[], ttlMs: number): DnsAnswer {
  const usable = addresses.flatMap((address) => parseIpAddress(address)?.text ?? []);
  return usable.length === 0 ? { kind: 'absent', rcode: 'NOERROR' } : { kind: 'found', addresses: usable, ttlMs };
}

function failureAnswer(error: NodeJS.ErrnoException): DnsAnswer {
  const code = error.code ?? 'unknown';
  // The system's resolver says ENOTFOUND for a missing name and for a name without addresses alike.
  if (error.syscall === 'getaddrinfo' && code === 'ENOTFOUND') return { kind: 'absent', rcode: null };
  switch (code) {
    case 'ENOTFOUND':
      return { kind: 'absent', rcode: 'NXDOMAIN' };
    case 'ENODATA':
      return { kind: 'absent', rcode: 'NOERROR' };
    case 'EBADNAME':
      return { kind: 'absent', rcode: null };
    case 'ETIMEOUT':
      return { kind: 'timeout' };
    default:
      return { kind: 'failed', rcode: RCODES[code] ?? null, reason: code, cause: error };
  }
}

/** Node's words for the response codes of RFC 1035 §4.1.1 that are failures. */
const RCODES: Readonly<Record<string, string>> = { EFORMERR: 'FORMERR', ESERVFAIL: 'SERVFAIL', ENOTIMP: 'NOTIMP', EREFUSED: 'REFUSED' };

const MOST_SYSTEM_LOOKUPS = 256;
