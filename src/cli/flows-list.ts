// Owns `flows list`: recorded exchanges, the newest last, as a log has them.
import { StartError } from '../errors/start-error.ts';
import type { Summary } from '../flows/recorded.ts';
import { type AskedFlows, askingFlows, filterOf } from './asked-flows.ts';
import { inSession } from './asked-session.ts';
import type { Arguments } from './command.ts';
import { EXIT_OK } from './exit-codes.ts';
import { summaryLine } from './flows-words.ts';
import type { Terminal } from './terminal.ts';

export async function listFlows(given: Arguments, terminal: Terminal): Promise<number> {
  const flows = await askingFlows(given, terminal);
  const wanted = limitOf(given);
  const rows = await inSession(flows, given, terminal, (session) => newest(flows, { filter: filterOf(given), session }, wanted));
  for (const row of rows) terminal.print(given.flags.has('json') ? JSON.stringify(row) : summaryLine(row));
  return EXIT_OK;
}

/** Those that are the newest, in their order. */
async function newest(
  flows: AskedFlows,
  query: { readonly filter: string; readonly session: string | undefined },
  wanted: number,
): Promise<readonly Summary[]> {
  // Newest first, in pages, and turned round at the end.
  const rows: Summary[] = [];
  while (rows.length < wanted) {
    const limit = Math.min(PAGE, wanted - rows.length);
    const page = (await flows.get('/api/exchanges', { ...query, order: '-id', offset: String(rows.length), limit: String(limit) })) as {
      readonly rows: readonly Summary[];
    };
    rows.push(...page.rows);
    if (page.rows.length < limit) break;
  }
  return rows.reverse();
}

function limitOf({ flags }: Arguments): number {
  const text = flags.get('limit')?.[0] ?? '50';
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new StartError('usage', [`--limit: expected a number from 1 to 9999999; found "${text}".`]);
  return Number(text);
}

const PAGE = 500;
