// Owns binding an address without listening on it: the primary of several workers does that for them, and each of them listens on what it is handed.
// Whoever holds the socket holds its queue: a worker may end, even by a crash, and what has connected meanwhile waits for the next one.
// A name is looked up here, and the first address counts, as with Node's own `listen`.

import { lookup } from 'node:dns/promises';
import { type AddressInfo, BoundSocket, isIP } from 'node:net';
import type { ListenAddress } from './listener.ts';

/**
 * Several sockets of one address, each with a queue of its own between which the system shares connections out (SO_REUSEPORT); or one.
 *
 * @param address of a Unix socket only with its file taken (socket-file.ts)
 * @param count 1 for a Unix socket
 * @returns all on one port, the system's choice for 0
 * @throws the error of `bind` as Node gives it
 */
export async function bindSockets(address: ListenAddress, count: number): Promise<readonly BoundSocket[]> {
  if (address.kind === 'unix') {
    // What Node knows of it, its types do not know yet.
    const options: { readonly path: string } = { path: address.path };
    return [new BoundSocket(options as ConstructorParameters<typeof BoundSocket>[0])];
  }
  const host = isIP(address.host) === 0 ? (await lookup(address.host)).address : address.host;
  // A port that the system chooses is nobody else's, with SO_REUSEPORT as well; and it is not let go of, or somebody else could be given it.
  const isChosen = address.port === 0;
  const first = new BoundSocket({ host, port: address.port, reusePort: isChosen && count > 1 });
  if (count === 1) return [first];
  const { port } = first.address();
  const bound: BoundSocket[] = [];
  if (isChosen) bound.push(first);
  // It was to see that nobody else listens there: with SO_REUSEPORT, two proxies of one user would share a port without a word.
  else first.close();
  try {
    while (bound.length < count) bound.push(new BoundSocket({ host, port, reusePort: true }));
  } catch (error) {
    for (const socket of bound) socket.close();
    throw error;
  }
  return bound;
}

/** One more of an address that others are bound to. @throws the error of `bind` as Node gives it */
export function bindAnother({ address, port }: AddressInfo): BoundSocket {
  return new BoundSocket({ host: address, port, reusePort: true });
}
