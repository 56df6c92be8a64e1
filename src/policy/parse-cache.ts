// Owns `cache` of a rule: how what it lets pass is cached otherwise than RFC 9111 says. Each key breaks a rule of it, which policies/README.md names.
// Refuses what says two things, or nothing: a lifetime for what is never stored, an empty mapping, `force` without the lifetime that it is about.
import { isMap, isScalar } from 'yaml';
import { parseLifetime } from '../match/units.ts';
import { isWord, oneOf, Refused, readTruth, readValue, readValues, refusing } from './parse-values.ts';
import type { RuleCache } from './policy.ts';
import { type Entry, readMapping, report, type Source, shown } from './yaml-source.ts';

export const CACHE_KEYS = ['ttl', 'force', 'ignore_query', 'bypass', 'partition'] as const;
export const PARTITIONS = ['user'] as const satisfies readonly RuleCache['partition'][];

export function readCache(source: Source, entry: Entry | undefined): RuleCache | null {
  if (entry === undefined) return null;
  if (isWord(entry, 'bypass')) return BYPASS;
  if (isScalar(entry.value) && entry.value.value !== '') {
    const found = shown(String(entry.value.value));
    report(source, entry.value.range[0], `cache: expected bypass, or a mapping with the keys ${CACHE_KEYS.join(', ')}; found ${found}`);
    return null;
  }
  const entries = readMapping(source, entry.value, 'cache', CACHE_KEYS, entry.offset);
  if (entries === null) return null;
  if (isMap(entry.value) && entry.value.items.length === 0)
    report(source, entry.offset, `cache: changes nothing; the keys are ${CACHE_KEYS.join(', ')}`);
  const bypass = readTruth(source, entries.get('bypass'), 'bypass');
  if (bypass) reportBesideBypass(source, entries);
  const force = entries.get('force');
  if (force !== undefined && !entries.has('ttl'))
    report(source, force.offset, `force: only beside ttl; what is stored against the origin's word needs a lifetime`);
  return {
    bypass,
    ttlSeconds: readValue(source, entries.get('ttl'), 'ttl', 'a period such as 1h or 30d', lifetime),
    force: readTruth(source, force, 'force'),
    ignoreQuery: readIgnoreQuery(source, entries.get('ignore_query')),
    partition: readValue(source, entries.get('partition'), 'partition', 'user', oneOf(PARTITIONS)),
  };
}

function reportBesideBypass(source: Source, entries: ReadonlyMap<string, Entry>): void {
  for (const [key, { offset }] of entries) {
    if (key !== 'bypass') report(source, offset, `${key}: not beside bypass, with which nothing is stored or looked up`);
  }
}

/** Without the whole query, or without the parameters of these names. */
function readIgnoreQuery(source: Source, entry: Entry | undefined): RuleCache['ignoreQuery'] {
  if (entry === undefined || isWord(entry, 'false')) return false;
  if (isWord(entry, 'true')) return true;
  return readValues(source, entry, 'ignore_query', 'true, false or names of parameters', parameterName);
}

function lifetime(text: string): number | Refused {
  const seconds = refusing(parseLifetime)(text);
  return seconds === 0 ? new Refused(`0 keeps nothing; write 'cache: bypass' instead`) : seconds;
}

/** As it stands in a query, so that what is left out is what the client wrote. */
function parameterName(text: string): string | Refused {
  return /^[\w.~!$'()*,;:@/?%+[\]-]{1,100}$/.test(text)
    ? text
    : new Refused(`expected the name of a parameter as it stands in a query, without =, & and #; found ${shown(text)}`);
}

const BYPASS: RuleCache = Object.freeze({ bypass: true, ttlSeconds: null, force: false, ignoreQuery: false, partition: null });
