// Owns connections of the origin that answers as chance has it: HTTP/2 frame by frame, or octets that were HTTP/1.1 once.
import type { Socket } from 'node:net';
import { TYPES } from '../support/frame-client.ts';
import { hearFrames } from '../support/frame-origin.ts';
import { octets, responseFrames } from './frame-chance.ts';
import { Random } from './random.ts';

const random = new Random(1);

/** On a connection on which h2 was chosen. */
export function answerWithFrames(socket: Socket): void {
  hearFrames(socket, (type, _, stream) => {
    if (type === TYPES.headers) answer(socket, Buffer.concat(responseFrames(random, stream)));
  });
}

/** On a connection of HTTP/1.1. */
export function answerWithOctets(socket: Socket): void {
  socket.on('data', () => {
    const content = octets(random, random.between(0, 2_000));
    const isChunked = random.isLuckier(0.5);
    const framing = isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${content.length}`;
    const head = Buffer.from(`HTTP/1.1 ${random.pick(STATUS_LINES)}\r\n${random.pick(FIELD_LINES)}${framing}\r\n\r\n`, 'latin1');
    const chunks = [Buffer.from(`${content.length.toString(16)}\r\n`), content, Buffer.from(`\r\n0\r\n${random.pick(FIELD_LINES)}\r\n`)];
    const message = Buffer.concat([head, ...(isChunked ? chunks : [content])]);
    if (random.isLuckier(0.2)) message[random.between(0, message.length - 1)] = random.between(0, 255);
    answer(socket, random.isLuckier(0.9) ? message : message.subarray(0, random.between(0, message.length)));
  });
}

function answer(socket: Socket, message: Buffer): void {
  if (socket.destroyed) return;
  socket.write(message);
  if (random.isLuckier(0.05)) socket.destroy();
  else if (random.isLuckier(0.03)) socket.end();
}

const STATUS_LINES = ['200 OK', '200 OK', '204 No', '304 Not', '101 Sw', '100 C', '206 P', '407 x', '600 y'];
const FIELD_LINES = [
  '',
  'X: y\r\n',
  'Te: z\r\n',
  'HTTP2-Settings: q\r\n',
  ':status: 200\r\n',
  'Connection: X\r\nX: y\r\n',
  'Set-Cookie: a=\xe9\r\n',
];
