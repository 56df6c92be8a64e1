// Owns the format `adblock`: the network filters of Adblock Plus and uBlock Origin, read and matched by @ghostery/adblocker, which is optional and
// loaded only when a list has this format. Exceptions (@@) are honoured. What changes a page or an answer rather than blocking it is ignored:
// cosmetic filters, $csp, $removeparam, $replace, $redirect-rule; so is what stands under an `!#if` that does not hold for us.
//
// The package compiles a filter with a `*` or a regular expression into a RegExp, and a client could choose a URL on which it backtracks for
// seconds. Here they run in linear time (re2js); a filter that cannot is unreadable.
// A filter that asks for a type or a party which nobody told us (a tunnel shows its host alone) does not match: we deny what we know of.
import { createRequire } from 'node:module';
import type * as Adblocker from '@ghostery/adblocker';
import { RE2JS } from 're2js';
import { regex } from '../../match/regex.ts';
import { MAX_ENTRIES } from './add-name.ts';
import { refuseBroadFilters } from './filter-index.ts';
import type { RequestFilters } from './list.ts';
import { type LineTally, type LineVerdict, ListTooLong, readLines, utf8Text } from './read-lines.ts';

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
    if (filter === null || !isLinear(filter)) return 'unreadable';
    if (!mayBlock(filter)) return 'ignored';
    if (networkFilters.length >= MAX_ENTRIES) throw new ListTooLong();
    networkFilters.push(filter);
    return 'entry';
  });
  refuseBroadFilters(networkFilters);
  const engine = new adblocker.FiltersEngine({ networkFilters, config: ENGINE_OPTIONS });
  return { tally, entries: networkFilters.length, bytes: engine.serialize() };
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
  return {
    judge({ url, destination, sourceHost }) {
      const type = REQUEST_TYPES.get(destination ?? '') ?? 'other';
      const source = sourceHost === null ? {} : { sourceUrl: `https://${sourceHost}/` };
      const { match, filter, exception } = engine.match(adblocker.Request.fromRawDetails({ url, type, ...source }));
      return { isBlocked: match, filter: filter?.toString() ?? null, exception: exception?.toString() ?? null };
    },
  };
}

/** `!#if`, `!#else`, `!#endif`. To the names in conditions (`env_chromium`, `ext_ublock`) a proxy answers no; `!#include` is not followed. */
function readCondition(adblocker: typeof Adblocker, text: string, conditions: boolean[]): LineVerdict {
  if (text.startsWith('!#if ')) conditions.push(adblocker.evaluatePreprocessor(text.slice(5).replaceAll(' ', ''), new Map()));
  else if (text === '!#else' && conditions.length > 0) conditions.push(!conditions.pop());
  else if (text === '!#endif') conditions.pop();
  return text.startsWith('!#include') ? 'ignored' : 'nothing';
}

function mayBlock(filter: Adblocker.NetworkFilter): boolean {
  const changesOnly = filter.isCSP() || filter.isRemoveParam() || filter.isReplace() || filter.isRedirectRule();
  return !changesOnly && !filter.isGenericHide() && !filter.isSpecificHide();
}

function isLinear(filter: Adblocker.NetworkFilter): boolean {
  try {
    const pattern = filter.getRegex();
    // What re2js builds while it matches would grow with the URLs of clients, where the whole automaton is large.
    if (filter.isFullRegex()) regex(`(?i)${pattern.source}`);
    filter.regex = undefined; // what was made of it takes many times the memory of the filter, and is not kept
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
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'MODULE_NOT_FOUND')) throw cause;
    throw new AdblockerMissing('@ghostery/adblocker is not installed', { cause });
  }
  matchInLinearTime(loaded.NetworkFilter);
  return loaded;
}

/** The package asks each filter for its RegExp, here alone: so this is where another one can be given. */
function matchInLinearTime(networkFilter: typeof Adblocker.NetworkFilter): void {
  const original = networkFilter.prototype.getRegex;
  networkFilter.prototype.getRegex = function getRegex(this: Adblocker.NetworkFilter): RegExp {
    if (!(this.regex instanceof LinearRegExp)) this.regex = new LinearRegExp(original.call(this));
    return this.regex;
  };
}

class LinearRegExp extends RegExp {
  readonly #linear: RE2JS;

  constructor(pattern: RegExp) {
    super(pattern);
    this.#linear = RE2JS.compile(pattern.source, pattern.ignoreCase ? RE2JS.CASE_INSENSITIVE : 0);
  }

  override test(text: string): boolean {
    return this.#linear.test(text);
  }
}

// Lists join many names into one filter with `domain=`, far past the 4 KiB of a line elsewhere.
const MAX_LINE = 65_536;

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
