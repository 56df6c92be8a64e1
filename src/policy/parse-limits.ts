// Owns the limits of a rule: how often, how much at once and how fast what it allows may be used. A limit of nothing is no limit: it is a denial.
import { parseCount, parseOctets } from '../match/units.ts';
import { oneOf, type ReadValue, Refused, readValue, refusing } from './parse-values.ts';
import type { RuleLimits } from './policy.ts';
import { type Entry, readMapping, report, type Source, shown } from './yaml-source.ts';

export const LIMIT_KEYS = ['requests', 'concurrent', 'download', 'upload', 'per_day', 'per'] as const;
export const PER = ['user', 'client', 'all'] as const satisfies readonly RuleLimits['per'][];

/** @param hasName whether the rule has one, under which a day's octets can be counted across restarts */
export function readLimits(source: Source, entry: Entry | undefined, hasName: boolean): RuleLimits | null {
  if (entry === undefined) return null;
  const entries = readMapping(source, entry.value, 'limits', LIMIT_KEYS, entry.offset);
  if (entries === null) return null;
  if (entries.size === (entries.has('per') ? 1 : 0))
    report(source, entry.offset, `limits: names no limit; the keys are ${LIMIT_KEYS.join(', ')}`);
  const perDay = entries.get('per_day');
  if (perDay !== undefined && !hasName)
    report(source, perDay.offset, `per_day: the rule needs a 'name', under which the octets are counted`);
  const number = (key: (typeof LIMIT_KEYS)[number], expected: string, read: ReadValue<number>) =>
    readValue(source, entries.get(key), key, expected, read);
  return {
    per: readValue(source, entries.get('per'), 'per', 'user, client or all', oneOf(PER)) ?? 'user',
    requestsPerSecond: number('requests', 'a rate such as 10/s', requestsPerSecond),
    concurrent: number(
      'concurrent',
      'a number',
      refusing((text) => parseCount(text, MOST_COUNT)),
    ),
    downloadBytesPerSecond: number('download', 'a rate such as 1MiB/s', bytesPerSecond),
    uploadBytesPerSecond: number('upload', 'a rate such as 256KiB/s', bytesPerSecond),
    bytesPerDay: number('per_day', 'a size such as 2GiB', octets),
  };
}

function requestsPerSecond(text: string): number | Refused {
  if (!text.endsWith('/s')) return new Refused(`expected a rate such as 10/s; found ${shown(text)}`);
  return refusing((count) => parseCount(count, MOST_COUNT))(text.slice(0, -2));
}

function bytesPerSecond(text: string): number | Refused {
  return text.endsWith('/s') ? octets(text.slice(0, -2)) : new Refused(`expected a rate such as 1MiB/s; found ${shown(text)}`);
}

function octets(text: string): number | Refused {
  const bytes = refusing(parseOctets)(text);
  return bytes === 0 ? new Refused('0 lets nothing pass; deny it with a rule instead') : bytes;
}

const MOST_COUNT = 1_000_000;
