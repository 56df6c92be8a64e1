// Owns the key log (SSLKEYLOGFILE, the format of NSS that Wireshark reads): whoever has it can read all TLS of this proxy, to clients and to
// origins. So it is kept only where somebody asks for it, in a file that its owner alone may read, and the start says so.
import { closeSync, fchmodSync, openSync, writeSync } from 'node:fs';
import type { TLSSocket } from 'node:tls';
import { shownCode } from '../errors/from-node.ts';
import { StartError } from '../errors/start-error.ts';

export class KeyLog {
  readonly #descriptor: number;
  #isOpen = true;

  /** @throws StartError */
  constructor(file: string) {
    try {
      this.#descriptor = openSync(file, 'a', 0o600);
      // It may have been there.
      fchmodSync(this.#descriptor, 0o600);
    } catch (error) {
      const reason = shownCode(error);
      throw new StartError(
        'unreadable',
        [`${file}: the key log cannot be written there (${reason}). Choose another file, or leave it out.`],
        {
          cause: error,
        },
      );
    }
  }

  /** The secrets of this connection, from now on: to be called before its handshake. */
  log(socket: TLSSocket): void {
    // At once: the lines of a handshake are few, and a tool that reads along waits for them.
    socket.on('keylog', (line: Buffer) => this.#write(line));
  }

  /** A full disk ends the log, and no connection. */
  #write(line: Buffer): void {
    if (!this.#isOpen) return;
    try {
      writeSync(this.#descriptor, line);
    } catch {
      this.close();
    }
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeSync(this.#descriptor);
  }
}
