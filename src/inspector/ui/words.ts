// Owns numbers, times and octets as people read them; sizes are `sizeText` of match/units.ts. Captured text is ISO-8859-1, one character an octet; where that is valid UTF-8 it is shown so.

/** `<0.1 ms`, `0.4 ms`, `41 ms`, `1.2 s`, `3 min`. */
export function durationText(ms: number): string {
  if (ms > 0 && ms < 0.05) return '<0.1 ms';
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  return ms < 3_600_000 ? `${Math.round(ms / 60_000)} min` : `${(ms / 3_600_000).toFixed(1)} h`;
}

/** `4 s ago`, `2 d ago`. */
export function agoText(thenMs: number, nowMs: number): string {
  const seconds = Math.max(0, Math.round((nowMs - thenMs) / 1_000));
  if (seconds < 2) return 'now';
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3_600)} h ago` : `${Math.floor(seconds / 86_400)} d ago`;
}

/** Seconds as a cache has them: `40 s`, `2 h 5 min`. */
export function secondsText(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  if (seconds >= 172_800) return `${Math.floor(seconds / 86_400)} d`;
  const minutes = Math.round((seconds % 3_600) / 60);
  return minutes === 0 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 3_600)} h ${minutes} min`;
}

const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const COUNT = new Intl.NumberFormat('en-US');

/** `14:03:27.418`, local. */
export function clockText(ms: number): string {
  return `${CLOCK.format(ms)}.${String(Math.floor(ms % 1_000)).padStart(3, '0')}`;
}

/** The day alone. */
export function dateText(ms: number): string {
  return DATE.format(ms);
}

export function dayText(ms: number): string {
  return DAY.format(ms);
}

export function countText(count: number): string {
  return COUNT.format(count);
}

/** `1 exchange`, `1,204 exchanges`. */
export function counted(count: number, thing: string, things = `${thing}s`): string {
  return `${countText(count)} ${count === 1 ? thing : things}`;
}

/** `41.2 %`; `–` of nothing. */
export function shareText(part: number, whole: number): string {
  return whole === 0 ? '–' : `${((100 * part) / whole).toFixed(part === 0 || part === whole ? 0 : 1)} %`;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** Text of field lines and targets as people wrote it. */
export function readable(latin1: string): string {
  // Nearly all of it is ASCII, and is the same either way.
  if (!/[\x80-\xff]/.test(latin1)) return latin1;
  const octets = new Uint8Array(latin1.length);
  for (let at = 0; at < latin1.length; at++) {
    const code = latin1.charCodeAt(at);
    // Already more than octets, so no ISO-8859-1: a mask that the API has put in.
    if (code > 0xff) return latin1;
    octets[at] = code;
  }
  try {
    return UTF8.decode(octets);
  } catch {
    return latin1;
  }
}

/** Text as the API takes it in fields: UTF-8, one character an octet. */
export function asOctets(text: string): string {
  return /[^\x00-\x7f]/.test(text) ? String.fromCharCode(...new TextEncoder().encode(text)) : text;
}

/** Whether these octets are UTF-8 that somebody can read. */
export function isText(octets: Uint8Array): boolean {
  try {
    return !UTF8.decode(octets).includes('\0');
  } catch {
    return false;
  }
}

export function octetsOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** @param octets  in pieces, since a call takes only so many arguments */
export function base64Of(octets: Uint8Array): string {
  let text = '';
  for (let at = 0; at < octets.length; at += 8_192) text += String.fromCharCode(...octets.subarray(at, at + 8_192));
  return btoa(text);
}
