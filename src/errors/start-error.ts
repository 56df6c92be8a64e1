// Owns the failure to start or to reload: everything an operator can put right. A defect of ours is never one of these.
// Every problem is one line, fit to print: it names the thing, the place and the next step, and never a secret.
import { shownCode } from './from-node.ts';

/** What went wrong, by whose hand it is mended; `cli/exit-codes.ts` gives each its exit code. */
export type StartErrorKind =
  | 'usage' // the command line
  | 'config' // a value in the configuration file or the environment
  | 'data' // a policy or another file that was read, but says something impossible
  | 'unreadable' // a file that is named and cannot be read
  | 'unavailable' // an address that is taken, or that this machine does not have
  | 'permission'; // the system refuses

export class StartError extends Error {
  readonly kind: StartErrorKind;
  readonly problems: readonly string[];

  constructor(kind: StartErrorKind, problems: readonly string[], options?: { readonly cause: unknown }) {
    super(problems.join('\n'), options);
    this.name = 'StartError';
    this.kind = kind;
    this.problems = problems;
  }
}

/** An error of Node's from reading a file, in the operator's words. @param what such as `the configuration file` */
export function cannotRead(what: string, file: string, cause: unknown): StartError {
  const code = shownCode(cause);
  if (code === 'EACCES' || code === 'EPERM') {
    return new StartError('permission', [`${file}: no permission to read ${what}. Give this user read access to it.`], { cause });
  }
  const reason = READ_REASONS[code] ?? `cannot be read (${code})`;
  return new StartError('unreadable', [`${file}: ${what} ${reason}. Check the path.`], { cause });
}

/** An error of Node's from writing, in the operator's words. @param next  what to do about it, as a sentence */
export function cannotWrite(file: string, cause: unknown, next: string): StartError {
  const code = shownCode(cause);
  const kind = code === 'EACCES' || code === 'EPERM' || code === 'EROFS' ? 'permission' : 'unavailable';
  return new StartError(kind, [`${file}: cannot be written (${WRITE_REASONS[code] ?? code}). ${next}`], { cause });
}

/**
 * An error of Node's from listening, in the operator's words.
 *
 * @param where  as the operator wrote it: `127.0.0.1:8080`, `unix:/run/sallyport.sock`
 * @param flag  that chooses another
 */
export function cannotListen(where: string, cause: unknown, flag: '--listen' | '--admin' = '--listen'): StartError {
  const code = shownCode(cause);
  if (code === 'EADDRINUSE') {
    return new StartError('unavailable', [`${where} is in use by another program. Stop it, or choose another address with ${flag}.`], {
      cause,
    });
  }
  // libuv reports a missing folder of a unix socket as EACCES too, so the two cannot be told apart here.
  if ((code === 'EACCES' || code === 'EPERM') && where.startsWith('unix:')) {
    const problem = `${where} cannot be made: its folder does not exist, or this user may not write there. Choose another path with ${flag}.`;
    return new StartError('permission', [problem], { cause });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    const problem = `${where} may not be used by this user. Choose a port above 1023 with ${flag}, or grant the right to bind low ports.`;
    return new StartError('permission', [problem], { cause });
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return new StartError('unavailable', [`${where} is not an address of this machine. Choose another with ${flag}.`], { cause });
  }
  return new StartError('unavailable', [`${where} cannot be listened on (${code}). Choose another address with ${flag}.`], { cause });
}

const READ_REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist',
  EISDIR: 'is a folder, not a file',
};

const WRITE_REASONS: Readonly<Record<string, string>> = {
  EACCES: 'this user may not',
  EPERM: 'this user may not',
  EROFS: 'the file system is read-only',
  EISDIR: 'it is a folder',
  ENOENT: 'its folder does not exist',
  ENOTDIR: 'its folder is a file',
  ENOSPC: 'the disk is full',
};
