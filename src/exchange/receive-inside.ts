// Owns where a request inside an opened tunnel may go: where its CONNECT went, and nowhere else. The authority of the CONNECT, the name that the client
// gave when TLS began, Host and a whole target have to say the same, on every request; else a client that was let through to one site would reach
// another, or policy would judge a name that is not the one that answers (RFC 9110 §7.4, RFC 9113 §9.1.2).
import { ProxyError } from '../errors/proxy-error.ts';
import { type Authority, formatAuthority, parseAuthority } from '../http/authority.ts';
import { fieldValue } from '../http/fields.ts';
import type { Fields } from '../http/message.ts';
import { DEFAULT_PORTS, type Target } from '../http/target.ts';
import type { OpenedTunnel } from './exchange.ts';

export interface DestinationInside {
  readonly pathAndQuery: string;
  /** The target URI (RFC 9110 §7.1), for the record. */
  readonly uri: string;
}

/** @throws ProxyError `http_request_error`: 421 where the request wants to go elsewhere, 405 for a CONNECT */
export function destinationInside(tunnel: OpenedTunnel, target: Target, fields: Fields): DestinationInside {
  const { authority, scheme, serverName } = tunnel;
  const place = formatAuthority(authority, DEFAULT_PORTS[scheme]);
  if (serverName !== null && serverName !== authority.host) {
    throw elsewhere(`TLS was begun with ${serverName} in a tunnel to ${place}`);
  }
  const host = fieldValue(fields, 'host');
  // Most clients write it as we do, and so it is the same.
  if (host !== undefined && host !== place && !isSame(parseAuthority(host, DEFAULT_PORTS[scheme]), authority)) {
    throw elsewhere(`the request is for ${host} in a tunnel to ${place}`);
  }
  switch (target.form) {
    case 'origin-form':
      return { pathAndQuery: target.pathAndQuery, uri: `${scheme}://${place}${target.pathAndQuery}` };
    case 'asterisk-form':
      return { pathAndQuery: '*', uri: `${scheme}://${place}` };
    case 'absolute-form': {
      const { pathAndQuery } = target;
      if (target.scheme !== scheme || !isSame(target.authority, authority)) {
        throw elsewhere(`the request is for ${target.scheme}://${formatAuthority(target.authority)} in a tunnel to ${scheme}://${place}`);
      }
      return { pathAndQuery, uri: `${scheme}://${place}${pathAndQuery === '*' ? '' : pathAndQuery}` };
    }
    case 'authority-form':
      throw new ProxyError('http_request_error', 'A tunnel inside an opened tunnel is not served; ask for it on a connection of its own.', {
        status: 405,
      });
    default:
      return target satisfies never;
  }
}

function isSame(one: Authority, other: Authority): boolean {
  return one.port === other.port && one.host === other.host;
}

/** The client may open another connection for it (RFC 9110 §15.5.20). */
function elsewhere(what: string): ProxyError {
  return new ProxyError('http_request_error', `One tunnel leads to one place: ${what}.`, { status: 421 });
}
