// Owns files that hold a private key: made for their user alone from the first octet on, and believed only while nobody else can have read or
// changed them. Windows has no such modes; there this looks at none of them, and the folder has to lie in the user's profile.
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { errorCode } from '../errors/from-node.ts';
import { cannotRead, cannotWrite, StartError } from '../errors/start-error.ts';
import { makePrivateFolder } from '../net/private-folder.ts';

/**
 * A folder that is this user's alone (0700); made where it is missing.
 *
 * @throws StartError when it cannot be made, is somebody else's, or may be entered by others
 */
export function requirePrivateFolder(folder: string): void {
  try {
    makePrivateFolder(folder);
  } catch (cause) {
    throw cannotWrite(folder, cause, CHOOSE_FOLDER);
  }
  checkPrivateFolder(folder);
}

/** @throws StartError as above, and when it does not exist */
export function checkPrivateFolder(folder: string): void {
  let facts: ReturnType<typeof statSync>;
  try {
    facts = statSync(folder);
  } catch (cause) {
    throw cannotRead('the folder of the CA', folder, cause);
  }
  if (!facts.isDirectory()) throw new StartError('config', [`${folder} is no folder. Name another one with --ca-dir.`]);
  checkOwner(folder, facts.uid);
  if (isWide(facts.mode))
    throw new StartError('permission', [
      `${folder}: others may enter the folder of the CA (mode ${octal(facts.mode)}). Run: chmod 700 ${folder}`,
    ]);
}

/**
 * Makes it, 0600, and nothing is there before. What follows a crash is a file that is short, never one that others could read.
 *
 * @returns false where there is one already, which stays as it is
 * @throws StartError when it cannot be written
 */
export function createPrivateFile(file: string, text: string): boolean {
  let descriptor: number;
  try {
    descriptor = openSync(file, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0), 0o600);
  } catch (cause) {
    if (errorCode(cause) === 'EEXIST') return false;
    throw cannotWrite(file, cause, CHOOSE_FOLDER);
  }
  try {
    writeFileSync(descriptor, text);
    fsyncSync(descriptor);
  } catch (cause) {
    rmSync(file, { force: true });
    throw cannotWrite(file, cause, CHOOSE_FOLDER);
  } finally {
    closeSync(descriptor);
  }
  return true;
}

/** Puts a text in place of whatever stands there, as a whole or not at all. @throws StartError when it cannot be written */
export function replacePrivateFile(file: string, text: string): void {
  const temporary = `${file}.${randomBytes(6).toString('hex')}`;
  createPrivateFile(temporary, text);
  try {
    renameSync(temporary, file);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw cannotWrite(file, cause, CHOOSE_FOLDER);
  }
}

/**
 * The text of a private key. It is read from the very file that was looked at.
 *
 * @param within  the folder that it has to lie in, links followed; `null` for a file that an operator has named
 * @throws StartError when others may have read it or could change it, and when it cannot be read
 */
export function readPrivateFile(file: string, within: string | null): string {
  checkPlace(file, within);
  let descriptor: number;
  try {
    // Not to wait for a writer, should it be a pipe.
    descriptor = openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (cause) {
    throw cannotRead('the private key of the CA', file, cause);
  }
  try {
    const facts = fstatSync(descriptor);
    if (!facts.isFile()) throw new StartError('unreadable', [`${file}: the private key of the CA is no file. Check the path.`]);
    checkOwner(file, facts.uid);
    if (isWide(facts.mode))
      throw new StartError('permission', [
        `${file}: others may read the private key of the CA (mode ${octal(facts.mode)}). Run: chmod 600 ${file}`,
        `Whoever has read it can be any site for every client that trusts this CA: if that may be, ${within === null ? 'take another CA' : 'make a new one with sallyport ca rotate'}.`,
      ]);
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}

/** A link may point elsewhere in its folder, as mounted secrets do; one that leads out would have the key lie where nobody looked. */
function checkPlace(file: string, within: string | null): void {
  if (within === null) return;
  let relative: string;
  try {
    relative = path.relative(realpathSync(within), realpathSync(file));
  } catch {
    // Whoever opens it next says what is wrong; another process may have taken it away for a moment.
    return;
  }
  if (relative.split(path.sep)[0] !== '..' && !path.isAbsolute(relative)) return;
  throw new StartError('permission', [
    `${file} is a link that leads out of ${within}. Put the file itself there, or set tls.ca_certificate and tls.ca_key.`,
  ]);
}

/** Root could read the files of others, but they could change them. */
function checkOwner(file: string, uid: number): void {
  const own = process.getuid?.();
  if (own === undefined || uid === own || uid === ROOT) return;
  throw new StartError('permission', [
    `${file} belongs to another user (${uid}; this is ${own}). Run as that user, or: chown ${own} ${file}`,
  ]);
}

function isWide(mode: number): boolean {
  return process.getuid !== undefined && (mode & 0o077) !== 0;
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}

const CHOOSE_FOLDER = 'The CA needs a folder of this user: name one with --ca-dir.';
const ROOT = 0;
