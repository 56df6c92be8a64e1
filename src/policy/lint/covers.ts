// Owns whether one condition holds wherever another does, so that a rule behind it is never reached. It answers yes only where that can be shown from
// what both say: a no may be wrong, a yes never is. Whether a list's names cover something is asked of the list as it is loaded now.
import type { Block, Condition, Criterion, ListUse, NamedGlobs, PortRange, SizeBound } from '../../match/condition.ts';
import { type Glob, matchesGlob } from '../../match/glob.ts';
import { type HostPattern, matchesHost } from '../../match/host-pattern.ts';
import { registrableDomain } from '../../match/public-suffix.ts';
import { cidrContains } from '../../net/ip-address.ts';

/** Whether `wide` holds for every request for which `narrow` does. */
export function covers(wide: Condition, narrow: Condition): boolean {
  if (wide === narrow) return true;
  if (wide.kind === 'group-use') return covers(wide.condition, narrow);
  if (narrow.kind === 'group-use') return covers(wide, narrow.condition);
  // These two lose nothing; the other two are a choice, and come after them.
  if (wide.kind === 'all') return wide.of.every((part) => covers(part, narrow));
  if (narrow.kind === 'any') return narrow.of.every((part) => covers(wide, part));
  if (wide.kind === 'any' && wide.of.some((part) => covers(part, narrow))) return true;
  if (narrow.kind === 'all') return narrow.of.some((part) => covers(wide, part));
  return isLeaf(wide) && isLeaf(narrow) ? leafCovers(wide, narrow) : isSame(wide, narrow);
}

/** Whether both say the same, in the same words but for the order of alternatives. */
export function isSame(one: Condition, other: Condition): boolean {
  if (one === other) return true;
  if (isLeaf(one) && isLeaf(other)) return leafCovers(one, other) && leafCovers(other, one);
  if (one.kind === 'not') return other.kind === 'not' && isSame(one.of, other.of);
  if (one.kind === 'group-use') return other.kind === 'group-use' && one.name === other.name && isSame(one.condition, other.condition);
  if (isLeaf(one) || one.kind !== other.kind || one.of.length !== other.of.length) return false;
  return isAmong(one.of, other.of) && isAmong(other.of, one.of);
}

function isAmong(some: readonly Condition[], others: readonly Condition[]): boolean {
  return some.every((each) => others.some((other) => isSame(each, other)));
}

export function hostCovers(wide: HostPattern, narrow: HostPattern): boolean {
  if (narrow.kind === 'exact') return matchesHost(wide, narrow.name);
  if (wide.kind === 'below') return narrow.name === wide.name || narrow.name.endsWith(`.${wide.name}`);
  return wide.kind === narrow.kind && wide.name === narrow.name;
}

export function blockCovers(wide: Block, narrow: Block): boolean {
  return wide.cidr.prefixLength <= narrow.cidr.prefixLength && cidrContains(wide.cidr, narrow.cidr.address);
}

type Leaf = Criterion | ListUse;

function leafCovers(wide: Leaf, narrow: Leaf): boolean {
  switch (wide.kind) {
    case 'host':
      if (narrow.kind === 'host') return every(narrow.patterns, wide.patterns, hostCovers);
      return (
        narrow.kind === 'domain' && every(narrow.names, wide.patterns, (pattern, name) => hostCovers(pattern, { kind: 'below', name }))
      );
    case 'domain':
      if (narrow.kind === 'domain') return includesAll(wide.names, narrow.names);
      return isExactHosts(narrow, (host) => wide.names.includes(registrableDomain(host) ?? ''));
    case 'host_regex':
      if (narrow.kind === 'host_regex') return every(narrow.patterns, wide.patterns, hasSameText);
      return isExactHosts(narrow, (host) => wide.patterns.some((pattern) => pattern.matches(host)));
    case 'list-use':
      return listCovers(wide, narrow);
    case 'address':
    case 'client':
      return narrow.kind === wide.kind && every(narrow.blocks, wide.blocks, blockCovers);
    case 'port':
      return narrow.kind === 'port' && narrow.ranges.every((range) => portsCover(wide.ranges, range));
    case 'path_regex':
      if (narrow.kind === 'path')
        return narrow.globs.every(({ pieces }) => pieces.length === 1 && wide.patterns.some((each) => each.matches(pieces[0]!)));
      return narrow.kind === 'path_regex' && every(narrow.patterns, wide.patterns, hasSameText);
    case 'path':
      return narrow.kind === 'path' && every(narrow.globs, wide.globs, globCovers);
    case 'query':
      return narrow.kind === 'query' && namedCover(wide.parameters, narrow.parameters);
    case 'field':
      return narrow.kind === 'field' && namedCover(wide.fields, narrow.fields);
    case 'claim':
      return narrow.kind === 'claim' && namedCover(wide.claims, narrow.claims);
    case 'request_size':
    case 'response_size':
      return narrow.kind === wide.kind && every(narrow.bounds, wide.bounds, boundCovers);
    case 'response_type':
      return narrow.kind === 'response_type' && every(narrow.types, wide.types, globCovers);
    case 'user':
      // A group or a claim is had by somebody.
      if (wide.globs.some(({ text }) => text === '*') && (narrow.kind === 'group' || narrow.kind === 'claim')) return true;
      return narrow.kind === 'user' && every(narrow.globs, wide.globs, globCovers);
    case 'scheme':
      return narrow.kind === 'scheme' && includesAll(wide.schemes, narrow.schemes);
    case 'method':
      return narrow.kind === 'method' && includesAll(wide.methods, narrow.methods);
    case 'sni':
      return narrow.kind === 'sni' && every(narrow.patterns, wide.patterns, hostCovers);
    case 'sni_agrees':
      return narrow.kind === 'sni_agrees' && narrow.agrees === wide.agrees;
    case 'tunnel_protocol':
      // Only TLS names a server.
      if (narrow.kind === 'sni') return wide.protocols.includes('tls');
      return narrow.kind === 'tunnel_protocol' && includesAll(wide.protocols, narrow.protocols);
    case 'upgrade':
      return narrow.kind === 'upgrade' && includesAll(wide.protocols, narrow.protocols);
    case 'group':
    case 'listener':
      return narrow.kind === wide.kind && includesAll(wide.names, narrow.names);
    case 'time':
      return narrow.kind === 'time' && narrow.window.text === wide.window.text;
    default:
      return wide satisfies never;
  }
}

function listCovers(wide: ListUse, narrow: Leaf): boolean {
  if (narrow.kind === 'list-use') return narrow.list === wide.list && narrow.of === wide.of;
  const { list } = wide;
  return list.kind === 'domains' && isExactHosts(narrow, (host) => list.matchesHost(host));
}

function isExactHosts(leaf: Leaf, holds: (host: string) => boolean): boolean {
  return leaf.kind === 'host' && leaf.patterns.every(({ kind, name }) => kind === 'exact' && holds(name));
}

/** A star of the narrow glob can only be taken by a star of the wide one, which then takes whatever stands for it. */
export function globCovers(wide: Glob, narrow: Glob): boolean {
  return matchesGlob(wide, narrow.pieces.join('*'));
}

/** Every name that is asked for has to be asked for, with values as narrow, on the other side too. */
function namedCover(wide: readonly NamedGlobs[], narrow: readonly NamedGlobs[]): boolean {
  return wide.every(({ name, globs }) => narrow.some((other) => other.name === name && every(other.globs, globs, globCovers)));
}

function portsCover(wide: readonly PortRange[], narrow: PortRange): boolean {
  let next = narrow.from;
  for (const { from, to } of wide.toSorted((a, b) => a.from - b.from)) if (from <= next && to >= next) next = to + 1;
  return next > narrow.to;
}

function boundCovers(wide: SizeBound, narrow: SizeBound): boolean {
  return wide.relation === narrow.relation && (wide.relation === 'over' ? wide.bytes <= narrow.bytes : wide.bytes >= narrow.bytes);
}

function every<Narrow, Wide>(
  narrow: readonly Narrow[],
  wide: readonly Wide[],
  isCovered: (wide: Wide, narrow: Narrow) => boolean,
): boolean {
  return narrow.every((each) => wide.some((other) => isCovered(other, each)));
}

function includesAll<T>(wide: readonly T[], narrow: readonly T[]): boolean {
  return narrow.every((each) => wide.includes(each));
}

function hasSameText(one: { readonly text: string }, other: { readonly text: string }): boolean {
  return one.text === other.text;
}

function isLeaf(condition: Condition): condition is Leaf {
  const { kind } = condition;
  return kind !== 'all' && kind !== 'any' && kind !== 'not' && kind !== 'group-use';
}
