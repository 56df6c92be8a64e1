// Owns files that the store writes or reads and that somebody else gives or gets: each lies in a folder of its own, which goes with its last use.
import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { AdminAnswer, Asked } from '../admin/answers.ts';

/**
 * Answers with a file, as an attachment.
 *
 * @param name as it is to be called where it is saved; other characters than those of names become `_`
 * @param write is given the path to write to, and rejects where there is nothing to give
 */
export async function answerWithFile(name: string, type: string, write: (file: string) => Promise<unknown>): Promise<AdminAnswer> {
  const { file, forget } = passingFile();
  try {
    await write(file);
    const content = createReadStream(file).once('close', forget);
    const fields = { 'Content-Disposition': `attachment; filename="${name.replace(/[^\w.-]/g, '_')}"` };
    return { kind: 'octets', type, content, fields };
  } catch (error) {
    forget();
    throw error;
  }
}

/** Content as a file, for as long as it is read. @throws BadQuestion for more than `maxBytes` of it */
export async function withFileOf<T>(asked: Asked, maxBytes: number, read: (file: string) => Promise<T>): Promise<T> {
  const { file, forget } = passingFile();
  try {
    await asked.toFile(file, maxBytes);
    return await read(file);
  } finally {
    forget();
  }
}

function passingFile(): { readonly file: string; forget(): void } {
  const folder = mkdtempSync(path.join(tmpdir(), 'sallyport-'));
  return { file: path.join(folder, 'passing'), forget: () => rmSync(folder, { recursive: true, force: true }) };
}
