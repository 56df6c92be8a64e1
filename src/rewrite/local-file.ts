// Owns answering from a file of this machine: the one that a rule names, or one in the folder that it names, which no path of a request leads out of.
import { constants } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import path from 'node:path';

export interface LocalFile {
  readonly content: Buffer;
  /** By its name; `null` where that says nothing. */
  readonly type: string | null;
}

/**
 * @param root  absolute: a file, or a folder that `pathname` goes on in
 * @param pathname  of the request, without its query
 * @returns `null` where there is no such file, it lies elsewhere, or it is larger than may be read at once
 */
export async function readLocal(root: string, pathname: string): Promise<LocalFile | null> {
  for (const candidate of candidates(root, pathname)) {
    const content = await contentWithin(root, candidate);
    if (content !== null) return { content, type: TYPES.get(path.extname(candidate).toLowerCase()) ?? null };
  }
  return null;
}

/**
 * The path in the folder, and what is left of it without its first parts: `/static/js/app.js` is `js/app.js` where the folder stands for `/static`. Of a
 * path that ends in a slash, the index. The last one is the root itself, which may be a file.
 */
function candidates(root: string, pathname: string): readonly string[] {
  let decoded: string;
  try {
    decoded = decodeURIComponent(pathname);
  } catch {
    return [root];
  }
  if (decoded.includes('\0')) return [root];
  const parts = path.posix
    .normalize(`/${decoded}`)
    .split('/')
    .filter((part) => part !== '');
  const isFolder = decoded.endsWith('/');
  const found: string[] = [];
  for (let i = 0; i <= Math.min(parts.length, MOST_PARTS); i += 1) {
    const inFolder = path.join(root, ...parts.slice(i));
    if (!isFolder && i < parts.length) found.push(inFolder);
    if (isFolder || i < parts.length) found.push(path.join(inFolder, 'index.html'));
  }
  return [...found, root];
}

async function contentWithin(root: string, candidate: string): Promise<Buffer | null> {
  let file: FileHandle | null = null;
  try {
    const [folder, real] = await Promise.all([realpath(root), realpath(candidate)]);
    // A link may lead out of the folder.
    if (real !== folder && !real.startsWith(folder.endsWith(path.sep) ? folder : `${folder}${path.sep}`)) return null;
    // Of a pipe, nobody knows when it would open.
    file = await open(real, constants.O_RDONLY | constants.O_NONBLOCK);
    const facts = await file.stat();
    return facts.isFile() && facts.size <= LARGEST ? await file.readFile() : null;
  } catch {
    return null;
  } finally {
    await file?.close();
  }
}

/** That are left away. */
const MOST_PARTS = 16;
/** Octets. */
const LARGEST = 64 * 1024 * 1024;
const TYPES: ReadonlyMap<string, string> = new Map([
  ['.html', 'text/html; charset=utf-8'],
  ['.htm', 'text/html; charset=utf-8'],
  ['.js', 'text/javascript; charset=utf-8'],
  ['.mjs', 'text/javascript; charset=utf-8'],
  ['.css', 'text/css; charset=utf-8'],
  ['.json', 'application/json'],
  ['.map', 'application/json'],
  ['.txt', 'text/plain; charset=utf-8'],
  ['.xml', 'application/xml'],
  ['.svg', 'image/svg+xml'],
  ['.png', 'image/png'],
  ['.jpg', 'image/jpeg'],
  ['.jpeg', 'image/jpeg'],
  ['.gif', 'image/gif'],
  ['.webp', 'image/webp'],
  ['.avif', 'image/avif'],
  ['.ico', 'image/x-icon'],
  ['.woff2', 'font/woff2'],
  ['.wasm', 'application/wasm'],
  ['.pdf', 'application/pdf'],
]);
