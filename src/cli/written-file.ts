// Owns writing a result to the file that a flag names.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { StartError } from '../errors/start-error.ts';

/** The file is replaced. @param flag that named it @throws StartError when it cannot be written */
export async function writeResult(file: string, content: string | Uint8Array, workingDirectory: string, flag = '--output'): Promise<void> {
  try {
    await writeFile(path.resolve(workingDirectory, file), content);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    const kind = code === 'EACCES' || code === 'EPERM' || code === 'EROFS' ? 'permission' : 'unavailable';
    throw new StartError(kind, [`${file}: cannot be written (${REASONS[code] ?? code}). Choose another file with ${flag}.`], { cause });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'this user may not',
  EISDIR: 'it is a folder',
  ENOENT: 'its folder does not exist',
  ENOTDIR: 'its folder is a file',
  ENOSPC: 'the disk is full',
};
