// Owns HTTP-date (RFC 9110 §5.6.7): the three forms that a recipient has to read, and the one that a sender may write.
// Refuses every other spelling, because what cannot be read counts as long ago (RFC 9111 §5.3) while a guess could make a response fresh:
// other zones, two-digit years in the first form, one-digit hours, doubled blanks. Day names and GMT match in any case, which is more than the RFC
// asks; whether a day name fits its date is not looked at.
// Reads character by character: these are values of any origin, once a stored response and once a condition of a client.

/**
 * @param text  a field value, without the blanks around it
 * @param nowMs  only for the two-digit year of the form of RFC 850: a date that seems more than 50 years ahead lies in the past
 * @returns milliseconds since the epoch, or `null` for anything that is no HTTP-date; never throws
 */
export function parseHttpDate(text: string, nowMs: number): number | null {
  if (text.length === IMF_LENGTH) return imfFixdate(text);
  if (text.length === ASCTIME_LENGTH) return parseAsctime(text);
  return parseRfc850(text, nowMs);
}

/**
 * IMF-fixdate, `Sun, 06 Nov 1994 08:49:37 GMT`, the only form to send.
 *
 * @param ms  since the epoch; what no year of four digits can say becomes the nearest second that it can
 */
export function formatHttpDate(ms: number): string {
  // Written this way round so that NaN becomes a date too.
  const written = ms > FIRST_MS ? Math.min(ms, LAST_MS) : FIRST_MS;
  return new Date(written).toUTCString();
}

/** What many responses in a row say alike: those of one second the same Date, those of one object the same Last-Modified. */
const READ_LATELY = new Map<string, number | null>();

function imfFixdate(text: string): number | null {
  const known = READ_LATELY.get(text);
  if (known !== undefined) return known;
  const ms = parseImfFixdate(text);
  if (READ_LATELY.size === MOST_READ_LATELY) READ_LATELY.clear();
  READ_LATELY.set(text, ms);
  return ms;
}

/** `Sun, 06 Nov 1994 08:49:37 GMT` */
function parseImfFixdate(text: string): number | null {
  if (!DAY_NAMES.has(lowerAt(text, 0, 3))) return null;
  if (!isAt(text, 3, ', ') || !isAt(text, 7, ' ') || !isAt(text, 11, ' ') || !isAt(text, 16, ' ') || !isZoneAt(text, 25)) return null;
  return moment(digitsAt(text, 12, 4), monthAt(text, 8), digitsAt(text, 5, 2), timeAt(text, 17));
}

/** `Sun Nov  6 08:49:37 1994` */
function parseAsctime(text: string): number | null {
  if (!DAY_NAMES.has(lowerAt(text, 0, 3))) return null;
  if (!isAt(text, 3, ' ') || !isAt(text, 7, ' ') || !isAt(text, 10, ' ') || !isAt(text, 19, ' ')) return null;
  const day = isAt(text, 8, ' ') ? digitsAt(text, 9, 1) : digitsAt(text, 8, 2);
  return moment(digitsAt(text, 20, 4), monthAt(text, 4), day, timeAt(text, 11));
}

/** `Sunday, 06-Nov-94 08:49:37 GMT` */
function parseRfc850(text: string, nowMs: number): number | null {
  const at = text.length - AFTER_LONG_DAY;
  if (at < SHORTEST_DAY || at > LONGEST_DAY || !LONG_DAY_NAMES.has(lowerAt(text, 0, at))) return null;
  if (!isAt(text, at, ', ') || !isAt(text, at + 4, '-') || !isAt(text, at + 8, '-')) return null;
  if (!isAt(text, at + 11, ' ') || !isZoneAt(text, at + 20)) return null;
  const yearOfCentury = digitsAt(text, at + 9, 2);
  if (yearOfCentury < 0) return null;
  const latestMs = nowMs + 50 * YEAR_MS;
  const latestYear = new Date(latestMs).getUTCFullYear();
  const year = latestYear - (latestYear % 100) + yearOfCentury;
  const ms = moment(year, monthAt(text, at + 5), digitsAt(text, at + 2, 2), timeAt(text, at + 12));
  // A 29 February that this century lacks may still be one of the century before.
  if (ms !== null && ms <= latestMs) return ms;
  return moment(year - 100, monthAt(text, at + 5), digitsAt(text, at + 2, 2), timeAt(text, at + 12));
}

/** Seconds since midnight at `HH:MM:SS`, or -1. A leap second counts as the first one of the next minute. */
function timeAt(text: string, at: number): number {
  const hour = digitsAt(text, at, 2);
  const minute = digitsAt(text, at + 3, 2);
  const second = digitsAt(text, at + 6, 2);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return -1;
  return isAt(text, at + 2, ':') && isAt(text, at + 5, ':') ? hour * 3600 + minute * 60 + second : -1;
}

/** @param month  0 to 11; this, `day` and `seconds` are -1 where they could not be read, and so is `year` */
function moment(year: number, month: number, day: number, seconds: number): number | null {
  if (!(year >= 0) || month < 0 || seconds < 0 || day < 1 || day > daysIn(year, month)) return null;
  // The calendar repeats every 400 years; without the detour, years below 100 would be taken for those of the 20th century.
  return Date.UTC(year + 400, month, day) - DAYS_IN_400_YEARS * DAY_MS + seconds * 1000;
}

function daysIn(year: number, month: number): number {
  if (month === 1) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 3 || month === 5 || month === 8 || month === 10 ? 30 : 31;
}

function monthAt(text: string, at: number): number {
  return MONTHS.get(lowerAt(text, at, 3)) ?? -1;
}

function isZoneAt(text: string, at: number): boolean {
  return isAt(text, at, ' ') && lowerAt(text, at + 1, 3) === 'gmt';
}

function lowerAt(text: string, at: number, length: number): string {
  return text.slice(at, at + length).toLowerCase();
}

function isAt(text: string, at: number, expected: string): boolean {
  return text.startsWith(expected, at);
}

/** The number that `length` digits make, or -1 where there is anything else. */
function digitsAt(text: string, at: number, length: number): number {
  let number = 0;
  for (let i = at; i < at + length; i += 1) {
    const digit = text.charCodeAt(i) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return -1;
    number = number * 10 + digit;
  }
  return number;
}

const DAY_NAMES: ReadonlySet<string> = new Set(['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']);
const LONG_DAY_NAMES: ReadonlySet<string> = new Set(['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday']);
const MONTHS: ReadonlyMap<string, number> = new Map(
  ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'].map((name, month) => [name, month]),
);

/** Each may hold on to the head that it was read out of. */
const MOST_READ_LATELY = 32;
const IMF_LENGTH = 29;
const ASCTIME_LENGTH = 24;
/** `, 06-Nov-94 08:49:37 GMT` */
const AFTER_LONG_DAY = 24;
const SHORTEST_DAY = 6;
const LONGEST_DAY = 9;

const DAY_MS = 86_400_000;
const DAYS_IN_400_YEARS = 146_097;
const YEAR_MS = (DAYS_IN_400_YEARS * DAY_MS) / 400;
const FIRST_MS = -62_167_219_200_000; // 0000-01-01T00:00:00Z
const LAST_MS = 253_402_300_799_000; // 9999-12-31T23:59:59Z
