// Owns the way of a list from the disk into the policy: from its compiled form when that is kept and fits, else by a thread of its own.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { errorCode } from '../../errors/from-node.ts';
import { type CompiledList, openList } from './compile-list.ts';
import type { CompileReport, CompileTask } from './compile-worker.ts';
import { restoreCompiled } from './compiled-file.ts';
import type { List, ListProblem, ListSource, ListSpec } from './list.ts';

export interface ListOptions {
  /** Where compiled lists are kept; `null` keeps none. It is made when it is not there. */
  readonly cacheFolder: string | null;
}

export type LoadedList = { readonly list: List; readonly warnings: readonly string[] } | { readonly problem: ListProblem };

/**
 * Loads one list. Each may take a thread and several times its file's size in memory for a while, so load many one after the other.
 *
 * @throws never, but for defects; what an operator can put right is the problem, or a warning
 */
export async function loadList(spec: ListSpec, { cacheFolder }: ListOptions): Promise<LoadedList> {
  const restored = cacheFolder === null ? null : await restoreCompiled(cacheFolder, spec);
  const kept = restored === null ? null : openList(spec, restored);
  if (kept !== null) return judged(kept, null);
  const report = await compileInWorker({ source: { file: spec.file, format: spec.format, subdomains: spec.subdomains }, cacheFolder });
  if ('problem' in report) return { problem: { message: `list ${spec.name}: ${report.problem.message}` } };
  return judged(opened(spec, report.compiled), report.warning);
}

function judged(list: List, warning: string | null): LoadedList {
  if (list.entries === 0 && !list.mayBeEmpty) {
    const message = `list ${list.name}: ${list.file} has no entries; fill it, or say "may_be_empty: true" if that is meant`;
    return { problem: { message } };
  }
  return { list, warnings: warning === null ? [] : [warning] };
}

function opened(spec: ListSpec, compiled: CompiledList): List {
  const list = openList(spec, compiled);
  if (list === null) throw new Error(`list ${spec.name}: the thread sent what is no list`);
  return list;
}

function compileInWorker(task: CompileTask): Promise<CompileReport> {
  // The build writes .js where the source has .ts, and rewrites imports alone.
  const file = new URL(`./compile-worker${path.extname(fileURLToPath(import.meta.url))}`, import.meta.url);
  return new Promise((resolve, reject) => {
    // The process keeps the pages of a thread's heap for good. What a line leaves behind is garbage at once, so it needs but few.
    const worker = new Worker(file, { workerData: task, resourceLimits: { maxYoungGenerationSizeMb: 4 } });
    let report: CompileReport | null = null;
    worker.once('message', (message: CompileReport) => {
      report = message;
    });
    worker.once('error', (error) => {
      if (errorCode(error) === 'ERR_WORKER_OUT_OF_MEMORY') resolve({ problem: outOfMemory(task.source) });
      else reject(error);
    });
    // Only then the memory of the thread is free again, and the next list may take as much.
    worker.once('exit', (code) => {
      if (report !== null) resolve(report);
      else reject(new Error(`the thread that reads ${task.source.file} ended with ${code} and said nothing`));
    });
  });
}

function outOfMemory({ file }: ListSource): ListProblem {
  return { message: `${file} needs more memory than there is; use a shorter list, or the format domains` };
}
