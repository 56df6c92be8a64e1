// Owns the words for a limit that was met: what stands behind the rule's name in a sentence for whoever asked. `who` is as limits.ts counts by it.

export function requestWords(perSecond: number, who: string): string {
  const rate = perSecond >= 1 ? `${count(perSecond, 'request')} a second` : `1 request in ${count(1 / perSecond, 'second')}`;
  return `allows ${rate} for ${oneOf(who)}`;
}

export function concurrentWords(concurrent: number, who: string): string {
  return `allows ${count(concurrent, 'request')} or tunnel${concurrent === 1 ? '' : 's'} at once for ${oneOf(who)}`;
}

export function dayWords(bytes: number, who: string): string {
  return `allows ${sizeWords(bytes)} a day for ${oneOf(who)}, and today's are used up until midnight UTC`;
}

function oneOf(who: string): string {
  if (who === 'all') return 'all together';
  return who.startsWith('user ') ? 'one user' : 'one client address';
}

function count(number: number, noun: string): string {
  const shown = Math.round(number * 10) / 10;
  return `${shown} ${noun}${shown === 1 ? '' : 's'}`;
}

function sizeWords(bytes: number): string {
  for (const [unit, size] of SIZES) if (bytes >= size && bytes % size === 0) return `${bytes / size} ${unit}`;
  return count(bytes, 'byte');
}

const SIZES = [
  ['TiB', 2 ** 40],
  ['GiB', 2 ** 30],
  ['MiB', 2 ** 20],
  ['KiB', 2 ** 10],
  ['GB', 1e9],
  ['MB', 1e6],
  ['kB', 1e3],
] as const;
