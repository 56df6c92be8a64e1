// One process of several, for tests: the keeper, or a worker that has joined it. Told by its parent which; says when it runs, and what it reports.
import { startKeeper } from '../../src/cluster/keeper.ts';
import { joinKeeper } from '../../src/cluster/worker-link.ts';
import type { Config } from '../../src/config/config.ts';
import { type RunningProxy, startProxy } from '../../src/proxy.ts';

export interface Order {
  /** 0 for the keeper. */
  readonly number: number;
  readonly config: Config;
  readonly socketPath: string;
}

export type Told =
  | { readonly kind: 'runs'; readonly url: string; readonly adminSocket: string | null; readonly inspectorLink: string | null }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'report'; readonly line: string };

process.once('message', (order) => {
  void run(order as Order).catch((error: unknown) => tell({ kind: 'failed', message: String(error) }));
});

async function run({ number, config, socketPath }: Order): Promise<void> {
  const report = (line: string): void => tell({ kind: 'report', line });
  const proxy: RunningProxy =
    number === 0
      ? await startKeeper(config, socketPath, report)
      : await startProxy(config, report, undefined, null, await joinKeeper(socketPath, number, report));
  process.once('message', () => void proxy.close().then(() => process.disconnect?.()));
  process.once('disconnect', () => process.exit());
  tell({ kind: 'runs', url: proxy.listening[0]?.url ?? '', adminSocket: proxy.adminSocket, inspectorLink: proxy.newInspectorLink() });
}

function tell(told: Told): void {
  process.send?.(told);
}
