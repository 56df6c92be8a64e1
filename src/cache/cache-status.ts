// Owns our member of Cache-Status (RFC 9211): how the cache handled one request, made anew for each answer. Members of other caches are not touched.
// `detail` is a code of REUSE_REASONS or STORING_REASONS, where the standard parameters do not say as much. The key is shown only where it is asked
// for: it tells a client how the proxy takes URLs apart, and whom it takes the client for.
import { type Parameters, serializeMember, type Token } from '../http/structured-fields.ts';
import type { CacheRecord } from './cache-record.ts';
import { type ForwardCode, type HitCode, REUSE_REASONS, type ReuseReason } from './rules/reuse.ts';
import { STORING_REASONS } from './rules/storability.ts';

/** @param name  what this proxy calls itself, as in Via */
export function cacheStatus(name: string, record: CacheRecord, isKeyShown: boolean): string {
  const { outcome, reuse, ttlSeconds } = record;
  // What most answers from the cache say, written as the general way below writes it.
  if (outcome === 'hit' && reuse?.why === 'fresh' && ttlSeconds !== null && !isKeyShown) return `${hitOf(name)}${ttlSeconds}`;
  return serializeMember(name, parametersOf(record, isKeyShown ? record.key : undefined));
}

function parametersOf(record: CacheRecord, key: string | undefined): Parameters {
  const { reuse, outcome, isCollapsed, forwardStatus, storing, ttlSeconds } = record;
  const ttl = ttlSeconds ?? undefined;
  const why = reuse?.why ?? null;
  if (outcome === 'hit') return { hit: true, ttl, key, detail: why === null || why === 'fresh' ? undefined : { token: why } };
  // Not even the origin was asked: neither `hit` nor `fwd` would be true (§2.1, §2.2).
  if (outcome === 'none') return { key, detail: why === null ? undefined : { token: why } };
  const reason: ReuseReason = reuse === null || reuse.kind === 'hit' ? REUSE_REASONS.bypass : REUSE_REASONS[reuse.why];
  const forward = reason.forward ?? 'miss';
  const isStored = storing !== null && STORING_REASONS[storing].isStored;
  return {
    fwd: { token: forward },
    'fwd-status': forwardStatus ?? undefined,
    ttl,
    stored: isStored && outcome === 'forwarded',
    collapsed: isCollapsed,
    key,
    detail: detailOf(record, forward, isStored),
  };
}

function detailOf({ reuse, outcome, storing, forwardStatus }: CacheRecord, forward: string, isStored: boolean): Token | undefined {
  if (outcome === 'stale') return forwardStatus === null ? UNREACHABLE : ERROR;
  if (outcome === 'forwarded' && storing !== null && !isStored) return { token: storing };
  const code = reuse === null || reuse.kind === 'hit' ? null : (reuse.why satisfies ForwardCode);
  return code === null || code === forward ? undefined : { token: code };
}

let lastName = '';
let lastHit = '';

/** The member of a hit up to the number of its ttl. There is one name for as long as the settings do not change. */
function hitOf(name: string): string {
  if (name !== lastName) {
    lastHit = serializeMember(name, { hit: true, ttl: 0 }).slice(0, -1);
    lastName = name;
  }
  return lastHit;
}

const UNREACHABLE: Token = { token: 'origin-unreachable' satisfies HitCode };
const ERROR: Token = { token: 'stale-if-error' satisfies HitCode };
