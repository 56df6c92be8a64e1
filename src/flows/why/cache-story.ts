// Owns what the cache made of a recorded exchange, in the words of the cache (cache/explain.ts): the values that its functions take are put together from the
// record, as far as it has them, and nothing is judged here.
import { explainReuse, explainStoring, type ReceivedResponse, selectionWords } from '../../cache/explain.ts';
import { factsOf, type ResponseFacts } from '../../cache/rules/freshness.ts';
import { CACHE_RULE_DEFAULTS, type CacheRuleOptions, NO_OVERRIDES } from '../../cache/rules/options.ts';
import { type ForwardCode, type HitCode, REUSE_REASONS, type Reuse } from '../../cache/rules/reuse.ts';
import { STORING_REASONS, type StoringCode } from '../../cache/rules/storability.ts';
import { selectingFields, varyOf } from '../../cache/rules/vary.ts';
import { changeForReuse, changeForStoring } from '../../cache/smallest-change.ts';
import type { StoredResponse } from '../../cache/stored-response.ts';
import type { Field } from '../../http/message.ts';
import { readableText } from '../octet-text.ts';
import type { RecordedCache, RecordedExchange, RecordedFields, RecordedResponse } from '../recorded.ts';
import type { WhySentence } from './why-sentence.ts';

/** What the cache did, and what it did with the response; none where it was not asked. @throws never */
export function cacheSentences(exchange: RecordedExchange): WhySentence[] {
  const { cache } = exchange.facts;
  if (cache === null) return [];
  const reuse = reuseOf(exchange, cache, CACHE_RULE_DEFAULTS);
  const sentences: WhySentence[] = [];
  if (reuse !== null) {
    const { sentence, section, arithmetic } = explainReuse(cache.key, reuse);
    const detail = [
      `key: ${readableText(cache.key)}`,
      selectionLine(exchange),
      ageLine(exchange, cache, arithmetic),
      ...circumstances(cache),
    ];
    sentences.push({
      stage: 'cache',
      title: TITLES[cache.outcome ?? 'none'],
      text: asSentence(sentence),
      section,
      detail: detail.filter((line) => line !== null),
    });
  }
  if (isStoringCode(cache.storing)) {
    const { sentence, section, isStored } = explainStoring(cache.storing);
    sentences.push({ stage: 'cache', title: isStored ? 'Stored' : 'Not stored', text: asSentence(sentence), section });
  }
  return sentences;
}

/**
 * The smallest change at the origin that would have made it a hit, or makes the next one a hit.
 *
 * @returns an imperative without a full stop; `null` where it was a hit, or an origin cannot change it
 */
export function cacheHint(exchange: RecordedExchange, options: CacheRuleOptions): string | null {
  const { cache } = exchange.facts;
  if (cache === null) return null;
  const reuse = reuseOf(exchange, cache, options);
  const fields = asFields(exchange.request.fields);
  const change = reuse === null ? null : changeForReuse(fields, reuse, []);
  if (change !== null || cache.outcome === 'hit') return change;
  const stored = isStoringCode(cache.storing) ? changeForStoring(cache.storing, receivedResponse(exchange, options), fields) : null;
  return stored ?? (cache.reuseWhy === 'vary-miss' ? varyHint(exchange) : null);
}

/** Which of the fields kept the variants from it is not recorded. */
function varyHint({ received }: RecordedExchange): string | null {
  const vary = received === null ? '*' : varyOf(asFields(received.fields));
  if (vary === '*' || vary.length === 0) return null;
  return `remove ${vary.join(', ')} from Vary, as far as the answer does not depend on ${vary.length === 1 ? 'it' : 'them'}`;
}

/** Without what was stored, a validation reads like a miss with the same reason. */
function reuseOf(exchange: RecordedExchange, cache: RecordedCache, options: CacheRuleOptions): Reuse | null {
  const why = cache.reuseWhy;
  if (why === null || !Object.hasOwn(REUSE_REASONS, why)) return null;
  const { response } = exchange;
  const isHit = HIT_CODES.has(why);
  if (!isHit && (response === null || cache.stored == null || !VALIDATING.has(why)))
    return { kind: 'miss', why: why as ForwardCode, variants: 0 };
  const facts = storedFacts(exchange, response ?? NO_RESPONSE, cache, options);
  const found = { stored: storedResponse(response ?? NO_RESPONSE, cache.key), facts, ageSeconds: cache.stored?.ageSeconds ?? 0 };
  if (isHit) return { kind: 'hit', ...found, why: why as HitCode, revalidateBehind: why === 'stale-while-revalidate' };
  return { kind: 'validate', ...found, why: why as ForwardCode };
}

/** What its Vary names, as this request has it: that is what the response was selected by, or is from now on. */
function selectionLine({ request, response }: RecordedExchange): string | null {
  const vary = response === null ? '*' : varyOf(asFields(response.fields));
  if (vary === '*' || vary.length === 0) return null;
  return `selected by: ${readableText(selectionWords(selectingFields(vary, asFields(request.fields), [])))}`;
}

/** The sum of RFC 9111 §4.2.3 where it is recorded; else what the response itself said of its age. */
function ageLine({ response }: RecordedExchange, { stored, ttlSeconds, outcome }: RecordedCache, arithmetic: string | null): string | null {
  if (stored != null) return arithmetic;
  const age = response?.fields.find(([name]) => name.toLowerCase() === 'age')?.[1];
  if (outcome === 'forwarded' || age === undefined || !/^\d{1,10}$/.test(age)) return null;
  if (ttlSeconds === null) return `age ${age} s`;
  return `age ${age} s; lifetime ${Number(age) + ttlSeconds} s: ${ttlSeconds > 0 ? `fresh for ${ttlSeconds} s more` : `stale for ${-ttlSeconds} s`}`;
}

function circumstances({ isCollapsed, forwardStatus }: RecordedCache): string[] {
  return [
    ...(isCollapsed ? ['the response came by the request of somebody else, at the same time'] : []),
    ...(forwardStatus === null ? [] : [`the origin answered ${forwardStatus}`]),
  ];
}

/** As the cache knew it: numbers of the record, over what the fields of the response say of themselves. */
function storedFacts(
  exchange: RecordedExchange,
  response: RecordedResponse,
  { stored }: RecordedCache,
  options: CacheRuleOptions,
): ResponseFacts {
  return { ...factsOf(dated(exchange, response), options, NO_OVERRIDES), ...stored };
}

function receivedResponse(exchange: RecordedExchange, options: CacheRuleOptions): ReceivedResponse | null {
  const { received } = exchange;
  if (received === null) return null;
  const response = dated(exchange, received);
  return { status: received.status, fields: response.fields, facts: factsOf(response, options, NO_OVERRIDES) };
}

/** The request to the origin went out once there was a connection. */
function dated({ summary }: RecordedExchange, { status, fields }: RecordedResponse) {
  const { startedAtMs, resolveMs, connectMs, tlsMs, firstByteMs, totalMs } = summary;
  const beforeMs = (resolveMs ?? 0) + (connectMs ?? 0) + (tlsMs ?? 0);
  const answeredMs = Math.max(beforeMs, firstByteMs ?? totalMs ?? 0);
  return { status, fields: asFields(fields), requestTimeMs: startedAtMs + beforeMs, responseTimeMs: startedAtMs + answeredMs };
}

function storedResponse({ status, reason, fields }: RecordedResponse, key: string): StoredResponse {
  return {
    ...{ id: '', key, selectedBy: [], status, reason, version: '1.1', fields: asFields(fields), requestTimeMs: 0, responseTimeMs: 0 },
    ...{ extent: { first: 0, length: 0, completeLength: 0 }, isFromAuthorized: false, isInvalidated: false, origin: null, tags: [] },
  };
}

function asFields(fields: RecordedFields): Field[] {
  return fields.map(([name, value]) => ({ name, value }));
}

function isStoringCode(code: string | null): code is StoringCode {
  return code !== null && Object.hasOwn(STORING_REASONS, code);
}

function asSentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

const TITLES = { hit: 'Hit', validated: 'Validated', stale: 'Stale', forwarded: 'Forwarded', none: 'Nothing stored' } as const;
const HIT_CODES: ReadonlySet<string> = new Set<HitCode>([
  'fresh',
  'max-stale',
  'stale-while-revalidate',
  'stale-if-error',
  'origin-unreachable',
]);
/** Reasons to ask the origin about something that is stored. */
const VALIDATING: ReadonlySet<string> = new Set<ForwardCode>([
  ...([
    'stale',
    'response-no-cache',
    'response-no-store',
    'clock-set-back',
    'invalidated',
    'request-no-cache',
    'request-max-age',
    'request-min-fresh',
  ] as const),
]);
const NO_RESPONSE: RecordedResponse = { status: 0, reason: '', version: '1.1', fields: [] };
