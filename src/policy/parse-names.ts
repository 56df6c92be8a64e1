// Owns what a policy file gives names to: conditions under `groups`, and lists of other files under `lists`.
import { LIST_FORMATS } from './lists/list.ts';
import { readCondition } from './parse-condition.ts';
import { filePath, inWords, oneOf, readTruth, readValue } from './parse-values.ts';
import type { ParsedGroup, ParsedList, ParsedListSource } from './parsed-file.ts';
import { type Entry, positionOf, readMapping, report, type Source, shown } from './yaml-source.ts';

export const LIST_KEYS = ['file', 'format', 'subdomains', 'may_be_empty'] as const;

export function readGroups(source: Source, entry: Entry | undefined): readonly ParsedGroup[] {
  return readNames(source, entry, 'groups', 'the name of a group').map(([name, match]) => ({
    name,
    condition: readCondition(source, match, `group ${name}`),
    position: positionOf(source, match.offset),
  }));
}

export function readLists(source: Source, entry: Entry | undefined): readonly ParsedList[] {
  return readNames(source, entry, 'lists', 'the name of a list').map(([name, list]) => ({
    name,
    position: positionOf(source, list.offset),
    source: readListSource(source, `list ${name}`, list),
  }));
}

function readNames(source: Source, entry: Entry | undefined, key: string, what: string): readonly (readonly [string, Entry])[] {
  const entries = entry === undefined ? null : readMapping(source, entry.value, key, what, entry.offset);
  return [...(entries ?? [])].filter(([name, { offset }]) => {
    const isName = NAME.test(name);
    if (!isName) report(source, offset, `${what} is made of letters, digits, '.', '_' and '-', 100 at most; found ${shown(name)}`);
    return isName;
  });
}

function readListSource(source: Source, what: string, entry: Entry): ParsedListSource | null {
  const entries = readMapping(source, entry.value, what, LIST_KEYS, entry.offset);
  if (entries === null) return null;
  for (const key of ['file', 'format']) if (!entries.has(key)) report(source, entry.offset, `${what}: needs '${key}'`);
  const path = readValue(source, entries.get('file'), 'file', 'the path of a file, relative to this one', filePath);
  const format = readValue(source, entries.get('format'), 'format', inWords(LIST_FORMATS), oneOf(LIST_FORMATS));
  const subdomains = entries.get('subdomains');
  if (subdomains !== undefined && format !== null && format !== 'domains' && format !== 'hosts')
    report(source, subdomains.offset, `subdomains: only beside the formats domains and hosts; ${format} says itself what it covers`);
  const flags = {
    subdomains: readTruth(source, subdomains, 'subdomains'),
    mayBeEmpty: readTruth(source, entries.get('may_be_empty'), 'may_be_empty'),
  };
  return path === null || format === null ? null : { path, format, ...flags };
}

const NAME = /^[\p{L}\p{N}][\p{L}\p{N}._-]{0,99}$/u;
