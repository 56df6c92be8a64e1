// Owns getting from judged addresses to one open connection, by the staggered race of RFC 8305 §5. TLS on it is start-tls.ts.
// It dials what it is given and nothing else: no name reaches this file.
import { fromSocketError } from '../errors/from-node.ts';
import { ProxyError } from '../errors/proxy-error.ts';
import type { Cancellation } from '../net/cancellation.ts';
import type { Deadlines } from '../net/deadlines.ts';
import { UpstreamConnection } from './connection.ts';
import type { ReadBuffers } from './read-buffers.ts';

export interface ConnectContext {
  readonly deadlines: Deadlines;
}

/**
 * Connects to the first address that answers.
 *
 * @param addresses judged, in the order to try, at least one
 * @param name who is being connected to, for messages
 * @param timeoutMs for the whole of it
 * @param buffers what the connection reads into; null when TLS will run on it
 * @throws ProxyError `connection_refused`, `connection_timeout`, `destination_ip_unroutable`, `connection_limit_reached`, ...
 */
export function connectTcp(
  context: ConnectContext,
  addresses: readonly string[],
  port: number,
  name: string,
  timeoutMs: number,
  cancellation: Cancellation,
  buffers: ReadBuffers | null,
): Promise<UpstreamConnection> {
  return new Promise((resolve, reject) => {
    const attempts = new Set<UpstreamConnection>();
    let next = 0;
    let isSettled = false;
    let stagger: ReturnType<typeof setTimeout> | null = null;
    const deadline = context.deadlines.create(() =>
      settle(null, new ProxyError('connection_timeout', `${name} did not accept a connection within ${timeoutMs} ms.`)),
    );
    deadline.set(timeoutMs);
    cancellation.listen({
      cancel: () => settle(null, new ProxyError('connection_terminated', 'The client left before the connection stood.')),
    });

    function settle(winner: UpstreamConnection | null, error: ProxyError | null): void {
      if (isSettled) return;
      isSettled = true;
      deadline.clear();
      cancellation.listen(null);
      if (stagger !== null) clearTimeout(stagger);
      for (const attempt of attempts) if (attempt !== winner) attempt.destroy();
      if (winner !== null) resolve(winner);
      else reject(error);
    }

    function tryNext(): void {
      if (isSettled || next === addresses.length) return;
      const address = addresses[next]!;
      next += 1;
      const attempt = UpstreamConnection.dial(address, port, buffers);
      attempts.add(attempt);
      attempt.socket.once('connect', () => settle(attempt, null));
      attempt.consume({
        read: () => true,
        ended: () => {},
        drained: () => {},
        closed: (error) => {
          attempts.delete(attempt);
          if (next < addresses.length) tryNext();
          else if (attempts.size === 0)
            settle(null, fromSocketError(error, addresses.length === 1 ? name : `${name} (at each of its ${addresses.length} addresses)`));
        },
      });
      if (next < addresses.length) {
        if (stagger !== null) clearTimeout(stagger);
        stagger = setTimeout(tryNext, ATTEMPT_DELAY_MS);
      }
    }

    if (!isSettled) tryNext();
  });
}

/** RFC 8305 §8: Connection Attempt Delay. */
const ATTEMPT_DELAY_MS = 250;
