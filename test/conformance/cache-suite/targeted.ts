// Owns the configuration of a proxy whose cache looks at targeted fields (RFC 9213).
import { configFrom } from '../../../src/config/config.ts';
import { DEFAULT_POLICY_FILE } from '../../../src/config/load.ts';
import type { TestConfig } from '../../support/start-proxy.ts';

/** @param fields  names of targeted fields; the first that is present and valid decides */
export function withTargeted(fields: readonly string[]): TestConfig {
  const targeted = fields.map((name) => name.toLowerCase());
  return { cache: configFrom({ cache: { targeted } }, DEFAULT_POLICY_FILE).cache };
}
