// Owns what of a recorded request a program is to send again: its URL, its own fields and its content. What belongs to a connection or to the proxy
// (RFC 9110 §7.6.1, §11.7), and what every program makes itself (Host, Content-Length), stays out.
import { listMembers } from '../../http/fields.ts';
import type { RecordedExchange, RecordedFields } from '../recorded.ts';

/** What it is copied as: a command, a call, a script. */
export const COPY_FORMS = ['curl', 'fetch', 'python'] as const;
export type CopyForm = (typeof COPY_FORMS)[number];

export interface CopiedRequest {
  readonly method: string;
  /** Absolute; one character an octet. */
  readonly url: string;
  /** Where the target is not what programs make of the URL: `*`, or octets beyond ASCII, which they encode. */
  readonly target: string | null;
  readonly fields: RecordedFields;
  /** `null` without content. */
  readonly content: Buffer | null;
  /** A sentence about what is missing; `null` when nothing is. */
  readonly missing: string | null;
}

/**
 * @param octets  what was kept of the request's content; `null` without any
 * @returns `null` for what is no request for a URL: a CONNECT, or what could not be understood
 */
export function copiedRequest(exchange: RecordedExchange, octets: Buffer | null): CopiedRequest | null {
  const { summary, request, requestContent } = exchange;
  const { scheme, host, port, path } = summary;
  if (scheme === 'tunnel' || scheme === '') return null;
  const authority = port === (scheme === 'https' ? 443 : 80) ? host : `${host}:${port}`;
  const length = requestContent?.length ?? 0;
  const isWhole = octets === null ? length === 0 : octets.length >= length;
  return {
    method: request.method,
    url: `${scheme}://${authority}${request.target === '*' ? '/' : path}`,
    target: request.target === '*' ? '*' : /[^\x21-\x7e]/.test(path) ? path : null,
    fields: ownFields(request.fields, authority),
    content: octets,
    missing: isWhole ? null : `The content is incomplete: ${octets?.length ?? 0} of its ${length} octets were kept.`,
  };
}

function ownFields(fields: RecordedFields, authority: string): RecordedFields {
  const named = listMembers(
    fields.map(([name, value]) => ({ name, value })),
    'connection',
  );
  const dropped = new Set([...OF_THE_CONNECTION, ...named.map((name) => name.toLowerCase())]);
  return fields.filter(([name, value]) => {
    const lower = name.toLowerCase();
    return !dropped.has(lower) && !(lower === 'host' && value.toLowerCase() === authority);
  });
}

const OF_THE_CONNECTION: readonly string[] = [
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'content-length', 'expect'],
  ...['proxy-authorization', 'proxy-authenticate', 'http2-settings'],
];
