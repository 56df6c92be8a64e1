// Owns `flows show`: one exchange, as far as it is heads and facts.
import type { RecordedExchange } from '../flows/recorded.ts';
import { askingFlows, idOf } from './asked-flows.ts';
import { inSession } from './asked-session.ts';
import type { Arguments } from './command.ts';
import { EXIT_OK } from './exit-codes.ts';
import { exchangeText } from './flows-words.ts';
import type { Terminal } from './terminal.ts';

export async function showFlow(given: Arguments, terminal: Terminal): Promise<number> {
  const flows = await askingFlows(given, terminal);
  const { flags } = given;
  const id = idOf(given);
  const reveal = flags.has('reveal') ? '1' : undefined;
  const exchange = await inSession(
    flows,
    given,
    terminal,
    async (session) => (await flows.get(`/api/exchanges/${id}`, { session, reveal })) as RecordedExchange,
  );
  terminal.print(flags.has('json') ? JSON.stringify(exchange, null, 2) : exchangeText(exchange));
  return EXIT_OK;
}
