// A proxy for one test: on a port of the system's choice, without an access log, with every finished exchange kept for questions.
import { type Config, configFrom } from '../../src/config/config.ts';
import { DEFAULT_POLICY_FILE } from '../../src/config/load.ts';
import type { Flow } from '../../src/flows/flow.ts';
import type { ListenerOptions } from '../../src/listeners/listener.ts';
import { type RunningProxy, startProxy } from '../../src/proxy.ts';
import type { ResolverOptions, UpstreamOptions } from '../../src/upstream/options.ts';

export interface TestProxy {
  readonly port: number;
  readonly url: string;
  readonly running: RunningProxy;
  /** Finished exchanges, in the order in which they ended. */
  readonly flows: readonly Flow[];
  /** Lines meant for the operator. */
  readonly reports: readonly string[];
  /** The n-th finished exchange from now on the list, counted from 0; waits for it. */
  flow(index: number): Promise<Flow>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export type TestConfig = Partial<Omit<Config, 'listener' | 'upstream' | 'resolver'>> & {
  readonly listener?: Partial<ListenerOptions>;
  readonly upstream?: Partial<UpstreamOptions>;
  readonly resolver?: Partial<ResolverOptions>;
};

export function testConfig(overrides: TestConfig = {}): Config {
  const defaults = configFrom({}, DEFAULT_POLICY_FILE);
  return {
    ...defaults,
    listen: [{ kind: 'tcp', host: '127.0.0.1', port: 0 }],
    accessLog: null,
    admin: null,
    cache: null,
    ...overrides,
    listener: { ...defaults.listener, ...overrides.listener },
    upstream: { ...defaults.upstream, ...overrides.upstream },
    resolver: { ...defaults.resolver, ...overrides.resolver },
  };
}

export async function startTestProxy(overrides: TestConfig = {}): Promise<TestProxy> {
  const flows: Flow[] = [];
  const reports: string[] = [];
  const waiting = new Map<number, (flow: Flow) => void>();
  const running = await startProxy(
    testConfig(overrides),
    (line) => reports.push(line),
    (flow) => {
      flows.push(flow);
      waiting.get(flows.length - 1)?.(flow);
    },
  );
  const url = running.listening[0]!.url;
  const close = (): Promise<void> => running.close();
  return {
    port: Number(new URL(url).port),
    url,
    running,
    flows,
    reports,
    flow(index) {
      const known = flows[index];
      if (known !== undefined) return Promise.resolve(known);
      const { promise, resolve, reject } = Promise.withResolvers<Flow>();
      const timer = setTimeout(() => reject(new Error(`exchange ${index} has not ended; ${flows.length} have`)), FLOW_TIMEOUT_MS);
      waiting.set(index, (flow) => {
        clearTimeout(timer);
        resolve(flow);
      });
      return promise;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

const FLOW_TIMEOUT_MS = 20_000;
