// Owns failures as programs written for Node know them: an Error with a `code` like ENOTFOUND or ECONNREFUSED.
import { errorCode } from '../errors/from-node.ts';
import { ProxyError, type ProxyErrorCode } from '../errors/proxy-error.ts';

/** What Node itself said, if it was Node that failed; else the proxy's error, with a code of Node's where one means the same. */
export function asNodeError(thrown: unknown): Error {
  if (!(thrown instanceof ProxyError)) return thrown instanceof Error ? thrown : new Error(String(thrown));
  const { cause, code, message } = thrown;
  if (cause instanceof Error && errorCode(cause) !== '') return cause;
  const known = NODE_CODES[code];
  return known === undefined ? thrown : Object.assign(new Error(message, { cause: thrown }), { code: known });
}

const NODE_CODES: Readonly<Partial<Record<ProxyErrorCode, string>>> = {
  dns_error: 'ENOTFOUND',
  dns_timeout: 'EAI_AGAIN',
  connection_refused: 'ECONNREFUSED',
  connection_terminated: 'ECONNRESET',
  http_response_incomplete: 'ECONNRESET',
  connection_timeout: 'ETIMEDOUT',
  http_response_timeout: 'ETIMEDOUT',
  connection_read_timeout: 'ETIMEDOUT',
  destination_ip_unroutable: 'EHOSTUNREACH',
};
