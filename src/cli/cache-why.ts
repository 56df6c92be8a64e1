// Owns `cache why`: what a request would get from the cache now, and why. The sentences are the cache's own (cache/explain.ts).
import { toWire } from '../admin/wire-format.ts';
import { StartError } from '../errors/start-error.ts';
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
    method: methodNamed(flags.get('method')?.[0] ?? 'GET'),
    fields: (flags.get('field') ?? []).map(requestField),
    user: flags.get('user')?.[0] ?? null,
  };
  return askingCache(given, terminal, 'look', async ({ cache }) => {
    const answer = await cache.why(question);
    terminal.print(flags.has('json') ? JSON.stringify(toWire(answer), null, 2) : answer.lines.map(oneLine).join('\n'));
    return EXIT_OK;
  });
}

function methodNamed(text: string): string {
  if (METHOD.test(text)) return text;
  throw new StartError('usage', [`--method: ${JSON.stringify(text)} is no method, such as GET or HEAD.`]);
}

/** What the admin API takes; one class, so nothing backtracks. */
const METHOD = /^[A-Za-z-]{1,40}$/;
