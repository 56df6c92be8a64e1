// Owns reading the file of rewriting rules: YAML in the style of policies → rules, or every problem with its place. It opens nothing: paths in it are
// made absolute from its folder, and looked at when a request comes.
import path from 'node:path';
import { isMap, isScalar, isSeq, type ParsedNode } from 'yaml';
import type { Fields } from '../http/message.ts';
import { parseTarget } from '../http/target.ts';
import { isToken } from '../http/token.ts';
import { parseCount, parseDuration, parseRate } from '../match/units.ts';
import { oneOf, Refused, readValue, readValues, refusing } from '../policy/parse-values.ts';
import {
  type Entry,
  found,
  openSource,
  type PolicyProblem,
  positionOf,
  readMapping,
  report,
  type Source,
  sortProblems,
} from '../policy/yaml-source.ts';
import { literalReplacement, patternReplacement } from './replacement.ts';
import {
  type Ending,
  FAILURE_KINDS,
  type FailureKind,
  type Match,
  type Replacement,
  type RequestChanges,
  type ResponseChanges,
  type RewriteRule,
  type Side,
  THROTTLE_PROFILES,
  type Throttle,
} from './rule.ts';

/** The filter language, for whatever a match looks at. */
export type CompileMatch<Subject> = (
  text: string,
) => { readonly ok: Match<Subject> } | { readonly problem: { readonly column: number; readonly message: string } };

export type ParsedRules<Subject> = { readonly rules: readonly RewriteRule<Subject>[] } | { readonly problems: readonly PolicyProblem[] };

/**
 * @param file  its absolute path, for places and for paths in it
 * @returns all problems at once
 */
export function parseRules<Subject>(text: string, file: string, compileMatch: CompileMatch<Subject>): ParsedRules<Subject> {
  if (/^\s*(?:#.*\s*)*$/.test(text)) return { rules: [] };
  const { source, root } = openSource(text, file);
  const rules = root === null ? [] : readFile(source, root, compileMatch);
  return source.problems.length > 0 ? { problems: sortProblems(source.problems) } : { rules };
}

function readFile<Subject>(source: Source, root: ParsedNode, compileMatch: CompileMatch<Subject>): readonly RewriteRule<Subject>[] {
  const file = readMapping(source, root, 'a file of rewriting rules', ['version', 'rules']);
  const version = readValue(source, file?.get('version'), 'version', 'the number 1', oneOf(['1']));
  if (file !== null && version === null && !file.has('version')) report(source, 0, 'version: expected "version: 1" at the top');
  const entry = file?.get('rules');
  if (entry === undefined) return [];
  if (!isSeq(entry.value)) {
    report(source, entry.offset, `rules: expected a list of rules; found ${found(entry.value)}`);
    return [];
  }
  const names = new Set<string>();
  return (entry.value.items as readonly ParsedNode[]).flatMap((node) => readRule(source, node, names, compileMatch) ?? []);
}

function readRule<Subject>(
  source: Source,
  node: ParsedNode,
  names: Set<string>,
  compileMatch: CompileMatch<Subject>,
): RewriteRule<Subject> | null {
  const rule = readMapping(source, node, 'a rewriting rule', RULE_KEYS);
  if (rule === null) return null;
  const [start] = node.range;
  for (const key of ['name', 'match']) if (!rule.has(key)) report(source, start, `${key}: a rule needs it`);
  const name = readValue(source, rule.get('name'), 'name', 'a name', (text) => text);
  const nameEntry = rule.get('name');
  if (name !== null && names.has(name))
    report(source, nameEntry!.offset, `name: '${name}' is taken by a rule above; the record names rules`);
  if (name !== null) names.add(name);
  const match = readMatch(source, rule.get('match'), compileMatch);
  const isOn = readValue(source, rule.get('on'), 'on', 'true or false', oneOf(['true', 'false'])) !== 'false';
  const fields = {
    set: bySide(source, rule.get('set'), 'set', readFields),
    remove: bySide(source, rule.get('remove'), 'remove', readNames),
  };
  const content = readReplacements(source, rule.get('replace'));
  const failure = readValue(source, rule.get('fail'), 'fail', FAILURE_KINDS.join(', '), oneOf(FAILURE_KINDS));
  const parts = {
    request: requestChanges(
      source,
      rule,
      fields,
      content.filter((each) => each.side === 'request'),
    ),
    response: responseChanges(
      source,
      rule,
      fields,
      content.filter((each) => each.side === 'response'),
      failure === 'truncate',
    ),
    ending: readEnding(source, rule, failure, start),
    delayMs:
      readValue(
        source,
        rule.get('delay'),
        'delay',
        'a duration such as 2s',
        refusing((text) => parseDuration(text, 1)),
      ) ?? 0,
    throttle: readThrottle(source, rule.get('throttle')),
  };
  if (!RULE_KEYS.some((key) => rule.has(key) && !['name', 'match', 'on'].includes(key)))
    report(source, start, `a rule does something: give it one of ${ACTION_KEYS.join(', ')}`);
  if (name === null || match === null) return null;
  return { name, position: positionOf(source, start), isOn, ...match, ...parts };
}

function readMatch<Subject>(source: Source, entry: Entry | undefined, compile: CompileMatch<Subject>) {
  return readValue(source, entry, 'match', 'a filter such as "host:example.com & path:/api"', (text) => {
    const compiled = compile(text);
    return 'ok' in compiled
      ? { match: text, ...compiled.ok }
      : new Refused(`${compiled.problem.message} (column ${compiled.problem.column} of the filter)`);
  });
}

interface BySide<T> {
  readonly request: readonly T[];
  readonly response: readonly T[];
}
interface FieldChanges {
  readonly set: BySide<Fields[number]>;
  readonly remove: BySide<string>;
}
type SidedReplacement = Replacement & { readonly side: Side };

function requestChanges(
  source: Source,
  rule: ReadonlyMap<string, Entry>,
  { set, remove }: FieldChanges,
  content: readonly SidedReplacement[],
): RequestChanges | null {
  const remote = readValue(source, rule.get('map_remote'), 'map_remote', 'a URL such as https://staging.example', readRemote);
  const urls = readUrlReplacement(source, rule.get('rewrite_url'));
  if (remote === null && urls.length + set.request.length + remove.request.length + content.length === 0) return null;
  return { remote, urls, set: set.request, remove: remove.request, content };
}

function responseChanges(
  source: Source,
  rule: ReadonlyMap<string, Entry>,
  { set, remove }: FieldChanges,
  content: readonly SidedReplacement[],
  isBrokenOff: boolean,
): ResponseChanges | null {
  const status = readValue(source, rule.get('status'), 'status', 'a status such as 500', readStatus);
  if (status === null && !isBrokenOff && set.response.length + remove.response.length + content.length === 0) return null;
  return { status, set: set.response, remove: remove.response, content, isBrokenOff };
}

function readEnding(source: Source, rule: ReadonlyMap<string, Entry>, failure: FailureKind | null, start: number): Ending | null {
  const given = ENDING_KEYS.filter((key) => rule.has(key));
  if (given.length > 1) report(source, start, `${given.join(' and ')}: an exchange ends once; keep one of them`);
  const local = readValue(source, rule.get('map_local'), 'map_local', 'a file or a folder', (text) => text);
  if (local !== null) return { kind: 'local', path: path.resolve(path.dirname(source.file), local) };
  if (failure !== null && failure !== 'truncate') return { kind: 'fail', how: failure };
  const entry = rule.get('answer');
  return entry === undefined ? null : readAnswer(source, entry);
}

function readAnswer(source: Source, entry: Entry): Ending | null {
  const answer = readMapping(source, entry.value, 'an answer', ['status', 'fields', 'body'], entry.offset);
  if (answer === null) return null;
  const status = readValue(source, answer.get('status'), 'status', 'a status such as 503', readStatus) ?? 200;
  const text = readTextIfAny(source, answer.get('body'), 'body');
  const fields = answer.has('fields') ? readFields(source, answer.get('fields')!, 'fields') : [];
  return { kind: 'answer', status, fields, content: Buffer.from(text, 'utf8') };
}

function readThrottle(source: Source, entry: Entry | undefined): Throttle | null {
  if (entry === undefined) return null;
  if (!isMap(entry.value)) {
    const names = Object.keys(THROTTLE_PROFILES);
    const name = readValue(source, entry, 'throttle', `${names.join(', ')}, or {down, up, latency}`, oneOf(names));
    return name === null ? null : { ...THROTTLE_PROFILES[name]! };
  }
  const given = readMapping(source, entry.value, 'throttle', ['down', 'up', 'latency'], entry.offset);
  const rate = (key: string) => readValue(source, given?.get(key), key, 'a rate such as 50KB/s', refusing(atLeastOne)) ?? null;
  const latencyMs =
    readValue(
      source,
      given?.get('latency'),
      'latency',
      'a duration such as 100ms',
      refusing((text) => parseDuration(text, 0)),
    ) ?? 0;
  return { downBytesPerSecond: rate('down'), upBytesPerSecond: rate('up'), latencyMs };
}

function atLeastOne(text: string): number {
  const rate = parseRate(text);
  if (rate < 1) throw new Error('expected a rate of at least 1B/s; to stop an exchange, use fail: timeout');
  return rate;
}

/** `{request: ..., response: ...}` */
function bySide<T>(
  source: Source,
  entry: Entry | undefined,
  key: string,
  read: (source: Source, entry: Entry, key: string) => readonly T[],
): BySide<T> {
  const sides = entry === undefined ? null : readMapping(source, entry.value, key, ['request', 'response'], entry.offset);
  const of = (side: Side) => (sides?.has(side) ? read(source, sides.get(side)!, `${key}.${side}`) : []);
  return { request: of('request'), response: of('response') };
}

function readFields(source: Source, entry: Entry, key: string): Fields {
  const fields = readMapping(source, entry.value, key, 'the name of a field', entry.offset);
  return [...(fields ?? [])].flatMap(([name, given]) => {
    if (!isToken(name)) report(source, given.offset, `${key}: '${name}' is no name of a field`);
    else if (MADE_BY_US.has(name.toLowerCase()))
      report(source, given.offset, `${key}: ${name} is made by the proxy, from the message itself`);
    const value = readValue(source, given, name, 'a value', readFieldValue);
    return value === null ? [] : [{ name, value }];
  });
}

function readFieldValue(text: string): string | Refused {
  const octets = Buffer.from(text.trim(), 'utf8').toString('latin1');
  return FIELD_VALUE.test(octets) ? octets : new Refused('a value of a field has no line breaks and no control characters');
}

function readNames(source: Source, entry: Entry, key: string): readonly string[] {
  return readValues(source, entry, key, 'the name of a field', (text) =>
    isToken(text) ? text.toLowerCase() : new Refused(`'${text}' is no name of a field`),
  );
}

function readUrlReplacement(source: Source, entry: Entry | undefined): readonly Replacement[] {
  if (entry === undefined) return [];
  const replacement = readReplacement(source, entry.value, entry.offset, 'rewrite_url', []);
  return replacement === null ? [] : [replacement];
}

function readReplacements(source: Source, entry: Entry | undefined): readonly SidedReplacement[] {
  if (entry === undefined) return [];
  const items = isSeq(entry.value) ? (entry.value.items as readonly ParsedNode[]) : [entry.value];
  return items.flatMap((item) => {
    const replacement = readReplacement(source, item, entry.offset, 'replace', ['in']);
    return replacement === null ? [] : [replacement];
  });
}

function readReplacement(
  source: Source,
  node: ParsedNode | null,
  offset: number,
  what: string,
  more: readonly string[],
): SidedReplacement | null {
  const given = readMapping(source, node, what, [...more, 'find', 'pattern', 'with'], offset);
  if (given === null) return null;
  const side = readValue(source, given.get('in'), 'in', 'request or response', oneOf(['request', 'response'] as const)) ?? 'response';
  const text = readTextIfAny(source, given.get('with'), 'with');
  const literal = readValue(source, given.get('find'), 'find', 'text to look for', (each) => literalReplacement(each, text));
  if (literal !== null) return { side, ...literal };
  const compile = refusing((each) => patternReplacement(each, text));
  const pattern = readValue(source, given.get('pattern'), 'pattern', 'a regular expression', compile);
  if (pattern !== null) return { side, ...pattern };
  if (!given.has('find') && !given.has('pattern'))
    report(source, offset, `${what}: give it "find", a text, or "pattern", a regular expression`);
  return null;
}

/** Text that may be empty. */
function readTextIfAny(source: Source, entry: Entry | undefined, key: string): string {
  if (entry === undefined || entry.value === null || (isScalar(entry.value) && entry.value.value === '')) return '';
  return readValue(source, entry, key, 'text', (text) => text) ?? '';
}

function readRemote(text: string): NonNullable<RequestChanges['remote']> | Refused {
  const read = refusing(() => parseTarget('GET', Buffer.from(text, 'utf8').toString('latin1')))(text);
  if (read instanceof Refused) return read;
  if (read.form !== 'absolute-form') return new Refused(`expected a URL such as https://staging.example; found '${text}'`);
  const { scheme, authority, pathAndQuery } = read;
  if (pathAndQuery.includes('?')) return new Refused('the query of the request is kept, so that a query has no place here');
  return { scheme, authority, basePath: pathAndQuery.replace(/\/$/, '') };
}

function readStatus(text: string): number | Refused {
  const status = refusing(() => parseCount(text, 599))(text);
  return status instanceof Refused || status < 200 ? new Refused(`expected a status from 200 to 599; found '${text}'`) : status;
}

const ENDING_KEYS = ['map_local', 'answer', 'fail'] as const;
const ACTION_KEYS = [...ENDING_KEYS, 'map_remote', 'rewrite_url', 'set', 'remove', 'status', 'replace', 'delay', 'throttle'] as const;
const RULE_KEYS: readonly string[] = ['name', 'match', 'on', ...ACTION_KEYS];
/** Framing, and where a request goes: two of them could disagree. */
const MADE_BY_US: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'upgrade',
  'te',
  'trailer',
  'proxy-connection',
  'keep-alive',
  'expect',
]);
/** RFC 9110 §5.5, one character an octet. */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
