// Owns what a forked worker runs: the proxy as one process runs it, on sockets that the primary has bound, with what the keeper has for all.
import { type HandedSocket, isSameSocket } from '../listeners/listener.ts';
import { type RunningProxy, startProxy } from '../proxy.ts';
import { obey, type Says } from './forked.ts';
import type { StartOrder } from './messages.ts';
import { joinKeeper } from './worker-link.ts';

obey(startWorker);

async function startWorker(
  { config, number, sockets, ticketSecret, keeperSocket }: StartOrder,
  { report, unjoined }: Says,
): Promise<RunningProxy> {
  const left = [...sockets];
  const shared = await joinKeeper(keeperSocket, number, report, unjoined);
  const socket: HandedSocket = (wanted) => {
    // Of two on ports of the system's choice, each is given once.
    const index = left.findIndex(({ address }) => isSameSocket(address, wanted));
    return index < 0 ? null : left.splice(index, 1)[0]!.descriptor;
  };
  return await startProxy(config, report, undefined, null, shared, { socket, ticketSecret });
}
