// Owns where compiled modules are kept, said to a process or a thread that this one starts, so that it does not compile them again.
import { getCompileCacheDir } from 'node:module';
import path from 'node:path';

/** A variable of its environment; none where nothing is kept. */
export function codeCache(): Record<string, string> {
  const folder = getCompileCacheDir();
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: path.dirname(folder) };
}
