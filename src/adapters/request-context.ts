// Owns what handlers know of one exchange, and may change about it: the `ctx` that each of them is called with.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { ProxyToClientResponse } from './client-response.ts';
import { type DataHandler, type ErrorHandler, type Handler, RequestHandlers, type RequestModule } from './handlers.ts';
import type { ReceivedMessage } from './received-message.ts';
import type { ProxyToServerRequest, RequestOptions } from './server-request.ts';

/** A stream that content is piped through. */
export type Filter = NodeJS.ReadWriteStream;

export class RequestContext {
  readonly uuid: string = randomUUID();
  /** It came out of a tunnel with TLS. Until the request is made it may be changed: it says how the origin is spoken to. */
  isSSL: boolean;
  /** The CONNECT of the tunnel that it came out of. */
  readonly connectRequest: IncomingMessage | undefined;
  readonly clientToProxyRequest: ReceivedMessage;
  readonly proxyToClientResponse: ProxyToClientResponse;
  proxyToServerRequestOptions: RequestOptions;
  /** Once it is being made. */
  proxyToServerRequest: ProxyToServerRequest | undefined = undefined;
  serverToProxyResponse: ReceivedMessage | undefined = undefined;
  /** For whatever a program wants to remember. */
  tags: Record<string, unknown> | undefined = undefined;
  responseContentPotentiallyModified = false;
  readonly requestFilters: Filter[] = [];
  readonly responseFilters: Filter[] = [];
  readonly handlers = new RequestHandlers<RequestContext>();

  constructor(
    isSSL: boolean,
    connectRequest: IncomingMessage | undefined,
    clientToProxyRequest: ReceivedMessage,
    proxyToClientResponse: ProxyToClientResponse,
    options: RequestOptions,
  ) {
    this.isSSL = isSSL;
    this.connectRequest = connectRequest;
    this.clientToProxyRequest = clientToProxyRequest;
    this.proxyToClientResponse = proxyToClientResponse;
    this.proxyToServerRequestOptions = options;
  }

  onError(handler: ErrorHandler<RequestContext>): this {
    this.handlers.error.push(handler);
    return this;
  }

  onRequest(handler: Handler<RequestContext>): this {
    this.handlers.request.push(handler);
    return this;
  }

  onRequestHeaders(handler: Handler<RequestContext>): this {
    this.handlers.requestHeaders.push(handler);
    return this;
  }

  onRequestData(handler: DataHandler<RequestContext>): this {
    this.handlers.requestData.push(handler);
    return this;
  }

  onRequestEnd(handler: Handler<RequestContext>): this {
    this.handlers.requestEnd.push(handler);
    return this;
  }

  onResponse(handler: Handler<RequestContext>): this {
    this.handlers.response.push(handler);
    return this;
  }

  onResponseHeaders(handler: Handler<RequestContext>): this {
    this.handlers.responseHeaders.push(handler);
    return this;
  }

  onResponseData(handler: DataHandler<RequestContext>): this {
    this.handlers.responseData.push(handler);
    return this;
  }

  onResponseEnd(handler: Handler<RequestContext>): this {
    this.handlers.responseEnd.push(handler);
    return this;
  }

  addRequestFilter(filter: Filter): this {
    this.requestFilters.push(filter);
    return this;
  }

  addResponseFilter(filter: Filter): this {
    this.responseFilters.push(filter);
    return this;
  }

  use(module: RequestModule<RequestContext>): this {
    this.handlers.use(module);
    return this;
  }
}
