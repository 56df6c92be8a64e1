// Owns the files of the inspector's page, as Vite has built them: which there are is known before a path is looked at, so none that is
// asked for reaches the file system.
// They hold no secret. What they may do in a browser is said with each of them: nothing but talk to where they came from.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { AdminAnswer } from './answers.ts';

export class PageFiles {
  readonly #folder: string;
  #names: ReadonlySet<string> | null = null;

  /** @param folder  with index.html and assets/ */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @returns `null` where there is no such file */
  answer(pathname: string): AdminAnswer | null {
    const name = pathname === '/' ? 'index.html' : pathname.slice(1);
    if (!this.#has(name)) return null;
    const isNamedByContent = name.startsWith('assets/');
    return {
      kind: 'octets',
      type: TYPES[path.extname(name)] ?? 'application/octet-stream',
      content: readFileSync(path.join(this.#folder, name)),
      fields: { ...PAGE_FIELDS, 'Cache-Control': isNamedByContent ? 'public, max-age=31536000, immutable' : 'no-cache' },
    };
  }

  /** Looked for again where a file is not known: the page may be built anew while the proxy runs. */
  #has(name: string): boolean {
    if (this.#names?.has(name) === true) return true;
    if (name !== 'index.html' && !ASSET.test(name)) return false;
    this.#names = new Set(filesIn(this.#folder));
    return this.#names.has(name);
  }
}

function filesIn(folder: string): readonly string[] {
  try {
    // Beside them may lie what tsc has compiled.
    return ['index.html', ...readdirSync(path.join(folder, 'assets')).map((name) => `assets/${name}`)];
  } catch {
    return [];
  }
}

const ASSET = /^assets\/[\w.-]+$/;
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
};

const PAGE_FIELDS = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; " +
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'X-Frame-Options': 'DENY',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=()',
} as const;
