// Owns idle connections to origins and parent proxies. Only one in a proven clean state gets in; it leaves when it is used, closes or has been
// idle for too long, and it is judged again before it is used, since the next client may not go where the last one might.
// Connections that speak HTTP/2 are in use and free at once; what is true of them is in http2-sessions.ts, and they live as long as the pool.
import type { Http1Client } from './http1-client.ts';
import { Http2Sessions } from './http2-sessions.ts';
import type { UpstreamOptions } from './options.ts';

export class ConnectionPool {
  readonly http2: Http2Sessions;
  readonly #options: UpstreamOptions;
  /** Per destination, the one used last at the end: it is the likeliest to be alive. */
  readonly #idle = new Map<string, Http1Client[]>();
  #total = 0;
  #isClosed = false;

  constructor(options: UpstreamOptions) {
    this.#options = options;
    this.http2 = new Http2Sessions(options);
  }

  /**
   * @param key the destination with everything that a connection depends on
   * @param mayUse judges the address a connection goes to
   * @param maxIdleMs older ones are passed over: for requests that could not be repeated if the origin has closed it meanwhile
   */
  take(key: string, mayUse: (client: Http1Client) => boolean, maxIdleMs: number): Http1Client | null {
    const idle = this.#idle.get(key);
    if (idle === undefined) return null;
    const oldestMs = maxIdleMs === Number.POSITIVE_INFINITY ? Number.NEGATIVE_INFINITY : performance.now() - maxIdleMs;
    for (let i = idle.length - 1; i >= 0; i -= 1) {
      const client = idle[i]!;
      if (!client.isIdle || client.freeSinceMs < oldestMs || !mayUse(client)) continue;
      this.#removeAt(key, idle, i);
      return client;
    }
    return null;
  }

  give(key: string, client: Http1Client): void {
    const { idleTotal, idlePerDestination } = this.#options;
    if (this.#isClosed || this.#total >= idleTotal || idlePerDestination === 0) {
      client.abort();
      return;
    }
    let idle = this.#idle.get(key);
    if (idle === undefined) this.#idle.set(key, (idle = []));
    if (idle.length >= idlePerDestination) {
      const oldest = idle[0]!;
      this.#removeAt(key, idle, 0);
      oldest.abort();
      // Removing the last one forgets the list.
      if (idle.length === 0) this.#idle.set(key, idle);
    }
    idle.push(client);
    this.#total += 1;
    client.idleFor(this.#options.idleTimeoutMs);
  }

  remove(key: string, client: Http1Client): void {
    const idle = this.#idle.get(key);
    const index = idle?.indexOf(client) ?? -1;
    if (idle !== undefined && index >= 0) this.#removeAt(key, idle, index);
  }

  /** Closes what is idle; what is in use is closed when it comes back. */
  close(): void {
    this.#isClosed = true;
    this.letGo();
    this.http2.close();
  }

  /** Closes what is idle. @returns how many of HTTP/1.1, which are gone at once: those of HTTP/2 say goodbye first, and are not counted */
  letGo(): number {
    const all = [...this.#idle.values()].flat();
    this.#idle.clear();
    this.#total = 0;
    for (const client of all) client.abort();
    this.http2.letGo();
    return all.length;
  }

  #removeAt(key: string, idle: Http1Client[], index: number): void {
    if (index === idle.length - 1) idle.pop();
    else idle.splice(index, 1);
    this.#total -= 1;
    if (idle.length === 0) this.#idle.delete(key);
  }
}
