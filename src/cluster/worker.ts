// Owns what a forked worker runs: the proxy as one process runs it, on sockets that the primary has bound, with what the keeper has for all.
import { isSameSocket } from '../listeners/listener.ts';
import { type RunningProxy, startProxy } from '../proxy.ts';
import { obey } from './forked.ts';
import type { StartOrder } from './messages.ts';
import { joinKeeper } from './worker-link.ts';

obey(startWorker);

async function startWorker({ config, number, sockets, keeperSocket }: StartOrder, report: (line: string) => void): Promise<RunningProxy> {
  const left = [...sockets];
  const shared = await joinKeeper(keeperSocket, number, report);
  return await startProxy(config, report, undefined, null, shared, (wanted) => {
    // Of two on ports of the system's choice, each is given once.
    const index = left.findIndex(({ address }) => isSameSocket(address, wanted));
    return index < 0 ? null : left.splice(index, 1)[0]!.descriptor;
  });
}
