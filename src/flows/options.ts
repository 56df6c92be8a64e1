// Owns what a configuration says about recording.

export interface RecordOptions {
  /** Somebody has asked for it: where nothing can be kept, the proxy does not start. Otherwise it says so, and goes on without. */
  readonly isRequired: boolean;
  /** Of the session that is recorded into. */
  readonly session: string;
  /** Octets on the disk. */
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  /** Octets that are kept of each content. */
  readonly bodyLimit: number;
  /**
   * `masked`: kept, and masked in all that leaves the process unless whoever asks has the right to see it. `shown`: kept and shown. `unwritten`: masked
   * before anything is kept. Credentials for this proxy are never kept.
   */
  readonly secrets: 'masked' | 'shown' | 'unwritten';
  /** What is secret besides what is known to be. */
  readonly redact: RedactOptions;
}

export interface RedactOptions {
  /** Names of fields, in lower case. */
  readonly fields: readonly string[];
  /** Names of query parameters. */
  readonly query: readonly string[];
  /** Paths in JSON content: `$.password`. */
  readonly json: readonly string[];
}

export const RECORD_DEFAULTS: RecordOptions = {
  isRequired: false,
  session: 'default',
  maxBytes: 2 * 2 ** 30,
  maxAgeMs: 7 * 24 * 60 * 60 * 1_000,
  bodyLimit: 2 ** 20,
  secrets: 'masked',
  redact: { fields: [], query: [], json: [] },
};
