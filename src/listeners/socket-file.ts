// Owns the file of a Unix socket from before it is bound until nobody listens on it any more. What a process that was killed has left there is removed,
// and nothing else is. Between two that start at once nothing tells a socket that is left from one that is just bound and not listened on yet; so they
// keep each other out by a lock, `PATH.lock` beside it, which stays: removed, it would be another one for whoever opens it at that moment.
import { lstatSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { errorCode } from '../errors/from-node.ts';
import { FileLock } from '../net/file-lock.ts';

export class SocketFile {
  readonly #lock: FileLock | null;

  private constructor(lock: FileLock | null) {
    this.#lock = lock;
  }

  /** After it nobody else of ours binds there. @throws EADDRINUSE, as `bind` does, while somebody else has it */
  static async take(path: string): Promise<SocketFile> {
    const file = new SocketFile(lockOf(path));
    try {
      await removeStaleSocket(path);
    } catch (error) {
      file.release();
      throw error;
    }
    return file;
  }

  /** Once the socket is closed. */
  release(): void {
    this.#lock?.release();
  }
}

/** @returns `null` where there can be none: it is another user's, or the folder is not there, which `bind` tells better */
function lockOf(path: string): FileLock | null {
  let lock: FileLock | null;
  try {
    lock = FileLock.take(`${path}.lock`);
  } catch {
    return null;
  }
  if (lock === null) throw Object.assign(new Error(`another process has ${path}`), { code: 'EADDRINUSE' });
  return lock;
}

/** A socket file that nobody listens on any more is left by a process that was killed; one that somebody answers on is in use. */
async function removeStaleSocket(path: string): Promise<void> {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSocket()) return;
  const isLeft = await new Promise<boolean>((resolve) => {
    const probe = connect({ path });
    // Any other error is no proof: somebody whose queue is full answers with EAGAIN.
    probe.once('connect', () => resolve(false)).once('error', (error) => resolve(errorCode(error) === 'ECONNREFUSED'));
    probe.once('connect', () => probe.destroy());
  });
  if (isLeft) rmSync(path, { force: true });
}
