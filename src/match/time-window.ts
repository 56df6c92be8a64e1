// Owns windows of time: on which days, in which hours, from when until when, all on the wall clock of a named zone.
// Hours that go past midnight belong to the day on which they begin: `days: fri, hours: 22:00-06:00` ends on Saturday morning.
// An hour's end is not in the window, and neither is the date-time `until`; the date `until` is, to its end. When clocks change, a window is as
// much shorter or longer as the day is. Nothing here asks what time it is: a clock that steps is simply asked about again with the next request.
import { instantOf, type TimeZone } from './time-zone.ts';

export interface TimeWindow {
  /** As written: `mon-fri 08:00-18:00 until 2026-12-31 Europe/Berlin`. */
  readonly text: string;
  readonly zone: TimeZone;
  /** Whether each day is in it, from Sunday. */
  readonly days: readonly boolean[];
  /** Alternatives; none is the whole day. */
  readonly hours: readonly Hours[];
  /** Milliseconds since the epoch; the first that is in the window, and the first that is no more. */
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Minutes after midnight. `to` is not included; where it is not after `from`, it is on the next day. */
export interface Hours {
  readonly text: string;
  readonly from: number;
  readonly to: number;
}

/** One or several days of the week, from 0 for Sunday. */
export interface Days {
  readonly text: string;
  readonly days: readonly number[];
}

/** A date, or a date and a time, in no zone yet: milliseconds as if it were UTC. */
export interface LocalTime {
  readonly text: string;
  readonly localMs: number;
  readonly isDate: boolean;
}

/** Absent parts are empty or `null`, and narrow nothing. @throws Error when the window ends before it begins */
export function timeWindow(
  zone: TimeZone,
  days: readonly Days[],
  hours: readonly Hours[],
  from: LocalTime | null,
  until: LocalTime | null,
): TimeWindow {
  const fromMs = from === null ? Number.NEGATIVE_INFINITY : instantOf(zone, from.localMs);
  const untilMs = until === null ? Number.POSITIVE_INFINITY : instantOf(zone, until.isDate ? until.localMs + DAY_MS : until.localMs);
  if (fromMs >= untilMs) throw new Error(`from ${from?.text} until ${until?.text} is no time at all`);
  const named = new Set(days.flatMap((part) => part.days));
  return {
    text: [
      ...(days.length === 0 ? [] : [days.map((part) => part.text).join(', ')]),
      ...(hours.length === 0 ? [] : [hours.map((part) => part.text).join(', ')]),
      ...(from === null ? [] : [`from ${from.text}`]),
      ...(until === null ? [] : [`until ${until.text}`]),
      zone.name,
    ].join(' '),
    zone,
    days: DAYS.map((_name, day) => named.size === 0 || named.has(day)),
    hours,
    fromMs,
    untilMs,
  };
}

/** @param nowMs milliseconds since the epoch. @throws never, within the years that a `Date` holds */
export function isWithin(window: TimeWindow, nowMs: number): boolean {
  if (nowMs < window.fromMs || nowMs >= window.untilMs) return false;
  const localMs = nowMs + window.zone.offsetMs(nowMs);
  const day = Math.floor(localMs / DAY_MS);
  const isToday = window.days[weekday(day)]!;
  if (window.hours.length === 0) return isToday;
  const minute = Math.floor((localMs - day * DAY_MS) / MINUTE_MS);
  for (const { from, to } of window.hours) {
    if (from < to ? isToday && minute >= from && minute < to : isToday && minute >= from) return true;
    if (from >= to && minute < to && window.days[weekday(day - 1)]!) return true;
  }
  return false;
}

/** Whether it can never be within the window again. */
export function isOver(window: TimeWindow, nowMs: number): boolean {
  return nowMs >= window.untilMs;
}

/** What the clock of the window's zone shows, to the minute: `Mon 2026-11-23 09:00 Europe/Berlin`. */
export function localTimeText({ zone }: TimeWindow, nowMs: number): string {
  const localMs = nowMs + zone.offsetMs(nowMs);
  const day = DAYS[weekday(Math.floor(localMs / DAY_MS))]!;
  return `${day[0]!.toUpperCase()}${day.slice(1)} ${new Date(localMs).toISOString().slice(0, 16).replace('T', ' ')} ${zone.name}`;
}

/** `sun`, or a range such as `mon-fri` or `sat-mon`. @throws Error that says what was expected */
export function parseDays(text: string): Days {
  const [first, last, ...others] = text.split('-').map((day) => DAYS.indexOf(day));
  if (first === undefined || first === -1 || last === -1 || others.length > 0)
    throw new Error(
      `expected a day or a range of days such as ${DAYS.slice(1).join(', ')}, ${DAYS[0]} or mon-fri; found '${text.slice(0, 60)}'`,
    );
  const length = last === undefined ? 1 : ((last - first + 7) % 7) + 1;
  return { text, days: Array.from({ length }, (_day, index) => (first + index) % 7) };
}

/** `08:00-18:00`, or past midnight `22:00-06:00`. @throws Error that says what was expected */
export function parseHours(text: string): Hours {
  const [, from, to] = /^(\d\d:\d\d)-(\d\d:\d\d)$/.exec(text)?.map(minuteOfDay) ?? [];
  if (from === undefined || to === undefined || !(from < MINUTES_OF_DAY) || Number.isNaN(to))
    throw new Error(`expected hours such as 08:00-18:00, from 00:00 to 24:00; found '${text.slice(0, 60)}'`);
  if (from === to) throw new Error(`${text} begins when it ends; write 00:00-24:00 for the whole day, or leave 'hours' out`);
  return { text, from, to };
}

/** `2026-12-31` or `2026-12-31T18:00`, seconds allowed. @throws Error that says what was expected */
export function parseLocalTime(text: string): LocalTime {
  const isDate = /^\d{4}-\d\d-\d\d$/.test(text);
  const isDateTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?$/.test(text);
  const localMs = isDate || isDateTime ? Date.parse(`${isDate ? `${text}T00:00` : text}Z`) : Number.NaN;
  // What is written has to be what is meant: Date.parse takes February 30 for March 2.
  if (Number.isNaN(localMs) || !new Date(localMs).toISOString().startsWith(text))
    throw new Error(`expected a date such as 2026-12-31, or 2026-12-31T18:00, on the clock of 'zone'; found '${text.slice(0, 60)}'`);
  return { text, localMs, isDate };
}

function minuteOfDay(time: string): number {
  const minutes = Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5));
  return minutes <= MINUTES_OF_DAY && Number(time.slice(3, 5)) < 60 ? minutes : Number.NaN;
}

/** From 0 for Sunday; day 0, 1 January 1970, was a Thursday. */
function weekday(day: number): number {
  return (((day + 4) % 7) + 7) % 7;
}

const DAYS: readonly string[] = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const MINUTES_OF_DAY = 24 * 60;
const MINUTE_MS = 60_000;
const DAY_MS = MINUTES_OF_DAY * MINUTE_MS;
