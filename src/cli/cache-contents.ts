// Owns the commands that look into the cache: `cache stats`, `cache list`, `cache show`, and `cache verify`, which looks at every octet.
import { toWire } from '../admin/wire-format.ts';
import type { CacheAdmin } from '../cache/cache-admin.ts';
import type { CacheAnswers } from '../cache/cache-counts.ts';
import type { TierStats } from '../cache/stores/cache-store.ts';
import { sizeText } from '../match/units.ts';
import { type AskedCache, askingCache } from './asked-cache.ts';
import { entryLine, entryText } from './cache-words.ts';
import type { Arguments } from './command.ts';
import { EXIT_DIFFERENT, EXIT_OK } from './exit-codes.ts';
import { counted } from './quantities.ts';
import type { Terminal } from './terminal.ts';

/** `cache stats` */
export function cacheStats(given: Arguments, terminal: Terminal): Promise<number> {
  return askingCache(given, terminal, 'look', async ({ cache, where }: AskedCache) => {
    const stats = await cache.stats();
    if (given.flags.has('json')) {
      terminal.print(JSON.stringify(toWire(stats), null, 2));
      return EXIT_OK;
    }
    const { entries, tiers, evictions, refusals, damaged, answers } = stats;
    const rows: readonly (readonly [string, string])[] = [
      ['cache', where],
      ...(answers === null ? [] : answerRows(answers)),
      ['stored', counted(entries, 'response')],
      ...(tiers.memory === null ? [] : [['memory', tierText(tiers.memory)] as const]),
      ...(tiers.disk === null ? [] : [['disk', tierText(tiers.disk)] as const]),
      ['evicted', evictions.toLocaleString('en-US')],
      ['refused', refusals.toLocaleString('en-US')],
      ['damaged', damaged.toLocaleString('en-US')],
    ];
    terminal.print(rows.map(([label, text]) => label.padEnd(9) + text).join('\n'));
    return EXIT_OK;
  });
}

/** `12 responses in 1.2 MiB of 256.0 MiB` */
function tierText({ entries, bytes, maxBytes }: TierStats): string {
  return `${counted(entries, 'response')} in ${sizeText(bytes)} of ${sizeText(maxBytes)}`;
}

function answerRows(answers: CacheAnswers): [string, string][] {
  const { hits, validated, stale, collapsed, forwarded, unanswered, bytes, bytesReused } = answers;
  const reused = hits + validated + stale + collapsed;
  const all = reused + forwarded + unanswered;
  const kinds = [
    ...([counted(hits, 'hit'), `${validated} validated`, `${collapsed} collapsed`] as const),
    ...(stale === 0 ? [] : [`${stale} stale`]),
    ...(unanswered === 0 ? [] : [`${unanswered} not answered`]),
  ];
  return [
    ['asked', `${counted(all, 'time')} since the start: ${kinds.join(', ')}, ${forwarded} forwarded`],
    ['reused', `${shareText(reused, all)} of the answers, ${shareText(bytesReused, bytes)} of ${sizeText(bytes)} of content`],
  ];
}

function shareText(part: number, whole: number): string {
  return `${whole === 0 ? 0 : Math.round((100 * part) / whole)} %`;
}

/** `cache list [PATTERN]` */
export function listCache(given: Arguments, terminal: Terminal): Promise<number> {
  return askingCache(given, terminal, 'look', async ({ cache }) => {
    const pattern = given.operands[0] ?? null;
    let [entries, bytes] = [0, 0];
    for await (const entry of cache.list(pattern)) {
      entries += 1;
      bytes += entry.bytes;
      terminal.print(given.flags.has('json') ? JSON.stringify(toWire(entry)) : entryLine(entry));
    }
    if (entries === 0 && pattern !== null)
      terminal.report(`nothing stored has a URL that ${pattern} matches; * stands for any characters.`);
    else terminal.tell(entries === 0 ? 'Nothing is stored.' : `${counted(entries, 'response')}, ${sizeText(bytes)}`);
    return EXIT_OK;
  });
}

/** `cache show URL` */
export function showCached(given: Arguments, terminal: Terminal): Promise<number> {
  return askingCache(given, terminal, 'look', async ({ cache }) => {
    const url = given.operands[0]!;
    const user = given.flags.get('user')?.[0] ?? null;
    const entries = await cache.show(url, user);
    if (given.flags.has('json')) terminal.print(JSON.stringify(toWire(entries), null, 2));
    else if (entries.length > 0) terminal.print(entries.map(entryText).join('\n\n'));
    else terminal.report(`nothing is stored for ${url}${await keptApart(cache, url)}. Ask for the reason: sallyport cache why ${url}`);
    return entries.length > 0 ? EXIT_OK : EXIT_DIFFERENT;
  });
}

/** For whom else there is something under a URL, for a line that says that there is nothing. */
async function keptApart(cache: CacheAdmin, url: string): Promise<string> {
  const whom = new Set<string>();
  for await (const { partition } of cache.list(url)) if (partition !== null) whom.add(partition);
  if (whom.size === 0) return '';
  const [first, second, third] = whom;
  const named = [first, second, ...(whom.size > 3 ? [`${whom.size - 2} more`] : [third])].filter((name) => name !== undefined);
  return ` but what is kept for ${named.join(', ')} alone: name one with --user`;
}

/** `cache verify` */
export function verifyCache(given: Arguments, terminal: Terminal): Promise<number> {
  return askingCache(given, terminal, 'change', async ({ cache }) => {
    let result = { checked: 0, contentBytes: 0, damaged: 0, gone: 0 };
    for await (const soFar of cache.verify()) result = soFar;
    const { checked, contentBytes, damaged } = result;
    if (given.flags.has('json')) terminal.print(JSON.stringify(toWire(result), null, 2));
    else {
      const found = damaged === 0 ? 'all sound' : `${damaged.toLocaleString('en-US')} damaged and removed`;
      terminal.print(`${counted(checked, 'response')} read, ${sizeText(contentBytes)} of content: ${found}`);
    }
    return damaged === 0 ? EXIT_OK : EXIT_DIFFERENT;
  });
}
