// Owns a request as people write it, in a test of a policy too: `GET http://example.com/`, `CONNECT example.com:443`.
import { formatAuthority } from '../http/authority.ts';
import { DEFAULT_PORTS } from '../http/target.ts';
import type { Question } from '../match/question.ts';

export function requestText({
  method,
  scheme,
  host,
  port,
  pathAndQuery,
}: Pick<Question, 'method' | 'scheme' | 'host' | 'port' | 'pathAndQuery'>): string {
  const authority = { host, port, kind: host.includes(':') ? 'ipv6' : 'name' } as const;
  if (scheme === 'tunnel') return `CONNECT ${formatAuthority(authority)}`;
  return `${method} ${scheme}://${formatAuthority(authority, DEFAULT_PORTS[scheme])}${pathAndQuery === '*' ? '' : pathAndQuery}`;
}
