// Owns the configuration of a proxy whose cache looks at targeted fields (RFC 9213).
import { type TestConfig, testConfig } from '../../support/start-proxy.ts';

/** Whether this proxy has a cache to configure. */
export const hasCache = 'cache' in testConfig();

/** @param fields  names of targeted fields; the first that is present and valid decides */
export function withTargeted(fields: readonly string[]): TestConfig {
  const { cache } = testConfig() as { readonly cache?: object };
  const overrides: object = { cache: { ...cache, targeted: fields } };
  return overrides as TestConfig;
}
