// Owns the names that http-mitm-proxy gives to types, for programs in TypeScript that import them. What is not here is about files of certificates.
import type { ConnectHandler } from './connects.ts';
import type {
  CloseHandler,
  DataHandler,
  Done,
  ErrorHandler,
  FrameDone,
  FrameHandler,
  Handler,
  MessageHandler,
  WebSocketErrorHandler,
} from './handlers.ts';
import type { ListenOptions } from './listen-options.ts';
import type { RequestContext } from './request-context.ts';
import type { WebSocketContext } from './websocket-context.ts';

export type IProxyOptions = ListenOptions;
export type IContext = RequestContext;
export type IWebSocketContext = WebSocketContext;

export type ErrorCallback = Done<unknown[]>;
export type OnErrorParams = ErrorHandler<RequestContext>;
export type OnConnectParams = ConnectHandler;
export type OnRequestParams = Handler<RequestContext>;
export type OnRequestDataParams = DataHandler<RequestContext>;
export type OnRequestDataCallback = Parameters<OnRequestDataParams>[2];

export type IWebSocketCallback = FrameDone;
export type OnWebsocketRequestParams = Handler<WebSocketContext>;
export type OnWebSocketSendParams = MessageHandler<WebSocketContext>;
export type OnWebSocketMessageParams = MessageHandler<WebSocketContext>;
export type OnWebSocketFrameParams = FrameHandler<WebSocketContext>;
export type OnWebSocketCloseParams = CloseHandler<WebSocketContext>;
export type OnWebSocketErrorParams = WebSocketErrorHandler<WebSocketContext>;
