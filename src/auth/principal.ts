// Owns who a request comes from, once that is proved, and what a proof can come to.

export interface Principal {
  /** As whoever proved it spells it: the line of the password file, the entry of the directory, the claim of the token. Never as it was typed. */
  readonly user: string;
  readonly groups: readonly string[];
  /** Every claim of the token; `null` when there was none. The keys are the issuer's: ask with `Object.hasOwn`. */
  readonly claims: Readonly<Record<string, unknown>> | null;
  readonly provedBy: 'basic' | 'ldap' | 'jwt';
}

/** What checking one user name and password, or one token, came to. The reasons are for people and for the log, and hold no secret. */
export type Verdict =
  /** `untilMs`: milliseconds since the epoch until which the proof may be remembered, if not for a shorter time. */
  | { readonly kind: 'identified'; readonly principal: Principal; readonly untilMs: number }
  /** `isFinal`: asking again soon would come to the same. */
  | { readonly kind: 'refused'; readonly reason: string; readonly isFinal: boolean }
  /** Nobody can tell right now. It lets nobody pass. */
  | { readonly kind: 'unavailable'; readonly reason: string };
