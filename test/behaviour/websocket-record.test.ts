// What the record and the log tell of a WebSocket that went through the proxy: how many messages each way, and how it was closed.
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { jsonLine } from '../../src/observe/log-json.ts';
import { startTestProxy, type TestProxy } from '../support/start-proxy.ts';

let proxy: TestProxy;
let origin: WebSocketServer;
let host: string;
beforeAll(async () => {
  proxy = await startTestProxy();
  origin = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: { threshold: 0 } });
  await once(origin, 'listening');
  host = `127.0.0.1:${(origin.address() as { port: number }).port}`;
  origin.on('connection', (socket) => {
    socket.send('welcome');
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
});
afterAll(async () => {
  origin.close();
  await proxy.close();
});

/** Through the proxy, as a request for a whole URL. */
function open(): WebSocket {
  return new WebSocket(`ws://${host}/chat`, {
    createConnection: () => connect(proxy.port, '127.0.0.1'),
    perMessageDeflate: true,
    finishRequest(request) {
      request.path = `http://${host}/chat`;
      request.end();
    },
  });
}

it('counts the messages, and keeps the code of the first close frame', async () => {
  const index = proxy.flows.length;
  const client = open();
  let received = 0;
  client.on('message', () => {
    received += 1;
    if (received === 4) client.close(4321, 'done');
  });
  await once(client, 'open');
  for (const message of ['one', 'two', Buffer.alloc(100_000)]) client.send(message);
  await once(client, 'close');
  const flow = await proxy.flow(index);
  expect(flow).toMatchObject({
    outcome: 'tunnelled',
    status: 101,
    websocket: { messagesFromClient: 3, messagesToClient: 4, closeCode: 4321 },
  });
  expect(JSON.parse(jsonLine(flow))).toMatchObject({ messages_in: 3, messages_out: 4, close_code: 4321 });
});

it('keeps no code of one that was broken off', async () => {
  const index = proxy.flows.length;
  const client = open();
  await once(client, 'message');
  client.terminate();
  const flow = await proxy.flow(index);
  expect(flow.websocket).toEqual({ messagesFromClient: 0, messagesToClient: 1, closeCode: null });
  expect(JSON.parse(jsonLine(flow))).toMatchObject({ messages_in: 0, messages_out: 1, close_code: null });
});
