// Owns one connection to the origin that behaves: answers requests one after another, each as its path asks, and checks what it was sent.
import type { Socket } from 'node:net';
import { Comparison, type Content } from './content.ts';
import { type Head, MessageReader } from './message-reader.ts';
import { type Asked, contentOf, parsePath } from './names.ts';

interface Request {
  readonly asked: Asked;
  readonly content: Content;
  readonly isChunked: boolean;
  readonly seen: Comparison;
}

export class GoodOrigin {
  readonly #socket: Socket;
  readonly #fail: (words: string) => void;
  #reader = this.#createReader();
  #request: Request | null = null;

  /** @param fail  told of every request that no client sent like this */
  constructor(socket: Socket, fail: (words: string) => void) {
    this.#socket = socket;
    this.#fail = fail;
    socket.on('data', (bytes: Buffer) => this.#read(bytes));
    socket.on('end', () => socket.end());
  }

  #createReader(): MessageReader {
    return new MessageReader(
      'request',
      (head) => this.#begin(head),
      (bytes) => this.#content(bytes),
    );
  }

  #read(bytes: Buffer): void {
    let rest: Buffer | null = bytes;
    try {
      while (rest !== null && rest.length > 0) {
        rest = this.#reader.feed(rest);
        if (rest === null) return;
        this.#end();
        this.#reader = this.#createReader();
      }
    } catch (error) {
      this.#fail(`the origin was sent ${(error as Error).message}`);
      this.#socket.destroy();
    }
  }

  #begin({ startLine, fields }: Head): void {
    const [method, path = ''] = startLine.split(' ');
    const asked = parsePath(path);
    if (asked.way === 'denied') throw new Error(`${path}, which the policy denies`);
    const content = contentOf(asked);
    const isEcho = asked.way.startsWith('echo');
    if ((method === 'POST') !== isEcho) throw new Error(`${startLine}, which nobody sent`);
    this.#request = { asked, content, isChunked: asked.id % 2 === 0, seen: new Comparison(content) };
    if (fields.get('soak-name') !== path) throw new Error(`${path} with the fields of ${fields.get('soak-name')}`);
    if (asked.way === 'echo-stream') this.#writeHead(this.#request);
  }

  #content(bytes: Buffer): void {
    const { asked, isChunked, seen } = this.#request!;
    seen.add(bytes);
    if (asked.way === 'echo-stream') this.#write(Buffer.from(bytes), isChunked);
  }

  #end(): void {
    const request = this.#request!;
    const { asked, content, isChunked, seen } = request;
    if (asked.way === 'echo-stream') {
      if (isChunked) this.#socket.write('0\r\n\r\n');
    } else {
      this.#writeHead(request);
      for (const piece of content.pieces()) this.#write(piece, asked.way === 'until-close' ? false : isChunkedAnswer(request));
      if (asked.way === 'until-close') this.#socket.end();
      else if (isChunkedAnswer(request)) this.#socket.write('0\r\n\r\n');
    }
    if (asked.way.startsWith('echo') && !seen.isWhole)
      this.#fail(`the origin was sent ${content.name} with ${seen.length} octets, wrong from ${seen.wrongFrom}`);
  }

  #writeHead(request: Request): void {
    const { asked, content } = request;
    const framing = isChunkedAnswer(request) ? 'Transfer-Encoding: chunked\r\n' : `Content-Length: ${content.length}\r\n`;
    const lifetime = asked.way === 'storable' ? 'Cache-Control: max-age=3600\r\n' : '';
    const end = asked.way === 'until-close' ? 'Connection: close\r\n' : framing;
    this.#socket.write(`HTTP/1.1 200 OK\r\nSoak-Name: ${content.name}\r\n${lifetime}${end}\r\n`, 'latin1');
  }

  #write(bytes: Buffer, isChunked: boolean): void {
    if (bytes.length === 0) return;
    if (isChunked) this.#socket.write(`${bytes.length.toString(16)}\r\n`, 'latin1');
    this.#socket.write(bytes);
    if (isChunked) this.#socket.write('\r\n', 'latin1');
  }
}

/** An answer to a GET is framed as its path says, an echo by its number. */
function isChunkedAnswer({ asked, isChunked }: Request): boolean {
  return asked.way.startsWith('echo') ? isChunked : asked.way === 'chunked';
}
