import { type AddressInfo, connect, createServer, Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { expect, test } from 'vitest';
import { freeMemory, readsIntoOwnMemory } from '../../../src/net/free-memory.ts';

test('the octets are gone, and freeing them again does nothing', () => {
  const memory = new ArrayBuffer(64);
  const bytes = Buffer.from(memory, 0, 40);
  freeMemory(bytes);
  freeMemory(bytes);
  expect({ length: bytes.length, memory: memory.byteLength }).toEqual({ length: 0, memory: 0 });
});

test('what TLS reads is not a buffer of its own, and what TCP reads is', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const secured = new TLSSocket(socket);
  expect([readsIntoOwnMemory(new Socket()), readsIntoOwnMemory(secured)]).toEqual([true, false]);
  secured.destroy();
  server.close();
});
