// Owns what a forked worker runs: the proxy as one process runs it, on sockets that the primary has bound, with what the keeper has for all.
import { isSameSocket } from '../listeners/listener.ts';
import { startProxy } from '../proxy.ts';
import { obey, type Running } from './forked.ts';
import type { StartOrder } from './messages.ts';

obey(startWorker);

async function startWorker({ config, sockets }: StartOrder, report: (line: string) => void): Promise<Running> {
  const left = [...sockets];
  const proxy = await startProxy(config, report, undefined, null, null, (wanted) => {
    // Of two on ports of the system's choice, each is given once.
    const index = left.findIndex(({ address }) => isSameSocket(address, wanted));
    return index < 0 ? null : left.splice(index, 1)[0]!.descriptor;
  });
  return {
    get facts() {
      const { listening, policySummary, policyFiles, cacheFacts, asksForCredentials, adminSocket } = proxy;
      return { listening, policySummary, policyFiles, cacheFacts, asksForCredentials, adminSocket };
    },
    reload: (changed) => proxy.reload(changed),
    reopenLogs: () => proxy.reopenLogs(),
    newLink: () => proxy.newInspectorLink(),
    drain: (deadlineMs, patienceMs) => proxy.drain(deadlineMs, patienceMs),
    close: () => proxy.close(),
  };
}
