// Owns one hostile client of opened tunnels: frames of HTTP/2 as chance makes them, greetings that are none, HTTP/1.1 with a wrong octet in it. Nothing is
// expected of the answers; what is judged is that the proxy lives on, and what it does for others meanwhile.
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { frame, TYPES } from '../support/frame-client.ts';
import type { BusySurroundings } from './busy-client.ts';
import { octets, requestFrames } from './frame-chance.ts';
import { connectTo, OPENED_HOST, openTunnel } from './opened-tunnel.ts';
import type { Random } from './random.ts';

export class HostileClient {
  readonly #random: Random;
  readonly #around: BusySurroundings;
  /** PEM. */
  readonly #authority: string;

  constructor(random: Random, authority: string, around: BusySurroundings) {
    this.#random = random;
    this.#authority = authority;
    this.#around = around;
  }

  /** @param endMs `performance.now()` after which nothing new is begun */
  async run(endMs: number): Promise<void> {
    while (performance.now() < endMs) {
      const kind = this.#random.weighted(KINDS);
      let words = '';
      try {
        await this.#meet(kind);
      } catch (error) {
        words = (error as Error).message;
      }
      // Whatever becomes of a connection, there is somebody who takes it.
      this.#around.tally.count(kind, words.includes('ECONNREFUSED') ? 'broken' : 'left', ['left'], () => words);
    }
  }

  async #meet(kind: keyof typeof KINDS): Promise<void> {
    const { proxyPort, origins } = this.#around;
    const port = this.#random.isLuckier(0.6) ? origins.frames : origins.octets;
    const authority = `${OPENED_HOST}:${port}`;
    switch (kind) {
      case 'hostile frames':
        return this.#leave(await this.#sendFrames(await openTunnel(proxyPort, port, this.#authority, 'h2'), authority));
      case 'hostile frames in clear':
        return this.#leave(await this.#sendFrames((await connectTo(proxyPort, port)).release(), authority));
      case 'hostile HTTP/1.1': {
        const socket = await openTunnel(proxyPort, port, this.#authority, 'http/1.1');
        const method = this.#random.pick(['GET', 'POST', 'HEAD']);
        const message = Buffer.from(`${method} / HTTP/1.1\r\nHost: ${authority}\r\nContent-Length: 3\r\n\r\nabc`);
        if (this.#random.isLuckier(0.3)) message[this.#random.between(0, message.length - 1)] = this.#random.between(0, 255);
        socket.write(message);
        return this.#leave(socket);
      }
      default: {
        const socket = (await connectTo(proxyPort, port)).release();
        socket.write(Buffer.concat([Buffer.from([22, 3, 1]), octets(this.#random, this.#random.between(0, 300))]));
        return this.#leave(socket);
      }
    }
  }

  async #sendFrames<T extends Socket>(socket: T, authority: string): Promise<T> {
    const settings = frame(TYPES.settings, 0, 0, Buffer.alloc(0));
    socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), settings]));
    for (const each of requestFrames(this.#random, authority)) {
      if (socket.destroyed) break;
      socket.write(this.#random.isLuckier(0.97) ? each : each.subarray(0, this.#random.between(0, each.length)));
      if (this.#random.isLuckier(0.3)) await pause(this.#random.between(0, 10));
    }
    return socket;
  }

  /** After a while, in order or not. */
  async #leave(socket: Socket): Promise<void> {
    const closed = new Promise<void>((resolve) => (socket.destroyed ? resolve() : socket.once('close', () => resolve())));
    if (this.#random.isLuckier(0.8)) socket.resume();
    await Promise.race([closed, pause(this.#random.between(20, 400))]);
    if (this.#random.isLuckier(0.5)) socket.end();
    setTimeout(() => socket.destroy(), this.#random.isLuckier(0.5) ? 0 : 100);
    await closed;
  }
}

const KINDS = { 'hostile frames': 75, 'hostile HTTP/1.1': 13, 'hostile greeting': 8, 'hostile frames in clear': 4 } as const;
