// Owns one exchange in the hands of handlers: which of them are called when, what their changes do to the request and the response, and what becomes of
// failures. Content that nobody asks for passes by as it comes; where somebody does, it goes chunk by chunk, each when the one before is done with.
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { asProxyError, type ProxyError } from '../errors/proxy-error.ts';
import type { Received } from '../exchange/exchange.ts';
import type { OutgoingRequest, SendRequest } from '../exchange/hooks.ts';
import { type Body, type Fields, NO_FIELDS } from '../http/message.ts';
import type { ClientResponse } from '../upstream/http1-client.ts';
import { changedHead, ProxyToClientResponse } from './client-response.ts';
import { type Connects, socketOf, withHost } from './connects.ts';
import { HandledContent } from './handled-content.ts';
import { callEach, type DataHandler, type Handler, passChunk, type RequestHandlers } from './handlers.ts';
import { changedFields, type HeaderObject } from './header-object.ts';
import { HeardContent } from './heard-content.ts';
import { asNodeError } from './node-error.ts';
import { ReceivedMessage } from './received-message.ts';
import { type Filter, RequestContext } from './request-context.ts';
import { followed, keepsLength, optionsOf, ProxyToServerRequest, UntoldLength } from './server-request.ts';
import type { WrittenMessage } from './written-message.ts';

export interface ExchangeParts {
  readonly handlers: RequestHandlers<RequestContext>;
  readonly connects: Connects;
  /** Every request with content is sent in chunks. */
  readonly forcesChunks: boolean;
}

export function handleExchange(parts: ExchangeParts, received: Received, send: SendRequest): Promise<ClientResponse> {
  return new Promise((resolve) => {
    void new HandledExchange(parts, received, send, resolve).run();
  });
}

class HandledExchange {
  readonly #parts: ExchangeParts;
  readonly #received: Received;
  readonly #sendRequest: SendRequest;
  readonly #ctx: RequestContext;
  /** As handlers see them. */
  readonly #fields: Fields;
  #hasFailed = false;
  /** The origin's content goes to the client without anybody here. */
  #isPassedOn = false;

  constructor(parts: ExchangeParts, received: Received, send: SendRequest, answer: (response: ClientResponse) => void) {
    this.#parts = parts;
    this.#received = received;
    this.#sendRequest = send;
    const { incoming, scheme, authority, pathAndQuery } = received;
    const { head, body } = incoming;
    this.#fields = withHost(received);
    const request = new ReceivedMessage(head.version, this.#fields, body, socketOf(incoming));
    request.method = head.method;
    request.url = pathAndQuery;
    const response = new ProxyToClientResponse(head.method, answer);
    const options = optionsOf(head.method, pathAndQuery, authority, this.#fields);
    if (parts.forcesChunks) delete options.headers['content-length'];
    this.#ctx = new RequestContext(scheme === 'https', parts.connects.of(incoming), request, response, options);
  }

  /** Never rejects: what fails is answered. */
  async run(): Promise<void> {
    const ctx = this.#ctx;
    const { handlers } = this.#parts;
    ctx.clientToProxyRequest.on('error', (error) => this.#failed('CLIENT_TO_PROXY_REQUEST_ERROR', error));
    ctx.proxyToClientResponse.onClosed = () => this.#closed();
    const begun =
      (await this.#call('ON_REQUEST_ERROR', both(handlers.request, ctx.handlers.request))) &&
      (await this.#call('ON_REQUESTHEADERS_ERROR', both(handlers.requestHeaders, ctx.handlers.requestHeaders)));
    // Whoever has answered does not want it sent any more.
    if (!begun || ctx.proxyToClientResponse.headersSent) return;
    await this.#step('PROXY_TO_SERVER_REQUEST_ERROR', () => this.#makeRequest());
  }

  #makeRequest(): Promise<void> {
    const ctx = this.#ctx;
    const { incoming, authority } = this.#received;
    const before = { authority, fields: this.#fields };
    const outgoing = followed(ctx.proxyToServerRequestOptions, ctx.isSSL ? 'https' : 'http', before);
    const request = new ProxyToServerRequest(ctx.proxyToServerRequestOptions, outgoing.scheme, incoming.body !== null, (later, content) => {
      void this.#step('PROXY_TO_SERVER_REQUEST_ERROR', () => this.#send(outgoing, later, content));
    });
    request.on('error', (error) => this.#failed('PROXY_TO_SERVER_REQUEST_ERROR', error));
    ctx.proxyToServerRequest = request;
    return this.#pourRequest(request, incoming.body);
  }

  async #pourRequest(request: ProxyToServerRequest, body: Body | null): Promise<void> {
    const ctx = this.#ctx;
    const data = both(this.#parts.handlers.requestData, ctx.handlers.requestData);
    const end = both(this.#parts.handlers.requestEnd, ctx.handlers.requestEnd);
    const isTouched = data.length + end.length + ctx.requestFilters.length > 0 || ctx.clientToProxyRequest.isRead;
    if (!isTouched) {
      request.passOn(body === null || keepsLength(ctx.proxyToServerRequestOptions, body) ? body : new UntoldLength(body));
      return;
    }
    // The client waits for the origin to say that it may send its content (RFC 9110 §10.1.1).
    if ('expect' in ctx.proxyToServerRequestOptions.headers) request.flushHeaders();
    const hooks = { data, end, dataKind: 'ON_REQUEST_DATA_ERROR', endKind: 'ON_REQUEST_END_ERROR' };
    if (ctx.requestFilters.length === 0 && !ctx.clientToProxyRequest.isRead) return this.#hand(ctx.clientToProxyRequest, request, hooks);
    const source = this.#filtered(ctx.clientToProxyRequest, ctx.requestFilters, 'REQUEST_FILTER_ERROR');
    await this.#pour(source, request, hooks);
  }

  async #send(outgoing: Omit<OutgoingRequest, 'body'>, later: HeaderObject, content: Body | null): Promise<void> {
    const set = Object.keys(later).length > 0;
    const changed = set ? changedFields(outgoing.fields, { ...this.#ctx.proxyToServerRequestOptions.headers, ...later }) : outgoing.fields;
    const { body, head } = this.#received.incoming;
    const fields = changed === this.#fields ? head.fields : changed;
    const unchanged = content === body ? body : null;
    const response = await this.#sendRequest({ ...outgoing, fields, body: unchanged ?? (content === null ? null : withFailure(content)) });
    await this.#respond(response);
  }

  async #respond({ head, body }: ClientResponse): Promise<void> {
    const ctx = this.#ctx;
    const { handlers } = this.#parts;
    const from = new ReceivedMessage(head.version, head.fields, body, socketOf(this.#received.incoming));
    from.statusCode = head.status;
    from.statusMessage = head.reason;
    from.on('error', (error) => this.#failed('SERVER_TO_PROXY_RESPONSE_ERROR', error));
    ctx.serverToProxyResponse = from;
    ctx.proxyToServerRequest?.emit('response', from);
    // Somebody has answered in the meantime.
    if (ctx.proxyToClientResponse.headersSent) return void from.destroy();

    if (!(await this.#call('ON_RESPONSE_ERROR', both(handlers.response, ctx.handlers.response)))) return;
    const data = both(handlers.responseData, ctx.handlers.responseData);
    const end = both(handlers.responseEnd, ctx.handlers.responseEnd);
    const isModified = data.length + ctx.responseFilters.length > 0 || ctx.responseContentPotentiallyModified;
    if (isModified) {
      from.headers['transfer-encoding'] = 'chunked';
      delete from.headers['content-length'];
    }
    if (!(await this.#call('ON_RESPONSEHEADERS_ERROR', both(handlers.responseHeaders, ctx.handlers.responseHeaders)))) return;
    const response = ctx.proxyToClientResponse;
    if (response.headersSent) return void from.destroy();

    const changed = changedHead(head, from.statusCode, from.statusMessage, from.headers);
    if (!isModified && end.length === 0 && !from.isRead && !response.isWatched) {
      this.#isPassedOn = true;
      response.passOn(changed, this.#heard(body, 'SERVER_TO_PROXY_RESPONSE_ERROR'));
      return;
    }
    response.beginAs(changed, isModified ? null : (body?.length ?? null));
    const hooks = {
      data,
      end,
      dataKind: 'ON_RESPONSE_DATA_ERROR',
      endKind: 'ON_RESPONSE_END_ERROR',
      trailers: () => from.trailerLines,
    };
    if (ctx.responseFilters.length === 0 && !from.isRead) {
      this.#hand(from, response, hooks);
      // What was there already has gone with the head; the rest may take its time.
      response.flushHeaders();
      return;
    }
    response.flushHeaders();
    await this.#pour(this.#filtered(from, ctx.responseFilters, 'RESPONSE_FILTER_ERROR'), response, hooks);
  }

  /** Content that data handlers alone ask for. */
  #hand(from: ReceivedMessage, to: WrittenMessage, { data, end, dataKind, endKind, trailers }: ContentHooks): void {
    let isWhole = false;
    to.on('close', () => {
      if (!isWhole) from.destroy();
    });
    const finish = (): void => {
      to.trailerLines = trailers?.() ?? NO_FIELDS;
      to.end();
    };
    new HandledContent(data, this.#ctx, from, to, {
      handlerFailed: (thrown) => this.#failed(dataKind, thrown),
      writingFailed: (thrown) => this.#failed('PROXY_TO_SERVER_REQUEST_ERROR', thrown),
      ended: () => {
        isWhole = true;
        const called = this.#call(endKind, end);
        if (called === true) finish();
        else if (called !== false) void called.then((isDone) => isDone && finish());
      },
    });
    from.startHanding();
  }

  #filtered(source: Readable, filters: readonly Filter[], kind: string): Readable {
    let last: NodeJS.ReadableStream = source;
    for (const filter of filters) {
      filter.on('error', (error: Error) => {
        this.#failed(kind, error);
        source.destroy();
      });
      last = last.pipe(filter);
    }
    return last as Readable;
  }

  async #pour(source: Readable, to: WrittenMessage, hooks: ContentHooks): Promise<void> {
    const ctx = this.#ctx;
    let isWhole = false;
    to.on('close', () => {
      if (!isWhole) source.destroy();
    });
    const content = source[Symbol.asyncIterator]();
    for (;;) {
      // A source that breaks has said so by its `error`.
      const next = await content.next().catch(() => null);
      if (next === null) return;
      if (next.done === true) break;
      let left: Buffer | null = null;
      const isSeen = await this.#step(hooks.dataKind, async () => {
        left = await passChunk(hooks.data, ctx, next.value as Buffer);
      });
      if (!isSeen) return;
      if (left !== null && !to.write(left)) await room(to);
      if (to.destroyed) return;
    }
    if (source.destroyed && !source.readableEnded) return;
    isWhole = true;
    if (!(await this.#call(hooks.endKind, hooks.end))) return;
    to.trailerLines = hooks.trailers?.() ?? NO_FIELDS;
    to.end();
  }

  /** @returns whether all have called back, and none with an error */
  #call(kind: string, handlers: readonly Handler<RequestContext>[]): boolean | Promise<boolean> {
    return handlers.length === 0 || this.#step(kind, () => callEach(handlers, this.#ctx));
  }

  /** @returns whether it came to its end */
  async #step(kind: string, run: () => Promise<void>): Promise<boolean> {
    try {
      await run();
      return true;
    } catch (thrown) {
      this.#failed(kind, thrown);
      return false;
    }
  }

  /** Handlers are told, and may answer; else it is answered here. What has begun is broken off. */
  #failed(kind: string, thrown: unknown): void {
    const ctx = this.#ctx;
    const response = ctx.proxyToClientResponse;
    // One failure leads to others, of which nobody wants to hear.
    if (this.#hasFailed || this.#isPassedOn || response.destroyed) return;
    this.#hasFailed = true;
    const error = asNodeError(thrown);
    this.#tell(kind, error);
    ctx.proxyToServerRequest?.destroy();
    if (response.isOrigins || (response.hasBegun && ctx.serverToProxyResponse !== undefined)) {
      // The head may be waiting for the first content.
      response.flushHeaders();
      response.breakOff(asProxyError(thrown));
    } else if (!response.writableEnded) {
      if (!response.headersSent) response.writeHead(504, 'Proxy Error');
      response.end(`${kind}: ${error}`);
    }
  }

  /** Content that nobody looks at is not told of otherwise. */
  #heard(body: Body | null, kind: string): Body | null {
    const isAnybodyTold = this.#parts.handlers.error.length + this.#ctx.handlers.error.length > 0;
    return body === null || !isAnybodyTold ? body : new HeardContent(body, (error) => this.#tell(kind, asNodeError(error)));
  }

  #tell(kind: string, error: Error): void {
    const ctx = this.#ctx;
    for (const handler of [...this.#parts.handlers.error, ...ctx.handlers.error]) {
      try {
        handler(ctx, error, kind);
      } catch {
        // Whoever is told of failures and fails has nobody else to tell.
      }
    }
  }

  /** The client has its answer, or has left: what is still on its way is not wanted. */
  #closed(): void {
    const { serverToProxyResponse: from } = this.#ctx;
    if (from !== undefined && !from.readableEnded && !this.#isPassedOn) from.destroy();
  }
}

interface ContentHooks {
  readonly data: readonly DataHandler<RequestContext>[];
  readonly end: readonly Handler<RequestContext>[];
  readonly dataKind: string;
  readonly endKind: string;
  /** Once the content has ended. */
  readonly trailers?: () => Fields;
}

/** Those of the proxy, then those of the context. */
function both<T>(ofProxy: readonly T[], ofContext: readonly T[]): readonly T[] {
  // Copied: a handler may register others meanwhile.
  return ofProxy.length + ofContext.length === 0 ? [] : [...ofProxy, ...ofContext];
}

/** Until there is room again, or nobody wants any more. */
async function room(to: WrittenMessage): Promise<void> {
  const settled = new AbortController();
  const { signal } = settled;
  await Promise.race([once(to, 'drain', { signal }), once(to, 'close', { signal })]).catch(() => {});
  settled.abort();
}

/** Content of a hook breaks by an error of its own, which `fail` carries. */
function withFailure(content: Body): Body & { readonly failure: ProxyError | null } {
  return Object.assign(content, { failure: null });
}
