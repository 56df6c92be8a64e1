// Owns asking the running proxy about what it has recorded: its API over the Unix socket.
import { BadQuestion } from '../admin/answers.ts';
import { askAdmin } from '../admin/ask-admin.ts';
import { StartError } from '../errors/start-error.ts';
import { runningProxy } from './asked-proxy.ts';
import type { Arguments } from './command.ts';
import { NotThere } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';

export interface AskedFlows {
  readonly socket: string;
  get(path: string, query?: Readonly<Record<string, string | undefined>>): Promise<unknown>;
  post(path: string, question: object): Promise<unknown>;
  remove(path: string): Promise<unknown>;
}

/** @throws StartError when no proxy can be asked; what is asked of it throws NotThere, too */
export async function askingFlows(given: Arguments, terminal: Terminal): Promise<AskedFlows> {
  const { adminSocket } = await runningProxy(given, terminal);
  const ask = async (method: string, path: string, question: object | null) => {
    try {
      return await askAdmin(adminSocket, method, path, question);
    } catch (error) {
      if (error instanceof BadQuestion && error.status === 404) throw new NotThere(error.message, { cause: error });
      if (error instanceof BadQuestion) throw new StartError('usage', [error.message], { cause: error });
      throw error;
    }
  };
  return {
    socket: adminSocket,
    get: (path, query = {}) => ask('GET', withQuery(path, query), null),
    post: (path, question) => ask('POST', path, question),
    remove: (path) => ask('DELETE', path, {}),
  };
}

export function withQuery(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== '');
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
}

/** Operands next to each other are one filter. */
export function filterOf({ operands }: Arguments): string {
  return operands.join(' ');
}

/** The number of an exchange. @throws StartError */
export function idOf({ operands: [id = ''] }: Arguments): string {
  if (!/^\d{1,15}$/.test(id)) throw new StartError('usage', [`"${id}" is no number of an exchange; sallyport flows list shows them.`]);
  return id;
}
