// The thread in which a list's file is read, compiled and kept, so that neither a long list nor a hostile one holds up a request.
// It is started by `load-list.ts` with a `CompileTask`, sends one `CompileReport` and ends.
import { createHash, getRandomValues } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { shownCode } from '../../errors/from-node.ts';
import { type CompiledList, compileList } from './compile-list.ts';
import { storeCompiled } from './compiled-file.ts';
import type { ListProblem, ListSource } from './list.ts';
import { readListFile } from './read-list-file.ts';

export interface CompileTask {
  readonly source: ListSource;
  readonly cacheFolder: string | null;
}

/** `warning`: why the compiled form was not kept. */
export type CompileReport = { readonly compiled: CompiledList; readonly warning: string | null } | { readonly problem: ListProblem };

function compile({ source, cacheFolder }: CompileTask): CompileReport {
  const octets = readListFile(source.file);
  if ('message' in octets) return { problem: octets };
  // Before compiling, which writes over the octets.
  const digest = createHash('sha256').update(octets).digest('hex');
  const [start = 0, multiplier = 0] = getRandomValues(new Uint32Array(2));
  const compiled = compileList(octets, source, [start, multiplier | 1]);
  if ('message' in compiled) return { problem: compiled };
  return { compiled, warning: cacheFolder === null ? null : store(cacheFolder, source, digest, compiled) };
}

function store(folder: string, source: ListSource, digest: string, compiled: CompiledList): string | null {
  try {
    storeCompiled(folder, source, digest, compiled);
    return null;
  } catch (error) {
    return `compiled lists cannot be kept in ${folder} (${shownCode(error)}), so each start reads the lists anew; let this user write there`;
  }
}

const report = compile(workerData as CompileTask);
parentPort?.postMessage(report, 'compiled' in report ? report.compiled.sections.map(({ buffer }) => buffer) : []);
