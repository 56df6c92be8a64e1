// Owns the way of a policy from the disk: a file with all that it includes and lists → the compiled policy, or its problems. A file that cannot be
// read is a problem like any other.
import { open } from 'node:fs/promises';
import path from 'node:path';
import { shownCode } from '../errors/from-node.ts';
import type { List as AskableList } from '../match/condition.ts';
import { askableList } from './ask-list.ts';
import { type CompiledPolicy, compilePolicy } from './compile.ts';
import { readIncludes } from './include.ts';
import { linkPolicy } from './link.ts';
import { formatWarning } from './lint/warning.ts';
import type { List } from './lists/list.ts';
import { parseFile } from './parse-file.ts';
import { besideFile, type ParsedFile } from './parsed-file.ts';
import { type PolicyProblem, sortProblems } from './yaml-source.ts';

export type LoadedPolicy = LoadedFiles & ({ readonly compiled: CompiledPolicy } | { readonly problems: readonly PolicyProblem[] });

/** Given with problems too, so that whoever waits for a repair knows which files to watch. */
export interface LoadedFiles {
  /** Everything that was read, or looked for: the policy itself, what it includes, its lists. */
  readonly files: readonly string[];
  /** Those that could be loaded. */
  readonly lists: readonly List[];
  /** Each a sentence; none of them stands in the way. */
  readonly warnings: readonly string[];
}

export interface LoadOptions {
  /** Where compiled lists are kept; `null` keeps none. */
  readonly listCacheFolder: string | null;
}

/** @throws never, but for defects; what an operator can put right is among the problems */
export async function loadPolicy(file: string, options: LoadOptions = { listCacheFolder: null }): Promise<LoadedPolicy> {
  const text = await readPolicyText(file);
  if (typeof text !== 'string') return unusable([{ file, line: 0, column: 0, message: text.problem }], [file]);
  const { parsed, problems } = parseFile(text, file, 'main');
  if (parsed === null) return unusable(problems, [file]);

  const includes = await readIncludes(parsed, readPolicyText);
  const parts = [parsed, ...includes.included.values()].filter((part) => part !== null);
  const loaded = await loadLists(parts, options);
  const linked = linkPolicy(parsed, includes.included, loaded.askable);
  const files = [file, ...includes.included.keys(), ...loaded.files];
  const all = [...problems, ...includes.problems, ...loaded.problems, ...('policy' in linked ? [] : linked.problems)];
  const { lists, warnings } = loaded;
  if (all.length > 0 || !('policy' in linked)) return { files, lists, warnings, problems: sortProblems(all) };
  return { files, lists, warnings, compiled: compilePolicy(linked.policy) };
}

function unusable(problems: readonly PolicyProblem[], files: readonly string[]): LoadedPolicy {
  return { files, lists: [], warnings: [], problems: sortProblems(problems) };
}

/** One after the other: each may take a multiple of its file's size in memory while it is made. */
async function loadLists(parts: readonly ParsedFile[], { listCacheFolder }: LoadOptions) {
  const askable = new Map<string, AskableList | null>();
  const lists: List[] = [];
  const files: string[] = [];
  const warnings: string[] = [];
  const problems: PolicyProblem[] = [];
  for (const part of parts) {
    for (const { name, position, source } of part.lists) {
      // The second of one name is a problem that linking reports.
      if (source === null || askable.has(name)) continue;
      const file = besideFile(part.file, source.path);
      files.push(file);
      // Most policies have no lists, and what reads them is large.
      const { loadList } = await import('./lists/load-list.ts');
      const loaded = await loadList({ name, position, ...source, file: path.resolve(file) }, { cacheFolder: listCacheFolder });
      if ('problem' in loaded) problems.push({ ...position, message: loaded.problem.message });
      else {
        lists.push(loaded.list);
        warnings.push(...loaded.warnings, ...skippedWarning(loaded.list));
      }
      askable.set(name, 'problem' in loaded ? null : askableList(loaded.list));
    }
  }
  return { askable, lists, files, warnings, problems };
}

/** Most of it could be read, or it would be a problem. */
function skippedWarning({ name, file, position, skipped, firstSkipped }: List): readonly string[] {
  const [first] = firstSkipped;
  if (first === undefined) return [];
  const lines = skipped === 1 ? '1 line' : `${skipped} lines`;
  const message = `list ${name}: ${lines} of ${file} cannot be read, the first is line ${first.line}: ${first.text}; mend or remove them`;
  return [formatWarning({ ...position, message })];
}

async function readPolicyText(file: string): Promise<string | { readonly problem: string }> {
  let bytes: Buffer | null;
  try {
    bytes = await readAtMost(file, MAX_BYTES);
  } catch (error) {
    const code = shownCode(error);
    return { problem: READ_PROBLEMS[code] ?? `the policy file cannot be read (${code})` };
  }
  if (bytes === null) return { problem: 'the policy file is larger than 16 MiB; put long lists elsewhere' };
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return { problem: 'the policy file is not UTF-8 text; save it in that encoding' };
  }
}

/** @returns `null` when there is more; the size is counted and not believed, since a file may be a pipe or still growing */
async function readAtMost(file: string, maxBytes: number): Promise<Buffer | null> {
  const handle = await open(file, 'r');
  try {
    const chunks: Buffer[] = [];
    let total = 0;
    for await (const chunk of handle.createReadStream({ autoClose: false }) as AsyncIterable<Buffer>) {
      total += chunk.length;
      if (total > maxBytes) return null;
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } finally {
    await handle.close();
  }
}

const MAX_BYTES = 16 * 1024 * 1024;

const READ_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such policy file; check the path',
  ENOTDIR: 'there is no such policy file; check the path',
  EACCES: 'this user may not read the policy file; check its permissions',
  EPERM: 'this user may not read the policy file; check its permissions',
  EISDIR: 'this is a folder; name the policy file in it',
};
