// Owns what may be configured about rewriting.

export interface RewriteOptions {
  /** Absolute path. */
  readonly file: string;
  /** Somebody has named it, and then it has to be there. */
  readonly isNamed: boolean;
}
