// Owns what clients, origins and the judge have to agree on.

/** What a client knows of an exchange that it made, to be found again in the record. `null` is not known. */
export interface Made {
  /** `keyOf`; several exchanges may have the same. */
  readonly key: string;
  readonly status: number | null;
  /** Octets of content, as they passed. */
  readonly requestBytes: number | null;
  readonly responseBytes: number | null;
  /** Of a WebSocket, or server-sent events. */
  readonly messages: number | null;
  /** SHA-256 of the response's content, in hexadecimal; of some exchanges only. */
  readonly digest: string | null;
  /** Milliseconds since the epoch. */
  readonly endedAtMs: number;
}

export interface Named {
  readonly method: string;
  readonly scheme: string;
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

export function keyOf({ method, scheme, host, port, path }: Named): string {
  return `${method} ${scheme} ${host}:${port}${path}`;
}

/** How much of each content is kept, and so what a digest is of. */
export const BODY_LIMIT = 2 ** 20;
export const EVENTS = 10;
export const GREETING = 'hello';
/** WebSocket messages from the client; each is answered. */
export const SAID = 4;
