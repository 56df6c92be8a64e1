// Owns how a page gets to be its user's: a link with a code that works once is printed where only the user sees it, and the page trades the code for a
// cookie. Neither is ever kept as it is: digests are, so that comparing takes one time and memory gives nothing away. All of it goes with the process.
import { createHash, randomBytes } from 'node:crypto';

export class SignIns {
  /** Digests of codes that nobody has used yet, the oldest first. */
  readonly #codes = new Set<string>();
  /** Digests of the cookies of pages, the oldest first. */
  readonly #cookies = new Set<string>();

  /** @returns a code of 128 random bits; of more than a few that nobody uses, the oldest stop working */
  newCode(): string {
    const code = randomBytes(16).toString('base64url');
    keep(this.#codes, digest(code), MOST_CODES);
    return code;
  }

  /** @returns the value of a cookie; `null` for a code that is none, or was used */
  trade(code: string): string | null {
    if (!this.#codes.delete(digest(code))) return null;
    const cookie = randomBytes(32).toString('base64url');
    keep(this.#cookies, digest(cookie), MOST_COOKIES);
    return cookie;
  }

  isSignedIn(cookie: string): boolean {
    return this.#cookies.has(digest(cookie));
  }

  signOut(cookie: string): void {
    this.#cookies.delete(digest(cookie));
  }
}

function keep(among: Set<string>, value: string, most: number): void {
  among.add(value);
  for (const oldest of among) {
    if (among.size <= most) return;
    among.delete(oldest);
  }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}

const MOST_CODES = 16;
const MOST_COOKIES = 64;
