// A test with a proxy and an echo behind it, for everything about CONNECT.
import { test as base } from 'vitest';
import type { RawServer } from './origin.ts';
import { startTestProxy, type TestProxy } from './start-proxy.ts';
import { startEcho } from './tunnel-servers.ts';

export const test = base.extend<{ proxy: TestProxy; echo: RawServer }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads what a fixture needs off its first parameter
  proxy: async ({}, use) => {
    await using proxy = await startTestProxy();
    await use(proxy);
  },
  // biome-ignore lint/correctness/noEmptyPattern: as above
  echo: async ({}, use) => {
    await using echo = await startEcho();
    await use(echo);
  },
});
