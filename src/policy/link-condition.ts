// Owns looking up names in a condition: `in` and `client_in` → the group or list that they stand for.
// Refuses groups that use each other in a circle, deep chains of them and conditions that stand for very many criteria: a group that is used twice by
// a group that is used twice doubles with every step, and every request would pay for it.
import type { Condition, List, ListUse } from '../match/condition.ts';
import type { ParsedGroup, ParsedList, Reference, UnlinkedCondition } from './parsed-file.ts';
import type { SourcePosition } from './policy.ts';

export type Name = { readonly kind: 'group'; readonly group: ParsedGroup } | { readonly kind: 'list'; readonly list: ParsedList };

export interface ConditionLinker {
  readonly names: ReadonlyMap<string, Name>;
  /** `null` is a list that could not be loaded. */
  readonly lists: ReadonlyMap<string, List | null>;
  /** Whether all files are there; a name that is missing may stand in one that is not. */
  readonly isWhole: boolean;
  readonly groups: Map<ParsedGroup, LinkedCondition>;
  /** `; did you mean 'ads'?`, or nothing. */
  hint(name: string): string;
  report(position: SourcePosition, message: string): void;
}

export interface LinkedCondition {
  readonly condition: Condition;
  /** Criteria to judge, those of groups counted wherever they are used. */
  readonly size: number;
  /** How many groups stand in each other at most. */
  readonly depth: number;
}

/** @param chain the groups that are being linked, outermost first */
export function linkCondition(linker: ConditionLinker, condition: UnlinkedCondition, chain: readonly ParsedGroup[]): LinkedCondition {
  switch (condition.kind) {
    case 'all':
    case 'any': {
      const parts = condition.of.map((part) => linkCondition(linker, part, chain));
      return {
        condition: { kind: condition.kind, of: parts.map((part) => part.condition) },
        size: parts.reduce((sum, part) => sum + part.size, 0),
        depth: parts.reduce((most, part) => Math.max(most, part.depth), 0),
      };
    }
    case 'not': {
      const part = linkCondition(linker, condition.of, chain);
      return { ...part, condition: { kind: 'not', of: part.condition } };
    }
    case 'reference':
      return linkReference(linker, condition, chain);
    default:
      return { condition, size: 1, depth: 0 };
  }
}

/** Linked once, however often it is used. */
export function linkGroup(linker: ConditionLinker, group: ParsedGroup, chain: readonly ParsedGroup[]): LinkedCondition {
  const known = linker.groups.get(group);
  if (known !== undefined) return known;
  let linked = linkCondition(linker, group.condition, [...chain, group]);
  if (linked.size > MOST_CRITERIA || linked.depth >= MOST_DEPTH) {
    const why = linked.depth >= MOST_DEPTH ? `uses groups more than ${MOST_DEPTH} deep` : `stands for more than ${MOST_CRITERIA} criteria`;
    linker.report(group.position, `group ${group.name} ${why}, groups inside it written out; make it simpler, or use lists`);
    linked = NOTHING;
  }
  linker.groups.set(group, linked);
  return linked;
}

function linkReference(linker: ConditionLinker, { key, name, position }: Reference, chain: readonly ParsedGroup[]): LinkedCondition {
  const found = linker.names.get(name);
  if (found === undefined) {
    if (linker.isWhole) linker.report(position, `${key}: there is no group or list '${name}'${linker.hint(name)}`);
    return NOTHING;
  }
  if (found.kind === 'list') return linkList(linker, key, found.list, position);
  if (key === 'client_in') {
    linker.report(
      position,
      `client_in: '${name}' is a group; lists of the format cidr stand here. A group says 'client' for itself, and stands under 'in'`,
    );
    return NOTHING;
  }
  const circle = chain.indexOf(found.group);
  if (circle !== -1) {
    const names = [...chain.slice(circle), found.group].map((group) => group.name);
    linker.report(position, `in: groups use each other in a circle: ${names.join(' → ')}`);
    return NOTHING;
  }
  if (chain.length > MOST_DEPTH) return { ...NOTHING, depth: MOST_DEPTH }; // the group at the other end says so
  const { condition, size, depth } = linkGroup(linker, found.group, chain);
  return { condition: { kind: 'group-use', name, condition }, size, depth: depth + 1 };
}

function linkList(linker: ConditionLinker, key: Reference['key'], { name, source }: ParsedList, position: SourcePosition): LinkedCondition {
  if (source === null) return NOTHING;
  if (key === 'client_in' && source.format !== 'cidr')
    linker.report(
      position,
      `client_in: the list '${name}' has the format ${source.format}; only one of the format cidr can hold the client's address`,
    );
  const list = linker.lists.get(name);
  if (list === undefined) linker.report(position, `${key}: the list '${name}' has not been loaded`);
  if (list == null) return NOTHING;
  const use: ListUse = { kind: 'list-use', name, of: key === 'in' ? 'destination' : 'client', list };
  return { condition: use, size: 1, depth: 0 };
}

/** Stands where a problem has been reported, so that the rest can be looked at. */
const NOTHING: LinkedCondition = { condition: { kind: 'all', of: [] }, size: 0, depth: 0 };
const MOST_DEPTH = 16;
const MOST_CRITERIA = 10_000;
