// STAGE receive: an incoming head → Received, or a ProxyError. What a proxy must refuse before it looks at policy is refused here:
// targets in the wrong form, a doubtful Host, loops, expectations that are not served. Nothing has been resolved or dialled by then.
// One departure: RFC 9112 §3.2 wants 400 for HTTP/1.1 without Host; CONNECT is let through without one, since clients that leave it out there
// are many and nothing is taken from it: host and port come from the target alone.
// Inside an opened tunnel there is one destination, and every request has to want it (receive-inside.ts).
import { ProxyError } from '../errors/proxy-error.ts';
import type { Flow } from '../flows/flow.ts';
import { fieldValue, isNamed } from '../http/fields.ts';
import { expectsContinue, isLoop, requestedUpgrade } from '../http/forwarding.ts';
import type { RequestHead } from '../http/message.ts';
import { parseTarget } from '../http/target.ts';
import type { Incoming, Received, ReceivedConnect } from './exchange.ts';
import { destinationInside } from './receive-inside.ts';

/** The request was sent to the proxy itself, as to a web server. */
export class SentToProxyItself extends ProxyError {
  constructor() {
    super('http_request_error', 'This is a proxy, not a web server: it needs a whole URL to fetch. Set it as the proxy of your program.');
  }
}

/**
 * @param via our own pseudonym
 * @throws ProxyError `http_request_error`, `proxy_loop_detected`
 */
export function receive(incoming: Incoming, via: string): Received | ReceivedConnect {
  const { head, flow, tunnel } = incoming;
  note(flow, incoming);
  const target = parseTarget(head.method, head.target);
  flow.target = head.target;
  if (isLoop(head.fields, via)) {
    throw new ProxyError(
      'proxy_loop_detected',
      'The request has been through this proxy before; two proxies send it to each other, or this one to itself.',
    );
  }
  requireOneHost(head);
  if (tunnel !== null) {
    const { pathAndQuery, uri } = destinationInside(tunnel, target, head.fields);
    flow.target = uri;
    return received(incoming, tunnel.scheme, tunnel.authority, pathAndQuery);
  }
  switch (target.form) {
    case 'authority-form':
      flow.capture?.noteTarget('tunnel', target.authority, '');
      return { incoming, authority: target.authority };
    case 'absolute-form':
      return received(incoming, target.scheme, target.authority, target.pathAndQuery);
    case 'origin-form':
    case 'asterisk-form':
      throw new SentToProxyItself();
    default:
      return target satisfies never;
  }
}

function received(incoming: Incoming, scheme: Received['scheme'], authority: Received['authority'], pathAndQuery: string): Received {
  const { head } = incoming;
  incoming.flow.capture?.noteTarget(scheme, authority, pathAndQuery);
  expectsContinue(head.version, head.fields);
  return { incoming, scheme, authority, pathAndQuery, upgrade: mayUpgrade(incoming) ? requestedUpgrade(head.fields) : null };
}

function requireOneHost({ method, version, fields }: RequestHead): void {
  let count = 0;
  for (let i = 0; i < fields.length; i += 1) if (isNamed(fields[i]!.name, 'host')) count += 1;
  if (count > 1) throw new ProxyError('http_request_error', 'The request has more than one Host field; it must have one.');
  if (count === 0 && version === '1.1' && method !== 'CONNECT') {
    throw new ProxyError('http_request_error', 'The request has no Host field, which HTTP/1.1 requires.');
  }
}

/**
 * A WebSocket begins with GET (RFC 6455 §4.1), never in HTTP/1.0 (RFC 9110 §7.8); content would be on its way while the protocol changes. That of
 * HTTP/2 (RFC 8441) was made into the same by its connection.
 */
function mayUpgrade({ head, body }: Incoming): boolean {
  return head.method === 'GET' && head.version !== '1.0' && body === null;
}

function note(flow: Flow, { head }: Incoming): void {
  flow.method = head.method;
  flow.version = head.version;
  flow.referer = fieldValue(head.fields, 'referer') ?? null;
  flow.userAgent = fieldValue(head.fields, 'user-agent') ?? null;
  // Until it is known to hold no credentials, only what stands behind them.
  flow.target = head.target.slice(head.target.lastIndexOf('@') + 1);
}
