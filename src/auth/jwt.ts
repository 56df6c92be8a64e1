// Owns whether a JSON Web Token is good (RFC 7519, RFC 8725): who issued it, for whom, until when, signed with RS256, ES256 or EdDSA by a key
// of the issuer; and who it says its bearer is. `iss`, `aud`, `exp` and the user's claim are demanded. Checked by jose, off the event loop.
import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { hasControlCharacter } from './credentials.ts';
import type { KeySet } from './key-set.ts';
import type { JwtOptions } from './options.ts';
import type { Principal, Verdict } from './principal.ts';

export class TokenVerifier {
  readonly #options: JwtOptions;
  readonly #keys: KeySet;

  constructor(options: JwtOptions, keys: KeySet) {
    this.#options = options;
    this.#keys = keys;
  }

  /** @param nowMs milliseconds since the epoch */
  async verify(token: string, nowMs: number): Promise<Verdict> {
    const keys = this.#keys.current(nowMs);
    const known = keys === null ? null : await this.#verifyWith(keys, token, nowMs);
    if (known !== null) return known;
    const renewed = (await this.#keys.renew(nowMs)) ? this.#keys.current(nowMs) : null;
    if (renewed === null) return NO_KEYS;
    return (await this.#verifyWith(renewed, token, nowMs)) ?? UNKNOWN_KEY;
  }

  /** @returns `null` when the token names a key that is not among these */
  async #verifyWith(keys: JWTVerifyGetKey, token: string, nowMs: number): Promise<Verdict | null> {
    const { issuer, audiences } = this.#options;
    try {
      const { payload } = await jwtVerify(token, keys, {
        algorithms: ALGORITHMS,
        issuer,
        audience: [...audiences],
        requiredClaims: ['exp'],
        clockTolerance: TOLERANCE_SECONDS,
        currentDate: new Date(nowMs),
      });
      return this.#identify(payload, nowMs);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) return null;
      return refused(reasonOf(error));
    }
  }

  #identify(claims: JWTPayload, nowMs: number): Verdict {
    const { userClaim, groupsClaim } = this.#options;
    const user = Object.hasOwn(claims, userClaim) ? claims[userClaim] : undefined;
    if (!isName(user)) return refused(`the token's claim "${userClaim}" names no user`);
    const principal: Principal = {
      user,
      groups: Object.freeze(groupsClaim !== null && Object.hasOwn(claims, groupsClaim) ? namesIn(claims[groupsClaim]) : []),
      claims: Object.freeze(claims),
      provedBy: 'jwt',
    };
    const expiresMs = ((claims.exp ?? 0) + TOLERANCE_SECONDS) * 1_000;
    return { kind: 'identified', principal: Object.freeze(principal), untilMs: Math.min(expiresMs, nowMs + MOST_REMEMBERED_MS) };
  }
}

/** Whether a text has the form of a signed token (RFC 7515 §7.1), so that it may be one in the place of a password. */
export function looksLikeToken(text: string): boolean {
  return text.startsWith('eyJ') && text.split('.', 4).length === 3;
}

/** The claims of a token that was refused are not repeated, since nothing vouches for them. */
function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'the token has expired';
  if (error instanceof errors.JOSEAlgNotAllowed) return `the token is not signed with ${ALGORITHMS.join(', ')}`;
  if (error instanceof errors.JWKSMultipleMatchingKeys) return 'the token does not say which key it is signed with';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'the signature of the token is wrong';
  if (error instanceof errors.JWTClaimValidationFailed) return CLAIM_REASONS[error.claim] ?? 'the token lacks a claim, or has a wrong one';
  return 'it is not a token that could be checked';
}

function refused(reason: string): Verdict {
  return { kind: 'refused', reason, isFinal: true };
}

function namesIn(claim: unknown): string[] {
  return (Array.isArray(claim) ? claim : [claim]).filter(isName);
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_NAME_LENGTH && !hasControlCharacter(value);
}

const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'];
const CLAIM_REASONS: Readonly<Record<string, string>> = {
  iss: 'the token is from another issuer',
  aud: 'the token is for another audience',
  nbf: 'the token is not valid yet',
  exp: 'the token says not when it expires',
};
const UNKNOWN_KEY: Verdict = { kind: 'refused', reason: 'the token is signed with a key that its issuer does not publish', isFinal: false };
const NO_KEYS: Verdict = { kind: 'unavailable', reason: 'the keys that tokens are signed with cannot be fetched' };
const TOLERANCE_SECONDS = 30;
const MOST_REMEMBERED_MS = 300_000;
const MAX_NAME_LENGTH = 256;
