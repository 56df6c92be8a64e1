// Owns the one error class and the closed table of failures: a code does not compile without a status and somebody to blame.
// Codes and recommended statuses are RFC 9209 §2.3; `http_request_error` takes the client-error status that fits (§2.3.16).

export const PROXY_ERRORS = {
  dns_timeout: { status: 504, blame: 'origin' },
  dns_error: { status: 502, blame: 'origin' },
  destination_not_found: { status: 500, blame: 'proxy' },
  destination_unavailable: { status: 503, blame: 'origin' },
  destination_ip_prohibited: { status: 502, blame: 'client' },
  destination_ip_unroutable: { status: 502, blame: 'origin' },
  connection_refused: { status: 502, blame: 'origin' },
  connection_terminated: { status: 502, blame: 'origin' },
  connection_timeout: { status: 504, blame: 'origin' },
  connection_read_timeout: { status: 504, blame: 'origin' },
  connection_write_timeout: { status: 504, blame: 'origin' },
  connection_limit_reached: { status: 503, blame: 'proxy' },
  tls_protocol_error: { status: 502, blame: 'origin' },
  tls_certificate_error: { status: 502, blame: 'origin' },
  tls_alert_received: { status: 502, blame: 'origin' },
  http_request_error: { status: 400, blame: 'client' },
  http_request_denied: { status: 403, blame: 'client' },
  http_response_incomplete: { status: 502, blame: 'origin' },
  http_response_header_section_size: { status: 502, blame: 'origin' },
  http_response_header_size: { status: 502, blame: 'origin' },
  http_response_body_size: { status: 502, blame: 'origin' },
  http_response_trailer_section_size: { status: 502, blame: 'origin' },
  http_response_trailer_size: { status: 502, blame: 'origin' },
  http_response_transfer_coding: { status: 502, blame: 'origin' },
  http_response_content_coding: { status: 502, blame: 'origin' },
  http_response_timeout: { status: 504, blame: 'origin' },
  http_upgrade_failed: { status: 502, blame: 'origin' },
  http_protocol_error: { status: 502, blame: 'origin' },
  proxy_internal_response: { status: 504, blame: 'proxy' },
  proxy_internal_error: { status: 500, blame: 'proxy' },
  proxy_configuration_error: { status: 500, blame: 'proxy' },
  proxy_loop_detected: { status: 502, blame: 'proxy' },
} as const satisfies Record<string, { status: number; blame: 'client' | 'origin' | 'proxy' }>;

export type ProxyErrorCode = keyof typeof PROXY_ERRORS;
export type Blame = 'client' | 'origin' | 'proxy';

export interface ProxyErrorOptions {
  readonly cause?: unknown;
  /** Instead of the table's status; for `http_request_error` only (400, 405, 408, 413, 414, 417, 421, 426, 431, 501, 505). */
  readonly status?: number;
  /** Extra parameters of the `Proxy-Status` member (RFC 9209 §2.3): `rcode`, `info-code`, `alert-message`, ... */
  readonly parameters?: Readonly<Record<string, string | number>>;
}

/**
 * A failure with a name. The message is for people: it names the thing, the limit and the next step, and never a secret.
 * Thrown by any stage; turned into bytes by `exchange/deliver.ts` alone.
 */
export class ProxyError extends Error {
  readonly code: ProxyErrorCode;
  readonly status: number;
  readonly blame: Blame;
  readonly parameters: Readonly<Record<string, string | number>>;

  constructor(code: ProxyErrorCode, message: string, options: ProxyErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ProxyError';
    this.code = code;
    this.status = options.status ?? PROXY_ERRORS[code].status;
    this.blame = PROXY_ERRORS[code].blame;
    this.parameters = options.parameters ?? {};
  }
}

/** Any thrown value as a `ProxyError`: what is not one already is a defect of ours, and is named so without its text reaching a client. */
export function asProxyError(thrown: unknown): ProxyError {
  if (thrown instanceof ProxyError) return thrown;
  return new ProxyError('proxy_internal_error', 'The proxy failed while handling this request; its log has the details.', {
    cause: thrown,
  });
}
