// Owns the answer to "who is this?" for the value of Proxy-Authorization, and what a 407 asks for (RFC 9110 §11.7).
// Basic is asked of the password file for the names that are in it, else of the directory, else of the password file. Bearer is a token; a token
// may also come as the password of the user `jwt`, `oauth2` or none, since a proxy URL has room for nothing else in curl, npm, git and pip.
// Whatever cannot be decided lets nobody pass.
import { type Credentials, MAX_FIELD_LENGTH, parseCredentials } from './credentials.ts';
import { GuessLimit } from './guess-limit.ts';
import { looksLikeToken } from './jwt.ts';
import type { AuthOptions } from './options.ts';
import type { Verdict } from './principal.ts';
import { type Identified, Remembered } from './remembered.ts';
import { openSources, type Sources } from './sources.ts';

export type Authentication = Identified | Anonymous | Refused | Unavailable;

export interface Anonymous {
  readonly kind: 'anonymous';
}

/** Answered with 407. */
export interface Refused {
  readonly kind: 'refused';
  /** For people and for the log; no secret. */
  readonly reason: string;
  /** The values of Proxy-Authenticate, each in a field line of its own. */
  readonly challenges: readonly string[];
}

/** Answered with 503. */
export interface Unavailable {
  readonly kind: 'unavailable';
  /** For people and for the log; no secret. */
  readonly reason: string;
  readonly retryAfterSeconds: number;
}

export interface Authenticator {
  /** Whether a request without credentials is answered with 407, before any policy is asked. */
  readonly isRequired: boolean;
  /** The values of Proxy-Authenticate for a request without credentials, each in a field line of its own. */
  readonly challenges: readonly string[];
  /**
   * Who sent a request. It answers at once when it remembers, and when there is nothing to check.
   *
   * @param fieldValues of every Proxy-Authorization field
   * @param nowMs milliseconds since the epoch
   * @throws never
   */
  authenticate(fieldValues: readonly string[], clientAddress: string, nowMs: number): Authentication | Promise<Authentication>;
  /** Stops watching files; checks that are under way are finished. */
  close(): void;
}

/**
 * @param report a line for the operator
 * @throws StartError with every problem of the first file that has any
 */
export async function createAuthenticator(options: AuthOptions, report: (line: string) => void): Promise<Authenticator> {
  const remembered = new Remembered<Refused>();
  const sources = await openSources(options, (renewed) => remembered.renew(renewed), report);
  return new RememberingAuthenticator(options, sources, remembered, report);
}

class RememberingAuthenticator implements Authenticator {
  readonly isRequired: boolean;
  readonly challenges: readonly string[];
  readonly #afterBadToken: readonly string[];
  readonly #rememberMs: number;
  readonly #sources: Sources;
  readonly #remembered: Remembered<Refused>;
  readonly #guesses = new GuessLimit();
  readonly #underway = new Map<string, Promise<Authentication>>();
  readonly #report: (line: string) => void;

  constructor(options: AuthOptions, sources: Sources, remembered: Remembered<Refused>, report: (line: string) => void) {
    const realm = `realm="${options.realm.replace(/["\\]/g, '\\$&')}"`;
    // Basic too where only tokens are taken: programs such as git send what is in their proxy URL only when they are asked for Basic.
    const basic = `Basic ${realm}, charset="UTF-8"`;
    this.challenges = Object.freeze(sources.tokens === null ? [basic] : [basic, `Bearer ${realm}`]);
    this.#afterBadToken = Object.freeze([basic, `Bearer ${realm}, error="invalid_token"`]);
    this.isRequired = options.require === 'always';
    this.#rememberMs = options.rememberMs;
    this.#sources = sources;
    this.#remembered = remembered;
    this.#report = report;
  }

  authenticate(fieldValues: readonly string[], clientAddress: string, nowMs: number): Authentication | Promise<Authentication> {
    const [value] = fieldValues;
    if (value === undefined) return ANONYMOUS;
    if (fieldValues.length > 1) return this.#refused('Proxy-Authorization is there more than once');
    // Before it is hashed, so that length costs nothing.
    if (value.length > MAX_FIELD_LENGTH) return this.#refused('Proxy-Authorization is longer than 8 KiB');
    const key = this.#remembered.keyOf(value);
    return this.#remembered.find(key, nowMs) ?? this.#underway.get(key) ?? this.#begin(key, parseCredentials(value), clientAddress, nowMs);
  }

  close(): void {
    this.#sources.close();
    this.#remembered.clear();
  }

  #begin(key: string, credentials: Credentials, clientAddress: string, nowMs: number): Authentication | Promise<Authentication> {
    switch (credentials.scheme) {
      case 'malformed':
        return this.#refused(`Proxy-Authorization cannot be read: ${credentials.reason}`);
      case 'other':
        return this.#refused(`this proxy does not speak the scheme ${credentials.name}`);
      case 'bearer':
        return this.#checkToken(key, credentials.token, nowMs);
      case 'basic': {
        const { user, password } = credentials;
        if (this.#sources.tokens !== null && TOKEN_USERS.has(user) && looksLikeToken(password))
          return this.#checkToken(key, password, nowMs);
        return this.#checkPassword(key, user, password, clientAddress, nowMs);
      }
      default:
        return credentials satisfies never;
    }
  }

  #checkToken(key: string, token: string, nowMs: number): Authentication | Promise<Authentication> {
    const { tokens } = this.#sources;
    if (tokens === null) return this.#refused('this proxy takes no tokens');
    return this.#settle(key, nowMs, this.#afterBadToken, () => tokens.verify(token, nowMs));
  }

  #checkPassword(
    key: string,
    user: string,
    password: string,
    clientAddress: string,
    nowMs: number,
  ): Authentication | Promise<Authentication> {
    const { users, directory } = this.#sources;
    const source = directory !== null && !users?.has(user) ? directory : users;
    if (source === null) return this.#refused('this proxy takes tokens only: give the token as the password of the user jwt');
    const waitMs = this.#guesses.waitMs(clientAddress, nowMs);
    if (waitMs > 0) return { kind: 'unavailable', reason: TOO_MANY_GUESSES, retryAfterSeconds: Math.ceil(waitMs / 1_000) };
    // Others from there may have guessed wrong by the time its turn comes.
    const mayBegin = (): boolean => this.#guesses.waitMs(clientAddress, nowMs) === 0;
    return this.#settle(key, nowMs, this.challenges, async () => {
      const verdict = this.#ownName(await source.verify(user, password, mayBegin));
      if (verdict.kind === 'refused') this.#guesses.countWrong(clientAddress, nowMs);
      return verdict;
    });
  }

  /** A name of the password file is that file's alone, also when the directory matches it in another spelling. */
  #ownName(verdict: Verdict): Verdict {
    const isTaken =
      verdict.kind === 'identified' && verdict.principal.provedBy === 'ldap' && this.#sources.users?.has(verdict.principal.user);
    return isTaken ? NOT_THE_DIRECTORYS : verdict;
  }

  /** One check at a time for the same credentials; whoever else brings them meanwhile hears the same. */
  #settle(key: string, nowMs: number, challenges: readonly string[], check: () => Promise<Verdict>): Promise<Authentication> {
    const { generation } = this.#remembered;
    const underway = this.#verdict(check).then((verdict) => {
      this.#underway.delete(key);
      return this.#conclude(key, verdict, challenges, nowMs, generation === this.#remembered.generation);
    });
    this.#underway.set(key, underway);
    return underway;
  }

  async #verdict(check: () => Promise<Verdict>): Promise<Verdict> {
    try {
      return await check();
    } catch (error) {
      this.#report(`who a user is could not be checked: ${error instanceof Error ? error.message : String(error)}`);
      return FAILED;
    }
  }

  #conclude(key: string, verdict: Verdict, challenges: readonly string[], nowMs: number, mayRemember: boolean): Authentication {
    switch (verdict.kind) {
      case 'identified': {
        const identified: Identified = { kind: 'identified', principal: verdict.principal };
        if (mayRemember) this.#remembered.keepIdentified(key, identified, nowMs, Math.min(verdict.untilMs, nowMs + this.#rememberMs));
        return identified;
      }
      case 'refused': {
        const refused: Refused = { kind: 'refused', reason: verdict.reason, challenges };
        if (mayRemember && verdict.isFinal) this.#remembered.keepRefused(key, refused, nowMs);
        return refused;
      }
      case 'unavailable':
        return { kind: 'unavailable', reason: verdict.reason, retryAfterSeconds: RETRY_AFTER_SECONDS };
      default:
        return verdict satisfies never;
    }
  }

  #refused(reason: string): Refused {
    return { kind: 'refused', reason, challenges: this.challenges };
  }
}

const ANONYMOUS: Anonymous = Object.freeze({ kind: 'anonymous' });
const NOT_THE_DIRECTORYS: Verdict = {
  kind: 'refused',
  reason: "the user's name is in the password file, so the directory does not answer for it",
  isFinal: true,
};
const FAILED: Verdict = { kind: 'unavailable', reason: 'the proxy could not check the password' };
const TOO_MANY_GUESSES = 'too many wrong passwords came from this address';
/** User names that say the password is a token. */
const TOKEN_USERS: ReadonlySet<string> = new Set(['', 'jwt', 'oauth2']);
const RETRY_AFTER_SECONDS = 5;
