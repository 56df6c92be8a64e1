// Owns how a question is put to a loaded list: what a list wants to know of it, in the form that the list takes.
import { formatAuthority } from '../http/authority.ts';
import { fieldValue } from '../http/fields.ts';
import { DEFAULT_PORTS } from '../http/target.ts';
import type { List } from '../match/condition.ts';
import type { Question } from '../match/question.ts';
import { type IpAddress, parseIpAddress, unmapped } from '../net/ip-address.ts';
import type { List as LoadedList, RequestFacts } from './lists/list.ts';

export function askableList(list: LoadedList): List {
  switch (list.kind) {
    case 'domains':
      return { kind: 'domains', matchesHost: (host) => list.matchesHost(host), describeMatch: (host) => list.explainHost(host) };
    case 'addresses':
      return {
        kind: 'addresses',
        matchesAddress(text) {
          const address = addressOf(text);
          return address !== null && list.matchesAddress(address);
        },
        describeMatch(text) {
          const address = addressOf(text);
          return address === null ? `${text} is no address` : list.explainAddress(address);
        },
      };
    case 'requests':
      return {
        kind: 'requests',
        matchesRequest: (question) => list.matchesRequest(factsOf(question)),
        describeMatch: (question) => list.explainRequest(factsOf(question)),
      };
    default:
      return list satisfies never;
  }
}

/** An IPv4 address that came in IPv6 clothes is compared as what it is. */
function addressOf(text: string): IpAddress | null {
  const address = parseIpAddress(text);
  return address === null ? null : unmapped(address);
}

function factsOf({ scheme, host, port, pathAndQuery, fields }: Question): RequestFacts {
  const seen = scheme === 'tunnel' ? 'https' : scheme;
  const kind = host.includes(':') ? 'ipv6' : 'name';
  return {
    url: `${seen}://${formatAuthority({ host, kind, port }, DEFAULT_PORTS[seen])}${pathAndQuery ?? '/'}`,
    destination: fieldValue(fields, 'sec-fetch-dest') ?? null,
    sourceHost: hostOfUrl(fieldValue(fields, 'origin')) ?? hostOfUrl(fieldValue(fields, 'referer')),
  };
}

/** `URL` makes the same canonical form of a host as we do, but for brackets, a trailing dot and names that are too long (RFC 1035 §2.3.4). */
function hostOfUrl(url: string | undefined): string | null {
  const host = url === undefined ? '' : (URL.parse(url)?.hostname ?? '').replace(/^\[|\]$|\.$/g, '');
  return host === '' || host.length > MAX_HOST ? null : host;
}

const MAX_HOST = 253;
