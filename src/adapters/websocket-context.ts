// Owns what handlers know of one WebSocket, and may change about it: the `ctx` that each of them is called with.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import {
  type CloseHandler,
  type FrameHandler,
  type Handler,
  type MessageHandler,
  type WebSocketErrorHandler,
  WebSocketHandlers,
  type WebSocketModule,
} from './handlers.ts';
import type { HeaderObject } from './header-object.ts';
import type { WebSocketEnd } from './websocket-end.ts';

/** What the handshake with the origin will be made with. */
export interface WebSocketOptions {
  url: string;
  headers: HeaderObject;
  /** Always `undefined`: connections are the proxy's own. */
  agent: unknown;
}

export class WebSocketContext {
  readonly uuid: string = randomUUID();
  readonly isSSL: boolean;
  readonly connectRequest: IncomingMessage | undefined;
  /** Open as soon as the origin has agreed. */
  readonly clientToProxyWebSocket: WebSocketEnd;
  readonly proxyToServerWebSocket: WebSocketEnd;
  readonly proxyToServerWebSocketOptions: WebSocketOptions;
  /** Who closed it first. */
  closedByServer: boolean | undefined = undefined;
  closedByClient: boolean | undefined = undefined;
  tags: Record<string, unknown> | undefined = undefined;
  readonly handlers = new WebSocketHandlers<WebSocketContext>();

  constructor(
    isSSL: boolean,
    connectRequest: IncomingMessage | undefined,
    client: WebSocketEnd,
    server: WebSocketEnd,
    options: WebSocketOptions,
  ) {
    this.isSSL = isSSL;
    this.connectRequest = connectRequest;
    this.clientToProxyWebSocket = client;
    this.proxyToServerWebSocket = server;
    this.proxyToServerWebSocketOptions = options;
  }

  onWebSocketConnection(handler: Handler<WebSocketContext>): this {
    this.handlers.connection.push(handler);
    return this;
  }

  onWebSocketSend(handler: MessageHandler<WebSocketContext>): this {
    this.handlers.addMessage(handler, false);
    return this;
  }

  onWebSocketMessage(handler: MessageHandler<WebSocketContext>): this {
    this.handlers.addMessage(handler, true);
    return this;
  }

  onWebSocketFrame(handler: FrameHandler<WebSocketContext>): this {
    this.handlers.frame.push(handler);
    return this;
  }

  onWebSocketClose(handler: CloseHandler<WebSocketContext>): this {
    this.handlers.close.push(handler);
    return this;
  }

  onWebSocketError(handler: WebSocketErrorHandler<WebSocketContext>): this {
    this.handlers.error.push(handler);
    return this;
  }

  use(module: WebSocketModule<WebSocketContext>): this {
    this.handlers.use(module);
    return this;
  }
}
