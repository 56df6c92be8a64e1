// Owns for which hosts a certification authority may vouch at all: name constraints (RFC 5280 §4.2.1.10), as far as names of TLS servers go.
// A constraint on a name means what is below it, too: the format has no way to say less.
// It holds for both sides: an origin is not believed for what its CA must not sign, and our own CA does not sign it, since no client would believe
// it, and each would show an error that nobody can explain.
import { type Cidr, cidrContains, type IpAddress, parseCidr, parseIpAddress } from '../net/ip-address.ts';
import { addressText, type HostNames } from './certificate-fields.ts';
import { DER, DerError, type DerValue, explicitTag, GENERAL_NAME, membersOf, readDer } from './read-der.ts';

export interface NameConstraints {
  /** One of these must fit a name of its form; `null` where the form is not constrained. */
  readonly permittedNames: readonly string[] | null;
  readonly permittedBlocks: readonly Cidr[] | null;
  /** None of these may fit. */
  readonly excludedNames: readonly string[];
  readonly excludedBlocks: readonly Cidr[];
  /** It says something about subjects, too, which only an empty one satisfies for certain. */
  readonly isAboutSubjects: boolean;
}

/**
 * Nothing but these. A form of which nothing is named is excluded as a whole: it would be unconstrained otherwise.
 *
 * @param hosts  canonical names, addresses, and blocks of addresses
 */
export function onlyThese(hosts: readonly string[]): NameConstraints {
  const blocks = hosts.flatMap((host) => parseCidr(host) ?? []);
  const names = hosts.filter((host) => parseCidr(host) === null);
  // A name below another one that is permitted anyway adds nothing but octets to every certificate.
  const distinct = [...new Set(names)].filter((name) => !names.some((other) => other !== name && isBelow(name, other)));
  return {
    permittedNames: distinct.length === 0 ? null : distinct,
    permittedBlocks: blocks.length === 0 ? null : blocks,
    excludedNames: distinct.length === 0 ? [EVERY_NAME] : [],
    // Versions apart: GnuTLS takes addresses of the version that is not named for unconstrained.
    excludedBlocks: EVERY_ADDRESS.filter((every) => !blocks.some(({ address }) => address.version === every.address.version)),
    isAboutSubjects: false,
  };
}

/**
 * What a certificate says.
 *
 * @param value  of its extension, DER
 * @throws DerError
 */
export function readNameConstraints(value: Buffer): NameConstraints {
  const parts = membersOf(readDer(value), DER.sequence);
  const [permitted, excluded] = [basesOf(parts, explicitTag(0)), basesOf(parts, explicitTag(1))];
  const [permittedNames, permittedBlocks] = [namesIn(permitted), blocksIn(permitted)];
  return {
    permittedNames: permittedNames.length === 0 ? null : permittedNames,
    permittedBlocks: permittedBlocks.length === 0 ? null : permittedBlocks,
    excludedNames: namesIn(excluded),
    excludedBlocks: blocksIn(excluded),
    isAboutSubjects: [...permitted, ...excluded].some(({ tag }) => tag === GENERAL_NAME.directory),
  };
}

/** @param host  a canonical name, or an IP address without brackets */
export function permits(constraints: NameConstraints, host: string): boolean {
  const address = parseIpAddress(host);
  return address === null ? permitsName(constraints, host) : permitsAddress(constraints, address);
}

/** The first name of a certificate that they forbid; `null` when they forbid none. */
export function forbiddenName(constraints: NameConstraints, { dns, addresses }: HostNames): string | null {
  return (
    dns.find((name) => !permitsName(constraints, name)) ??
    addresses.map(addressText).find((text) => {
      const address = parseIpAddress(text);
      // What is none fits no block, so it is not among those that are permitted.
      return address === null ? constraints.permittedBlocks !== null : !permitsAddress(constraints, address);
    }) ??
    null
  );
}

/** For people: `only example.com, no addresses`. */
export function describeConstraints({ permittedNames, permittedBlocks, excludedNames, excludedBlocks }: NameConstraints): string {
  const permitted = [...(permittedNames ?? []), ...(permittedBlocks ?? []).map(blockText)];
  // Beside blocks that are permitted, it goes without saying that other versions are not.
  const everyVersion = permittedBlocks === null && excludedBlocks.filter(isEvery).length === EVERY_ADDRESS.length ? ['addresses'] : [];
  const others = excludedBlocks.filter((block) => !isEvery(block)).map(blockText);
  const excluded = [...excludedNames.map((name) => (name === EVERY_NAME ? 'names' : name)), ...everyVersion, ...others];
  const only = permitted.length === 0 ? [] : [`only ${permitted.join(', ')}`];
  return [...only, ...excluded.map((each) => `no ${each}`)].join(', ');
}

/** The name itself, or with labels before it (§4.2.1.10); a dot in front, which some write, asks for at least one label. */
function isBelow(host: string, name: string): boolean {
  if (name === EVERY_NAME) return true;
  return host === name || host.endsWith(name.startsWith('.') ? name : `.${name}`);
}

function permitsName({ permittedNames, excludedNames }: NameConstraints, name: string): boolean {
  const isIn = (tree: string): boolean => isBelow(name, tree);
  return (permittedNames === null || permittedNames.some(isIn)) && !excludedNames.some(isIn);
}

function permitsAddress({ permittedBlocks, excludedBlocks }: NameConstraints, address: IpAddress): boolean {
  const isIn = (block: Cidr): boolean => cidrContains(block, address);
  return (permittedBlocks === null || permittedBlocks.some(isIn)) && !excludedBlocks.some(isIn);
}

/** The base of each GeneralSubtree; its distances are what RFC 5280 says they must be. */
function basesOf(parts: readonly DerValue[], tag: number): readonly DerValue[] {
  const list = parts.find((part) => part.tag === tag);
  return list === undefined ? [] : membersOf(list, tag).flatMap((subtree) => membersOf(subtree, DER.sequence).slice(0, 1));
}

function namesIn(bases: readonly DerValue[]): readonly string[] {
  return bases.filter(({ tag }) => tag === GENERAL_NAME.dns).map(({ content }) => content.toString('latin1').toLowerCase());
}

function blocksIn(bases: readonly DerValue[]): readonly Cidr[] {
  return bases.filter(({ tag }) => tag === GENERAL_NAME.address).map(({ content }) => blockOf(content));
}

/** An address and as many octets of mask. What is no block must not be passed over: a list that is empty without it would permit everything. */
function blockOf(octets: Buffer): Cidr {
  const half = octets.length / 2;
  const mask = [...octets.subarray(half)].map((octet) => octet.toString(2).padStart(8, '0')).join('');
  const prefixLength = mask.indexOf('0') === -1 ? mask.length : mask.indexOf('0');
  const masked = Buffer.from(octets.subarray(0, half).map((octet, index) => octet & octets[half + index]!));
  const block = mask.includes('1', prefixLength) ? null : parseCidr(`${addressText(masked)}/${prefixLength}`);
  if (block === null) throw new DerError('a constraint on addresses that is no block of them');
  return block;
}

function isEvery({ prefixLength }: Cidr): boolean {
  return prefixLength === 0;
}

function blockText({ address, prefixLength }: Cidr): string {
  return prefixLength === address.bytes.length * 8 ? address.text : `${address.text}/${prefixLength}`;
}

/** An empty dNSName fits all of them. */
const EVERY_NAME = '';
const EVERY_ADDRESS: readonly Cidr[] = [parseCidr('0.0.0.0/0')!, parseCidr('::/0')!];
