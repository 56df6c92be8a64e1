// Owns opening the admin API with a proxy. Its Unix socket is a help: where it cannot be made, the proxy serves all the same, and says so. The loopback
// address is asked for by an operator: where that cannot be had, nothing starts.
import { shownCode } from '../errors/from-node.ts';
import { StartError } from '../errors/start-error.ts';
import { type AdminAddress, type AdminParts, AdminServer } from './admin-server.ts';

export interface AdminSettings {
  /** `null` has no place for a socket. */
  readonly stateFolder: string | null;
  /** `null` listens on no address besides. */
  readonly admin: AdminAddress | null;
}

export type AnsweringParts = Omit<AdminParts, 'stateFolder'>;

/**
 * @param parts  what answers
 * @returns `null` where nothing can be served
 * @throws StartError for the address
 */
export async function openAdmin({ stateFolder, admin }: AdminSettings, parts: AnsweringParts): Promise<AdminServer | null> {
  const server = stateFolder === null ? null : await openSocket(stateFolder, parts);
  if (admin === null) return server;
  if (server === null && admin.isAnyPortFine === true) return null;
  if (server === null)
    throw new StartError('config', ['admin: its token is written to state_dir. Set that to a folder of this user, or set admin: off.']);
  try {
    await server.listenOn(admin);
  } catch (error) {
    await server.close();
    throw error;
  }
  return server;
}

async function openSocket(stateFolder: string, parts: AnsweringParts): Promise<AdminServer | null> {
  try {
    return await AdminServer.open({ ...parts, stateFolder });
  } catch (error) {
    const code = shownCode(error);
    parts.report(
      `no socket for the commands of cache and flows can be made in ${stateFolder} (${code}); set state_dir to a folder of this user`,
    );
    return null;
  }
}
