// Owns the smallest change at the origin that would have made a request a hit: everything about the response that stands in the way, and the words for
// clearing it away. Whoever makes the change gets the hit; it is told from the same values that the rules judged by.
// Nothing is proposed that an origin cannot do: what the client asked for, what a rule of the policy says and what is simply not there yet stay as
// they are. What would only have it validated is told beside the change, not in its place.
import { fieldValues, hasField, listMembers } from '../http/fields.ts';
import type { Fields } from '../http/message.ts';
import { lifetimeWords, type ReceivedResponse } from './explain.ts';
import { requestDirectives } from './rules/cache-control.ts';
import { isHeuristicallyCacheable, type ResponseFacts } from './rules/freshness.ts';
import { strongValidator } from './rules/preconditions.ts';
import { type ForwardCode, isOlderThanAsked, type Reuse } from './rules/reuse.ts';
import { hasValidator, maySatisfyOthers, type StoringCode, saysLifetime, setsCookie } from './rules/storability.ts';
import { CACHE_CONTROL } from './rules/targeted.ts';
import { matches, varyOf } from './rules/vary.ts';
import { isComplete, type StoredResponse } from './stored-response.ts';

/** A stored response at the moment of a request. */
export interface AgedResponse {
  readonly stored: StoredResponse;
  readonly facts: ResponseFacts;
  readonly ageSeconds: number;
}

/**
 * The smallest change at the origin that would have let a stored response answer the request as it was.
 *
 * @param all  what was stored under the key
 * @returns a sentence in the imperative without a full stop; `null` where it was a hit, or the origin cannot change it
 */
export function changeForReuse(fields: Fields, reuse: Reuse, all: readonly AgedResponse[]): string | null {
  switch (reuse.kind) {
    case 'hit':
      return null;
    case 'validate':
      return OF_THE_RESPONSE.has(reuse.why) ? sentenceOf(stepsToAnswer(fields, reuse)) : null;
    case 'complete':
      return null; // whoever fetched a part has not fetched the rest
    case 'miss':
      if (reuse.why === 'vary-miss') return sentenceOf(stepsOfFewest(fields, all));
      if (reuse.why === 'authorization') return all.length === 0 ? FOR_AUTHORIZED : sentenceOf(stepsOfFewest(fields, all));
      if (reuse.why !== 'partial' || all.some(({ stored }) => strongValidator(stored) !== null)) return null;
      return 'add a strong ETag, so that the parts of it can be put together';
    default:
      return reuse satisfies never;
  }
}

/**
 * The smallest change at the origin that would have let its response be stored, and answer the next request like the one that brought it.
 *
 * @param response  `null` when nobody remembers more than the code
 * @param requestFields  of that next request
 */
export function changeForStoring(code: StoringCode, response: ReceivedResponse | null, requestFields: Fields): string | null {
  const general = IN_GENERAL.get(code);
  if (general === undefined) return null; // it is stored; or the client, the policy or the store would not have it
  if (response === null) return general;
  const { fields, facts } = response;
  const { directives } = facts;
  const needed: Needed = {
    seconds: Math.floor(facts.initialAgeMs / 1000) + 1,
    // An answer to POST has to say so itself (RFC 9110 §9.3.3).
    isExplicit: code === 'post-not-reusable',
    isAuthorized: code === 'authorization' || hasField(requestFields, 'authorization'),
  };
  const forbidding = forbiddingOf(facts, code);
  const steps = stepsFor(fields, facts, forbidding, needed);
  if (steps === null) return null;
  const first = firstSteps(code, fields);
  if (first.length === 0 && steps.length === 1) steps[0] += orValidated(response, forbidding, needed);
  steps.unshift(...first);
  const hasCookie = setsCookie(fields, directives);
  const isCookieRefused = hasCookie && !directives.isPublic && lives(facts, needed) && !saysLifetime(facts);
  const reserved = isCookieRefused ? steps.indexOf(FOR_AUTHORIZED) : -1;
  if (reserved !== -1) steps[reserved] = 'add public, since the request carries Authorization';
  else if (isCookieRefused) steps.push('leave out Set-Cookie, or add public if everybody may have the cookie');
  const change = sentenceOf(steps);
  if (change === null) return null;
  if (directives.isPrivate === true) return `${change}, if it is the same for everybody`;
  return hasCookie && (!isCookieRefused || reserved !== -1) ? `${change}, if everybody may have its cookie` : change;
}

/** What no directive mends. */
function firstSteps(code: StoringCode, fields: Fields): string[] {
  return [
    ...(code === 'partial-unusable' ? [ONE_RANGE] : []),
    ...(code === 'post-not-reusable' ? ['answer 200 with a Content-Location that is the target itself, if a GET would get the same'] : []),
    ...(varyOf(fields) === '*' ? [NO_STAR] : []),
  ];
}

/** What lets a stored response answer; `null` where nothing at the origin would. */
function stepsToAnswer(fields: Fields, { stored, facts, ageSeconds }: AgedResponse): string[] | null {
  const { maxAge, minFresh, noCache } = requestDirectives(fields);
  // Whatever the origin had said, this client would have had it asked.
  if (noCache || (maxAge !== null && isOlderThanAsked(ageSeconds, maxAge))) return null;
  const isAuthorized = stored.isFromAuthorized && !facts.isForced;
  const needed: Needed = { seconds: ageSeconds + Math.max(1, minFresh ?? 0), isExplicit: false, isAuthorized };
  return stepsFor(stored.fields, facts, forbiddingOf(facts, null), needed);
}

/** Of the variants that could answer, the one with the least to change. */
function stepsOfFewest(fields: Fields, all: readonly AgedResponse[]): string[] | null {
  let fewest: string[] | null = null;
  let count = Number.POSITIVE_INFINITY;
  for (const aged of all) {
    const { stored } = aged;
    const steps = stored.isInvalidated || !isComplete(stored.extent) ? null : stepsToAnswer(fields, aged);
    if (steps === null) continue;
    const differing = stored.selectedBy.filter((field) => !matches({ ...stored, selectedBy: [field] }, fields));
    if (differing.length + steps.length >= count) continue;
    count = differing.length + steps.length;
    fewest = differing.length === 0 ? steps : [fromVary(differing.map(({ name }) => asSpelled(name, stored.fields))), ...steps];
  }
  return fewest;
}

function fromVary(names: readonly string[]): string {
  return `remove ${names.join(' and ')} from Vary, if the answer does not depend on ${names.length === 1 ? 'it' : 'them'}`;
}

function asSpelled(name: string, fields: Fields): string {
  return listMembers(fields, 'vary').find((member) => member.toLowerCase() === name) ?? name;
}

/** What the response has to live up to. */
interface Needed {
  /** The lifetime, at least. */
  readonly seconds: number;
  /** An estimated one is none. */
  readonly isExplicit: boolean;
  /** The request that brings it carries Authorization. */
  readonly isAuthorized: boolean;
}

function lives({ lifetimeSeconds, lifetimeFrom }: ResponseFacts, { seconds, isExplicit }: Needed): boolean {
  return lifetimeSeconds >= seconds && !(isExplicit && lifetimeFrom === 'heuristic');
}

/** The directives that keep it from being stored, or from answering without a question to the origin. */
function forbiddingOf({ directives }: ResponseFacts, code: StoringCode | null): string[] {
  const { noStore, mustUnderstand, isPrivate, noCache } = directives;
  const isNotUnderstood = code === 'status-not-understood';
  return [
    ...(isNotUnderstood ? ['must-understand'] : []),
    // Where the status is understood, must-understand stands above it (RFC 9111 §5.2.2.3).
    ...(noStore && (!mustUnderstand || isNotUnderstood) ? ['no-store'] : []),
    ...(isPrivate === true ? ['private'] : []),
    ...(noCache === true ? ['no-cache'] : []),
  ];
}

/** Without these directives, with the lifetime that is needed, and for others too; `null` where the policy has said how long it lives. */
function stepsFor(fields: Fields, facts: ResponseFacts, forbidding: readonly string[], needed: Needed): string[] | null {
  const { lifetimeFrom, directives } = facts;
  const isReserved = needed.isAuthorized && !facts.isForced && !maySatisfyOthers(directives);
  const isLiving = lives(facts, needed);
  if (!isLiving && lifetimeFrom === 'policy') return null;
  // Of two values for one directive the first counts, so a new one beside the old would not help.
  const isRaised = lifetimeFrom === 's-maxage' || (lifetimeFrom === 'max-age' && !isReserved);
  const names = forbidding.join(' and ');
  const steps: string[] = [];
  if (isLiving) {
    if (names !== '') steps.push(`remove ${names}; ${lifetimeWords(facts)} then lets it answer`);
    if (isReserved) steps.push(FOR_AUTHORIZED);
  } else if (isRaised) {
    steps.push(`${names === '' ? '' : `remove ${names}, and `}${raised(facts, needed)}`);
  } else {
    const added = `${isReserved ? 's-maxage' : 'max-age'}=${needed.seconds > 1 ? `${needed.seconds} or more` : 'N'}`;
    const why = isReserved ? ', since the request carries Authorization' : '';
    if (names === '') steps.push(`add ${added}${placeOf(facts, 'to')}${why || `; now ${nowWords(fields, facts)}`}`);
    else steps.push(`replace ${names} by ${added}${placeOf(facts, 'in')}${why}`);
  }
  return steps;
}

function raised(facts: ResponseFacts, { seconds }: Needed): string {
  const { directives, lifetimeFrom, lifetimeSeconds } = facts;
  const value = lifetimeFrom === 'max-age' ? directives.maxAge : directives.sMaxAge;
  const place = placeOf(facts, 'in');
  if (value === 'invalid') return `write ${lifetimeFrom} in digits alone${place}: ${lifetimeFrom}=${seconds} or more`;
  return `raise ${lifetimeFrom} from ${lifetimeSeconds} to ${seconds} or more${place}`;
}

/** The field that decides, where that is not the one that everybody thinks of. */
function placeOf({ controlledBy }: ResponseFacts, preposition: string): string {
  return controlledBy === CACHE_CONTROL ? '' : ` ${preposition} ${controlledBy}`;
}

/** What there is of a lifetime, and why it does not do. */
function nowWords(fields: Fields, { lifetimeFrom, lifetimeSeconds }: ResponseFacts): string {
  if (lifetimeFrom === 'Expires') {
    if (lifetimeSeconds > 0) return `only Expires, ${lifetimeSeconds} s after Date`;
    const isOne = fieldValues(fields, 'expires').length === 1;
    return isOne ? 'only Expires, which is past or no date' : 'only Expires, several times, which counts as past';
  }
  if (lifetimeFrom === 'heuristic') return `only Last-Modified, which gives it ${lifetimeSeconds} s`;
  return hasField(fields, 'last-modified') ? 'only a Last-Modified that gives no lifetime' : 'nothing says how long it stays fresh';
}

/** What would not make it a hit, and spare its content all the same: where nothing else stands in the way of storing it. */
function orValidated({ status, fields, facts }: ReceivedResponse, forbidding: readonly string[], needed: Needed): string {
  const { directives } = facts;
  const mayBeStored = isHeuristicallyCacheable(status) || directives.isPublic || !['heuristic', 'none'].includes(facts.lifetimeFrom);
  if (lives(facts, needed) || !mayBeStored || needed.isAuthorized || (setsCookie(fields, directives) && !directives.isPublic)) return '';
  switch (`${forbidding.join(' ')}${hasValidator(fields) ? ', validator' : ''}`) {
    case 'no-store, validator':
      return `, or by no-cache: ${VALIDATED}`;
    case 'no-store no-cache, validator':
      return `, or remove no-store alone: ${VALIDATED}`;
    case 'no-cache':
      return `, or add an ETag: ${VALIDATED}`;
    default:
      return '';
  }
}

function sentenceOf(steps: readonly string[] | null): string | null {
  return steps === null || steps.length === 0 ? null : steps.join('; ');
}

const FOR_AUTHORIZED = 'add public or s-maxage, since the request carries Authorization';
const NO_STAR = 'name in Vary the request fields that it depends on, instead of *';
const ONE_RANGE = 'send one range, and where it stands: Content-Range: bytes FIRST-LAST/LENGTH';
const VALIDATED = 'then it is validated, and not sent again while it is the same';
/** Where the response itself is why the origin had to be asked about it. */
const OF_THE_RESPONSE: ReadonlySet<ForwardCode> = new Set(['stale', 'request-min-fresh', 'response-no-cache', 'response-no-store']);
/** Of a response of which nothing more is known than what became of it. */
const IN_GENERAL: ReadonlyMap<StoringCode, string> = new Map<StoringCode, string>([
  ['no-store', 'replace no-store by max-age=N, the seconds for which it may answer'],
  ['private', 'replace private by max-age=N, the seconds for which it may answer, if it is the same for everybody'],
  ['no-cache', 'replace no-cache by max-age=N, the seconds for which it may answer'],
  ['authorization', 'add s-maxage=N, since the request carries Authorization'],
  ['vary-star', NO_STAR],
  ['status-not-understood', 'remove must-understand and no-store, and add max-age=N'],
  ['partial-unusable', ONE_RANGE],
  ['set-cookie', 'leave out Set-Cookie, or add max-age=N if everybody may have the cookie'],
  ['post-not-reusable', 'answer 200 with max-age=N and a Content-Location that is the target itself, if a GET would get the same'],
  ['already-stale', 'add max-age=N, the seconds for which it may answer'],
  ['no-freshness', 'add max-age=N, the seconds for which it may answer'],
  ['status-needs-lifetime', 'add max-age=N, the seconds for which it may answer'],
]);
