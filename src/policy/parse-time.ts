// Owns the criterion `time` of a policy file: days, hours, dates and their zone → a window of time.
import type { Criterion } from '../match/condition.ts';
import { parseDays, parseHours, parseLocalTime, timeWindow } from '../match/time-window.ts';
import { timeZone } from '../match/time-zone.ts';
import { Refused, readValue, readValuesIfAny, refusing } from './parse-values.ts';
import { type Entry, readMapping, report, type Source } from './yaml-source.ts';

export const TIME_KEYS = ['days', 'hours', 'from', 'until', 'zone'] as const;

/** @returns `null`, and a problem, when no window can be made of it */
export function readTime(source: Source, entry: Entry): Criterion | null {
  const entries = readMapping(source, entry.value, 'time', TIME_KEYS, entry.offset);
  if (entries === null) return null;
  const dates = (key: 'from' | 'until') => readValue(source, entries.get(key), key, 'a date such as 2026-12-31', refusing(parseLocalTime));
  const days = readValuesIfAny(source, entries.get('days'), 'days', 'a day or a range such as mon-fri', refusing(parseDays));
  const hours = readValuesIfAny(source, entries.get('hours'), 'hours', 'hours such as 08:00-18:00', refusing(parseHours));
  const [from, until] = [dates('from'), dates('until')];
  const zone = readValue(source, entries.get('zone'), 'zone', 'a zone such as Europe/Berlin', refusing(timeZone));
  if (!entries.has('zone')) report(source, entry.offset, `time: needs 'zone', such as 'zone: Europe/Berlin' or 'zone: UTC'`);
  else if (entries.size === 1) report(source, entry.offset, `time: needs 'days', 'hours', 'from' or 'until' beside its zone`);
  if (zone === null) return null;
  const window = refusing(() => timeWindow(zone, days, hours, from, until))('');
  if (!(window instanceof Refused)) return { kind: 'time', window };
  report(source, entry.offset, `time: ${window.message}`);
  return null;
}
