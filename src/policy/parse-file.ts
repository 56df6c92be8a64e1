// Owns one file of the policy language: YAML → what it says, and every problem at once, each with its place. policies/README.md describes the
// language for people. Refuses unknown keys and values that say nothing: a policy that was misread is worse than none.
// What the names in it stand for is not looked up here: that takes all files, and is link.ts.
import { isSeq, type ParsedNode } from 'yaml';
import type { PortRange } from '../match/condition.ts';
import { readGroups, readLists } from './parse-names.ts';
import { readItem } from './parse-rule.ts';
import { readTests } from './parse-tests.ts';
import { isWord, oneOf, PORT_EXPECTED, portRange, Refused, readValue, readValues } from './parse-values.ts';
import type { ParsedFile, PolicyHead } from './parsed-file.ts';
import { type Entry, openSource, type PolicyProblem, positionOf, readMapping, report, type Source, shown } from './yaml-source.ts';

export const POLICY_KEYS = ['version', 'default', 'connect_ports', 'methods', 'groups', 'lists', 'rules', 'tests'] as const;

/** What a file says as far as it could be read: `null` when nothing of it could. With problems, it is only good for finding more of them. */
export interface FileReading {
  readonly parsed: ParsedFile | null;
  readonly problems: readonly PolicyProblem[];
}

/**
 * @param file names the text in positions; nothing is read
 * @param role whether the file is the policy itself, or included by one and so without a say in what holds for the whole
 * @throws never
 */
export function parseFile(text: string, file: string, role: 'main' | 'included'): FileReading {
  const { source, root } = openSource(text, file);
  const entries = root === null ? null : readMapping(source, root, 'a policy', POLICY_KEYS);
  if (root === null || entries === null) return { parsed: null, problems: source.problems };
  readVersion(source, root.range[0], entries.get('version'));
  const parsed: ParsedFile = {
    file,
    head: role === 'main' ? readHead(source, root.range[0], entries) : refuseHead(source, entries),
    groups: readGroups(source, entries.get('groups')),
    lists: readLists(source, entries.get('lists')),
    items: readItems(source, entries.get('rules')),
    tests: readTests(source, entries.get('tests')),
  };
  return { parsed, problems: source.problems };
}

function readVersion(source: Source, start: number, entry: Entry | undefined): void {
  if (entry === undefined) report(source, start, `a policy needs 'version: 1'`);
  readValue(source, entry, 'version', '1', (text) =>
    text === '1' ? text : new Refused(`expected 1, the only version of the language there is; found ${shown(text)}`),
  );
}

function readHead(source: Source, start: number, entries: ReadonlyMap<string, Entry>): PolicyHead {
  const byDefault = entries.get('default');
  const connectPorts = entries.get('connect_ports');
  if (byDefault === undefined)
    report(source, start, `a policy needs 'default: allow' or 'default: deny', for requests that no rule matches`);
  return {
    defaultAction: readValue(source, byDefault, 'default', 'allow or deny', oneOf(['allow', 'deny'])) ?? 'deny',
    defaultPosition: positionOf(source, byDefault?.offset ?? start),
    connectPorts: connectPorts === undefined ? HTTPS_ALONE : readConnectPorts(source, connectPorts),
    connectPortsPosition: positionOf(source, connectPorts?.offset ?? start),
    anyMethod: readValue(source, entries.get('methods'), 'methods', 'registered or any', oneOf(['registered', 'any'])) === 'any',
  };
}

function refuseHead(source: Source, entries: ReadonlyMap<string, Entry>): null {
  for (const key of ['default', 'connect_ports', 'methods']) {
    const entry = entries.get(key);
    if (entry !== undefined)
      report(source, entry.offset, `${key}: not in a file that is included; it holds for the whole policy and stands in its main file`);
  }
  return null;
}

function readConnectPorts(source: Source, entry: Entry): readonly PortRange[] {
  if (isWord(entry, 'any')) return EVERY_PORT;
  // Unlike a criterion, an empty list says something: no tunnels at all.
  if (isSeq(entry.value) && entry.value.items.length === 0) return [];
  return readValues(source, entry, 'connect_ports', `${PORT_EXPECTED}, or 'any' alone`, portRange);
}

function readItems(source: Source, entry: Entry | undefined): ParsedFile['items'] {
  if (entry === undefined) return [];
  const { value } = entry;
  if (isSeq(value)) return (value.items as readonly ParsedNode[]).flatMap((item) => readItem(source, item) ?? []);
  report(source, entry.offset, `rules: expected a list, each rule on a line of its own that begins with "- "; write 'rules: []' for none`);
  return [];
}

const HTTPS_ALONE: readonly PortRange[] = [{ from: 443, to: 443 }];
const EVERY_PORT: readonly PortRange[] = [{ from: 1, to: 65535 }];
