// Owns the translation of Node's socket and TLS errors into RFC 9209 codes, once, for every edge that dials.
import { ProxyError, type ProxyErrorCode } from './proxy-error.ts';

/**
 * @param error what a socket emitted
 * @param peer who was being dialled or spoken to, as people should read it
 */
export function fromSocketError(error: unknown, peer: string): ProxyError {
  if (error instanceof ProxyError) return error;
  const code = errorCode(error);
  const known = SOCKET_ERRORS[code];
  if (known !== undefined) return new ProxyError(known[0], `${peer} ${known[1]}`, { cause: error });
  if (isTlsError(code)) return fromTlsError(error, code, peer);
  return new ProxyError('connection_terminated', `The connection to ${peer} broke off (${code || 'unknown error'}).`, { cause: error });
}

function fromTlsError(error: unknown, code: string, peer: string): ProxyError {
  const alert = /alert (?:number )?(\d+)|alert ([a-z ]+)/i.exec(error instanceof Error ? error.message : '');
  if (alert) return new ProxyError('tls_alert_received', `${peer} ended the TLS handshake with an alert (${code}).`, { cause: error });
  if (CERTIFICATE_ERRORS.test(code))
    return new ProxyError('tls_certificate_error', `The certificate of ${peer} cannot be trusted (${code}).`, { cause: error });
  return new ProxyError('tls_protocol_error', `The TLS handshake with ${peer} failed (${code}).`, { cause: error });
}

function isTlsError(code: string): boolean {
  return code.startsWith('ERR_SSL') || code.startsWith('ERR_TLS') || code === 'EPROTO' || CERTIFICATE_ERRORS.test(code);
}

/** The `code` of a Node error; empty when it has none. */
export function errorCode(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

const CERTIFICATE_ERRORS = /CERT|SELF_SIGNED|ISSUER|CRL|HOSTNAME_MISMATCH|^(?:UNABLE_TO|INVALID|PATH_LENGTH)_/;

const SOCKET_ERRORS: Readonly<Record<string, readonly [ProxyErrorCode, string]>> = {
  ECONNREFUSED: ['connection_refused', 'refused the connection; nothing listens there.'],
  ECONNRESET: ['connection_terminated', 'reset the connection.'],
  EPIPE: ['connection_terminated', 'closed the connection.'],
  ETIMEDOUT: ['connection_timeout', 'did not answer the attempt to connect.'],
  EHOSTUNREACH: ['destination_ip_unroutable', 'cannot be reached from here: no route to the host.'],
  ENETUNREACH: ['destination_ip_unroutable', 'cannot be reached from here: no route to its network.'],
  EHOSTDOWN: ['destination_ip_unroutable', 'cannot be reached from here: the host is down.'],
  EACCES: ['destination_ip_unroutable', 'may not be connected to from this machine.'],
  EPERM: ['destination_ip_unroutable', 'may not be connected to from this machine.'],
  EADDRNOTAVAIL: ['connection_limit_reached', 'cannot be connected to: this machine has no free port or address left for it.'],
  EMFILE: ['connection_limit_reached', 'cannot be connected to: the proxy has no file descriptor left.'],
  ENFILE: ['connection_limit_reached', 'cannot be connected to: this machine has no file descriptor left.'],
};
