// Owns the handlers that a program has registered, for all exchanges or for one (`C` is what they know of it), and how they are called: one after the
// other, each when the one before has called back. One that throws has failed as if it had called back with what it threw.

export type MaybeError = Error | null | undefined;
export type Done<Values extends unknown[] = []> = (error?: MaybeError, ...values: Partial<Values>) => unknown;

export type ErrorHandler<C> = (ctx: C | null, error: Error, kind: string) => unknown;
export type Handler<C> = (ctx: C, done: Done) => unknown;
/** Calls back with the chunk that takes its place; with none, nothing does. */
export type DataHandler<C> = (ctx: C, chunk: Buffer, done: Done<[chunk: FrameData | null | undefined]>) => unknown;
/** `flags`: whether it is binary. */
export type MessageHandler<C> = (ctx: C, data: Buffer, flags: boolean, done: FrameDone) => unknown;
export type FrameHandler<C> = (
  ctx: C,
  type: 'message' | 'ping' | 'pong',
  fromServer: boolean,
  data: Buffer,
  flags: boolean,
  done: FrameDone,
) => unknown;
export type FrameDone = Done<[data: FrameData, flags: boolean]>;
export type CloseHandler<C> = (ctx: C, code: number, reason: Buffer, done: Done<[code: number, reason: FrameData]>) => unknown;
export type WebSocketErrorHandler<C> = (ctx: C, error: Error) => unknown;
export type FrameData = Buffer | string;

/** Those about HTTP, of the proxy or of one context. */
export class RequestHandlers<C> {
  readonly error: ErrorHandler<C>[] = [];
  readonly request: Handler<C>[] = [];
  readonly requestHeaders: Handler<C>[] = [];
  readonly requestData: DataHandler<C>[] = [];
  readonly requestEnd: Handler<C>[] = [];
  readonly response: Handler<C>[] = [];
  readonly responseHeaders: Handler<C>[] = [];
  readonly responseData: DataHandler<C>[] = [];
  readonly responseEnd: Handler<C>[] = [];

  /** What a module says about itself it may ask `this`. */
  use(module: RequestModule<C>): void {
    if (module.onError !== undefined) this.error.push(module.onError.bind(module));
    if (module.onRequest !== undefined) this.request.push(module.onRequest.bind(module));
    if (module.onRequestHeaders !== undefined) this.requestHeaders.push(module.onRequestHeaders.bind(module));
    if (module.onRequestData !== undefined) this.requestData.push(module.onRequestData.bind(module));
    if (module.onRequestEnd !== undefined) this.requestEnd.push(module.onRequestEnd.bind(module));
    if (module.onResponse !== undefined) this.response.push(module.onResponse.bind(module));
    if (module.onResponseHeaders !== undefined) this.responseHeaders.push(module.onResponseHeaders.bind(module));
    if (module.onResponseData !== undefined) this.responseData.push(module.onResponseData.bind(module));
    if (module.onResponseEnd !== undefined) this.responseEnd.push(module.onResponseEnd.bind(module));
  }
}

/** The same about WebSockets. */
export class WebSocketHandlers<C> {
  readonly connection: Handler<C>[] = [];
  readonly frame: FrameHandler<C>[] = [];
  readonly close: CloseHandler<C>[] = [];
  readonly error: WebSocketErrorHandler<C>[] = [];

  get isEmpty(): boolean {
    return this.connection.length + this.frame.length + this.close.length + this.error.length === 0;
  }

  /** Messages of one direction are frames like others. */
  addMessage(handler: MessageHandler<C>, isFromServer: boolean): void {
    this.frame.push((ctx, type, fromServer, data, flags, done) =>
      type === 'message' && fromServer === isFromServer ? handler(ctx, data, flags, done) : done(null, data, flags),
    );
  }

  use(module: WebSocketModule<C>): void {
    if (module.onWebSocketConnection !== undefined) this.connection.push(module.onWebSocketConnection.bind(module));
    if (module.onWebSocketSend !== undefined) this.addMessage(module.onWebSocketSend.bind(module), false);
    if (module.onWebSocketMessage !== undefined) this.addMessage(module.onWebSocketMessage.bind(module), true);
    if (module.onWebSocketFrame !== undefined) this.frame.push(module.onWebSocketFrame.bind(module));
    if (module.onWebSocketClose !== undefined) this.close.push(module.onWebSocketClose.bind(module));
    if (module.onWebSocketError !== undefined) this.error.push(module.onWebSocketError.bind(module));
  }
}

/** What `use` takes: an object with some of the handlers. */
export interface RequestModule<C> {
  readonly onError?: ErrorHandler<C>;
  readonly onRequest?: Handler<C>;
  readonly onRequestHeaders?: Handler<C>;
  readonly onRequestData?: DataHandler<C>;
  readonly onRequestEnd?: Handler<C>;
  readonly onResponse?: Handler<C>;
  readonly onResponseHeaders?: Handler<C>;
  readonly onResponseData?: DataHandler<C>;
  readonly onResponseEnd?: Handler<C>;
}

export interface WebSocketModule<C> {
  readonly onWebSocketConnection?: Handler<C>;
  readonly onWebSocketSend?: MessageHandler<C>;
  readonly onWebSocketMessage?: MessageHandler<C>;
  readonly onWebSocketFrame?: FrameHandler<C>;
  readonly onWebSocketClose?: CloseHandler<C>;
  readonly onWebSocketError?: WebSocketErrorHandler<C>;
}

/** Calls one handler, and waits until it calls back. @throws what it calls back with, or throws */
export function called<Values extends unknown[]>(call: (done: Done<Values>) => unknown): Promise<Partial<Values>> {
  return new Promise((resolve, reject) => {
    const done: Done<Values> = (error, ...values) => {
      if (error === null || error === undefined) resolve(values);
      else reject(error);
    };
    const returned = call(done);
    // An async handler that fails has nobody else to tell.
    if (returned instanceof Promise) returned.catch(reject);
  });
}

export async function callEach<C>(handlers: readonly Handler<C>[], ctx: C): Promise<void> {
  for (const handler of handlers) await called((done) => handler(ctx, done));
}

/**
 * At once where all handlers call back at once.
 *
 * @returns what is left of the chunk when all have seen it; `null` for nothing
 * @throws (or rejects with) what one of them calls back with, or throws
 */
export function passChunk<C>(
  handlers: readonly DataHandler<C>[],
  ctx: C,
  chunk: Buffer,
  first = 0,
): Buffer | null | Promise<Buffer | null> {
  let left: Buffer | null = chunk;
  for (let at = first; at < handlers.length && left !== null; at += 1) {
    const changed: Buffer | null | Promise<Buffer | null> = changedBy(handlers[at]!, ctx, left);
    // What one has taken away the next does not see.
    if (changed instanceof Promise) return changed.then((later) => (later === null ? null : passChunk(handlers, ctx, later, at + 1)));
    left = changed;
  }
  return left;
}

function changedBy<C>(handler: DataHandler<C>, ctx: C, chunk: Buffer): Buffer | null | Promise<Buffer | null> {
  let answer: { readonly error: MaybeError; readonly data: FrameData | null | undefined } | null = null;
  let later: { readonly resolve: (left: Buffer | null) => void; readonly reject: (error: unknown) => void } | null = null;
  const returned = handler(ctx, chunk, (error, data) => {
    if (later === null) answer ??= { error, data };
    else if (isError(error)) later.reject(error);
    else later.resolve(octetsOf(data));
  });
  // The compiler does not see that it may have been called.
  const given = answer as { readonly error: MaybeError; readonly data: FrameData | null | undefined } | null;
  if (given !== null) {
    // What it does behind its answer, and what becomes of that, is its own.
    if (returned instanceof Promise) returned.catch(() => {});
    if (isError(given.error)) throw given.error;
    return octetsOf(given.data);
  }
  return new Promise((resolve, reject) => {
    later = { resolve, reject };
    // An async handler that fails has nobody else to tell.
    if (returned instanceof Promise) returned.catch(reject);
  });
}

function isError(error: MaybeError): error is Error {
  return error !== null && error !== undefined;
}

function octetsOf(data: FrameData | null | undefined): Buffer | null {
  if (data === null || data === undefined) return null;
  return Buffer.isBuffer(data) ? data : Buffer.from(data);
}
