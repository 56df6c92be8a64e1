// Owns what a client says first when it begins TLS: the ClientHello (RFC 8446 §4.1.2), as far as it is visible.

export interface ClientHello {
  /** Server Name Indication (RFC 6066 §3) as a canonical host name; `null` when there is none. */
  readonly serverName: string | null;
  /** RFC 7301, in the order of the client's preference. */
  readonly alpn: readonly string[];
  /** Highest first; 0x0304 is TLS 1.3. From supported_versions, or else the legacy version alone. */
  readonly versions: readonly number[];
  /** The fingerprint of the client's TLS library. */
  readonly ja4: string;
  /** It has an encrypted_client_hello: the name that is visible need not be the one that is meant. */
  readonly isEncrypted: boolean;
}
