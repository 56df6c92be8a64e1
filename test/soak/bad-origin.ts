// Owns one connection to the origin that misbehaves, in the way that the path names. Its answers bear the request's name and begin with the
// right content, so that a proxy that took them for whole would be found out by the length alone.
import type { Socket } from 'node:net';
import type { Content } from './content.ts';
import { MessageReader } from './message-reader.ts';
import { type BadWay, contentOf, parsePath } from './names.ts';

export class BadOrigin {
  readonly #socket: Socket;
  #reader = this.#createReader();
  #path = '';

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => this.#read(bytes));
    socket.on('end', () => socket.end());
  }

  #createReader(): MessageReader {
    return new MessageReader(
      'request',
      ({ startLine }) => {
        this.#path = startLine.split(' ')[1] ?? '';
      },
      () => {},
    );
  }

  #read(bytes: Buffer): void {
    if (this.#reader.feed(bytes) === null) return;
    this.#reader = this.#createReader();
    const asked = parsePath(this.#path);
    answer(this.#socket, asked.way as BadWay, contentOf(asked));
  }
}

function answer(socket: Socket, way: BadWay, content: Content): void {
  const half = content.piece(0, Math.ceil(content.length / 2));
  const head = (framing: string): string => `HTTP/1.1 200 OK\r\nSoak-Name: ${content.name}\r\n${framing}\r\n`;
  const lengthHead = head(`Content-Length: ${content.length}\r\n`);
  switch (way) {
    case 'reset-at-accept':
    case 'reset-before-head':
      socket.resetAndDestroy();
      return;
    case 'reset-in-head':
      resetAfter(socket, [lengthHead.slice(0, 40)]);
      return;
    case 'reset-in-content':
      resetAfter(socket, [lengthHead, half]);
      return;
    case 'reset-until-close':
      resetAfter(socket, [head('Connection: close\r\n'), half]);
      return;
    case 'hang':
      return;
    case 'hang-in-content':
      write(socket, [lengthHead, half]);
      return;
    case 'garbage':
      write(socket, [content.piece(0)]);
      return;
    case 'short-length':
      write(socket, [lengthHead, half]);
      socket.end();
      return;
    case 'cut-chunked':
      write(socket, [head('Transfer-Encoding: chunked\r\n'), `${half.length.toString(16)}\r\n`, half, '\r\n']);
      socket.end();
      return;
    case 'trickle':
      trickle(socket, Buffer.concat([Buffer.from(lengthHead), content.piece(0)]));
      return;
    case 'surplus':
      // In one write: what came later could not be told from an answer to the next request by anybody.
      socket.write(Buffer.concat([Buffer.from(lengthHead), content.piece(0), Buffer.from(lengthHead), half]));
      return;
    default:
      way satisfies never;
  }
}

function write(socket: Socket, parts: readonly (string | Buffer)[]): void {
  for (const part of parts) socket.write(part);
}

/** A reset that overtakes what was written would only be another `reset-before-head`. */
function resetAfter(socket: Socket, parts: readonly (string | Buffer)[]): void {
  write(socket, parts);
  setTimeout(() => socket.resetAndDestroy(), RESET_AFTER_MS);
}

/** The head in eight pieces, the content octet by octet. */
function trickle(socket: Socket, message: Buffer): void {
  let at = 0;
  const timer = setInterval(() => {
    const headEnd = message.indexOf('\r\n\r\n') + 4;
    const to = Math.min(message.length, at < headEnd ? Math.min(headEnd, at + Math.ceil(headEnd / 8)) : at + 1);
    if (socket.destroyed || at === message.length) {
      clearInterval(timer);
      return;
    }
    socket.write(message.subarray(at, to));
    at = to;
  }, TRICKLE_EVERY_MS);
}

const RESET_AFTER_MS = 20;
const TRICKLE_EVERY_MS = 50;
