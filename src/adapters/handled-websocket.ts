// Owns one WebSocket in the hands of handlers: its two ends, what passes from the one to the other, each frame when the one before is done with, and how it
// ends. The client's handshake goes to the origin, without extensions; only when the origin agrees is there a WebSocket with either.
import { Duplex } from 'node:stream';
import type { Received } from '../exchange/exchange.ts';
import type { OutgoingRequest, SendRequest } from '../exchange/hooks.ts';
import { isNamed } from '../http/fields.ts';
import type { Fields } from '../http/message.ts';
import { parseTarget } from '../http/target.ts';
import { UpstreamConnection } from '../upstream/connection.ts';
import type { ClientResponse } from '../upstream/http1-client.ts';
import { type Connects, socketOf, withHost } from './connects.ts';
import { called, type FrameData, type WebSocketHandlers } from './handlers.ts';
import { changedFields, headersOf } from './header-object.ts';
import { asNodeError } from './node-error.ts';
import { ReceivedMessage } from './received-message.ts';
import { WebSocketContext } from './websocket-context.ts';
import { WebSocketEnd } from './websocket-end.ts';

type FrameType = 'message' | 'ping' | 'pong';

export async function handleWebSocket(
  handlers: WebSocketHandlers<WebSocketContext>,
  connects: Connects,
  received: Received,
  send: SendRequest,
): Promise<ClientResponse> {
  const handled = new HandledWebSocket(handlers, connects, received);
  try {
    await handled.announce();
    const response = await send(handled.handshake());
    return response.upgraded === null ? response : { ...response, upgraded: handled.join(response.upgraded) };
  } catch (thrown) {
    handled.failed(thrown);
    throw thrown;
  }
}

class HandledWebSocket {
  readonly #handlers: WebSocketHandlers<WebSocketContext>;
  readonly #received: Received;
  readonly #ctx: WebSocketContext;
  readonly #fields: Fields;

  constructor(handlers: WebSocketHandlers<WebSocketContext>, connects: Connects, received: Received) {
    this.#handlers = handlers;
    this.#received = received;
    const { incoming, scheme, authority, pathAndQuery } = received;
    const { head } = incoming;
    this.#fields = withHost(received).filter(({ name }) => !isNamed(name, 'sec-websocket-extensions'));
    const request = new ReceivedMessage(head.version, withHost(received), null, socketOf(incoming));
    request.method = head.method;
    request.url = pathAndQuery;
    const isSSL = scheme === 'https';
    const host = authority.kind === 'ipv6' ? `[${authority.host}]` : authority.host;
    const url = `${isSSL ? 'wss' : 'ws'}://${host}:${authority.port}${pathAndQuery}`;
    const headers = Object.fromEntries(Object.entries(headersOf(this.#fields)).filter(([name]) => !name.startsWith('sec-websocket')));
    this.#ctx = new WebSocketContext(
      isSSL,
      connects.of(incoming),
      new WebSocketEnd('server', request),
      new WebSocketEnd('client', request),
      { url, headers, agent: undefined },
    );
  }

  async announce(): Promise<void> {
    const ctx = this.#ctx;
    for (const handler of [...this.#handlers.connection, ...ctx.handlers.connection]) await called((done) => handler(ctx, done));
  }

  handshake(): OutgoingRequest {
    const { url, headers, agent } = this.#ctx.proxyToServerWebSocketOptions;
    if (agent !== undefined) throw new Error('a WebSocket cannot have an agent of its own: connections are made by this proxy');
    const { head } = this.#received.incoming;
    const target = parseTarget('GET', url.replace(/^ws(s?):/i, 'http$1:'));
    if (target.form !== 'absolute-form') throw new Error(`${url} is no address of a WebSocket`);
    const own = this.#fields.filter(({ name }) => /^sec-websocket/i.test(name));
    const others = this.#fields.filter(({ name }) => !/^sec-websocket/i.test(name));
    return {
      method: head.method,
      scheme: target.scheme,
      authority: target.authority,
      pathAndQuery: target.pathAndQuery,
      fields: [...changedFields(others, headers), ...own],
      body: null,
    };
  }

  /** Puts both ends between the client and the origin. */
  join({ connection, early }: NonNullable<ClientResponse['upgraded']>): NonNullable<ClientResponse['upgraded']> {
    const { clientToProxyWebSocket: client, proxyToServerWebSocket: server } = this.#ctx;
    const side = new ClientSide(client);
    const fromClient = new Way(() => side.letGo());
    const fromServer = new Way(() => connection.socket.resume());
    side.isHeld = () => fromClient.isBusy;
    client.open({
      write: (bytes) => side.push(bytes),
      end: () => side.push(null),
      breakOff: () => side.destroy(),
    });
    server.open({
      write: (bytes) => connection.socket.write(bytes),
      end: () => connection.socket.end(),
      breakOff: () => connection.breakOff(),
    });
    this.#listen(client, false, fromClient);
    this.#listen(server, true, fromServer);
    connection.consume({
      read: (bytes) => {
        server.feed(bytes);
        if (fromServer.isBusy) connection.socket.pause();
        return true;
      },
      ended: () => server.ended(),
      drained: () => server.drained(),
      closed: () => server.ended(),
    });
    if (early.length > 0) server.feed(early);
    connection.socket.resume();
    return { connection: UpstreamConnection.ofStream(side, connection.address, connection.port), early: NOTHING };
  }

  failed(thrown: unknown): void {
    const error = asNodeError(thrown);
    const ctx = this.#ctx;
    for (const handler of [...this.#handlers.error, ...ctx.handlers.error]) handler(ctx, error);
  }

  #listen(end: WebSocketEnd, isFromServer: boolean, way: Way): void {
    const pass = (type: FrameType, data: Buffer, isBinary: boolean): void => {
      way.add(() => this.#pass(type, isFromServer, data, isBinary));
    };
    end.on('message', (data: Buffer, isBinary: boolean) => pass('message', data, isBinary));
    end.on('ping', (data: Buffer) => pass('ping', data, false));
    end.on('pong', (data: Buffer) => pass('pong', data, false));
    end.on('error', (error) => this.failed(error));
    end.on('close', (code: number, reason: Buffer) => way.add(() => this.#close(isFromServer, code, reason)));
  }

  async #pass(type: FrameType, isFromServer: boolean, data: Buffer, isBinary: boolean): Promise<void> {
    const ctx = this.#ctx;
    let left: FrameData = data;
    let flags = isBinary;
    try {
      for (const handler of [...this.#handlers.frame, ...ctx.handlers.frame]) {
        const seen: Buffer = Buffer.from(left as Buffer);
        const [changed, changedFlags]: [FrameData?, boolean?] = await called<[FrameData, boolean]>((done) =>
          handler(ctx, type, isFromServer, seen, flags, done),
        );
        if (changed === undefined || changed === null) return;
        left = changed;
        flags = changedFlags ?? flags;
      }
      await this.#write(isFromServer ? ctx.clientToProxyWebSocket : ctx.proxyToServerWebSocket, type, left, flags);
    } catch (thrown) {
      this.failed(thrown);
    }
  }

  async #write(to: WebSocketEnd, type: FrameType, data: FrameData, isBinary: boolean): Promise<void> {
    if (to.readyState !== to.OPEN) throw new Error(`Cannot send ${type}: the other end of the WebSocket is not open any more`);
    const hasRoom = type === 'message' ? to.send(data, { binary: isBinary }) : type === 'ping' ? to.ping(data) : to.pong(data);
    if (!hasRoom) await drained(to);
  }

  async #close(isFromServer: boolean, code: number, reason: Buffer): Promise<void> {
    const ctx = this.#ctx;
    if (ctx.closedByServer !== undefined) return;
    ctx.closedByServer = isFromServer;
    ctx.closedByClient = !isFromServer;
    try {
      for (const handler of [...this.#handlers.close, ...ctx.handlers.close]) await called((done) => handler(ctx, code, reason, done));
    } catch (thrown) {
      this.failed(thrown);
    }
    const other = isFromServer ? ctx.clientToProxyWebSocket : ctx.proxyToServerWebSocket;
    if (code === ABNORMAL) other.terminate();
    else other.close(code, reason);
  }
}

/** What comes from one end, one after the other. */
class Way {
  readonly #onFree: () => void;
  #waiting = 0;
  #last: Promise<void> = Promise.resolve();

  /** @param onFree nothing waits any more: more may come */
  constructor(onFree: () => void) {
    this.#onFree = onFree;
  }

  get isBusy(): boolean {
    return this.#waiting > 0;
  }

  add(task: () => Promise<void>): void {
    this.#waiting += 1;
    this.#last = this.#last.then(task).finally(() => {
      this.#waiting -= 1;
      if (this.#waiting === 0) this.#onFree();
    });
  }
}

/** The end that faces the client, as the stream that its octets are relayed to and from. */
class ClientSide extends Duplex {
  isHeld: () => boolean = () => false;
  readonly #end: WebSocketEnd;
  #held: (() => void) | null = null;

  constructor(end: WebSocketEnd) {
    super({ allowHalfOpen: true });
    this.#end = end;
    // Its `close` says all there is to say.
    this.on('error', () => {});
  }

  letGo(): void {
    const held = this.#held;
    this.#held = null;
    held?.();
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#end.feed(bytes);
    if (this.isHeld()) this.#held = done;
    else done();
  }

  override _read(): void {
    this.#end.drained();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#end.ended();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#end.ended();
    done(error);
  }
}

function drained(end: WebSocketEnd): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      end.off('drain', settle).off('close', settle);
      resolve();
    };
    end.on('drain', settle).on('close', settle);
  });
}

const ABNORMAL = 1006;
const NOTHING = Buffer.alloc(0);
