// A connection whose answer has not left: nobody may close it for being idle.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { Client } from '../../../src/exchange/exchange.ts';
import { Http1Connection } from '../../../src/listeners/http1-connection.ts';
import { LISTENER_DEFAULTS } from '../../../src/listeners/listener.ts';
import { Deadlines } from '../../../src/net/deadlines.ts';

test.for(['letGoIfIdle', 'stop'] as const)(
  'what was answered in a turn reaches the client, though %s is asked for in the same',
  async (ending) => {
    const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const accepted = once(server, 'connection');
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const [socket] = (await accepted) as [Socket];
    const deadlines = new Deadlines();
    onTestFinished(() => deadlines.close());
    let wasLetGo: boolean | null = null;
    const connection = new Http1Connection(
      socket,
      {} as Client,
      { id: 1, listener: 'http', address: '127.0.0.1', port: 1, connectId: null },
      {
        options: LISTENER_DEFAULTS,
        deadlines,
        startExchange: ({ responder }) => {
          responder.respond(204, 'No Content', [], null, null);
          if (ending === 'stop') connection.stop();
          else wasLetGo = connection.letGoIfIdle();
        },
        answerUnreadable: (_, error) => expect.unreachable(error.message),
        emit: () => {},
      },
      { takenOver: () => {} },
    );
    let text = '';
    client.on('data', (bytes: Buffer) => (text += bytes));
    client.write('GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n');
    await expect.poll(() => text).toBe('HTTP/1.1 204 No Content\r\n\r\n');
    if (ending === 'letGoIfIdle') {
      expect(wasLetGo).toBe(false);
      // With nothing left to say it is idle.
      expect(connection.letGoIfIdle()).toBe(true);
    }
    await expect.poll(() => client.closed).toBe(true);
  },
);
