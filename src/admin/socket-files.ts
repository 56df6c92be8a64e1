// Owns where the admin API of a process can be reached on this machine: its Unix socket, and the file with the token for TCP. Both lie in the folder
// of running proxies, which is its user's alone (0700), are that user's alone (0600), and go with the process.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { makePrivateFolder } from '../net/private-folder.ts';

export interface SocketFiles {
  readonly socket: string;
  readonly token: string;
  /** Made for the socket alone, and removed with it; `null` when it lies in the folder of running proxies. */
  readonly temporaryFolder: string | null;
}

/** Where the notes of running proxies are, and what else belongs to a process while it runs. */
export function runningFolder(stateFolder: string): string {
  return path.join(stateFolder, 'running');
}

/**
 * Where the socket of this process is to be. What one that died has left there is removed.
 *
 * @param folder  of running proxies
 * @throws the error of the file system
 */
export function prepareSocketFiles(folder: string, processId: number): SocketFiles {
  makePrivateFolder(folder);
  // An older one may have been made with other bits.
  chmodSync(folder, 0o700);
  const token = path.join(folder, `${processId}.token`);
  const socket = path.join(folder, `${processId}.sock`);
  rmSync(socket, { force: true });
  if (Buffer.byteLength(socket) <= LONGEST_SOCKET_PATH) return { socket, token, temporaryFolder: null };
  // mkdtemp makes it 0700, under a name that nobody knew.
  const temporaryFolder = mkdtempSync(path.join(tmpdir(), 'sallyport-'));
  return { socket: path.join(temporaryFolder, 'admin.sock'), token, temporaryFolder };
}

/** For the user's eyes only, from the first octet on. */
export function writeToken({ token }: SocketFiles, text: string): void {
  rmSync(token, { force: true });
  writeFileSync(token, `${text}\n`, { mode: 0o600, flag: 'wx' });
}

export function removeToken({ token }: SocketFiles): void {
  rmSync(token, { force: true });
}

export function removeSocketFiles({ socket, token, temporaryFolder }: SocketFiles): void {
  for (const file of [socket, token]) rmSync(file, { force: true });
  if (temporaryFolder !== null) rmSync(temporaryFolder, { recursive: true, force: true });
}

/** What fits into sun_path with its end: 104 octets on macOS and the BSDs, 108 on Linux. */
const LONGEST_SOCKET_PATH = 103;
