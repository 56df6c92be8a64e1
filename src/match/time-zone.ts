// Owns local time in a zone of the IANA database: how far its wall clock is ahead of UTC at an instant, and which instant a wall clock shows.
// An offset holds for the quarter of an hour it was asked in: zones have changed their clocks on quarters only since 1972.
// Refuses bare offsets (+01:00) and abbreviations (EST): neither follows the clock changes of a place, and people expect that it does.
import { nearest } from '../errors/nearest.ts';

export interface TimeZone {
  /** As the database spells it: `Europe/Berlin`. */
  readonly name: string;
  /** How far the wall clock is ahead of UTC, in milliseconds. @throws RangeError beyond the years that a `Date` holds */
  offsetMs(nowMs: number): number;
}

/** @throws Error that says what was expected */
export function timeZone(name: string): TimeZone {
  const known = ZONES.get(name);
  if (known !== undefined) return known;
  const format = name === 'UTC' || name.includes('/') ? formatIn(name) : null;
  if (format === null)
    throw new Error(`expected a zone of the IANA database such as Europe/Berlin, or UTC; found '${name.slice(0, 60)}'${hint(name)}`);
  const zone = zoneOf(format);
  ZONES.set(name, zone);
  return zone;
}

function zoneOf(format: Intl.DateTimeFormat): TimeZone {
  let quarter = Number.NaN;
  let offset = 0;
  return {
    name: format.resolvedOptions().timeZone,
    offsetMs: (nowMs) => {
      const current = Math.floor(nowMs / QUARTER_MS);
      if (current !== quarter) {
        offset = readOffset(format, current * QUARTER_MS);
        quarter = current;
      }
      return offset;
    },
  };
}

function hint(name: string): string {
  const near = nearest(name, Intl.supportedValuesOf('timeZone'));
  return near === null ? '' : `; did you mean '${near}'?`;
}

/**
 * The instant at which a wall clock shows a time. One that is shown twice means the first; one that is left out means the instant the clock
 * jumps over it.
 *
 * @param localMs the time as if it were UTC, in milliseconds
 */
export function instantOf(zone: TimeZone, localMs: number): number {
  // The clock changes once in these two days at most, so the offsets around the time are the ones to choose from; the greater is earlier.
  const before = zone.offsetMs(localMs - DAY_MS);
  const after = zone.offsetMs(localMs + DAY_MS);
  const [earlier, later] = [localMs - Math.max(before, after), localMs - Math.min(before, after)];
  if (earlier + zone.offsetMs(earlier) === localMs) return earlier;
  if (later + zone.offsetMs(later) === localMs) return later;
  return firstWith(zone, after, earlier, later);
}

/** The first instant after `low` at which the clock has an offset that it has at `high`; both are a clock change apart at most. */
function firstWith(zone: TimeZone, offset: number, low: number, high: number): number {
  for (let instant = Math.floor(low / QUARTER_MS) * QUARTER_MS; instant < high; instant += QUARTER_MS) {
    if (zone.offsetMs(instant) === offset) return instant;
  }
  return high;
}

function formatIn(name: string): Intl.DateTimeFormat | null {
  try {
    return new Intl.DateTimeFormat('en-US', { ...FORMAT, timeZone: name });
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function readOffset(format: Intl.DateTimeFormat, instant: number): number {
  const shown: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(instant)) shown[type] = Number(value);
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = shown;
  return Date.UTC(year, month - 1, day, hour, minute, second) - instant;
}

/** By the name that was asked for; there are only so many zones, and each costs more than it does. */
const ZONES = new Map<string, TimeZone>();

const FORMAT = {
  calendar: 'gregory',
  numberingSystem: 'latn',
  hourCycle: 'h23',
  year: 'numeric',
  month: 'numeric',
  day: 'numeric',
  hour: 'numeric',
  minute: 'numeric',
  second: 'numeric',
} as const;
const QUARTER_MS = 15 * 60_000;
const DAY_MS = 24 * 3_600_000;
