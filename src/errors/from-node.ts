// Owns the translation of Node's socket and TLS errors into RFC 9209 codes, once, for every edge that dials; and their own codes, for all others.
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

/** Certificates are judged by whoever dials; what comes here are failures of the handshake itself, and certificates that OpenSSL cannot read. */
function fromTlsError(error: unknown, code: string, peer: string): ProxyError {
  const alert = receivedAlert(error);
  if (alert !== null && alert.name !== 'protocol_version') {
    const words = ALERT_WORDS[alert.name];
    return new ProxyError(
      'tls_alert_received',
      `${peer} ended TLS with the alert ${alert.name}${words === undefined ? '' : `: ${words}`}.`,
      {
        cause: error,
        parameters: { 'alert-id': alert.id, 'alert-message': alert.name },
      },
    );
  }
  if (CERTIFICATE_ERRORS.test(code))
    return new ProxyError('tls_certificate_error', `The certificate of ${peer} cannot be trusted (${code}).`, { cause: error });
  const reason = alert === null ? HANDSHAKE_WORDS[code] : HANDSHAKE_WORDS['ERR_SSL_UNSUPPORTED_PROTOCOL'];
  return new ProxyError(
    'tls_protocol_error',
    reason === undefined ? `The TLS handshake with ${peer} failed (${code}).` : `${peer} ${reason}.`,
    {
      cause: error,
    },
  );
}

/** The alert that a peer sent (RFC 8446 §6), as OpenSSL tells of it: "tlsv13 alert certificate required", number 116. */
function receivedAlert(error: unknown): { readonly id: number; readonly name: string } | null {
  if (!(error instanceof Error)) return null;
  const id = /SSL alert number (\d{1,3})/.exec(error.message)?.[1];
  if (id === undefined) return null;
  const reason = 'reason' in error ? String(error.reason) : '';
  return { id: Number(id), name: reason.replace(/^[a-z]+(?:\/tls|v\d+) (?:alert )?/, '').replaceAll(' ', '_') || `number ${id}` };
}

function isTlsError(code: string): boolean {
  return code.startsWith('ERR_SSL') || code.startsWith('ERR_TLS') || code === 'EPROTO' || CERTIFICATE_ERRORS.test(code);
}

/** The `code` of a Node error; empty when it has none. */
export function errorCode(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** The same as messages show it: what was thrown, when that has none. */
export function shownCode(error: unknown): string {
  return errorCode(error) || String(error);
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

const NOT_OUR_CERTIFICATE = 'it does not accept the client certificate that it was shown, or wants one and was shown none';

/** What an alert means to whoever dialled; one that says it all is not here. */
const ALERT_WORDS: Readonly<Record<string, string>> = {
  handshake_failure: 'it may want a client certificate, or nothing that is safe enough is common to both sides',
  certificate_required: 'it wants a client certificate; one can be set for it as tls.client_certificates',
  bad_certificate: NOT_OUR_CERTIFICATE,
  unsupported_certificate: NOT_OUR_CERTIFICATE,
  certificate_revoked: NOT_OUR_CERTIFICATE,
  certificate_expired: NOT_OUR_CERTIFICATE,
  certificate_unknown: NOT_OUR_CERTIFICATE,
  unknown_ca: NOT_OUR_CERTIFICATE,
  access_denied: NOT_OUR_CERTIFICATE,
  unrecognized_name: 'it serves no host of this name',
  insufficient_security: 'it asks for other ciphers than are offered',
  no_application_protocol: 'it speaks no version of HTTP that it was offered',
};

const HANDSHAKE_WORDS: Readonly<Record<string, string>> = {
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'offers nothing newer than TLS 1.1, which is not safe any more (RFC 8996)',
  ERR_SSL_WRONG_VERSION_NUMBER: 'does not speak TLS on this port',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'does not speak TLS on this port',
  ERR_SSL_HTTP_REQUEST: 'does not speak TLS on this port',
  ERR_SSL_DH_KEY_TOO_SMALL: 'offers a key exchange that is too weak (Diffie-Hellman of less than 2048 bits)',
  ERR_SSL_EE_KEY_TOO_SMALL: 'has a certificate whose key is too weak',
  ERR_SSL_CA_MD_TOO_WEAK: 'has a certificate whose signature can be forged',
  ERR_SSL_WRONG_SIGNATURE_TYPE: 'signs in a way that is not safe any more',
  ERR_SSL_UNSAFE_LEGACY_RENEGOTIATION_DISABLED: 'does not know secure renegotiation (RFC 5746), without which TLS 1.2 can be broken into',
};
