// Owns what a host pattern matches: `example.com` (that host), `.example.com` (it and everything below), `*.example.com` (exactly one label
// more), or an IP address. Labels are whole: `.example.com` does not match `badexample.com`.
// Hosts on both sides are canonical (`http/authority.ts`); this file compares, it does not repair.

export interface HostPattern {
  readonly kind: 'exact' | 'below' | 'one-label';
  /** A canonical host, without the dot or star of the pattern. */
  readonly name: string;
}

/** @param host canonical */
export function matchesHost(pattern: HostPattern, host: string): boolean {
  const { kind, name } = pattern;
  if (kind === 'exact') return host === name;
  if (kind === 'below' && host === name) return true;
  const dot = host.length - name.length - 1;
  if (dot < 1 || host.charCodeAt(dot) !== DOT || !host.endsWith(name)) return false;
  return kind === 'below' || host.indexOf('.') === dot;
}

/** As written in a policy: `.example.com`. */
export function patternText({ kind, name }: HostPattern): string {
  return kind === 'exact' ? name : kind === 'below' ? `.${name}` : `*.${name}`;
}

const DOT = 0x2e;
