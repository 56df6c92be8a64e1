// Owns how a terminal is told of rules and decisions: one line each, the place last, so that an editor can follow it.
import type { AcceptedFault, Decision, Rule, RuleInterception, SourcePosition } from '../policy/policy.ts';
import { wrap } from './help.ts';

/** `corporate.yaml:12` */
export function placeText({ file, line }: SourcePosition): string {
  return `${file}:${line}`;
}

/** `rule 'Adverts'` */
export function ruleText(name: string | null): string {
  return name === null ? 'unnamed rule' : `rule '${name}'`;
}

/** Who decided: `rule 'Adverts'  corporate.yaml:12`, `default  corporate.yaml:3` */
export function deciderText({ decidedBy, rule, position }: Decision): string {
  const decider = decidedBy === 'rule' || decidedBy === 'identity-needed' ? ruleText(rule?.name ?? null) : DECIDERS[decidedBy];
  return `${decider}  ${placeText(position)}`;
}

/** A paragraph that hangs from its first line. */
export function hanging(text: string, indent: string): string {
  return indent + wrap(text, `${indent}  `, COLUMNS).trimStart();
}

/** What the person who is refused is told, in one line; `null` when that is only the rule. */
export function denialText({ denial }: Rule): string | null {
  if (denial === null) return null;
  const { status, message, owner, requestAccess } = denial;
  const parts = [message, owner === null ? null : `Owner: ${owner}.`, requestAccess === null ? null : `Ask at ${requestAccess}`].filter(
    (part) => part !== null,
  );
  if (parts.length === 0 && status === 403) return null;
  return `Told with status ${status}${parts.length === 0 ? '' : `: ${parts.join(' ')}`}`;
}

/** What the cache does otherwise under a rule; `null` when it does what RFC 9111 says. */
export function cacheText({ cache }: Rule): string | null {
  if (cache === null) return null;
  const { bypass, ttlSeconds, force, ignoreQuery, partition } = cache;
  if (bypass) return 'Cache: nothing is stored, and nothing answered from what is.';
  const fresh = ttlSeconds === null ? null : `fresh for ${lifetimeText(ttlSeconds)}, whatever the origin says`;
  const parts = [
    fresh,
    force ? 'stored even where the origin forbids it' : null,
    ignoreQuery === true ? 'without regard to the query' : null,
    typeof ignoreQuery === 'object' ? `without regard to ${ignoreQuery.join(', ')} in the query` : null,
    partition === null ? null : 'apart for each user',
  ].filter((part) => part !== null);
  return parts.length === 0 ? null : `Cache: ${parts.join('; ')}.`;
}

/** What becomes of clients that do not let their TLS be opened. */
export function pinnedText({ onPinned, passthroughSeconds, isRequired }: RuleInterception): string {
  if (onPinned === 'passthrough')
    return `Clients that refuse our certificate: their tunnels to that host pass unopened for ${lifetimeText(passthroughSeconds)}.`;
  return isRequired ? 'Nothing of it passes unopened.' : 'Clients that refuse our certificate are refused.';
}

/** What is no fault in a certificate. */
export function forgivenText(faults: readonly AcceptedFault[]): string {
  return faults.map((fault) => FORGIVEN[fault] ?? `the one with the SHA-256 ${fault.slice('sha256:'.length)}`).join(', ');
}

/** The longest unit in which it is a whole number: `90s`, `1h`, `30d`. */
function lifetimeText(seconds: number): string {
  const [unit, length] = LIFETIME_UNITS.find(([, each]) => seconds >= each && seconds % each === 0) ?? (['s', 1] as const);
  return `${seconds / length}${unit}`;
}

const LIFETIME_UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
] as const;
const FORGIVEN: Readonly<Record<string, string>> = {
  expired: 'out of date',
  wrong_name: 'for other names',
  untrusted: 'from nobody who is trusted',
};
const COLUMNS = 100;
const DECIDERS: Readonly<Record<Exclude<Decision['decidedBy'], 'rule' | 'identity-needed'>, string>> = {
  default: 'default',
  'connect-ports': 'connect_ports',
  'unknown-method': 'unknown method',
  'unusable-question': 'unusable destination',
  'unusable-path': 'unusable path',
  'unusable-query': 'unusable query',
  'unusable-field': 'unusable field',
  'unusable-address': 'unusable address',
  'unusable-type': 'unusable media type',
  'unusable-url': 'unusable URL',
};
