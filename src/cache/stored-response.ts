// Owns what a stored response is: the response as the origin sent it, without the fields that RFC 9111 §3.1 keeps out, and what its reuse depends on.
// Its content lies in a store (stores/cache-store.ts) and is opened apart from it. Times are milliseconds since the epoch on our clock.
import type { Fields, HttpVersion, PreparedFields } from '../http/message.ts';

export interface StoredResponse {
  /** One for each storing, never used again: a response that replaces another has another. */
  readonly id: string;
  /** What it answers: rules/cache-key.ts. */
  readonly key: string;
  /** The request fields that its Vary names; `[]` without Vary (RFC 9111 §4.1). */
  readonly selectedBy: readonly SelectingField[];
  readonly status: number;
  readonly reason: string;
  readonly version: HttpVersion;
  readonly fields: Fields;
  /** What all clients are sent of `fields`; not there where nobody has made it ready. Age is not in it. */
  readonly prepared?: PreparedFields | undefined;
  /** When the request that brought it, or validated it last, was sent, and when the head of its answer came (RFC 9111 §4.2.3). */
  readonly requestTimeMs: number;
  readonly responseTimeMs: number;
  /** What of the representation it holds. */
  readonly extent: Extent;
  /** That request carried Authorization: RFC 9111 §3.5 says when it may be reused all the same. */
  readonly isFromAuthorized: boolean;
  /** Something has made it stale since (RFC 9111 §4.4, §4.3.5): it is validated before it is reused. */
  readonly isInvalidated: boolean;
  /** Where it came from: a client that may not be connected there may not have it either. `null` when a parent proxy fetched it. */
  readonly origin: { readonly address: string; readonly port: number } | null;
  /** What a purge may name: members of Surrogate-Key and Cache-Tag. */
  readonly tags: readonly string[];
}

/** One field that Vary names, in lower case, and its normalised value, or its digest (rules/selection-digest.ts); `null` when the request had none. */
export interface SelectingField {
  readonly name: string;
  readonly value: string | null;
}

/** Octets `first` to `first + length - 1` of a representation of `completeLength`, which is `null` while nobody knows it. */
export interface Extent {
  readonly first: number;
  readonly length: number;
  readonly completeLength: number | null;
}

export function isComplete({ first, length, completeLength }: Extent): boolean {
  return first === 0 && length === completeLength;
}
