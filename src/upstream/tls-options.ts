// Owns what TLS towards origins is done with: whom it believes.
import type { SecureContext } from 'node:tls';

export interface OriginTls {
  /** Shared by all connections: reading the roots is too dear to be done for each. `null` uses the platform's. */
  readonly secureContext: SecureContext | null;
}
