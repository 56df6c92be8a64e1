// Owns how an address to listen on is written: `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`, `8080` (this machine only), `unix:/run/sallyport.sock`.
// Refuses `:8080` and `*:8080`: whether the whole network may use a proxy is not left to what an empty host happens to mean.
import type { AdminAddress } from '../admin/admin-server.ts';
import type { ListenAddress } from '../listeners/listener.ts';
import { shown } from '../match/units.ts';
import { parseIpAddress } from '../net/ip-address.ts';
import { classify } from '../net/special-purpose.ts';

/**
 * @param resolvePath makes a socket's path absolute
 * @throws Error with what was expected, fit to print
 */
export function parseListenAddress(value: string | number, resolvePath: (path: string) => string): ListenAddress {
  const text = String(value);
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    if (path === '' || path.includes('\0')) throw new Error(`expected a path after "unix:"; found ${shown(text)}`);
    return { kind: 'unix', path: resolvePath(path) };
  }
  const match = /^(?:(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([^:[\]\s/]*)):)?(\d{1,5})$/.exec(text.replace(/^http:\/\/([^/]*)\/?$/, '$1'));
  if (match === null) throw new Error(`${EXPECTED}; found ${shown(value)}`);
  const host = match[1] ?? match[2] ?? '127.0.0.1';
  const port = Number(match[3]);
  if (host === '' || host === '*')
    throw new Error(`${EXPECTED}; write 127.0.0.1:${port} for this machine only, or 0.0.0.0:${port} for every interface`);
  if (port > 65_535) throw new Error(`${EXPECTED}; ${port} is above the last port, 65535`);
  return { kind: 'tcp', host, port };
}

/**
 * The address that the admin API is served on besides its Unix socket: one of this machine's own, so that no network reaches it.
 *
 * @throws Error with what was expected, fit to print
 */
export function parseAdminAddress(value: string | number): AdminAddress {
  const address = parseListenAddress(value, (path) => path);
  const ip = address.kind === 'tcp' ? parseIpAddress(address.host) : null;
  if (address.kind !== 'tcp' || ip === null || classify(ip)?.class !== 'loopback')
    throw new Error(`expected a loopback address and a port, such as 127.0.0.1:8081 or [::1]:8081; found ${shown(value)}`);
  return { host: address.host, port: address.port };
}

/** The address as the operator would write it. */
export function formatListenAddress(address: ListenAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

const EXPECTED = 'expected an address to listen on, such as 127.0.0.1:8080, [::1]:8080 or unix:/run/sallyport.sock';
