// Owns what a reload replaces as a whole: what one set of parts is made of, and how it is let go of while another set goes on using some of it.
import type { Authenticator } from '../auth/authenticate.ts';
import type { CacheContext } from '../cache/cache.ts';
import type { OpenedStore } from '../cache/open-cache.ts';
import type { Config } from '../config/config.ts';
import type { ExchangeContext } from '../exchange/run-exchange.ts';
import type { ConnectionContext } from '../listeners/client-connection.ts';
import type { AccessLog } from '../observe/access-log.ts';
import type { CompiledPolicy } from '../policy/compile.ts';
import type { ConnectionPool } from '../upstream/pool.ts';
import type { Resolver } from '../upstream/resolve.ts';
import type { createRoute } from '../upstream/route.ts';
import type { OriginTls } from '../upstream/tls-options.ts';
import type { Certification } from './certification.ts';

export interface Parts extends OpenedParts {
  readonly exchange: ExchangeContext;
  readonly connection: ConnectionContext;
}

/** What the line is made of. */
export interface OpenedParts {
  readonly config: Config;
  readonly policy: CompiledPolicy;
  readonly authenticator: Authenticator | null;
  readonly route: ReturnType<typeof createRoute>;
  readonly resolver: Resolver;
  readonly pool: ConnectionPool;
  readonly originTls: OriginTls;
  readonly cache: OpenedCache | null;
  /** What vouches for tunnels that are opened; `null` while the policy opens none. */
  readonly certification: Certification | null;
  readonly accessLog: AccessLog | null;
}

export interface OpenedCache extends OpenedStore {
  readonly context: CacheContext;
}

/** Lets go of a set of parts, but for those that another set goes on using. */
export async function release(parts: Parts, other: Parts | null): Promise<void> {
  parts.pool.close();
  if (other === null) parts.resolver.close();
  else if (parts.resolver !== other.resolver) parts.resolver.retire();
  if (parts.authenticator !== other?.authenticator) parts.authenticator?.close();
  if (parts.certification !== other?.certification) parts.certification?.contexts.close();
  if (parts.cache?.store !== other?.cache?.store) await parts.cache?.store.close();
  if (parts.accessLog !== other?.accessLog) await parts.accessLog?.close();
}

/** Whether two configured values are alike: what was made of one serves for the other. */
export function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
