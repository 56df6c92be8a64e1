// Folders that a test writes into, removed after it. When is said by whoever asks: `onTestFinished`, `afterAll`, or any function like them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/**
 * A new empty folder that only this user may enter.
 * @param after  is given the removal, to run it at the end of what the folder is for: `temporaryFolder(onTestFinished)`
 */
export function temporaryFolder(after: (remove: () => void) => unknown): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'sallyport-test-'));
  // A program that ends may be writing its last file: then the folder is not empty, for a moment.
  after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }));
  return folder;
}

/** Writes a file in a folder of its own and returns its path: `temporaryFile(onTestFinished, 'policy.yaml', text)`. */
export function temporaryFile(after: (remove: () => void) => unknown, name: string, content: string | Uint8Array): string {
  const file = path.join(temporaryFolder(after), name);
  writeFileSync(file, content);
  return file;
}
