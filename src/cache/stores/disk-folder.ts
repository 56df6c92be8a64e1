// Owns the folder of the disk store: what lies where in it, and whether it may be used at all. It is this user's alone (0700, files 0600): who could
// write there could put words into an origin's mouth. A folder that holds anything else than a cache is refused, because a cache deletes files.
import { randomBytes } from 'node:crypto';
import { chmodSync, readdirSync, type Stats, statSync } from 'node:fs';
import path from 'node:path';
import { errorCode } from '../../errors/from-node.ts';
import { StartError } from '../../errors/start-error.ts';
import { makePrivateFolder } from '../../net/private-folder.ts';

export interface DiskFolder {
  readonly path: string;
  /** The database; SQLite keeps `-wal` and `-shm` beside it. */
  readonly index: string;
  /** An index that was damaged or of another version; the one before it is overwritten. */
  readonly setAside: string;
  /** Records of all that is stored, many in a file (disk-segment.ts). */
  readonly segments: string;
  /** Long contents, in 256 folders by the first two digits of their names. */
  readonly content: string;
  /** Contents that are not complete. */
  readonly temporary: string;
}

export function diskFolder(folder: string): DiskFolder {
  return {
    path: folder,
    index: path.join(folder, 'index.sqlite'),
    setAside: path.join(folder, 'set-aside.sqlite'),
    segments: path.join(folder, 'segments'),
    content: path.join(folder, 'content'),
    temporary: path.join(folder, 'temporary'),
  };
}

/**
 * Makes the folder if it is missing, and tightens it if others may look into it.
 *
 * @throws StartError when it cannot serve: not a folder, another user's, full of other things, not writable
 */
export function prepareFolder(folder: string): DiskFolder {
  const parts = diskFolder(folder);
  try {
    makePrivateFolder(folder);
    const found = statSync(folder);
    refuseStrangers(folder, found);
    if ((found.mode & 0o077) !== 0) chmodSync(folder, 0o700);
    makePrivateFolder(parts.temporary);
    makePrivateFolder(parts.segments);
  } catch (error) {
    throw error instanceof StartError ? error : cannotUse(folder, error);
  }
  return parts;
}

/** The folder of one content. Another process may have found the index damaged, and taken all of them away. @throws an error of Node's */
export function makeContentFolder({ content }: DiskFolder, name: string): void {
  makePrivateFolder(path.join(content, name.slice(0, 2)));
}

/** An existing folder, to look into only. @throws StartError when there is none */
export function existingFolder(folder: string): DiskFolder {
  const parts = diskFolder(folder);
  try {
    statSync(parts.index);
  } catch (error) {
    const problem = errorCode(error) === 'ENOENT' ? 'holds no cache yet' : `cannot be read (${errorCode(error)})`;
    throw new StartError('unreadable', [`${folder} ${problem}. Check the cache folder in the configuration.`], { cause: error });
  }
  return parts;
}

/** @param name 32 hexadecimal digits; they begin with those of a hash, so contents spread */
export function contentPath({ content }: DiskFolder, name: string): string {
  return path.join(content, name.slice(0, 2), name);
}

export function segmentPath({ segments }: DiskFolder, id: number): string {
  return path.join(segments, id.toString(16).padStart(12, '0'));
}

/** One that no segment had before: of 48 bits. */
export function newSegmentId(): number {
  return randomBytes(6).readUIntLE(0, 6);
}

/** A name that nothing had before. It begins with the hash of the key, so that whether anything refers to it can be looked up. */
export function newContentName(keyHash: number): string {
  return keyHash.toString(16).padStart(8, '0') + randomBytes(12).toString('hex');
}

export function keyHashOfName(name: string): number {
  return Number.parseInt(name.slice(0, 8), 16);
}

function refuseStrangers(folder: string, found: Stats): void {
  if (process.getuid !== undefined && found.uid !== process.getuid()) {
    const problem = `${folder} belongs to another user (${found.uid}), so what lies there cannot be trusted. Choose another cache folder.`;
    throw new StartError('permission', [problem]);
  }
  const foreign = readdirSync(folder).find((name) => !OWN_NAME.test(name));
  if (foreign !== undefined) {
    throw new StartError('data', [`${folder} is not a cache: it holds ${foreign}. Choose an empty folder for the cache.`]);
  }
}

function cannotUse(folder: string, cause: unknown): StartError {
  const code = errorCode(cause);
  if (code === 'EEXIST' || code === 'ENOTDIR') {
    return new StartError(
      'unavailable',
      [`${folder} cannot be the cache folder: there is a file of that name. Choose another cache folder.`],
      {
        cause,
      },
    );
  }
  const kind = code === 'EACCES' || code === 'EPERM' || code === 'EROFS' ? 'permission' : 'unavailable';
  return new StartError(kind, [`${folder} cannot be used as the cache folder (${code}). Let this user write there, or choose another.`], {
    cause,
  });
}

const OWN_NAME = /^(?:(?:index|set-aside)\.sqlite(?:-wal|-shm|-journal)?|segments|content|temporary|discarded-[0-9a-f]+)$/;
