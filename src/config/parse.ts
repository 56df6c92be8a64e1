// Owns reading one source of settings: untrusted text → Settings, or every problem at once with its place and what was expected there.
// The places: file:line:column, the name of an environment variable, the name of a flag. Unknown names are problems, with the nearest known one.
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument, type YAMLMap } from 'yaml';
import { didYouMean } from '../errors/nearest.ts';
import { isGroup } from './setting-values.ts';
import { keysAt, type SettingName, type Settings, settingNames, settingsSchema } from './settings.ts';

export interface Source {
  /** Empty when there are problems. */
  readonly settings: Settings;
  /** Each a line to print. */
  readonly problems: readonly string[];
}

type Path = readonly PropertyKey[];
type ResolvePath = (path: string) => string;
/** The place of a value, or with `key` that of the key in the group at `path`. */
type Locate = (path: Path, key?: string) => Place;

interface Place {
  /** Where a list of problems has this one. */
  readonly order: number;
  /** What stands before the problem. */
  readonly text: string;
}

/** The configuration file. @param file its name as the operator wrote it, for the places */
export function parseFile(text: string, file: string, resolvePath: ResolvePath): Source {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    // A text of one line without its end has no line starts yet.
    return `${file}:${Math.max(1, line)}:${Math.max(1, col)}`;
  };
  const malformed = [...document.errors, ...document.warnings].map((error) => `${at(error.pos[0])}: not valid YAML: ${error.message}`);
  if (malformed.length > 0) return { settings: {}, problems: malformed };
  let value: unknown;
  try {
    value = document.toJS();
  } catch (error) {
    // An alias without its anchor, or so many that they look like an attack.
    return { settings: {}, problems: [`${at(0)}: not valid YAML: ${(error as Error).message}`] };
  }
  return check(value ?? {}, resolvePath, (path, key) => {
    const offset = offsetOf(document, path, key);
    const name = key === undefined && path.length > 0 ? `${dotted(path)}: ` : '';
    return { order: offset, text: `${at(offset)}: ${name}` };
  });
}

/** Every SALLYPORT_ variable but SALLYPORT_CONFIG. One that is set to nothing counts as not set. Lists are separated by commas. */
export function parseEnvironment(environment: Readonly<Record<string, string | undefined>>, resolvePath: ResolvePath): Source {
  const names = new Map(
    settingNames(settingsSchema(resolvePath)).flatMap((name) => variableNames(name).map((variable) => [variable, name])),
  );
  const raw: Record<string, unknown> = {};
  const given = new Map<SettingName, string>();
  const problems: string[] = [];
  for (const [variable, value] of Object.entries(environment)) {
    if (!variable.startsWith(PREFIX) || variable === CONFIG_VARIABLE || !value || KUBERNETES_VARIABLE.test(variable)) continue;
    const name = names.get(variable);
    if (name === undefined)
      problems.push(`${variable}: no such setting.${didYouMean(variable, [...names.keys(), CONFIG_VARIABLE], PREFIX)}`);
    else if (given.has(name)) problems.push(`${variable}: ${given.get(name)} sets the same. Take one of them.`);
    else {
      given.set(name, variable);
      put(raw, name, name.isList ? commaSeparated(value) : value);
    }
  }
  const source = check(raw, resolvePath, (path) => ({ order: 0, text: `${variableOf(path, given)}: ` }));
  return { settings: source.settings, problems: [...problems, ...source.problems] };
}

/** The variable that a problem is in. @param given every setting for which there was one */
function variableOf(path: Path, given: ReadonlyMap<SettingName, string>): string {
  return [...given].find(([name]) => name.path.every((part, index) => part === path[index]))![1];
}

/** Settings given as flags, in the file's shape. @param flagOf the flag that gave the setting of a dotted name */
export function parseFlags(raw: unknown, flagOf: (name: string) => string, resolvePath: ResolvePath): Source {
  return check(raw, resolvePath, (path) => ({ order: 0, text: `${flagOf(dotted(path))}: ` }));
}

/** Two sources as one; what `upper` says wins, setting by setting. */
export function overlay(lower: Settings, upper: Settings): Settings {
  const merged: Record<string, unknown> = { ...lower };
  for (const [key, value] of Object.entries(upper)) {
    merged[key] = isGroup(value) && isGroup(merged[key]) ? { ...merged[key], ...value } : value;
  }
  return merged;
}

export const CONFIG_VARIABLE = 'SALLYPORT_CONFIG';

/** `timeouts.connect` is SALLYPORT_TIMEOUTS_CONNECT; a group that may be written as one value is a variable too: SALLYPORT_ACCESS_LOG. */
export function variableNames({ path, isChief }: SettingName): readonly string[] {
  const names = [path, ...(isChief ? [path.slice(0, 1)] : [])];
  return names.map((parts) => PREFIX + parts.join('_').toUpperCase());
}

function check(value: unknown, resolvePath: ResolvePath, locate: Locate): Source {
  const schema = settingsSchema(resolvePath);
  const parsed = schema.safeParse(value);
  if (parsed.success) return { settings: parsed.data, problems: [] };
  const names = settingNames(schema);
  const found = parsed.error.issues.flatMap((issue) => {
    const path = asWritten(value, issue.path);
    if (issue.code !== 'unrecognized_keys') return [{ place: locate(path), message: issue.message }];
    const known = keysAt(schema, issue.path);
    return issue.keys.map((key) => ({ place: locate(path, key), message: unknownKey(key, path, known, names) }));
  });
  found.sort((a, b) => a.place.order - b.place.order);
  return { settings: {}, problems: found.map(({ place, message }) => place.text + message) };
}

/** The path of a problem in what was written, where the only member of a list may stand for the list. */
function asWritten(value: unknown, path: Path): Path {
  let at = value;
  return path.filter((part) => {
    if (typeof part === 'number' && !Array.isArray(at)) return false;
    at = Array.isArray(at) ? at[Number(part)] : isGroup(at) ? at[part] : undefined;
    return true;
  });
}

/** The nearest key of its group is named; a key that belongs elsewhere is sent there. @param known the keys of its group */
function unknownKey(key: string, path: Path, known: readonly string[], names: readonly SettingName[]): string {
  const problem = `unknown key "${key}"${path.length === 0 ? '' : ` in "${dotted(path)}"`}.`;
  const near = didYouMean(key, known);
  const elsewhere = names.filter((name) => name.path.at(-1) === key).map((name) => `"${name.path.join('.')}"`);
  return problem + (near === '' && elsewhere.length > 0 ? ` There is ${elsewhere.join(' and ')}.` : near);
}

/** `parents[1].hosts` as an operator reads it, counted from 1. */
function dotted(path: Path): string {
  return path.map((part, index) => (typeof part === 'number' ? `[${part + 1}]` : index === 0 ? String(part) : `.${String(part)}`)).join('');
}

/** Where a value, or a key of a group, begins; what is not written out is looked for one level up. */
function offsetOf(document: Document.Parsed, path: Path, key: string | undefined): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (key !== undefined && isMap(node)) return keyOffset(node, key);
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}

function keyOffset(map: YAMLMap, key: string): number {
  const node = map.items.map((item) => item.key).find((each) => isScalar(each) && String(each.value) === key);
  return (isScalar(node) ? node.range?.[0] : map.range?.[0]) ?? 0;
}

function put(raw: Record<string, unknown>, { path: [group, key] }: SettingName, value: unknown): void {
  if (key === undefined) raw[group] = value;
  else raw[group] = { ...(raw[group] as object | undefined), [key]: value };
}

function commaSeparated(value: string): string[] {
  return value.split(',').flatMap((part) => part.trim() || []);
}

const PREFIX = 'SALLYPORT_';
// Kubernetes sets these in every container of a namespace that has a service called "sallyport"; they are no settings of ours.
const KUBERNETES_VARIABLE = /^SALLYPORT_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)$/;
