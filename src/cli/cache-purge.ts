// Owns `cache purge`: which stored responses are meant, and forgetting them.
import type { Purge } from '../cache/cache-admin.ts';
import { StartError } from '../errors/start-error.ts';
import { askingCache } from './asked-cache.ts';
import type { Arguments } from './command.ts';
import { EXIT_OK } from './exit-codes.ts';
import { counted } from './quantities.ts';
import type { Terminal } from './terminal.ts';

/** `cache purge URL|PATTERN`, `cache purge --tag TAG`, `cache purge --all` */
export async function purgeCache(given: Arguments, terminal: Terminal): Promise<number> {
  const what = meant(given);
  return askingCache(given, terminal, 'change', async ({ cache }) => {
    terminal.print(`${counted(await cache.purge(what), 'response')} forgotten`);
    return EXIT_OK;
  });
}

function meant({ operands, flags }: Arguments): Purge {
  const [named] = operands;
  const tag = flags.get('tag')?.[0];
  const given: readonly Purge[] = [
    ...(named === undefined
      ? []
      : [named.includes('*') ? { kind: 'pattern' as const, pattern: named } : { kind: 'url' as const, url: named }]),
    ...(tag === undefined ? [] : [{ kind: 'tag' as const, tag }]),
    ...(flags.has('all') ? [{ kind: 'all' as const }] : []),
  ];
  const [only, second] = given;
  if (only === undefined || second !== undefined) {
    const problem = only === undefined ? 'say what to forget' : 'one thing at a time';
    throw new StartError('usage', [`${problem}: a URL, a pattern with *, --tag TAG, or --all. See sallyport cache purge --help.`]);
  }
  return only;
}
