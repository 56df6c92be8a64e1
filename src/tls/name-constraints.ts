// Owns for which names a CA may sign at all: the name constraints of RFC 5280 §4.2.1.10, as far as names of TLS servers go.
// A constraint on a name means what is below it, too: the format has no way to say less.
// What a CA is not permitted must not be signed: no client would believe it, and each would show an error that nobody can explain.
import { type Cidr, cidrContains, parseCidr, parseIpAddress } from '../net/ip-address.ts';
import { type Der, membersOf, octetsOf, sequence } from './der.ts';
import { DNS_NAME, extension, generalSubtree, IP_ADDRESS, OID, subtrees } from './extensions.ts';

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

/** Critical, as §4.2.1.10 demands: who does not understand it must not believe the CA. */
export function nameConstraintsExtension({ permittedNames, permittedBlocks, excludedNames, excludedBlocks }: NameConstraints): Der {
  const permitted = [...(permittedNames ?? []).map(generalSubtree), ...(permittedBlocks ?? []).map(blockSubtree)];
  const excluded = [...excludedNames.map(generalSubtree), ...excludedBlocks.map(blockSubtree)];
  return extension(OID.nameConstraints, 'critical', sequence(...subtrees(0, permitted), ...subtrees(1, excluded)));
}

/**
 * What a certificate of somebody else's says.
 *
 * @param value  the NameConstraints of its extension
 */
export function readNameConstraints(value: Der): NameConstraints {
  const bases = (tag: number) =>
    membersOf(value)
      .filter(({ type }) => type === tag)
      .flatMap(membersOf)
      .flatMap((subtree) => membersOf(subtree).slice(0, 1));
  const [permitted, excluded] = [bases(0), bases(1)];
  const [permittedNames, permittedBlocks] = [namesIn(permitted), blocksIn(permitted)];
  return {
    permittedNames: permittedNames.length === 0 ? null : permittedNames,
    permittedBlocks: permittedBlocks.length === 0 ? null : permittedBlocks,
    excludedNames: namesIn(excluded),
    excludedBlocks: blocksIn(excluded),
    isAboutSubjects: [...permitted, ...excluded].some(({ type }) => type === DIRECTORY_NAME),
  };
}

/** @param host  a canonical name, or an IP address without brackets */
export function permits({ permittedNames, permittedBlocks, excludedNames, excludedBlocks }: NameConstraints, host: string): boolean {
  const address = parseIpAddress(host);
  if (address === null)
    return (
      (permittedNames === null || permittedNames.some((name) => isBelow(host, name))) && !excludedNames.some((name) => isBelow(host, name))
    );
  const holds = (block: Cidr) => cidrContains(block, address);
  return (permittedBlocks === null || permittedBlocks.some(holds)) && !excludedBlocks.some(holds);
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

function blockSubtree({ address, prefixLength }: Cidr): Der {
  const mask = address.bytes.map((_, index) => (0xff00 >> Math.min(8, Math.max(0, prefixLength - index * 8))) & 0xff);
  return generalSubtree(Buffer.concat([address.bytes, mask]));
}

function namesIn(bases: readonly Der[]): readonly string[] {
  return bases.filter(({ type }) => type === DNS_NAME).map((base) => octetsOf(base).toString('latin1').toLowerCase());
}

function blocksIn(bases: readonly Der[]): readonly Cidr[] {
  return bases.filter(({ type }) => type === IP_ADDRESS).flatMap((base) => blockOf(octetsOf(base)) ?? []);
}

/** An address and as many octets of mask. A mask with holes is no block; RFC 5280 refers to CIDR, which has none. */
function blockOf(octets: Buffer): Cidr | null {
  const half = octets.length / 2;
  if (half !== 4 && half !== 16) return null;
  const mask = [...octets.subarray(half)].map((octet) => octet.toString(2).padStart(8, '0')).join('');
  const prefixLength = mask.indexOf('0') === -1 ? mask.length : mask.indexOf('0');
  if (mask.includes('1', prefixLength)) return null;
  const masked = Buffer.from(octets.subarray(0, half).map((octet, index) => octet & octets[half + index]!));
  return parseCidr(`${addressText(masked)}/${prefixLength}`);
}

function addressText(octets: Buffer): string {
  if (octets.length === 4) return octets.join('.');
  return (octets.toString('hex').match(/.{4}/g) ?? []).join(':');
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
/** Tag of GeneralName (§4.2.1.6). */
const DIRECTORY_NAME = 4;
