// Owns the alerts of TLS (RFC 8446 §6): their names, which of them say that a certificate is not believed, and one that is sent before a handshake.

/** The alerts by which a client can end a handshake, and those that it is sent. */
const ALERTS = {
  close_notify: 0,
  unexpected_message: 10,
  bad_record_mac: 20,
  record_overflow: 22,
  handshake_failure: 40,
  bad_certificate: 42,
  unsupported_certificate: 43,
  certificate_revoked: 44,
  certificate_expired: 45,
  certificate_unknown: 46,
  illegal_parameter: 47,
  unknown_ca: 48,
  access_denied: 49,
  decode_error: 50,
  decrypt_error: 51,
  protocol_version: 70,
  insufficient_security: 71,
  internal_error: 80,
  inappropriate_fallback: 86,
  user_canceled: 90,
  missing_extension: 109,
  unsupported_extension: 110,
  unrecognized_name: 112,
  bad_certificate_status_response: 113,
  unknown_psk_identity: 115,
  certificate_required: 116,
  no_application_protocol: 120,
} as const;

export type AlertName = keyof typeof ALERTS;

/**
 * That a client does not believe our certificate. `said`: by its alert. `suspected`: it left without a word after it had seen the certificate,
 * which is what pinning looks like in many programs, and also what somebody who closes a window does.
 */
export type Distrust = { readonly kind: 'said'; readonly alert: AlertName } | { readonly kind: 'suspected' };

/**
 * The alert that a client ended TLS with, out of the error that it becomes in Node.
 *
 * @returns `null` when the error is none of the client's alerts
 */
export function receivedAlert(error: Error): AlertName | null {
  const number = /SSL alert number (\d{1,3})/.exec(error.message)?.[1];
  return number === undefined ? null : (NAMES.get(Number(number)) ?? null);
}

/**
 * What an error says about our certificate. In TLS 1.3 the client's alert may come when the handshake is complete to our side, and the first read fails
 * then. So this is for the errors of connections that were opened, too.
 */
export function distrustOf(error: Error): Distrust | null {
  const alert = receivedAlert(error);
  return alert !== null && DISTRUST.has(alert) ? { kind: 'said', alert } : null;
}

/** How a connection ended whose handshake was complete. */
export interface OpenedEnd {
  /** What it failed with; `null` when the client closed it in order. */
  readonly error: Error | null;
  /** Whether a single octet came out of it. */
  readonly hasSpoken: boolean;
  /** From the end of the handshake. */
  readonly openMs: number;
}

/**
 * What the end of an opened connection says about our certificate. GnuTLS, Node and curl with `--pinnedpubkey` look at it only once the handshake is
 * complete, and leave without a word. So do browsers that opened a connection ahead of need, but not at once. Whoever spoke, and not TLS, has not left.
 */
export function distrustAtEnd(end: OpenedEnd): Distrust | null {
  const said = end.error === null ? null : distrustOf(end.error);
  return said !== null || end.hasSpoken || end.openMs > LEFT_AT_ONCE_MS || isOurObjection(end.error) ? said : SUSPECTED;
}

/** That what came was no TLS, in OpenSSL's words or Node's; not that something was said in an alert, or that nothing came any more. */
function isOurObjection(error: (Error & { readonly code?: string }) | null): boolean {
  const code = error?.code ?? '';
  return /^ERR_(?:SSL|TLS)_/.test(code) && code !== 'ERR_SSL_UNEXPECTED_EOF_WHILE_READING' && !/SSL alert number/.test(error!.message);
}

/**
 * A fatal alert for a client that has sent its ClientHello and gets no handshake (RFC 8446 §6.2): one record, not encrypted. After it: `end()`, and
 * what the client still sends must be read, since a reset could overtake the alert.
 */
export function refusalAlert(alert: AlertName): Buffer {
  return Buffer.from([ALERT_RECORD, 3, 3, 0, 2, FATAL, ALERTS[alert]]);
}

const NAMES: ReadonlyMap<number, AlertName> = new Map((Object.keys(ALERTS) as AlertName[]).map((name) => [ALERTS[name], name]));
/** Of the certificate, or of the decision that was made with it. */
const DISTRUST: ReadonlySet<AlertName> = new Set<AlertName>([
  'bad_certificate',
  'unsupported_certificate',
  'certificate_revoked',
  'certificate_expired',
  'certificate_unknown',
  'unknown_ca',
  'access_denied',
  'bad_certificate_status_response',
]);
export const SUSPECTED: Distrust = Object.freeze({ kind: 'suspected' });
const LEFT_AT_ONCE_MS = 2_000;
const ALERT_RECORD = 21;
const FATAL = 2;
