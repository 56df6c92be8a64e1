// Owns the programming interface of the package http-mitm-proxy (1.1.0) on this proxy: who has `import { Proxy } from 'http-mitm-proxy'` changes that line.
// What differs, and why, is in README.md in this folder.
import type { ExchangeHooks } from '../exchange/hooks.ts';
import { type RunningProxy, startProxy } from '../proxy.ts';
import { configOf, folderOf, inTermsOfListen, writeCertificate } from './adapter-config.ts';
import { type ConnectHandler, Connects } from './connects.ts';
import { gunzip } from './gunzip.ts';
import { handleExchange } from './handled-exchange.ts';
import { handleWebSocket } from './handled-websocket.ts';
import {
  type CloseHandler,
  type DataHandler,
  type ErrorHandler,
  type FrameHandler,
  type Handler,
  type MessageHandler,
  RequestHandlers,
  type RequestModule,
  type WebSocketErrorHandler,
  WebSocketHandlers,
  type WebSocketModule,
} from './handlers.ts';
import type { ListenOptions } from './listen-options.ts';
import type { RequestContext } from './request-context.ts';
import type { WebSocketContext } from './websocket-context.ts';

export type { MaybeError } from './handlers.ts';
export type * from './type-names.ts';
export type { ListenOptions, RequestContext, WebSocketContext };

/** What `use` takes: an object with some of the handlers. */
export interface Module extends RequestModule<RequestContext>, WebSocketModule<WebSocketContext> {
  readonly onConnect?: ConnectHandler;
  /** Never called. */
  readonly onCertificateRequired?: unknown;
  readonly onCertificateMissing?: unknown;
}

// biome-ignore lint/suspicious/noShadowRestrictedNames: the name that the package gives it
export class Proxy {
  /** Uncompresses content with gzip before `onResponseData`, and asks origins for no other coding. */
  static readonly gunzip: Module = gunzip;
  /** Does nothing: certificates for many hosts spared http-mitm-proxy a server for each, which there is none of here. */
  static readonly wildcard: Module = {};

  /** What `listen` was given. */
  options: ListenOptions = {};
  /** The port it listens on, as soon as it does. */
  httpPort = 0;
  sslCaDir = '';
  readonly #handlers = new RequestHandlers<RequestContext>();
  readonly #webSocketHandlers = new WebSocketHandlers<WebSocketContext>();
  readonly #connectHandlers: ConnectHandler[] = [];
  #connects = new Connects(this.#connectHandlers, (error) => this.#failed('ON_CONNECT_ERROR', error));
  #starting: Promise<RunningProxy> | null = null;

  /** @param done told when it listens, or why it cannot */
  listen(options: ListenOptions = {}, done: (error?: Error) => void = () => {}): this {
    this.options = options;
    this.sslCaDir = folderOf(options);
    this.#starting = this.#start(options);
    this.#starting.then(
      () => done(),
      (error: Error) => done(error),
    );
    return this;
  }

  /** Stops, and breaks off what is open. */
  close(): this {
    const starting = this.#starting;
    this.#starting = null;
    starting?.then((proxy) => proxy.close()).catch(() => {});
    return this;
  }

  /** As of a server of Node; `null` while it does not listen. */
  address(): { readonly address: string; readonly port: number; readonly family: 'IPv4' | 'IPv6' } | null {
    if (this.httpPort === 0) return null;
    const address = this.options.host ?? 'localhost';
    return { address, port: this.httpPort, family: address.includes(':') ? 'IPv6' : 'IPv4' };
  }

  onError(handler: ErrorHandler<RequestContext>): this {
    this.#handlers.error.push(handler);
    return this;
  }

  onConnect(handler: ConnectHandler): this {
    this.#connectHandlers.push(handler);
    return this;
  }

  onRequest(handler: Handler<RequestContext>): this {
    this.#handlers.request.push(handler);
    return this;
  }

  onRequestHeaders(handler: Handler<RequestContext>): this {
    this.#handlers.requestHeaders.push(handler);
    return this;
  }

  onRequestData(handler: DataHandler<RequestContext>): this {
    this.#handlers.requestData.push(handler);
    return this;
  }

  onRequestEnd(handler: Handler<RequestContext>): this {
    this.#handlers.requestEnd.push(handler);
    return this;
  }

  onResponse(handler: Handler<RequestContext>): this {
    this.#handlers.response.push(handler);
    return this;
  }

  onResponseHeaders(handler: Handler<RequestContext>): this {
    this.#handlers.responseHeaders.push(handler);
    return this;
  }

  onResponseData(handler: DataHandler<RequestContext>): this {
    this.#handlers.responseData.push(handler);
    return this;
  }

  onResponseEnd(handler: Handler<RequestContext>): this {
    this.#handlers.responseEnd.push(handler);
    return this;
  }

  onWebSocketConnection(handler: Handler<WebSocketContext>): this {
    this.#webSocketHandlers.connection.push(handler);
    return this;
  }

  onWebSocketSend(handler: MessageHandler<WebSocketContext>): this {
    this.#webSocketHandlers.addMessage(handler, false);
    return this;
  }

  onWebSocketMessage(handler: MessageHandler<WebSocketContext>): this {
    this.#webSocketHandlers.addMessage(handler, true);
    return this;
  }

  onWebSocketFrame(handler: FrameHandler<WebSocketContext>): this {
    this.#webSocketHandlers.frame.push(handler);
    return this;
  }

  onWebSocketClose(handler: CloseHandler<WebSocketContext>): this {
    this.#webSocketHandlers.close.push(handler);
    return this;
  }

  onWebSocketError(handler: WebSocketErrorHandler<WebSocketContext>): this {
    this.#webSocketHandlers.error.push(handler);
    return this;
  }

  use(module: Module): this {
    if (module.onCertificateRequired !== undefined || module.onCertificateMissing !== undefined) warnOfCertificates();
    if (module.onConnect !== undefined) this.onConnect(module.onConnect.bind(module));
    this.#handlers.use(module);
    this.#webSocketHandlers.use(module);
    return this;
  }

  /** Certificates are made in memory, of the CA in `sslCaDir`: nobody is asked for files of them. */
  set onCertificateRequired(_handler: unknown) {
    warnOfCertificates();
  }

  set onCertificateMissing(_handler: unknown) {
    warnOfCertificates();
  }

  async #start(options: ListenOptions): Promise<RunningProxy> {
    const config = configOf(options);
    const connects = this.#connects;
    const proxy = await startProxy(config, warn, (flow) => connects.closed(flow), this.#hooks(options)).catch((error: unknown) => {
      throw inTermsOfListen(error);
    });
    const [listening] = proxy.listening;
    this.httpPort = Number(new URL(listening!.url).port);
    if (proxy.authority !== null) writeCertificate(this.sslCaDir, proxy.authority);
    return proxy;
  }

  #hooks({ forceChunkedRequest = false }: ListenOptions): ExchangeHooks {
    const parts = { handlers: this.#handlers, connects: this.#connects, forcesChunks: forceChunkedRequest };
    return {
      request: (received, send) => {
        if (received.upgrade === null) return handleExchange(parts, received, send);
        if (!this.#webSocketHandlers.isEmpty) return handleWebSocket(this.#webSocketHandlers, this.#connects, received, send);
        // Nobody looks into it: it passes as it is.
        const { incoming, scheme, authority, pathAndQuery } = received;
        const { method, fields } = incoming.head;
        return send({ method, scheme, authority, pathAndQuery, fields, body: null });
      },
      connect: (received) => this.#connects.handle(received),
    };
  }

  #failed(kind: string, error: Error): void {
    for (const handler of this.#handlers.error) handler(null, error, kind);
  }
}

export default Proxy;
/** As http-mitm-proxy calls it. */
export type IProxy = Proxy;

function warn(line: string): void {
  process.emitWarning(line, 'Sallyport');
}

function warnOfCertificates(): void {
  warn('onCertificateRequired and onCertificateMissing are not called: certificates are made in memory, of the CA in sslCaDir');
}
