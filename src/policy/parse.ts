// Owns the language of a policy file: YAML → Policy, or every problem at once, each with its place. policies/README.md describes it for people.
// Refuses unknown keys and values that say nothing: a policy that was misread is worse than none. The values of criteria are parse-criteria.ts.
import { isMap, isScalar, isSeq, type ParsedNode } from 'yaml';
import type { Criterion, PortRange } from '../match/matcher.ts';
import { CRITERIA, cidrBlock, portRange, readCriteria, readValues } from './parse-criteria.ts';
import type { Action, Policy, Rule } from './policy.ts';
import {
  type Entry,
  hint,
  openSource,
  type PolicyProblem,
  positionOf,
  readMapping,
  readText,
  report,
  type Source,
  shown,
} from './yaml-source.ts';

export type ParsedPolicy = { readonly policy: Policy } | { readonly problems: readonly PolicyProblem[] };

/**
 * @param file names the text in positions; nothing is read
 * @throws never
 */
export function parsePolicy(text: string, file: string): ParsedPolicy {
  const { source, root } = openSource(text, file);
  const policy = root === null ? null : readPolicy(source, root);
  if (policy !== null && source.problems.length === 0) return { policy };
  return { problems: source.problems.sort((a, b) => a.line - b.line || a.column - b.column) };
}

/** `policies/open.yaml:12:5: unknown key 'hosts' in allow; did you mean 'host'?` */
export function formatProblem(problem: PolicyProblem): string {
  const place = problem.line === 0 ? problem.file : `${problem.file}:${problem.line}:${problem.column}`;
  return `${place}: ${problem.message}`;
}

function readPolicy(source: Source, root: ParsedNode): Policy | null {
  const start = root.range[0];
  const entries = readMapping(source, root, 'a policy', ['version', 'default', 'connect_ports', 'rules']);
  if (entries === null) return null;
  readVersion(source, start, entries.get('version'));
  const defaultAction = readDefault(source, start, entries.get('default'));
  const connectPorts = entries.get('connect_ports');
  return {
    file: source.file,
    defaultAction,
    defaultPosition: positionOf(source, entries.get('default')?.offset ?? start),
    connectPorts: connectPorts === undefined ? HTTPS_ALONE : readConnectPorts(source, connectPorts),
    connectPortsPosition: positionOf(source, connectPorts?.offset ?? start),
    rules: readRules(source, entries.get('rules')),
  };
}

function readVersion(source: Source, start: number, entry: Entry | undefined): void {
  if (entry === undefined) {
    report(source, start, `a policy needs 'version: 1'`);
    return;
  }
  const version = readText(source, entry, 'version', '1');
  if (version !== null && version.text !== '1') {
    report(source, version.offset, `version: expected 1, the only version of the language there is; found ${shown(version.text)}`);
  }
}

function readDefault(source: Source, start: number, entry: Entry | undefined): Action {
  if (entry === undefined) {
    report(source, start, `a policy needs 'default: allow' or 'default: deny', for requests that no rule matches`);
    return 'deny';
  }
  const text = readText(source, entry, 'default', 'allow or deny');
  if (text === null || text.text === 'allow' || text.text === 'deny') return text?.text === 'allow' ? 'allow' : 'deny';
  report(source, text.offset, `default: expected allow or deny; found ${shown(text.text)}${hint(text.text, ACTIONS)}`);
  return 'deny';
}

function readConnectPorts(source: Source, entry: Entry): readonly PortRange[] {
  if (isScalar(entry.value) && entry.value.value === 'any') return EVERY_PORT;
  // Unlike a criterion, an empty list says something: no tunnels at all.
  if (isSeq(entry.value) && entry.value.items.length === 0) return [];
  return readValues(source, entry, 'connect_ports', "a port, a range such as 8000-8999, or 'any' alone", portRange);
}

function readRules(source: Source, entry: Entry | undefined): readonly Rule[] {
  if (entry === undefined) return [];
  const { value } = entry;
  if (!isSeq(value)) {
    report(
      source,
      entry.offset,
      `rules: expected a list, each rule on a line of its own that begins with "- "; write 'rules: []' for none`,
    );
    return [];
  }
  return (value.items as readonly ParsedNode[]).flatMap((item) => readRule(source, item) ?? []);
}

function readRule(source: Source, node: ParsedNode): Rule | null {
  const start = node.range[0];
  const entries = readMapping(source, node, 'a rule', ['name', 'allow', 'deny', 'message', 'allow_private']);
  if (entries === null) return null;
  const action = readAction(source, start, entries);
  if (action === null) return null;
  const criteria = readMatch(source, action, entries.get(action)!);
  return {
    action,
    name: readSentence(source, entries.get('name'), 'name', 100),
    criteria,
    message: readMessage(source, action, entries.get('message')),
    allowPrivate: readAllowPrivate(source, action, criteria, entries.get('allow_private')),
    position: positionOf(source, start),
  };
}

function readAction(source: Source, start: number, entries: ReadonlyMap<string, Entry>): Action | null {
  const deny = entries.get('deny');
  if (entries.has('allow') && deny !== undefined) {
    report(source, deny.offset, 'a rule has either allow or deny, not both; make it two rules');
    return null;
  }
  if (entries.has('allow')) return 'allow';
  if (deny !== undefined) return 'deny';
  report(source, start, `a rule needs 'allow:' or 'deny:' with what it matches, such as 'deny: { host: .ads.example }'`);
  return null;
}

function readMatch(source: Source, action: Action, entry: Entry): readonly Criterion[] {
  if (isScalar(entry.value) && entry.value.value === 'any') return [];
  if (!isMap(entry.value)) {
    report(source, entry.offset, `${action}: expected what to match, such as { host: example.com }, or 'any' for everything`);
    return [];
  }
  const entries = readMapping(source, entry.value, action, CRITERIA);
  return entries === null ? [] : readCriteria(source, entries);
}

function readMessage(source: Source, action: Action, entry: Entry | undefined): string | null {
  if (entry === undefined || action === 'deny') return readSentence(source, entry, 'message', 500);
  report(source, entry.offset, 'message: only beside deny; it is what the person who is refused reads');
  return null;
}

function readAllowPrivate(source: Source, action: Action, criteria: readonly Criterion[], entry: Entry | undefined): Rule['allowPrivate'] {
  if (entry === undefined) return 'none';
  if (action === 'deny') {
    report(source, entry.offset, 'allow_private: only beside allow; a deny rule lets nothing pass');
  } else if (!criteria.some((criterion) => criterion.kind === 'host')) {
    report(source, entry.offset, `allow_private: only with a 'host' criterion; the address guard is loosened for named hosts alone`);
  }
  const word = isScalar(entry.value) ? entry.value.value : null;
  if (word === 'false') return 'none';
  if (word === 'true') return 'private';
  return readValues(source, entry, 'allow_private', 'true, false or a CIDR block such as 10.0.0.0/8', cidrBlock);
}

/** Text for people, on one line. */
function readSentence(source: Source, entry: Entry | undefined, key: string, mostCharacters: number): string | null {
  if (entry === undefined) return null;
  const text = readText(source, entry, key, 'a text');
  if (text === null) return null;
  const sentence = text.text.trim().replace(/\s+/g, ' ');
  if (/\p{Cc}/u.test(sentence)) report(source, text.offset, `${key}: the text has a control character in it`);
  if (sentence.length > mostCharacters) report(source, text.offset, `${key}: ${sentence.length} characters; at most ${mostCharacters} fit`);
  return sentence;
}

const ACTIONS = ['allow', 'deny'] as const;
const HTTPS_ALONE: readonly PortRange[] = [{ from: 443, to: 443 }];
const EVERY_PORT: readonly PortRange[] = [{ from: 1, to: 65535 }];
