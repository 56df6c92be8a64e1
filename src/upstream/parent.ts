// Owns the way through a parent proxy: CONNECT on a connection to it (RFC 9110 §9.3.6), and what its refusals mean to our client.
import { fromSocketError } from '../errors/from-node.ts';
import { asProxyError, ProxyError } from '../errors/proxy-error.ts';
import type { Fields } from '../http/message.ts';
import { Http1Reader } from '../http1/reader.ts';
import { requestHeadText } from '../http1/writer.ts';
import type { Cancellation } from '../net/cancellation.ts';
import type { Deadlines } from '../net/deadlines.ts';
import type { UpstreamConnection } from './connection.ts';
import type { UpstreamOptions } from './options.ts';

/**
 * Asks the parent for a tunnel.
 *
 * @param authority `host:port` of the destination
 * @param fields for the parent: our credentials for it, and Via, by which a loop of proxies is found out
 * @returns octets that came behind the parent's answer
 * @throws ProxyError `proxy_configuration_error` (it wants other credentials), `http_request_denied`, `destination_unavailable`, ...
 */
export function connectThroughParent(
  connection: UpstreamConnection,
  authority: string,
  fields: Fields,
  name: string,
  options: UpstreamOptions,
  deadlines: Deadlines,
  cancellation: Cancellation,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const reader = new Http1Reader('response', {
      headBytes: options.headBytes,
      targetBytes: 0,
      fieldCount: options.fieldCount,
      trailerBytes: options.trailerBytes,
    });
    reader.expectResponseTo('CONNECT');
    const deadline = deadlines.create(() =>
      fail(new ProxyError('http_response_timeout', `${name} did not answer within ${options.responseTimeoutMs} ms.`)),
    );
    deadline.set(options.responseTimeoutMs);
    cancellation.listen({ cancel: () => fail(new ProxyError('connection_terminated', 'The client left before the connection stood.')) });

    function stopWaiting(): void {
      deadline.clear();
      cancellation.listen(null);
    }
    function fail(error: ProxyError): void {
      stopWaiting();
      connection.destroy();
      reject(error);
    }
    connection.consume({
      read: (bytes) => {
        reader.feed(bytes);
        try {
          for (let event = reader.next(); event !== null; event = reader.next()) {
            if (event.kind !== 'response') continue;
            if (event.head.status < 200 || event.head.status >= 300) {
              fail(refusal(event.head.status, name));
              break;
            }
            stopWaiting();
            connection.socket.pause();
            reader.detach();
            resolve(reader.takeRest());
            return true;
          }
        } catch (thrown) {
          fail(asProxyError(thrown));
        }
        reader.detach();
        return true;
      },
      ended: () => fail(new ProxyError('connection_terminated', `${name} closed the connection without answering.`)),
      drained: () => {},
      closed: (error) => fail(fromSocketError(error, name)),
    });
    connection.socket.write(requestHeadText('CONNECT', authority, authority, fields, 0), 'latin1');
  });
}

/** What a parent's status means to our client; its own page would speak of a proxy that the client does not know. */
export function refusal(status: number, name: string): ProxyError {
  if (status === 407)
    return new ProxyError('proxy_configuration_error', `${name} does not accept the credentials that this proxy has for it.`);
  if (status === 403) return new ProxyError('http_request_denied', `${name} does not allow this destination.`);
  return new ProxyError('destination_unavailable', `${name} could not reach the destination (it answered ${status}).`, {
    parameters: { 'received-status': status },
  });
}
