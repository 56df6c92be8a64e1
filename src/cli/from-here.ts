// Owns how files are named to people.
import path from 'node:path';

/** Relative where it lies below the working directory. */
export function fromHere(file: string, workingDirectory: string): string {
  const relative = path.relative(workingDirectory, file);
  return relative.startsWith('..') || path.isAbsolute(relative) ? file : relative;
}
