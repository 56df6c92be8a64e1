// Owns many tunnels at once that say nothing: opened a few at a time, made to speak once to prove that they live, and ended in every way.
import type { Socket } from 'node:net';
import { Comparison, Content } from './content.ts';
import { MessageReader } from './message-reader.ts';
import { MOST_SILENCE_MS, ProxyConnection } from './proxy-connection.ts';

export class IdleTunnels {
  readonly #open: Socket[] = [];
  #speaking = 0;

  /** @throws Error when a CONNECT is not answered 200 */
  async open(count: number, proxyPort: number, echoPort: number): Promise<void> {
    let left = count;
    const openSome = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        this.#open.push(await openTunnel(proxyPort, echoPort));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, openSome));
  }

  /** Every tunnel says something of its own and hears it back. @returns how many did not */
  async speak(): Promise<number> {
    this.#speaking += 1;
    const verdicts: boolean[] = [];
    for (let at = 0; at < this.#open.length; at += AT_ONCE) {
      const some = this.#open.slice(at, at + AT_ONCE);
      verdicts.push(...(await Promise.all(some.map((tunnel, index) => hearsItself(tunnel, `${this.#speaking} ${at + index}`)))));
    }
    return verdicts.filter((isRight) => !isRight).length;
  }

  /** A third by FIN, a third by RST; the rest is left to the origin. */
  close(): void {
    for (const [index, tunnel] of this.#open.entries()) {
      // Whoever ends first, this side answers a FIN with its own.
      tunnel.once('end', () => tunnel.end());
      tunnel.resume();
      if (index % 3 === 0) tunnel.end();
      else if (index % 3 === 1) tunnel.resetAndDestroy();
    }
    this.#open.length = 0;
  }
}

/** @param localAddress where it comes from; left out, 127.0.0.1 @throws Error when CONNECT is not answered 200 */
export async function openTunnel(proxyPort: number, echoPort: number, localAddress?: string): Promise<Socket> {
  const connection = await ProxyConnection.open(proxyPort, localAddress);
  let status = '';
  const reader = new MessageReader(
    'response to CONNECT',
    ({ startLine }) => (status = startLine),
    () => {},
  );
  connection.send(`CONNECT 127.0.0.1:${echoPort} HTTP/1.1\r\nHost: 127.0.0.1:${echoPort}\r\n\r\n`);
  await connection.read(reader);
  if (!status.startsWith('HTTP/1.1 200 ')) throw new Error(`CONNECT was answered ${status}`);
  return connection.release();
}

/** Says something with that name, and whether it was said back. */
export function hearsItself(socket: Socket, name: string): Promise<boolean> {
  const content = new Content(name, 100);
  const seen = new Comparison(content);
  return new Promise((resolve) => {
    const settle = (isRight: boolean): void => {
      socket.setTimeout(0).off('data', read).off('close', broken).off('timeout', broken);
      resolve(isRight);
    };
    const read = (bytes: Buffer): void => {
      seen.add(bytes);
      if (seen.length >= content.length) settle(seen.isWhole);
    };
    const broken = (): void => settle(false);
    socket.on('data', read).on('close', broken).setTimeout(MOST_SILENCE_MS, broken);
    socket.write(content.piece(0));
  });
}

const AT_ONCE = 100;
