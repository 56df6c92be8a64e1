// Owns one request at the cache: who asks for what, and what is kept of how it was answered.
import type { Cancellation } from '../net/cancellation.ts';
import { type CacheRecord, createCacheRecord } from './cache-record.ts';
import type { RequestDirectives } from './rules/cache-control.ts';
import type { CacheRequest } from './rules/reuse.ts';
import type { StoredResponse } from './stored-response.ts';

export class Lookup {
  readonly request: CacheRequest;
  /** Who asks, as the key has it where a rule keeps users apart. */
  readonly user: string | null;
  readonly directives: RequestDirectives;
  readonly record: CacheRecord;
  /** Of whoever asks. */
  readonly cancellation: Cancellation;
  /** Whether this client may have what came from there. */
  readonly mayServe: (origin: StoredResponse['origin']) => boolean;
  /** It is asked on nobody's behalf, to freshen what is stored. */
  readonly isBackground: boolean;
  /** It has waited for a response that turned out not to be for sharing, and does not wait again. */
  hasWaited = false;
  /** Other processes have been asked whether they fetch it, or have stored it. */
  hasLookedAround = false;

  constructor(
    request: CacheRequest,
    directives: RequestDirectives,
    user: string | null,
    cancellation: Cancellation,
    mayServe: Lookup['mayServe'],
    isBackground: boolean,
  ) {
    this.request = request;
    this.directives = directives;
    this.user = user;
    this.record = createCacheRecord(request.key);
    this.cancellation = cancellation;
    this.mayServe = mayServe;
    this.isBackground = isBackground;
  }
}
