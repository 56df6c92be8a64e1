// Owns how a page gets to be its user's: a link with a code that works once is printed where only the user sees it, and the page trades the code for a
// cookie and a key. Browsers keep cookies apart by host but not by port, so whatever listens on another port of this machine is sent the cookie, too
// (RFC 6265 §8.5); the key the page keeps in its storage, which is apart by port, and says itself. One is nothing without the other. Neither is ever kept
// here as it is: digests are, so that comparing takes one time and memory gives nothing away. All of it goes with the process.
import { createHash, randomBytes } from 'node:crypto';

/** What a page shows with each question. */
export interface PageProof {
  readonly cookie: string;
  readonly key: string;
}

export class SignIns {
  /** Digests of codes that nobody has used yet, the oldest first. */
  readonly #codes = new Set<string>();
  /** Digests of what pages show, the oldest first. */
  readonly #proofs = new Set<string>();

  /** @returns a code of 128 random bits; of more than a few that nobody uses, the oldest stop working */
  newCode(): string {
    const code = randomBytes(16).toString('base64url');
    keep(this.#codes, digest(code), MOST_CODES);
    return code;
  }

  /** @returns `null` for a code that is none, or was used */
  trade(code: string): PageProof | null {
    if (!this.#codes.delete(digest(code))) return null;
    const proof = { cookie: randomBytes(32).toString('base64url'), key: randomBytes(32).toString('base64url') };
    keep(this.#proofs, digestOf(proof), MOST_PAGES);
    return proof;
  }

  isSignedIn(proof: PageProof): boolean {
    return this.#proofs.has(digestOf(proof));
  }

  signOut(proof: PageProof): void {
    this.#proofs.delete(digestOf(proof));
  }
}

function keep(among: Set<string>, value: string, most: number): void {
  among.add(value);
  for (const oldest of among) {
    if (among.size <= most) return;
    among.delete(oldest);
  }
}

function digestOf({ cookie, key }: PageProof): string {
  return digest(`${cookie} ${key}`);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}

const MOST_CODES = 16;
const MOST_PAGES = 64;
