// Owns what it would take to let a request pass: a rule and a test for it, as text for whoever may change the policy. Nothing is loosened here. The rule is
// no wider than the request's host and port, and touches nothing but requests of that kind: one for a page inside an opened tunnel lets no tunnel pass
// unopened.
import type { Scheme } from '../http/target.ts';
import type { PortRange } from '../match/condition.ts';
import { requestText } from './request-text.ts';

export interface DeniedRequest {
  readonly method: string;
  readonly scheme: Scheme | 'tunnel';
  /** Canonical; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  readonly pathAndQuery: string;
  /** `office.yaml:12`: what decided; `null` where nothing has. */
  readonly decidedAt: string | null;
  readonly isDenied: boolean;
  /** Addresses of it that the guard of private addresses refused. */
  readonly prohibited: readonly string[];
}

export interface Allowing {
  /** An item of `rules`, and one of `tests`. */
  readonly policy: string;
  readonly test: string;
  /** Where they go and what they do, in sentences. */
  readonly why: string;
}

/** @param names  of the rules that there are @param connectPorts  that tunnels may go to */
export function allowing(request: DeniedRequest, names: ReadonlySet<string>, connectPorts: readonly PortRange[]): Allowing {
  const { scheme, host, port, prohibited } = request;
  const name = JSON.stringify(freeName(`Allow ${host}`, names));
  const criteria = [`host: ${JSON.stringify(host)}`, `port: ${port}`, ...(scheme === 'tunnel' ? [] : [`scheme: ${scheme}`])];
  const addresses =
    prohibited.length === 0 ? [] : [`  allow_private: [${prohibited.map((each) => JSON.stringify(blockOf(each))).join(', ')}]`];
  const rule = [`- name: ${name}`, `  allow: { ${criteria.join(', ')} }`, ...addresses];
  const test = [`- request: ${JSON.stringify(requestText(request))}`, '  expect: allow', `  rule: ${name}`];
  return { policy: indented(rule), test: indented(test), why: [...reasons(request, connectPorts)].join(' ') };
}

function* reasons(
  { scheme, host, port, decidedAt, isDenied, prohibited }: DeniedRequest,
  connectPorts: readonly PortRange[],
): Generator<string> {
  if (!isDenied && prohibited.length === 0)
    yield `${decidedAt === null ? 'Nothing denied it' : `It was let pass by ${decidedAt}`}; with this it passes whatever stands below.`;
  else if (isDenied && decidedAt !== null)
    yield `It was denied by ${decidedAt}. The first rule that matches decides, so put this one above that, into "rules".`;
  else yield 'Put it into "rules", above whatever else matches it.';
  if (prohibited.length > 0) yield `It also excepts ${prohibited.join(', ')} from the guard of private addresses.`;
  if (scheme === 'tunnel') yield 'What passes inside the tunnel is not looked at.';
  if (scheme === 'https') yield 'It holds inside opened tunnels alone, and opens none itself.';
  if (scheme === 'tunnel' && !connectPorts.some(({ from, to }) => port >= from && port <= to))
    yield `Tunnels may not go to port ${port}: add it to "connect_ports" at the top, too.`;
  yield `It allows all of ${host} on this port; narrow it with "path" or "method" where less will do.`;
}

function blockOf(address: string): string {
  return `${address}/${address.includes(':') ? 128 : 32}`;
}

function freeName(wanted: string, taken: ReadonlySet<string>): string {
  let name = wanted;
  for (let i = 2; taken.has(name); i += 1) name = `${wanted} ${i}`;
  return name;
}

/** As it stands in a list at the top of the file. */
function indented(lines: readonly string[]): string {
  return lines.map((line) => `  ${line}\n`).join('');
}
