// STAGE receive: an incoming head → Received, or a ProxyError. What a proxy must refuse before it looks at policy is refused here:
// targets in the wrong form, loops, expectations that are not served. Nothing has been resolved or dialled by then.
import { ProxyError } from '../errors/proxy-error.ts';
import type { Flow } from '../flows/flow.ts';
import { fieldValue } from '../http/fields.ts';
import { expectsContinue, isLoop, requestedUpgrade } from '../http/forwarding.ts';
import { parseTarget } from '../http/target.ts';
import type { Incoming, Received, ReceivedConnect } from './exchange.ts';

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
  const { head, flow } = incoming;
  note(flow, incoming);
  const target = parseTarget(head.method, head.target);
  flow.target = head.target;
  if (isLoop(head.fields, via)) {
    throw new ProxyError(
      'proxy_loop_detected',
      'The request has been through this proxy before; two proxies send it to each other, or this one to itself.',
    );
  }
  switch (target.form) {
    case 'authority-form':
      return { incoming, authority: target.authority };
    case 'absolute-form':
      expectsContinue(head.version, head.fields);
      return {
        incoming,
        scheme: target.scheme,
        authority: target.authority,
        pathAndQuery: target.pathAndQuery,
        upgrade: requestedUpgrade(head.fields),
      };
    case 'origin-form':
    case 'asterisk-form':
      throw new SentToProxyItself();
    default:
      return target satisfies never;
  }
}

function note(flow: Flow, { head }: Incoming): void {
  flow.method = head.method;
  flow.version = head.version;
  flow.referer = fieldValue(head.fields, 'referer') ?? null;
  flow.userAgent = fieldValue(head.fields, 'user-agent') ?? null;
  // Until it is known to hold no credentials, only what stands behind them.
  flow.target = head.target.slice(head.target.lastIndexOf('@') + 1);
}
