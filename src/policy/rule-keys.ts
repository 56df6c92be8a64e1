// Owns what a rule can be filed under: keys that its condition implies, so that whatever meets none of them is known not to match, be it as it may with
// all else that the condition asks. Only what makes a condition false counts here: to be unknown is no reason to be passed by.
import type { Block, Condition, Criterion, PortRange } from '../match/condition.ts';
import type { HostPattern } from '../match/host-pattern.ts';
import type { Regex } from '../match/regex.ts';
import { literalOfGlob } from '../match/required-literal.ts';

export type Key =
  | { readonly kind: 'hosts'; readonly patterns: readonly HostPattern[] }
  | { readonly kind: 'users' | 'groups' | 'methods'; readonly names: readonly string[] }
  | { readonly kind: 'clients'; readonly blocks: readonly Block[] }
  | { readonly kind: 'ports'; readonly ranges: readonly PortRange[] }
  | TextKey;

/** One of the literals is in the host, the user's name, or the path in normal form. Where there is no such path to be seen, the key holds. */
export interface TextKey {
  readonly kind: 'host-text' | 'user-text' | 'path-text';
  readonly literals: readonly string[];
}

/**
 * Keys of which one holds unless the condition is false; `null` when there are none such.
 *
 * @param byPath whether a key may ask for the path
 */
export function keysOf(condition: Condition, byPath: boolean): readonly Key[] | null {
  switch (condition.kind) {
    case 'all': {
      const choices = condition.of.map((part) => keysOf(part, byPath)).filter((keys) => keys !== null);
      return choices.reduce<readonly Key[] | null>((best, keys) => (best === null || worth(keys) > worth(best) ? keys : best), null);
    }
    case 'any': {
      const each = condition.of.map((part) => keysOf(part, byPath));
      return each.every((keys) => keys !== null) ? each.flat() : null;
    }
    case 'not':
    case 'list-use':
      return null;
    case 'group-use':
      return keysOf(condition.condition, byPath);
    default:
      return keysOfCriterion(condition, byPath);
  }
}

/** Whether the condition asks for nothing but the path, and always for that. */
export function asksPathAlone(condition: Condition): boolean {
  switch (condition.kind) {
    case 'all':
    case 'any':
      return condition.of.length > 0 && condition.of.every(asksPathAlone);
    case 'not':
      return asksPathAlone(condition.of);
    case 'group-use':
      return asksPathAlone(condition.condition);
    default:
      return condition.kind === 'path' || condition.kind === 'path_regex';
  }
}

function keysOfCriterion(criterion: Criterion, byPath: boolean): readonly Key[] | null {
  switch (criterion.kind) {
    case 'host':
      return [{ kind: 'hosts', patterns: criterion.patterns }];
    case 'host_regex':
      return textKeys('host-text', criterion.patterns.map(literalOfRegex));
    case 'domain':
      return [{ kind: 'hosts', patterns: criterion.names.map((name) => ({ kind: 'below', name })) }];
    case 'user': {
      const names = criterion.globs.filter(({ pieces }) => pieces.length === 1).map(({ text }) => text);
      if (names.length === criterion.globs.length) return [{ kind: 'users', names }];
      const keys = textKeys('user-text', criterion.globs.filter(({ pieces }) => pieces.length > 1).map(literalOfGlob));
      return keys === null || names.length === 0 ? keys : [{ kind: 'users', names }, ...keys];
    }
    case 'group':
      return [{ kind: 'groups', names: criterion.names }];
    case 'client':
      return criterion.blocks.every(({ cidr }) => cidr.address.version === 4) ? [{ kind: 'clients', blocks: criterion.blocks }] : null;
    case 'port': {
      const ports = criterion.ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0);
      return ports <= MOST_PORTS ? [{ kind: 'ports', ranges: criterion.ranges }] : null;
    }
    case 'method':
      return [{ kind: 'methods', names: criterion.methods }];
    case 'path':
      return byPath ? textKeys('path-text', criterion.globs.map(literalOfGlob)) : null;
    case 'path_regex':
      return byPath ? textKeys('path-text', criterion.patterns.map(literalOfRegex)) : null;
    default:
      return null;
  }
}

function textKeys(kind: TextKey['kind'], literals: readonly string[]): readonly Key[] | null {
  return literals.every(({ length }) => length >= LEAST_LITERAL) ? [{ kind, literals }] : null;
}

function literalOfRegex(pattern: Regex): string {
  return pattern.requiredLiteral();
}

/** How well keys single a rule out: as the worst of them does. */
function worth(keys: readonly Key[]): number {
  return Math.min(...keys.map(({ kind }) => WORTH[kind]));
}

const WORTH: Readonly<Record<Key['kind'], number>> = {
  hosts: 6,
  users: 5,
  groups: 4,
  clients: 3,
  ports: 2,
  methods: 1,
  'host-text': 0,
  'user-text': 0,
  'path-text': 0,
};
/** A wider range of ports singles nothing out. */
const MOST_PORTS = 64;
/** One character is in most texts. */
const LEAST_LITERAL = 2;
