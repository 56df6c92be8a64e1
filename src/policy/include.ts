// Owns which files a policy is made of: includes are followed in the order of the rules, each file is read once. What reads a file is passed in.
// Refuses circles, files whose rules would stand twice (the second ones never decide), and more or deeper includes than anybody can follow.
import path from 'node:path';
import { type FileReading, parseFile } from './parse-file.ts';
import { besideFile, type Include, type ParsedFile } from './parsed-file.ts';
import type { PolicyProblem } from './yaml-source.ts';

export type ReadText = (file: string) => Promise<string | { readonly problem: string }>;

export interface Includes {
  /** By path, as `besideFile` makes it; `null` is one that could not be read. */
  readonly included: ReadonlyMap<string, ParsedFile | null>;
  readonly problems: readonly PolicyProblem[];
}

/** @throws what `readText` throws */
export async function readIncludes(main: ParsedFile, readText: ReadText): Promise<Includes> {
  const walk: Walk = { readText, included: new Map(), places: new Map(), problems: [] };
  await follow(walk, main, [path.normalize(main.file)]);
  return walk;
}

interface Walk {
  readonly readText: ReadText;
  readonly included: Map<string, ParsedFile | null>;
  /** Where each file is included for the first time. */
  readonly places: Map<string, Include>;
  readonly problems: PolicyProblem[];
}

/** @param chain the files on the way from the main one, `parsed` itself the last */
async function follow(walk: Walk, parsed: ParsedFile, chain: readonly string[]): Promise<void> {
  for (const item of parsed.items) {
    if (item.kind !== 'include') continue;
    const file = besideFile(parsed.file, item.path);
    const problem = refusal(walk, item, file, chain);
    if (problem !== null) walk.problems.push({ ...item.position, message: `include: ${problem}` });
    if (walk.included.has(file)) continue;
    if (problem === null) await readOne(walk, item, file, chain);
    else walk.included.set(file, null);
  }
}

function refusal(walk: Walk, item: Include, file: string, chain: readonly string[]): string | null {
  const circle = chain.indexOf(file);
  if (circle !== -1) return `files include each other in a circle: ${[...chain.slice(circle), file].join(' → ')}`;
  const earlier = walk.places.get(file);
  if (earlier !== undefined) {
    if (!hasRules(walk, file)) return null;
    const { position } = earlier;
    return `the rules of ${item.path} stand on ${position.file}:${position.line} already, and would never decide here; only a file without rules is included twice`;
  }
  if (chain.length > MOST_DEPTH) return `files may include each other ${MOST_DEPTH} deep; include ${item.path} further up`;
  return walk.places.size >= MOST_FILES ? `a policy is made of ${MOST_FILES} included files at most` : null;
}

async function readOne(walk: Walk, item: Include, file: string, chain: readonly string[]): Promise<void> {
  walk.places.set(file, item);
  const text = await walk.readText(file);
  if (typeof text !== 'string') walk.problems.push({ ...item.position, message: `include: ${item.path}: ${text.problem}` });
  const { parsed, problems }: FileReading = typeof text === 'string' ? parseFile(text, file, 'included') : UNREAD;
  walk.problems.push(...problems);
  walk.included.set(file, parsed);
  if (parsed !== null) await follow(walk, parsed, [...chain, file]);
}

/** Its own, or those of a file that it includes. @param seen circles have been reported, and are not followed here either */
function hasRules(walk: Walk, file: string, seen: Set<string> = new Set()): boolean {
  const items = seen.has(file) ? [] : (walk.included.get(file)?.items ?? []);
  seen.add(file);
  return items.some((item) => item.kind === 'rule' || hasRules(walk, besideFile(file, item.path), seen));
}

const UNREAD: FileReading = { parsed: null, problems: [] };
const MOST_FILES = 200;
const MOST_DEPTH = 8;
