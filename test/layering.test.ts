// The architecture as a test: reads every import under src/ and holds it against the tables of src/README.md (`ranks`, `arrows`, `edges`).
// Type-only imports count like any other: a concept known by its type is known.
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

interface SourceFile {
  readonly name: string;
  /** The first folder under src/, or for a file directly in it (`proxy.ts`, `main.ts`) its own name. */
  readonly folder: string;
  readonly code: string;
  readonly imports: readonly string[];
}

const root = path.join(import.meta.dirname, '..', 'src');
const files = globSync('**/*.ts', { cwd: root }).sort().map(readSource);
const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
const ranks = new Map(rows('ranks').flatMap(([rank = '', ...folders]) => folders.map((folder) => [folder, Number(rank)] as const)));
const arrows = new Map(rows('arrows').map(([from = '', , ...to]) => [from, to] as const));
const edges = new Set(rows('edges').flat());

test('the tables of src/README.md agree: every arrow joins known folders and points down', () => {
  const wrong = [...arrows].flatMap(([from, to]) =>
    to.filter((folder) => !(rankOf(from) > rankOf(folder))).map((folder) => `${from} -> ${folder}`),
  );
  expect(wrong).toEqual([]);
  expect(files.filter(({ folder }) => !ranks.has(folder)).map(({ name }) => `${name}: its folder has no rank`)).toEqual([]);
});

test('imports follow the arrows', () => {
  const wrong = imported((file, target) => {
    const to = folderOf(target);
    return file.folder === to || arrows.get(file.folder)?.includes(to) ? null : `no arrow ${file.folder} -> ${to}`;
  });
  expect(wrong).toEqual([]);
});

test('imports name files that exist, and only what is seldom needed is imported when it is', () => {
  const missing = imported((_, target) => (files.some(({ name }) => name === target) ? null : 'no such file'));
  const dynamic = files
    .filter(({ name, folder, code }) => !LAZY_FOLDERS.has(folder) && !LAZY_FILES.has(name) && /\b(?:import|require)\s*\(/.test(code))
    .map(({ name }) => name);
  expect([...missing, ...dynamic]).toEqual([]);
});

test('no file imports itself, not even through others', () => {
  expect(files.flatMap(({ name }) => cycleThrough(name))).toEqual([]);
});

test('only the edges do I/O', () => {
  const unlisted = files.filter(({ name, imports }) => !edges.has(name) && imports.some(isIoModule)).map(({ name }) => name);
  const gone = [...edges].filter((edge) => !files.some(({ name }) => name === edge));
  expect({ unlisted, gone }).toEqual({ unlisted: [], gone: [] });
});

test('rules have no clock, timer, chance or process', () => {
  const pure = files.filter(({ name, folder }) => PURE_FOLDERS.has(folder) && !edges.has(name));
  expect(pure.flatMap(({ name, code }) => (code.match(AMBIENT) ?? []).map((found) => `${name}: ${found}`))).toEqual([]);
});

test('a file is named after what it owns', () => {
  expect(files.map(({ name }) => name).filter((name) => VAGUE_NAMES.has(path.basename(name, '.ts')))).toEqual([]);
});

function readSource(name: string): SourceFile {
  // Only comments that begin a line or follow a blank are cut, so that `'http://'` and `'text/*'` stay whole.
  const code = readFileSync(path.join(root, name), 'utf8')
    .replace(/^[ \t]*\/\*[\s\S]*?\*\//gm, '')
    .replace(/(^|\s)\/\/.*$/gm, '$1');
  const statements = code.matchAll(/(?:^(?:import|export)\b(?:[^'"`;=()]*?\bfrom)?\s*|\bimport\()['"]([^'"]+)['"]/gm);
  return { name, folder: folderOf(name), code, imports: [...statements].map((statement) => resolveImport(name, statement[1]!)) };
}

/** `./b.ts` in `a/c.ts` is `a/b.ts`; a module that is not ours stays as it is written. */
function resolveImport(from: string, specifier: string): string {
  return specifier.startsWith('.') ? path.posix.join(path.posix.dirname(from), specifier) : specifier;
}

function folderOf(name: string): string {
  return path.basename(name.split('/')[0]!, '.ts');
}

/** A fenced block of src/README.md as words, line by line. */
function rows(block: string): string[][] {
  const text = new RegExp(`^\`\`\`${block}\\n([^]*?)^\`\`\`$`, 'm').exec(readme)?.[1];
  if (text === undefined) throw new Error(`src/README.md has no \`\`\`${block} block`);
  return text
    .split('\n')
    .map((line) => line.split(/\s+/).filter((word) => word !== ''))
    .filter((words) => words.length > 0);
}

function rankOf(folder: string): number {
  return ranks.get(folder) ?? Number.NaN;
}

/** Every import of a file of ours that `problem` objects to, as a line to read. */
function imported(problem: (file: SourceFile, target: string) => string | null): string[] {
  return files.flatMap((file) =>
    file.imports
      .filter((target) => target.endsWith('.ts'))
      .flatMap((target) => {
        const text = problem(file, target);
        return text === null ? [] : [`${file.name} imports ${target}: ${text}`];
      }),
  );
}

/** The shortest way from a file back to itself, as `a -> b -> a`; told once, by the cycle's first file in the alphabet. */
function cycleThrough(start: string): string[] {
  const ways = [[start]];
  const seen = new Set<string>();
  for (const way of ways) {
    const here = files.find(({ name }) => name === way.at(-1));
    for (const target of here?.imports ?? []) {
      if (target === start) return way.every((name) => name >= start) ? [[...way, start].join(' -> ')] : [];
      if (!seen.has(target)) ways.push([...way, target]);
      seen.add(target);
    }
  }
  return [];
}

function isIoModule(specifier: string): boolean {
  return specifier.startsWith('node:') && IO_MODULES.has(specifier.slice('node:'.length).split('/')[0]!);
}

const LAZY_FOLDERS = new Set(['main', 'cli']);
/** Where begins what takes memory only for those who want it. */
const LAZY_FILES = new Set(['proxy.ts', 'proxy/seldom-needed.ts', 'policy/load.ts']);
const PURE_FOLDERS = new Set(['errors', 'net', 'http', 'x509', 'match', 'http1', 'policy']);
const VAGUE_NAMES = new Set(['index', 'utils', 'util', 'helpers', 'helper', 'common', 'types', 'misc', 'shared']);
const AMBIENT =
  /\b(?:Date\.now|new Date\(\)|performance\.now|Math\.random|random(?:Bytes|UUID|Int)|set(?:Timeout|Interval|Immediate)|process\.)/g;
const IO_MODULES = new Set(
  'fs net tls http http2 https dns dgram child_process cluster worker_threads os process readline repl sqlite timers tty'.split(' '),
);
