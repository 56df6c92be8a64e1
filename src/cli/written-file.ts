// Owns writing a result to the file that a flag names.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { cannotWrite } from '../errors/start-error.ts';

/** The file is replaced. @param flag that named it @throws StartError when it cannot be written */
export async function writeResult(file: string, content: string | Uint8Array, workingDirectory: string, flag = '--output'): Promise<void> {
  try {
    await writeFile(path.resolve(workingDirectory, file), content);
  } catch (cause) {
    throw cannotWrite(file, cause, `Choose another file with ${flag}.`);
  }
}
