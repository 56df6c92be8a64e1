// Owns the quantities of a configuration or a policy: text with its unit → one number in the unit that the code uses (milliseconds, octets, octets a second);
// and the way back for sizes, as terminals and the page show them: in the units in which people set them.
// Refuses a duration without a unit: 30 is half a minute to one reader and 30 ms to the next. Sizes may be plain octets.
// Every function that reads throws an Error whose message says what was expected, fit to be printed after the file and line.

/** `10s`, `500ms`, `2m`, `1.5h` → milliseconds, at most what a timer can hold. @param leastMs 1 for what must not be off */
export function parseDuration(value: string | number, leastMs: 0 | 1): number {
  const [amount, unit] = split(String(value));
  const expected = 'expected a duration with its unit, such as 500ms, 10s, 2m or 1h';
  if (amount === null) throw new Error(`${expected}; found ${shown(value)}`);
  if (unit === '')
    throw new Error(`${expected}; found ${amount} without one: write ${amount}s for seconds or ${amount}ms for milliseconds`);
  const factor = DURATION_UNITS.get(unit);
  if (factor === undefined) throw new Error(`${expected}; "${unit}" is none of ${[...DURATION_UNITS.keys()].join(', ')}`);
  const ms = Math.round(amount * factor);
  if (ms < leastMs) throw new Error('expected a duration of at least 1ms; found 0');
  if (ms > LONGEST_MS) throw new Error(`expected a duration of at most 24 days (576h); found ${shown(value)}`);
  return ms;
}

/** `90s`, `10m`, `1h`, `30d` → whole seconds, at most ten years: how long something is good for, which no timer has to hold. */
export function parseLifetime(value: string | number): number {
  const [amount, unit] = split(String(value));
  const expected = 'expected a period with its unit, such as 90s, 10m, 1h or 30d';
  const factor = unit === 'd' ? DAY_MS : DURATION_UNITS.get(unit);
  if (amount === null || factor === undefined) throw new Error(`${expected}; found ${shown(value)}`);
  const seconds = Math.round((amount * factor) / 1_000);
  if (seconds > LONGEST_LIFETIME_SECONDS) throw new Error(`expected a period of at most ten years (3650d); found ${shown(value)}`);
  return seconds;
}

/** `10%` or `0.1` → a share from 0 to 1. */
export function parseShare(value: string | number): number {
  const [, number, percent] = /^(\d{1,3}(?:\.\d{1,6})?) ?(%?)$/.exec(String(value).trim()) ?? [];
  const share = Number(number) / (percent === '%' ? 100 : 1);
  // Not `share > 1`, which lets NaN pass.
  if (!(share <= 1)) throw new Error(`expected a share from 0 to 1, such as 10% or 0.1; found ${shown(value)}`);
  return share;
}

/** `32KiB`, `1MB`, `4096` → octets, at least 1 and at most 1 GiB: every size here is a limit on what is held in memory. */
export function parseSize(value: string | number): number {
  const octets = parseOctets(value);
  if (octets < 1 || octets > LARGEST_OCTETS) throw new Error(`expected a size from 1B to 1GiB; found ${shown(value)}`);
  return octets;
}

/** `240B/s`, `1KiB/s` → octets a second; `0` turns the check off. */
export function parseRate(value: string | number): number {
  const text = String(value);
  if (text === '0') return 0;
  const expected = 'expected a rate, such as 240B/s or 1KiB/s (0 turns the check off)';
  if (!text.endsWith('/s')) throw new Error(`${expected}; found ${shown(value)}`);
  return parseOctets(text.slice(0, -2), expected);
}

/** A whole number from 1 to `most`. */
export function parseCount(value: string | number, most: number): number {
  const count = /^\d{1,15}$/.test(String(value)) ? Number(value) : 0;
  if (count < 1 || count > most) throw new Error(`expected a whole number from 1 to ${most}; found ${shown(value)}`);
  return count;
}

/** A value as it stands in a message: short, on one line, quoted when it is text. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** Any size, 0 too. */
export function parseOctets(value: string | number, expected = 'expected a size, such as 32KiB, 1MB or 4096 (octets)'): number {
  const [amount, unit] = split(String(value));
  if (amount === null) throw new Error(`${expected}; found ${shown(value)}`);
  const factor = SIZE_UNITS.get(unit);
  if (factor === undefined) throw new Error(`${expected}; "${unit}" is none of ${[...SIZE_UNITS.keys()].slice(1).join(', ')}`);
  const octets = amount * factor;
  if (!Number.isSafeInteger(octets)) throw new Error(`${expected}; ${shown(value)} is not a whole number of octets`);
  return octets;
}

/** `512 B`, `12.4 KiB`, `256 MiB`. @param octets may be a mean, and is rounded */
export function sizeText(octets: number): string {
  if (octets < 1_023.5) return `${Math.round(octets)} B`;
  let size = octets;
  let step = -1;
  // What would be rounded to 1024 of a unit is one of the next.
  for (; size >= 1_023.5 && step < BINARY_UNITS.length - 1; step += 1) size /= 1_024;
  return `${size < 99.95 ? size.toFixed(1) : Math.round(size)} ${BINARY_UNITS[step]}`;
}

/** Amount and unit; the amount is `null` when the text does not begin with a number. */
function split(text: string): [number | null, string] {
  const match = /^(\d{1,15}(?:\.\d{1,6})?) ?([A-Za-z]*)$/.exec(text.trim());
  return match === null ? [null, ''] : [Number(match[1]), match[2]!];
}

const DURATION_UNITS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
]);

const SIZE_UNITS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['B', 1],
  ['KB', 1e3],
  ['kB', 1e3],
  ['KiB', 2 ** 10],
  ['MB', 1e6],
  ['MiB', 2 ** 20],
  ['GB', 1e9],
  ['GiB', 2 ** 30],
]);
const BINARY_UNITS = ['KiB', 'MiB', 'GiB', 'TiB'] as const;

// Node's timers hold 2^31 - 1 ms; a longer one fires at once.
const LONGEST_MS = 24 * 24 * 3_600_000;
const LARGEST_OCTETS = 2 ** 30;
const DAY_MS = 24 * 3_600_000;
const LONGEST_LIFETIME_SECONDS = 3_650 * 86_400;
