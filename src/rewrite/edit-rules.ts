// Owns changing the file of rewriting rules as a person would: one rule more at its end, or one switched on or off. Everything else stays as it is written,
// comments and order too.
import { type Document, isMap, isSeq, type ParsedNode, parseDocument, Scalar, type YAMLMap, type YAMLSeq } from 'yaml';

/** A rule as it is written: all scalars are text there, as they are when it is read (parse-rules.ts). */
export interface WrittenRule {
  readonly name: string;
  readonly match: string;
  readonly [action: string]: WrittenValue;
}
type WrittenValue = string | readonly WrittenValue[] | { readonly [key: string]: WrittenValue };

/** @param text  of a file that has been read without problems; may be empty */
export function withRule(text: string, rule: WrittenRule): string {
  const document = documentOf(text);
  const rules = rulesOf(document);
  const node = document.createNode(rule) as YAMLMap;
  // One rule, one paragraph.
  if (rules.items.length > 0) node.spaceBefore = true;
  rules.add(node);
  return document.toString(STYLE);
}

/** @returns `null` where there is no such rule */
export function withRuleToggled(text: string, name: string): string | null {
  const document = documentOf(text);
  const rule = rulesOf(document).items.find((node) => isMap(node) && node.get('name') === name);
  if (!isMap(rule)) return null;
  if (rule.get('on') === 'false') rule.delete('on');
  else rule.set('on', new Scalar('false'));
  return document.toString(STYLE);
}

/** A name that no rule has yet. */
export function freeName(text: string, wanted: string): string {
  const taken = new Set(rulesOf(documentOf(text)).items.map((node) => (isMap(node) ? node.get('name') : null)));
  let name = wanted;
  for (let i = 2; taken.has(name); i += 1) name = `${wanted} ${i}`;
  return name;
}

function documentOf(text: string): Document<ParsedNode> {
  return parseDocument(/^\s*(?:#.*\s*)*$/.test(text) ? `${HEAD}${text}version: 1\nrules: []\n` : text, { schema: 'failsafe' });
}

function rulesOf(document: Document<ParsedNode>): YAMLSeq {
  const found = document.get('rules');
  if (isSeq(found)) {
    // `[]` would go on in brackets.
    if (found.items.length === 0) found.flow = false;
    return found;
  }
  const rules = document.createNode([]) as YAMLSeq;
  document.set('rules', rules);
  return rules;
}

const HEAD = `# Rewriting rules: what is changed about exchanges on their way. From top to bottom; switch one off with "on: false".\n\n`;
const STYLE = { lineWidth: 120, flowCollectionPadding: true } as const;
