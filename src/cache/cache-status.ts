// Owns our member of Cache-Status (RFC 9211): how the cache handled one request, made anew for each answer. Members of other caches are not touched.
// `detail` is a code of REUSE_REASONS or STORING_REASONS, where the standard parameters do not say as much. The key is shown only where it is asked
// for: it tells a client how the proxy takes URLs apart, and whom it takes the client for.
import { type Parameters, serializeMember, type Token } from '../http/structured-fields.ts';
import type { CacheRecord } from './cache-record.ts';
import { type ForwardCode, type HitCode, REUSE_REASONS, type ReuseReason } from './rules/reuse.ts';
import { STORING_REASONS } from './rules/storability.ts';

/** @param name  what this proxy calls itself, as in Via */
export function cacheStatus(name: string, record: CacheRecord, isKeyShown: boolean): string {
  const { outcome, reuse, ttlSeconds, forwardStatus, isCollapsed, storing } = record;
  // What most answers say, written as the general way below writes it.
  if (reuse !== null && !isKeyShown) {
    if (outcome === 'hit' && reuse.why === 'fresh' && ttlSeconds !== null) return `${hitOf(name)}${ttlSeconds}`;
    if (outcome === 'forwarded' && storing !== null && forwardStatus === null && !isCollapsed) {
      const { before, after } = forwardedOf(name, record, reuse.why, storing);
      return ttlSeconds === null ? before + after : `${before};ttl=${ttlSeconds}${after}`;
    }
  }
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

/** What stands on both sides of the ttl. */
interface Forwarded {
  readonly before: string;
  readonly after: string;
}

let forwardedName = '';
/** By why the origin was asked, and what became of its response: words of ours, so there are not many. */
const FORWARDED = new Map<string, Map<string, Forwarded>>();

function forwardedOf(name: string, record: CacheRecord, why: string, storing: string): Forwarded {
  if (name !== forwardedName) FORWARDED.clear();
  forwardedName = name;
  let ofWhy = FORWARDED.get(why);
  if (ofWhy === undefined) FORWARDED.set(why, (ofWhy = new Map()));
  let known = ofWhy.get(storing);
  if (known === undefined) {
    const text = serializeMember(name, parametersOf({ ...record, ttlSeconds: 0 }, undefined));
    const at = text.lastIndexOf(NO_TTL);
    known = { before: text.slice(0, at), after: text.slice(at + NO_TTL.length) };
    ofWhy.set(storing, known);
  }
  return known;
}

const NO_TTL = ';ttl=0';
const UNREACHABLE: Token = { token: 'origin-unreachable' satisfies HitCode };
const ERROR: Token = { token: 'stale-if-error' satisfies HitCode };
