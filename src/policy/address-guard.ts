// Owns the verdict on one address that a name resolved to, or that a request named: may this client be connected to it?
// Asked at every new connection, with the address that will be dialled and nothing else. Own sockets are never a destination, whatever a rule
// excepts; metadata and link-local addresses are nobody's unless a rule names their block; what else is special depends on where the client is.
// An address is judged as it stands and by every IPv4 address inside it: each form has to pass.
import { type Cidr, cidrContains, embeddedIpv4, type IpAddress, parseCidr, parseIpAddress, unmapped } from '../net/ip-address.ts';
import { classify, type SpecialClass, type SpecialForm, specialForms } from '../net/special-purpose.ts';
import type { Rule } from './policy.ts';

export interface GuardContext {
  /** The client's connection came over a loopback address or a Unix socket. */
  readonly isLocalClient: boolean;
  /** Of the rule that allowed the request. */
  readonly allowPrivate: Rule['allowPrivate'];
  /** The only addresses that the rules let pass; `null` when none of them asked for the address. */
  readonly addresses: readonly string[] | null;
}

export interface AddressVerdict {
  readonly allowed: boolean;
  /** Why not, for people; empty when allowed. */
  readonly reason: string;
}

/** The sockets that this process listens on, by every address that leads to them. */
export interface OwnSockets {
  has(address: IpAddress, port: number): boolean;
}

/**
 * Whether this client may be connected to this address.
 *
 * @param address  IPv4 or IPv6 text without a zone identifier; other text is not allowed
 * @throws never
 */
export function judgeAddress(address: string, port: number, context: GuardContext, own: OwnSockets): AddressVerdict {
  const ip = parseIpAddress(address);
  if (ip === null) return { allowed: false, reason: `${address} is not an IP address` };
  const { addresses } = context;
  if (addresses !== null && !addresses.includes(address))
    return { allowed: false, reason: `${ip.text} is not among those that the rule allows` };
  if (own.has(ip, port)) return { allowed: false, reason: `${ip.text} port ${port} is this proxy itself` };
  for (const form of specialForms(ip)) {
    if (!isPermitted(form, context)) return { allowed: false, reason: reasonAgainst(ip, form, context) };
  }
  return ALLOWED;
}

/**
 * The own sockets of a process.
 *
 * @param listening  where the process listens, as `server.address()` tells; `::`, `0.0.0.0` and any text that is no address stand for every address
 * @param localAddresses  every address of this machine's interfaces; asked only when a destination's port is one that a wildcard listener has
 */
export function createOwnSockets(listening: readonly ListeningSocket[], localAddresses: () => readonly string[]): OwnSockets {
  const byPort = new Map<number, { readonly hosts: Set<string>; isWildcard: boolean }>();
  for (const { host, port } of listening) {
    const sockets = byPort.get(port) ?? { hosts: new Set<string>(), isWildcard: false };
    const ownAddress = plainText(host);
    if (ownAddress === null || UNSPECIFIED.has(ownAddress)) sockets.isWildcard = true;
    else sockets.hosts.add(ownAddress);
    byPort.set(port, sockets);
  }

  return {
    has(address, port) {
      const sockets = byPort.get(port);
      if (sockets === undefined) return false;
      const forms = [address, ...embeddedIpv4(address)];
      // Linux takes a connection to the unspecified address as one to this machine.
      if (forms.some(({ text }) => UNSPECIFIED.has(text) || sockets.hosts.has(text))) return true;
      if (!sockets.isWildcard) return false;
      const locals = new Set(localAddresses().map(plainText));
      return forms.some((form) => locals.has(form.text) || classify(form)?.class === 'loopback');
    },
  };
}

export interface ListeningSocket {
  readonly host: string;
  readonly port: number;
}

/** An address of this machine in canonical text, IPv4 where it is IPv4-mapped; `null` for text that is no address. */
function plainText(host: string): string | null {
  const ip = parseIpAddress(host);
  return ip === null ? null : unmapped(ip).text;
}

function isPermitted(form: SpecialForm, context: GuardContext): boolean {
  const { openToLocal, isPrivate } = TREATMENT[form.purpose.class];
  if (openToLocal && context.isLocalClient) return true;
  if (context.allowPrivate === 'none') return false;
  if (context.allowPrivate === 'private') return isPrivate;
  return compiledBlocks(context.allowPrivate).some((block) => cidrContains(block, form.address));
}

function reasonAgainst(ip: IpAddress, form: SpecialForm, context: GuardContext): string {
  const { phrase, openToLocal } = TREATMENT[form.purpose.class];
  const what = form.address === ip ? `${ip.text} is ${phrase}` : `${ip.text} stands for ${form.address.text}, ${phrase}`;
  const who =
    openToLocal && !context.isLocalClient ? 'a client on another machine may not reach' : 'no client may reach unless a rule names it';
  return `${what}, which ${who}`;
}

/** A rule's blocks, parsed once. A block that does not parse, which parse-rule.ts never lets through, excepts nothing. */
function compiledBlocks(blocks: readonly string[]): readonly Cidr[] {
  let compiled = COMPILED.get(blocks);
  if (compiled === undefined) {
    compiled = blocks.map(parseCidr).filter((cidr) => cidr !== null);
    COMPILED.set(blocks, compiled);
  }
  return compiled;
}

interface Treatment {
  readonly phrase: string;
  /** A client on this machine may reach it, as it could without the proxy. */
  readonly openToLocal: boolean;
  /** `allowPrivate: private` opens it to clients on other machines. */
  readonly isPrivate: boolean;
}

const TREATMENT: Record<SpecialClass, Treatment> = {
  metadata: { phrase: 'a cloud metadata address', openToLocal: false, isPrivate: false },
  'link-local': { phrase: 'a link-local address', openToLocal: false, isPrivate: false },
  unspecified: { phrase: 'the unspecified address', openToLocal: false, isPrivate: false },
  broadcast: { phrase: 'the broadcast address', openToLocal: false, isPrivate: false },
  multicast: { phrase: 'a multicast address', openToLocal: false, isPrivate: false },
  reserved: { phrase: 'a reserved address', openToLocal: false, isPrivate: false },
  // Laboratories' addresses, open to local clients: what their network makes of them is no business of ours (VPN clients hand out
  // 198.18.0.0/15 as stand-ins for every name they carry, sealed-off networks put mirrors on 203.0.113.0/24).
  documentation: { phrase: 'a documentation address', openToLocal: true, isPrivate: false },
  benchmarking: { phrase: 'a benchmarking address', openToLocal: true, isPrivate: false },
  loopback: { phrase: 'a loopback address', openToLocal: true, isPrivate: true },
  private: { phrase: 'a private address', openToLocal: true, isPrivate: true },
  cgnat: { phrase: 'a shared (CGNAT) address', openToLocal: true, isPrivate: true },
  'unique-local': { phrase: 'a unique local address', openToLocal: true, isPrivate: true },
};

const UNSPECIFIED: ReadonlySet<string> = new Set(['0.0.0.0', '::']);
const ALLOWED: AddressVerdict = { allowed: true, reason: '' };
const COMPILED = new WeakMap<readonly string[], readonly Cidr[]>();
