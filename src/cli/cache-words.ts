// Owns how a terminal is told of stored responses: sizes, ages and freshness in a few columns. What an origin or a client chose (URLs, fields) is put
// on one line, with control characters escaped.
import type { DetailedEntry, Entry } from '../cache/cache-admin.ts';
import { sizeText } from '../match/units.ts';
import { oneLine } from './terminal.ts';

/** `  200  12.4 KiB  fresh for 57m   http://example.com/` */
export function entryLine(entry: Entry): string {
  const { status, bytes, url, partition, selectedBy } = entry;
  const notes = [
    entry.isComplete ? null : 'part',
    partition,
    selectedBy.length === 0 ? null : `by ${selectedBy.map(({ name }) => name).join(', ')}`,
  ].filter((note) => note !== null);
  const columns = [String(status), sizeText(bytes).padStart(9), freshnessText(entry).padEnd(15), url];
  return oneLine([...columns, ...(notes.length === 0 ? [] : [`(${notes.join('; ')})`])].join('  '));
}

/** A paragraph for one variant: what it is, then its fields. */
export function entryText(entry: DetailedEntry): string {
  const { status, reason, bytes, extent, ageSeconds, lifetimeSeconds, lifetimeFrom, partition, tags, origin } = entry;
  const range = `octets ${extent.first} to ${extent.first + extent.length - 1} of ${extent.completeLength ?? 'an unknown number'}`;
  const rows: readonly (readonly [string, string | null])[] = [
    ['status', `${status} ${reason}`.trimEnd()],
    ['content', entry.isComplete ? `${bytes.toLocaleString('en-US')} octets` : range],
    ['fresh', `${freshnessText(entry)}: age ${ageSeconds} s, lifetime ${lifetimeSeconds} s (${SOURCES[lifetimeFrom]})`],
    ['invalid', entry.isInvalidated ? 'since a later request: it is validated before it is used' : null],
    ['stored', `${new Date(entry.storedAtMs).toISOString()}${origin === null ? '' : ` from ${origin.address} port ${origin.port}`}`],
    ['request', entry.isFromAuthorized ? 'had Authorization' : null],
    ['for', partition],
    ...entry.selectedBy.map(({ name, value }): [string, string] => [
      'varies',
      value === null ? `${name}, which was not there` : `${name}: ${value}`,
    ]),
    ['tags', tags.length === 0 ? null : tags.join(', ')],
  ];
  const told = rows.flatMap(([label, text]) => (text === null ? [] : [`${label.padEnd(LABEL)}${text}`]));
  return [
    oneLine(entry.url),
    ...[...told, ...entry.fields.map(({ name, value }) => `  ${name}: ${value}`)].map((line) => `  ${oneLine(line)}`),
  ].join('\n');
}

/** `fresh for 57m`, `stale for 2h`; `to be validated` where something else than its age is why: no-cache, an invalidation, a clock. */
export function freshnessText({ isFresh, ageSeconds, lifetimeSeconds }: Pick<Entry, 'isFresh' | 'ageSeconds' | 'lifetimeSeconds'>): string {
  const left = lifetimeSeconds - ageSeconds;
  if (isFresh) return `fresh for ${periodText(left)}`;
  return left > 0 ? 'to be validated' : `stale for ${periodText(-left)}`;
}

/** In its largest unit, rounded down: `0s`, `59m`, `3d`. */
export function periodText(seconds: number): string {
  const [unit, length] = PERIODS.find(([, each]) => seconds >= each) ?? (['s', 1] as const);
  return `${Math.floor(seconds / length)}${unit}`;
}

const LABEL = 9;
const SOURCES: Readonly<Record<DetailedEntry['lifetimeFrom'], string>> = {
  's-maxage': 's-maxage',
  'max-age': 'max-age',
  Expires: 'Expires',
  heuristic: 'a share of its age at the origin',
  policy: 'by the policy',
  none: 'nobody has given it one',
};
const PERIODS = [
  ['y', 31_536_000],
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
] as const;
