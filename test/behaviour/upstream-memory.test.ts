// What an origin's octets are read into is used again for the next answer. It may not be while somebody still holds some of it.
import { expect, test } from 'vitest';
import { type BodySink, KEPT, NO_FIELDS } from '../../src/http/message.ts';
import { Deadlines } from '../../src/net/deadlines.ts';
import { UpstreamConnection } from '../../src/upstream/connection.ts';
import { type ClientRequest, Http1Client } from '../../src/upstream/http1-client.ts';
import { UPSTREAM_DEFAULTS } from '../../src/upstream/options.ts';
import { ReadBuffers } from '../../src/upstream/read-buffers.ts';
import { startRawServer } from '../support/origin.ts';
import type { RawConnection } from '../support/raw-connection.ts';
import { readRequestHead } from '../support/strict-message.ts';

test('the last octets of an answer stay as they were while a slow client has not taken them and the connection is used again', async () => {
  const accepted = Promise.withResolvers<RawConnection>();
  await using origin = await startRawServer((connection) => accepted.resolve(connection));
  const client = await connectTo(origin.port);
  const answered = client.exchange(GET);
  const connection = await accepted.promise;
  await readRequestHead(connection);
  await connection.send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n');
  const { body } = await answered;
  const slow = new KeepingSink();
  body?.start(slow);
  await connection.send('a'.repeat(100));
  await slow.ended;

  const next = client.exchange(GET);
  await readRequestHead(connection);
  await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n${'b'.repeat(200)}`);
  await next;

  expect(Buffer.concat(slow.kept).toString()).toBe('a'.repeat(100));
  client.abort();
});

async function connectTo(port: number): Promise<Http1Client> {
  const connection = UpstreamConnection.dial('127.0.0.1', port, new ReadBuffers('lossy'));
  await new Promise((resolve) => connection.socket.once('connect', resolve));
  const ignore = (): void => {};
  return new Http1Client(connection, 'the origin', UPSTREAM_DEFAULTS, new Deadlines(), ignore, ignore);
}

/** Keeps what it is given as it is, as a socket does whose peer is slow. */
class KeepingSink implements BodySink {
  readonly kept: Buffer[] = [];
  readonly #ended = Promise.withResolvers<void>();
  readonly ended = this.#ended.promise;

  write(bytes: Buffer): typeof KEPT {
    this.kept.push(bytes);
    return KEPT;
  }
  end(): void {
    this.#ended.resolve();
  }
  fail(error: Error): void {
    this.#ended.reject(error);
  }
}

const GET: ClientRequest = { method: 'GET', target: '/', host: '127.0.0.1', fields: NO_FIELDS, body: null, onInterim: () => {} };
