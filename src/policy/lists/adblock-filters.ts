// Owns the format `adblock`: the network filters of Adblock Plus and uBlock Origin, read and matched by @ghostery/adblocker, which is optional and
// loaded only when a list has this format. Exceptions (@@) are honoured. What changes a page or an answer rather than blocking it is ignored:
// cosmetic filters, $csp, $removeparam, $replace, $redirect-rule; so is what stands under an `!#if` that does not hold for us.
//
// What a request may cost is bounded in bounded-matching.ts; a filter whose regular expression cannot run in linear time is unreadable.
// A filter that asks for a type or a party which nobody told us (a tunnel shows its host alone) does not match: we deny what we know of.
import { createRequire } from 'node:module';
import type * as Adblocker from '@ghostery/adblocker';
import { errorCode } from '../../errors/from-node.ts';
import { regex } from '../../match/regex.ts';
import { MAX_ENTRIES } from './add-name.ts';
import { boundMatching, SHORT, spendLookups, withinBudget } from './bounded-matching.ts';
import { entriesLookedAt, refuseBroadFilters, refuseSharedSlots, slotsOf } from './filter-index.ts';
import type { FilterVerdict, RequestFilters } from './list.ts';
import { type LineTally, type LineVerdict, ListTooLong, readLines, utf8Text } from './read-lines.ts';
import { keepByCertainWords, LONGEST_TEXT, readAllWords } from './words.ts';

/** The package is not installed. */
export class AdblockerMissing extends Error {}

/**
 * Reads the filters of a list into a form that `restoreFilters` takes.
 *
 * @throws AdblockerMissing
 * @throws FiltersTooBroad
 * @throws ListTooLong
 */
export function compileFilters(octets: Uint8Array): { readonly tally: LineTally; readonly entries: number; readonly bytes: Uint8Array } {
  const adblocker = loadAdblocker();
  const networkFilters: Adblocker.NetworkFilter[] = [];
  const conditions: boolean[] = [];
  const tally = readLines(octets, MAX_LINE, (line, start, end) => {
    const text = utf8Text(line, start, end);
    if (text.startsWith('!#')) return readCondition(adblocker, text, conditions);
    const type: number = adblocker.detectFilterType(text, { extendedNonSupportedTypes: true });
    if (type === TYPES.empty || type === TYPES.comment) return 'nothing';
    if (type !== TYPES.network || conditions.includes(false)) return 'ignored';
    const filter = adblocker.NetworkFilter.parse(text, ENGINE_OPTIONS.debug);
    if (filter === null || !isBounded(filter)) return 'unreadable';
    if (!mayBlock(filter)) return 'ignored';
    if (networkFilters.length >= MAX_ENTRIES) throw new ListTooLong();
    networkFilters.push(filter);
    return 'entry';
  });
  const filters = withoutDisabled(networkFilters);
  refuseBroadFilters(filters);
  const engine = new adblocker.FiltersEngine({ networkFilters: filters, config: ENGINE_OPTIONS });
  if (filters[0] !== undefined) refuseSharedSlots(engine, filters[0]);
  return { tally, entries: filters.length, bytes: engine.serialize() };
}

/** @returns `null` when the bytes are not what this version of the package writes, or the package is gone */
export function restoreFilters(bytes: Uint8Array): RequestFilters | null {
  let adblocker: typeof Adblocker;
  let engine: Adblocker.FiltersEngine;
  try {
    adblocker = loadAdblocker();
    engine = adblocker.FiltersEngine.deserialize(bytes);
  } catch {
    return null;
  }
  const slots = slotsOf(engine);
  return {
    judge({ url, destination, sourceHost }) {
      const type = REQUEST_TYPES.get(destination ?? '') ?? 'other';
      const source = sourceHost === null ? {} : { sourceUrl: `https://${sourceHost}/` };
      const request = adblocker.Request.fromRawDetails({ url, type, ...source });
      return withinBudget(() => {
        if (url.length > SHORT) {
          const words = readAllWords(adblocker, request);
          spendLookups(words.length, entriesLookedAt(slots, words));
        }
        return verdictOf(engine, request);
      });
    },
  };
}

/**
 * As the package's own `match`, without what only changes a request. An important filter knows no exception; one that would redirect blocks here,
 * unless another says `redirect=none`.
 */
function verdictOf({ importants, redirects, filters, exceptions }: Adblocker.FiltersEngine, request: Adblocker.Request): FilterVerdict {
  const important = importants.match(request);
  if (important !== undefined) return { isBlocked: true, filter: important.toString(), exception: null };
  const redirecting = redirects.matchAll(request);
  const redirect = redirecting.find((filter) => filter.getRedirectResource() !== 'none');
  const filter = redirect ?? filters.match(request);
  if (filter === undefined) return NOTHING_MATCHES;
  const exception = exceptions.match(request) ?? (redirect && redirecting.find((other) => other.getRedirectResource() === 'none'));
  return { isBlocked: exception === undefined, filter: filter.toString(), exception: exception?.toString() ?? null };
}

/** `!#if`, `!#else`, `!#endif`. To the names in conditions (`env_chromium`, `ext_ublock`) a proxy answers no; `!#include` is not followed. */
function readCondition(adblocker: typeof Adblocker, text: string, conditions: boolean[]): LineVerdict {
  if (text.startsWith('!#if ')) conditions.push(adblocker.evaluatePreprocessor(text.slice(5).replaceAll(' ', ''), new Map()));
  else if (text === '!#else' && conditions.length > 0) conditions.push(!conditions.pop());
  else if (text === '!#endif') conditions.pop();
  return text.startsWith('!#include') ? 'ignored' : 'nothing';
}

/** What `$badfilter` disables is left out here: the package would read all of those filters while the first request waits. */
function withoutDisabled(filters: readonly Adblocker.NetworkFilter[]): Adblocker.NetworkFilter[] {
  const disabled = new Set(filters.filter((filter) => filter.isBadFilter()).map((filter) => filter.getIdWithoutBadFilter()));
  return filters.filter((filter) => !filter.isBadFilter() && (disabled.size === 0 || !disabled.has(filter.getId())));
}

function mayBlock(filter: Adblocker.NetworkFilter): boolean {
  const changesOnly = filter.isCSP() || filter.isRemoveParam() || filter.isReplace() || filter.isRedirectRule();
  return !changesOnly && !filter.isGenericHide() && !filter.isSpecificHide();
}

/** Whether its time grows with the URL alone, and its words are found in the longest. */
function isBounded(filter: Adblocker.NetworkFilter): boolean {
  if (!filter.isFullRegex()) return filter.getFilter().length <= LONGEST_TEXT;
  try {
    // What re2js builds while it matches would grow with the URLs of clients, where the whole automaton is large.
    regex(`(?i)${filter.getFilter().slice(1, -1)}`);
    return true;
  } catch {
    return false;
  }
}

let loaded: typeof Adblocker | null = null;

function loadAdblocker(): typeof Adblocker {
  if (loaded !== null) return loaded;
  try {
    loaded = createRequire(import.meta.url)('@ghostery/adblocker') as typeof Adblocker;
  } catch (cause) {
    if (errorCode(cause) !== 'MODULE_NOT_FOUND') throw cause;
    throw new AdblockerMissing('@ghostery/adblocker is not installed', { cause });
  }
  boundMatching(loaded.NetworkFilter);
  keepByCertainWords(loaded.NetworkFilter);
  return loaded;
}

// Lists join many names into one filter with `domain=`, far past the 4 KiB of a line elsewhere.
const MAX_LINE = 65_536;

const NOTHING_MATCHES: FilterVerdict = { isBlocked: false, filter: null, exception: null };

/** `FilterType` of the package, whose own enum is gone when its types are. */
const TYPES = { network: 1, empty: 100, comment: 101 };

const ENGINE_OPTIONS = {
  debug: true, // keeps each filter as it was written
  enableCompression: false,
  // Joins filters into larger regular expressions, of which nobody could say which line of the list it was.
  enableOptimizations: false,
  guessRequestTypeFromUrl: true,
  integrityCheck: false, // the file that keeps it has a checksum
  loadCosmeticFilters: false,
  loadCSPFilters: false,
  loadPreprocessors: false,
} as const satisfies Partial<Adblocker.Config>;

/** Destinations of the Fetch standard §2.2.5 in the words of filters; any other is `other`. */
const REQUEST_TYPES: ReadonlyMap<string, Adblocker.RequestType> = new Map([
  ['audio', 'media'],
  ['audioworklet', 'script'],
  ['document', 'main_frame'],
  ['embed', 'object'],
  ['empty', 'xhr'],
  ['fencedframe', 'sub_frame'],
  ['font', 'font'],
  ['frame', 'sub_frame'],
  ['iframe', 'sub_frame'],
  ['image', 'image'],
  ['json', 'xhr'],
  ['manifest', 'web_manifest'],
  ['object', 'object'],
  ['paintworklet', 'script'],
  ['report', 'ping'],
  ['script', 'script'],
  ['serviceworker', 'script'],
  ['sharedworker', 'script'],
  ['style', 'stylesheet'],
  ['track', 'media'],
  ['video', 'media'],
  ['websocket', 'websocket'],
  ['worker', 'script'],
]);
