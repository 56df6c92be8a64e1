// Owns the soak's end of a probe: asks one process of the proxy what it holds, one question after another.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface, type Interface } from 'node:readline';
import { type Holdings, probeFile, type Question } from './probe.ts';

export class ProbeLink {
  readonly #socket: Socket;
  readonly #lines: Interface;

  /** It stays open: when it ends, so does the process. @throws Error when there is no such process */
  static async open(folder: string, processId: number): Promise<ProbeLink> {
    const socket = connect(probeFile(folder, processId));
    await once(socket, 'connect');
    socket.on('error', () => socket.destroy());
    return new ProbeLink(socket);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#lines = createInterface({ input: socket });
  }

  /** After a collection of garbage. @throws Error when the process ends before it answers */
  async holdings(): Promise<Holdings> {
    return (await this.#ask('holdings')) as Holdings;
  }

  /** Writes what the process holds to a file that DevTools can open. */
  async snapshot(file: string): Promise<void> {
    await this.#ask({ snapshot: file });
  }

  async #ask(question: Question): Promise<unknown> {
    const gone = new AbortController();
    const closed = (): void => gone.abort(new Error('a process of the proxy ended by itself'));
    this.#socket.once('close', closed);
    try {
      const answered = once(this.#lines, 'line', { signal: gone.signal });
      this.#socket.write(`${JSON.stringify(question)}\n`);
      const [line] = await answered;
      return JSON.parse(line);
    } finally {
      this.#socket.off('close', closed);
    }
  }
}
