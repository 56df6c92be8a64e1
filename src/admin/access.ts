// Owns who may use the admin API, before anything is looked at. Its Unix socket stands in a folder that nobody else enters, so whoever gets there is
// its user. Over TCP everybody on this machine gets there, every page in a browser included: a token, its own address in Host (a name that was made
// to lead here is none: DNS rebinding), and none of the fields that only browsers send for pages. It grants nothing across origins (no CORS).
import { createHash, timingSafeEqual } from 'node:crypto';
import { fieldValue } from '../http/fields.ts';
import type { Fields } from '../http/message.ts';

export interface Refusal {
  readonly status: 401 | 403 | 415 | 421;
  readonly message: string;
}

/** What TCP demands. */
export interface TcpAccess {
  /** `127.0.0.1:8081`: what may stand in Host. */
  readonly authorities: readonly string[];
  readonly token: string;
}

/** @param tcp  `null` for a connection over the Unix socket @returns `null` when the request may be answered */
export function refusalOf(method: string, fields: Fields, tcp: TcpAccess | null): Refusal | null {
  if (tcp !== null) {
    const host = fieldValue(fields, 'host')?.toLowerCase() ?? '';
    if (!tcp.authorities.includes(host)) return { status: 421, message: `Host is not ${tcp.authorities.join(' or ')}.` };
    if (!hasToken(fieldValue(fields, 'authorization') ?? '', tcp.token))
      return {
        status: 401,
        message: "Give the token: 'Authorization: Bearer TOKEN'. It is in the file that sallyport wrote beside its socket.",
      };
  }
  if (FROM_PAGES.some((name) => fieldValue(fields, name) !== undefined))
    return { status: 403, message: 'No page in a browser may ask this.' };
  // A form of a page cannot say this type without asking first, and is refused when it asks.
  if (method === 'POST' && !/^application\/json *(?:;|$)/i.test(fieldValue(fields, 'content-type') ?? ''))
    return { status: 415, message: "Questions are JSON: 'Content-Type: application/json'." };
  return null;
}

function hasToken(authorization: string, token: string): boolean {
  const given = /^bearer +([\w-]+)$/i.exec(authorization)?.[1];
  // Digests have one length, so comparing takes one time.
  return given !== undefined && timingSafeEqual(digest(given), digest(token));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

const FROM_PAGES = ['origin', 'sec-fetch-site', 'sec-fetch-mode'] as const;
