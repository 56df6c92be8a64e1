// Owns `inspector`: a link to the page of the running proxy.
import { askAdmin } from '../admin/ask-admin.ts';
import { StartError } from '../errors/start-error.ts';
import { runningProxy } from './asked-proxy.ts';
import type { Arguments } from './command.ts';
import { EXIT_OK } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';

/** @returns 0 with the link printed @throws StartError when no proxy can be asked, or it serves the inspector nowhere */
export async function inspector(given: Arguments, terminal: Terminal): Promise<number> {
  const { adminSocket } = await runningProxy(given, terminal);
  const answer = await askAdmin(adminSocket, 'POST', '/api/links', {});
  const link = typeof answer === 'object' && answer !== null && 'link' in answer ? answer.link : null;
  if (typeof link !== 'string')
    throw new StartError('unavailable', ['the running proxy serves its inspector on no address: set admin: 127.0.0.1:8081.']);
  terminal.print(link);
  return EXIT_OK;
}
