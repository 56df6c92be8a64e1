// Owns `flows show`: one exchange, with its facts, heads and content.
import type { ContentView } from '../flows/content/content-view.ts';
import type { RecordedExchange, RecordedMessage } from '../flows/recorded.ts';
import { askingFlows, idOf } from './asked-flows.ts';
import { inSession } from './asked-session.ts';
import type { Arguments } from './command.ts';
import { EXIT_OK } from './exit-codes.ts';
import { contentLines, messageLines } from './flows-content.ts';
import { exchangeText } from './flows-words.ts';
import type { Terminal } from './terminal.ts';

interface Messages {
  readonly total: number;
  readonly messages: readonly RecordedMessage[];
}

export async function showFlow(given: Arguments, terminal: Terminal): Promise<number> {
  const flows = await askingFlows(given, terminal);
  const { flags } = given;
  const id = idOf(given);
  const reveal = flags.has('reveal') ? '1' : undefined;
  const text = await inSession(flows, given, terminal, async (session) => {
    const ask = (what: string) => flows.get(`/api/exchanges/${id}${what}`, { session, reveal });
    const exchange = (await ask('')) as RecordedExchange;
    if (flags.has('json')) return JSON.stringify(exchange, null, 2);
    const linesOf = async (side: 'request' | 'response') => contentLines((await ask(`/${side}/view`)) as ContentView | null);
    const messages = exchange.summary.kind === 'websocket' ? ((await ask('/messages')) as Messages) : null;
    return exchangeText(exchange, {
      request: await linesOf('request'),
      response: await linesOf('response'),
      messages: messages === null ? [] : messageLines(messages.messages, messages.total),
    });
  });
  terminal.print(text);
  return EXIT_OK;
}
