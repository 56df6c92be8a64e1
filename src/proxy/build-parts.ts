// Owns building one set of parts from a configuration: all of it stands, or nothing of it is left. What a configuration does not change, the new set has
// from the old one.
import type { Authenticator } from '../auth/authenticate.ts';
import type { Config } from '../config/config.ts';
import { ProxyError } from '../errors/proxy-error.ts';
import { StartError } from '../errors/start-error.ts';
import { openAccessLog } from '../observe/access-log.ts';
import { ConnectionPool } from '../upstream/pool.ts';
import { Resolver } from '../upstream/resolve.ts';
import { createRoute } from '../upstream/route.ts';
import { openCache } from './caching.ts';
import type { LastingParts } from './lasting-parts.ts';
import { createLine } from './line.ts';
import { originTlsFor } from './origin-tls.ts';
import { isSame, type OpenedParts, type Parts } from './parts.ts';
import { certify, openAuthenticator } from './seldom-needed.ts';
import { loadTestedPolicy } from './tested-policy.ts';

/** @param old what holds until the new one stands; `null` at the start @throws StartError with every problem */
export async function buildParts(config: Config, old: Parts | null, lasting: LastingParts): Promise<Parts> {
  const { report, ticketSecret, hooks, keyLogs } = lasting;
  const [policy, originTls] = await Promise.all([loadTestedPolicy(config, lasting), originTlsFor(config, old, keyLogs)]);
  // Before anything is opened that would have to be closed again.
  const certification = await certify(policy, config, old, report, ticketSecret);
  const authenticator = await authenticatorFor(config, old, report);
  let network: NetworkParts;
  try {
    network = openNetwork(config, old, report);
  } catch (error) {
    if (authenticator !== old?.authenticator) authenticator?.close();
    throw error;
  }
  const cache = hooks === null ? await openCache(config, old, lasting) : null;
  const pool = new ConnectionPool(config.upstream);
  const opened: OpenedParts = { config, policy, authenticator, ...network, pool, originTls, cache, certification };
  return { ...opened, ...createLine(opened, lasting) };
}

/** Whom it knows to be somebody stays known over a reload that changes nothing about identity. */
async function authenticatorFor({ auth }: Config, old: Parts | null, report: (line: string) => void): Promise<Authenticator | null> {
  if (old !== null && isSame(old.config.auth, auth)) return old.authenticator;
  return auth === null ? null : await openAuthenticator(auth, report);
}

type NetworkParts = Pick<OpenedParts, 'route' | 'resolver' | 'accessLog'>;

/** What can fail for a reason that an operator can mend. The old log and resolver are kept where nothing about them has changed. */
function openNetwork(config: Config, old: Parts | null, report: (line: string) => void): NetworkParts {
  try {
    const route = createRoute(config.route);
    const resolver = old !== null && isSame(old.config.resolver, config.resolver) ? old.resolver : new Resolver(config.resolver);
    const keepsLog = old !== null && isSame(old.config.accessLog, config.accessLog);
    if (keepsLog || config.accessLog === null) return { resolver, route, accessLog: keepsLog ? old.accessLog : null };
    try {
      return { resolver, route, accessLog: openAccessLog(config.accessLog, report) };
    } catch (error) {
      if (resolver !== old?.resolver) resolver.close();
      throw error;
    }
  } catch (error) {
    if (error instanceof ProxyError) throw new StartError('config', [error.message], { cause: error });
    throw error;
  }
}
