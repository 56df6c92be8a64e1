// Owns what may be configured about interception's certificates: which CA signs, and what it signs.

export interface AuthorityOptions {
  /** Where a CA of our own lies, or is made on first need; `null` where there is no such place: a user without a home. */
  readonly folder: string | null;
  /** An existing CA instead; `null` without. */
  readonly existing: ExistingAuthority | null;
}

export interface ExistingAuthority {
  /** PEM: its certificate, and those above it. */
  readonly certificateFile: string;
  /** PEM, without a passphrase. */
  readonly keyFile: string;
}

export interface LeafOptions {
  /** Days that a leaf is valid; 90 at most. */
  readonly lifetimeDays: number;
  /** How many hosts' contexts are kept for the next client. */
  readonly contexts: number;
}

export interface TlsOptions {
  readonly authority: AuthorityOptions;
  readonly leaves: LeafOptions;
}

/** A month, renewed after two thirds of it; 2,000 contexts are some 60 MB. */
export const LEAF_DEFAULTS: LeafOptions = { lifetimeDays: 30, contexts: 2_000 };
export const MOST_LEAF_DAYS = 90;
