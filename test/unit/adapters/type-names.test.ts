// The names of types that a program in TypeScript has imported from http-mitm-proxy: `npm run types` is the test.
import { expect, test } from 'vitest';
import {
  Proxy as Adapter,
  type ErrorCallback,
  type IContext,
  type IProxy,
  type IProxyOptions,
  type IWebSocketCallback,
  type IWebSocketContext,
  type MaybeError,
  type OnConnectParams,
  type OnErrorParams,
  type OnRequestDataCallback,
  type OnRequestDataParams,
  type OnRequestParams,
  type OnWebSocketCloseParams,
  type OnWebSocketErrorParams,
  type OnWebSocketFrameParams,
  type OnWebSocketMessageParams,
  type OnWebSocketSendParams,
  type OnWebsocketRequestParams,
} from '../../../src/adapters/http-mitm-proxy.ts';

test('handlers that are declared by the names of the package are taken', () => {
  const proxy: IProxy = new Adapter();
  const options: IProxyOptions = { port: 8081, keepAlive: true };
  const onError: OnErrorParams = (ctx: IContext | null, error?: MaybeError, kind?: string) => [ctx, error, kind];
  const onConnect: OnConnectParams = (request, socket, head, callback: ErrorCallback) => callback(null, [request.url, socket, head]);
  const onRequest: OnRequestParams = (ctx: IContext, callback: ErrorCallback) => callback(null, ctx.clientToProxyRequest.headers.host);
  const onData: OnRequestDataParams = (_ctx, chunk, callback: OnRequestDataCallback) => callback(null, chunk);
  const onConnection: OnWebsocketRequestParams = (ctx: IWebSocketContext, callback) => callback(ctx.closedByServer ? new Error() : null);
  const onSend: OnWebSocketSendParams = (_ctx, message, flags, callback: IWebSocketCallback) => callback(null, message, flags);
  const onMessage: OnWebSocketMessageParams = onSend;
  const onFrame: OnWebSocketFrameParams = (_ctx, _type, _fromServer, data, flags, callback) => callback(null, data, flags);
  const onClose: OnWebSocketCloseParams = (_ctx, code, message, callback) => callback(null, code, message);
  const onSocketError: OnWebSocketErrorParams = (_ctx, error: MaybeError) => error;
  proxy.onError(onError).onConnect(onConnect).onRequest(onRequest).onRequestData(onData).onResponseData(onData);
  proxy.onWebSocketConnection(onConnection).onWebSocketSend(onSend).onWebSocketMessage(onMessage).onWebSocketFrame(onFrame);
  proxy.onWebSocketClose(onClose).onWebSocketError(onSocketError);
  expect(proxy).toBeInstanceOf(Adapter);
  expect(options.port).toBe(8081);
});
