// Owns reading YAML with the place of everything kept, so that a problem can be pointed at. All scalars are text here (the failsafe schema):
// `no` stays a word and `1e3` stays three characters; what a value means is said by whoever asks for it.
// Refuses what makes a file say less, or more, than it shows: duplicate keys, anchors and aliases, tags, directives, more than one document.
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type ParsedNode, parseAllDocuments, visit } from 'yaml';
import { nearest } from '../errors/nearest.ts';
import type { SourcePosition } from './policy.ts';

/** What is wrong, where. Line and column count from 1, in UTF-16 code units; both are 0 when the file could not be read at all. */
export interface PolicyProblem extends SourcePosition {
  readonly message: string;
}

/** One file being read. */
export interface Source {
  readonly file: string;
  readonly lines: LineCounter;
  readonly problems: PolicyProblem[];
}

/** A value of a mapping; `offset` is where its key stands. */
export interface Entry {
  readonly offset: number;
  readonly value: ParsedNode | null;
}

export interface Text {
  readonly text: string;
  readonly offset: number;
}

/** @returns the content of the one document; `null` when there is none, or when problems of syntax make the rest guesswork */
export function openSource(text: string, file: string): { readonly source: Source; readonly root: ParsedNode | null } {
  const source: Source = { file, lines: new LineCounter(), problems: [] };
  const documents = parseAllDocuments<ParsedNode>(text.startsWith(BOM) ? text.slice(1) : text, {
    lineCounter: source.lines,
    schema: 'failsafe',
    uniqueKeys: false, // `readMapping` says where the first one stands
    prettyErrors: false,
    logLevel: 'silent',
  });
  const [first, second] = documents;
  if (first === undefined || isMissing(first.contents)) {
    report(source, 0, 'the file is empty; a policy needs at least "version: 1" and "default: deny"');
    return { source, root: null };
  }
  const isYaml = documents.map((document) => reportSyntax(source, document)).every(Boolean);
  if (second !== undefined) report(source, second.range[0], 'a second YAML document begins here ("---"); a policy is one document');
  return { source, root: isYaml ? first.contents : null };
}

export function report(source: Source, offset: number, message: string): void {
  source.problems.push({ ...positionOf(source, offset), message });
}

export function positionOf(source: Source, offset: number): SourcePosition {
  const { line, col } = source.lines.linePos(offset);
  // A text of one line without its end has no line starts yet.
  return { file: source.file, line: Math.max(1, line), column: Math.max(1, col) };
}

/**
 * The entries of a mapping; unknown and repeated keys are reported and left out.
 *
 * @param what names it in a message: `a rule`
 * @param known the keys it may have, or what its keys are when they are names that the file gives: `the name of a group`
 * @param keyOffset where its own key stands, for a mapping that is missing
 * @param beside keys that stand next to its own, and are put into it by mistake
 * @returns `null`, and a problem, when the node is no mapping
 */
export function readMapping(
  source: Source,
  node: ParsedNode | null,
  what: string,
  known: readonly string[] | string,
  keyOffset = 0,
  beside: readonly string[] = [],
): Map<string, Entry> | null {
  if (!isMap(node)) {
    const keys = typeof known === 'string' ? `in which each key is ${known}` : `with the keys ${known.join(', ')}`;
    report(source, isMissing(node) ? keyOffset : node.range[0], `${what} is a mapping ${keys}; found ${found(node)}`);
    return null;
  }
  const entries = new Map<string, Entry>();
  for (const { key, value } of node.items as readonly { key: ParsedNode; value: ParsedNode | null }[]) {
    const offset = key.range[0];
    const name = isScalar(key) ? String(key.value) : null;
    const earlier = name === null ? undefined : entries.get(name);
    if (name === null || name === '') report(source, offset, `a key of ${what} is a word; found ${found(key)}`);
    else if (typeof known !== 'string' && !known.includes(name)) report(source, offset, unknownKey(name, what, known, beside));
    else if (earlier !== undefined) {
      report(
        source,
        offset,
        `'${name}' is given twice; the first is on line ${positionOf(source, earlier.offset).line}. Make it one list, or remove one`,
      );
    } else entries.set(name, { offset, value });
  }
  return entries;
}

/** @param expected completes "expected …" in the problem; @returns `null`, and a problem, when the entry is not text */
export function readText(source: Source, entry: Entry, key: string, expected: string): Text | null {
  const { value } = entry;
  if (isScalar(value) && value.value !== '') return { text: String(value.value), offset: value.range[0] };
  report(source, isMissing(value) ? entry.offset : value.range[0], `${key}: expected ${expected}; found ${found(value)}`);
  return null;
}

/** A single text, or a list of them with at least one; what is not text is reported and left out. */
export function readTexts(source: Source, entry: Entry, key: string, expected: string): readonly Text[] {
  const { value } = entry;
  if (!isSeq(value)) {
    const text = readText(source, entry, key, `${expected}, or a list`);
    return text === null ? [] : [text];
  }
  if (value.items.length === 0)
    report(source, value.range[0], `${key}: an empty list matches nothing; name ${expected}, or leave '${key}' out`);
  return (value.items as readonly ParsedNode[]).flatMap((item) => {
    const text = readText(source, { offset: item.range[0], value: item }, key, expected);
    return text === null ? [] : [text];
  });
}

/** In the order in which a person meets them: file by file, each from its top. */
export function sortProblems(problems: readonly PolicyProblem[]): readonly PolicyProblem[] {
  const byFile = Map.groupBy(problems, (problem) => problem.file);
  return [...byFile.values()].flatMap((ofFile) => ofFile.sort((a, b) => a.line - b.line || a.column - b.column));
}

/** A value as a message shows it: short, on one line. */
export function shown(text: string): string {
  const visible = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\u{fffd}');
  return `'${visible.length > 60 ? `${visible.slice(0, 57)}...` : visible}'`;
}

/** `policies/open.yaml:12:5: unknown key 'hosts' in allow; did you mean 'host'?` */
export function formatProblem(problem: PolicyProblem): string {
  const place = problem.line === 0 ? problem.file : `${problem.file}:${problem.line}:${problem.column}`;
  return `${place}: ${problem.message}`;
}

/** `; did you mean 'host'?`, or nothing. */
export function hint(word: string, known: Iterable<string>): string {
  const near = nearest(word, known);
  return near === null ? '' : `; did you mean '${near}'?`;
}

function unknownKey(name: string, what: string, known: readonly string[], beside: readonly string[]): string {
  if (name === '<<') return 'merge keys (<<) are not part of a policy; write the values out';
  if (beside.includes(name)) return `${name}: not in ${what}; it stands beside it, as a key of the rule`;
  return `unknown key ${shown(name)} in ${what}${hint(name, known) || `; the keys are ${known.join(', ')}`}`;
}

/** @returns whether the document is YAML at all; what is YAML and yet refused is only reported, so that the rest can be looked at too */
function reportSyntax(source: Source, document: Document.Parsed<ParsedNode>): boolean {
  const tooDeep = document.errors.find((error) => error.code === 'RESOURCE_EXHAUSTION');
  if (tooDeep !== undefined) {
    report(source, tooDeep.pos[0], 'lists or mappings are nested too deeply to be a policy');
    return false;
  }
  for (const error of document.errors) report(source, error.pos[0], `not valid YAML: ${error.message}`);
  if (document.errors.length > 0) return false;
  if (document.directives.yaml.explicit) report(source, 0, 'YAML directives (%YAML) are not part of a policy; remove the line');
  visit(document, {
    Node: (_key, node) => {
      const offset = node.range?.[0] ?? 0;
      if (isAlias(node)) report(source, offset, `aliases (*${node.source}) are not part of a policy; write the value out`);
      else if (node.anchor !== undefined) report(source, offset, `anchors (&${node.anchor}) are not part of a policy; remove it`);
      // The parser leaves the tag of an untagged node unset.
      if (node.tag !== undefined) report(source, offset, `tags (${node.tag}) are not part of a policy; remove it`);
    },
  });
  return true;
}

export function found(node: ParsedNode | null): string {
  if (isSeq(node)) return 'a list';
  if (isMap(node)) return 'a mapping';
  return isMissing(node) ? 'nothing' : shown(String(isScalar(node) ? node.value : node));
}

/** A key with nothing behind it, and a file of comments, hold an empty scalar. */
export function isMissing(node: ParsedNode | null): node is null {
  return node === null || (isScalar(node) && node.value === '' && node.type === 'PLAIN');
}

const BOM = '\u{feff}';
