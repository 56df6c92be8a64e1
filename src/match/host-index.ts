// Owns finding, for one host, everything that was filed under a matching host pattern, in time that grows with the labels of the host and
// not with the number of patterns. It agrees with `matchesHost` on every pattern and host; a property test holds the two together.
import type { HostPattern } from './host-pattern.ts';

/** Numbers filed under patterns; each list ascends, since they are filed in ascending order. */
export interface HostIndex {
  readonly exact: Map<string, number[]>;
  readonly below: Map<string, number[]>;
  readonly oneLabel: Map<string, number[]>;
}

export function createHostIndex(): HostIndex {
  return { exact: new Map(), below: new Map(), oneLabel: new Map() };
}

/** Files one number under all its patterns. @param value greater than every number filed before */
export function fileUnderHosts(index: HostIndex, patterns: readonly HostPattern[], value: number): void {
  // Names with this number alone share one list, so that a rule with a hundred thousand hosts costs one.
  const alone = [value];
  for (const { kind, name } of patterns) {
    const map = mapFor(index, kind);
    const list = map.get(name);
    if (list === undefined) map.set(name, alone);
    else if (list.at(-1) === value) continue;
    else if (list.length === 1) map.set(name, [list[0]!, value]);
    else list.push(value);
  }
}

/**
 * Gives `visit` each list filed under a pattern that matches the host, in no particular order.
 *
 * @param host canonical
 * @param context handed to `visit`, so that a caller in a hurry needs no closure
 */
export function visitHost<T>(index: HostIndex, host: string, context: T, visit: (context: T, values: readonly number[]) => void): void {
  visitList(index.exact, host, context, visit);
  visitList(index.below, host, context, visit);
  if (index.below.size === 0 && index.oneLabel.size === 0) return;
  let dot = host.indexOf('.');
  if (dot !== -1) visitList(index.oneLabel, host.slice(dot + 1), context, visit);
  for (; dot !== -1; dot = host.indexOf('.', dot + 1)) visitList(index.below, host.slice(dot + 1), context, visit);
}

/** Whether anything is filed under a pattern that matches the host. @param host canonical */
export function isFiled({ exact, below, oneLabel }: HostIndex, host: string): boolean {
  if (exact.has(host) || below.has(host)) return true;
  if (below.size === 0 && oneLabel.size === 0) return false;
  let dot = host.indexOf('.');
  if (dot !== -1 && oneLabel.has(host.slice(dot + 1))) return true;
  for (; dot !== -1; dot = host.indexOf('.', dot + 1)) if (below.has(host.slice(dot + 1))) return true;
  return false;
}

function visitList<T>(map: HostIndex['exact'], name: string, context: T, visit: (context: T, values: readonly number[]) => void): void {
  const list = map.get(name);
  if (list !== undefined) visit(context, list);
}

function mapFor(index: HostIndex, kind: HostPattern['kind']): HostIndex['exact'] {
  switch (kind) {
    case 'exact':
      return index.exact;
    case 'below':
      return index.below;
    case 'one-label':
      return index.oneLabel;
    default:
      return kind satisfies never;
  }
}
