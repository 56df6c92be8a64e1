// Owns one step of the story of an exchange.

export interface WhySentence {
  readonly stage: 'identity' | 'policy' | 'address' | 'tls' | 'cache' | 'outcome';
  readonly title: string;
  readonly text: string;
  readonly detail?: readonly string[];
  /** `file:line`. */
  readonly place?: string;
  /** `RFC 9111 §4.2`. */
  readonly section?: string;
}
