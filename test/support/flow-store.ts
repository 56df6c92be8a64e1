// A store of recorded traffic on its thread, for tests: what is sent is waited for, what is pushed is kept, and what it tells the operator, too.

import type { BatchFrame } from '../../src/flows/store/batch-frames.ts';
import { type FlowStore, openFlowStore } from '../../src/flows/store/flow-store.ts';
import type { Push, StoreSettings } from '../../src/flows/store/protocol.ts';
import { batchOf } from './flow-batches.ts';

export type Window = Extract<Push, { readonly kind: 'window' }>;

export interface TestStore extends AsyncDisposable {
  readonly store: FlowStore;
  readonly ask: FlowStore['ask'];
  readonly reports: readonly string[];
  readonly pushed: readonly Push[];
  /** Sends them as one batch. Ends when it is acknowledged. */
  write(...frames: readonly BatchFrame[]): Promise<void>;
  /** The first push, of those that came already or come, that is such a one. */
  push<K extends Push['kind']>(
    kind: K,
    is?: (push: Extract<Push, { readonly kind: K }>) => boolean,
  ): Promise<Extract<Push, { readonly kind: K }>>;
  report(is: RegExp): Promise<string>;
}

export async function openTestStore(folder: string, settings: Partial<StoreSettings> = {}): Promise<TestStore> {
  const reports: string[] = [];
  const pushed: Push[] = [];
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const look of waiting) look();
  };
  const store = await openFlowStore({ folder, session: 'default', maxBytes: 1 << 30, maxAgeMs: 1e12, ...settings }, (line) => {
    reports.push(line);
    wake();
  });
  store.onPush = (push) => {
    pushed.push(push);
    wake();
  };
  const freed: (() => void)[] = [];
  store.onFreed = () => freed.shift()?.();
  const until = <T>(find: () => T | undefined): Promise<T> =>
    new Promise((resolve) => {
      const look = (): void => {
        const found = find();
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    });
  return {
    store,
    ask: (question) => store.ask(question),
    reports,
    pushed,
    write(...frames) {
      const batch = batchOf(frames);
      store.send(batch, batch.byteLength);
      return new Promise((resolve) => freed.push(resolve));
    },
    push: (kind, is = () => true) =>
      until(() => pushed.find((push): push is Extract<Push, { readonly kind: typeof kind }> => push.kind === kind && is(push as never))),
    report: (is) => until(() => reports.find((line) => is.test(line))),
    [Symbol.asyncDispose]: () => store.close(),
  };
}
