// Owns `cache why`: what a request would get from the cache now, and why. The sentences are the cache's own (cache/explain.ts).
import { askingCache } from './asked-cache.ts';
import type { Arguments } from './command.ts';
import { EXIT_OK } from './exit-codes.ts';
import { requestField } from './policy-question.ts';
import { oneLine, type Terminal } from './terminal.ts';

/** `cache why URL` */
export async function whyCached(given: Arguments, terminal: Terminal): Promise<number> {
  const { operands, flags } = given;
  const question = {
    url: operands[0]!,
    method: flags.get('method')?.[0] ?? 'GET',
    fields: (flags.get('field') ?? []).map(requestField),
    user: flags.get('user')?.[0] ?? null,
  };
  return askingCache(given, terminal, 'look', async ({ cache }) => {
    const lines = (await cache.why(question)).map(oneLine);
    terminal.print(flags.has('json') ? JSON.stringify({ lines }, null, 2) : lines.join('\n'));
    return EXIT_OK;
  });
}
