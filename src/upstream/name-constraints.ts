// Owns whether a certification authority may vouch for a host at all: name constraints (RFC 5280 §4.2.1.10) on names and addresses.
import type { HostNames } from './certificate-fields.ts';
import { DER, explicitTag, implicitTag, membersOf, readDer } from './read-der.ts';

/**
 * The first name that the constraints of an issuer forbid.
 *
 * @param constraints  DER of the extension's value
 * @returns `null` when they forbid none @throws DerError
 */
export function forbiddenName(constraints: Buffer, { dns, addresses }: HostNames): string | null {
  const parts = membersOf(readDer(constraints), DER.sequence);
  const permitted = subtrees(parts.find(({ tag }) => tag === explicitTag(0)));
  const excluded = subtrees(parts.find(({ tag }) => tag === explicitTag(1)));
  const name = dns.find((each) => !isAllowed(permitted.names, excluded.names, (tree) => isBelow(each, tree)));
  if (name !== undefined) return name;
  const address = addresses.find((each) => !isAllowed(permitted.blocks, excluded.blocks, (block) => isInBlock(each, block)));
  return address === undefined ? null : addressText(address);
}

/** An address of a certificate, as people write it. */
export function addressText(octets: Buffer): string {
  if (octets.length === 4) return octets.join('.');
  return octets.toString('hex').replace(/(.{4})(?!$)/g, '$1:');
}

interface Subtrees {
  readonly names: readonly string[];
  /** An address and a mask behind one another. */
  readonly blocks: readonly Buffer[];
}

function subtrees(value: ReturnType<typeof readDer> | undefined): Subtrees {
  const bases = value === undefined ? [] : membersOf(value, value.tag).map((tree) => membersOf(tree, DER.sequence)[0]);
  const named = (tag: number): Buffer[] => bases.flatMap((base) => (base?.tag === tag ? [base.content] : []));
  return { names: named(implicitTag(2)).map((each) => each.toString('latin1').toLowerCase()), blocks: named(implicitTag(7)) };
}

/** Excluded wins; nothing permitted of a kind leaves the kind free. */
function isAllowed<T>(permitted: readonly T[], excluded: readonly T[], contains: (tree: T) => boolean): boolean {
  return !excluded.some(contains) && (permitted.length === 0 || permitted.some(contains));
}

/** `example.com` holds itself and all below; so does `.example.com` by the usage of many authorities, but not itself. */
function isBelow(name: string, tree: string): boolean {
  if (tree === '') return true;
  if (tree.startsWith('.')) return name.endsWith(tree);
  return name === tree || name.endsWith(`.${tree}`);
}

function isInBlock(address: Buffer, block: Buffer): boolean {
  const { length } = address;
  return block.length === 2 * length && address.every((octet, index) => (octet & block[length + index]!) === block[index]);
}
