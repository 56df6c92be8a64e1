// Owns who may use the admin API, before anything is looked at. Its Unix socket stands in a folder that nobody else enters, so whoever gets there is
// its user. Over TCP everybody on this machine gets there, every page in a browser included. So three kinds of askers are told apart there:
//
// - a program with the token: it may ask everything, and bears none of the fields that only browsers send for pages;
// - the inspector's page with its cookie and its key: it may, when the browser says that the request is that page's own (Origin, Sec-Fetch-Site);
// - anybody: the files of the page, which hold no secret, the sign-in, and whether the proxy is up.
//
// All of them have to call it by its own address: a name that was made to lead here is none (DNS rebinding). It grants nothing across origins (no CORS).
import { createHash, timingSafeEqual } from 'node:crypto';
import { fieldValue } from '../http/fields.ts';
import type { Fields } from '../http/message.ts';
import type { PageProof, SignIns } from './sign-in.ts';

export interface Refusal {
  readonly status: 401 | 403 | 415 | 421;
  readonly message: string;
}

/** What TCP demands. */
export interface TcpAccess {
  /** `127.0.0.1:8081`: what may stand in Host. */
  readonly authorities: readonly string[];
  readonly token: string;
  readonly signIns: SignIns;
  /** Of the page: cookies are not told apart by port, so the port is part of it. */
  readonly cookieName: string;
}

export interface AskedFor {
  readonly method: string;
  readonly fields: Fields;
  /** Nobody has to be known for it. */
  readonly isPublic: boolean;
  /** It begins a WebSocket, which a browser lets every page begin. */
  readonly isWebSocket: boolean;
}

/** @param tcp  `null` for a connection over the Unix socket @returns `null` when the request may be answered */
export function refusalOf(asked: AskedFor, tcp: TcpAccess | null): Refusal | null {
  return (tcp === null ? refusalToPages(asked) : refusalOverTcp(asked, tcp)) ?? refusalOfType(asked);
}

/** The cookie of the inspector's page and its key, where both were sent: the key in a field of its own or, of a WebSocket, as its second protocol. */
export function pageProof(fields: Fields, cookieName: string): PageProof | null {
  const all = (fieldValue(fields, 'cookie') ?? '').split(';').map((each) => each.trim());
  const cookie = all.find((each) => each.startsWith(`${cookieName}=`))?.slice(cookieName.length + 1);
  const key = fieldValue(fields, KEY_FIELD) ?? fieldValue(fields, 'sec-websocket-protocol')?.split(',')[1]?.trim();
  return cookie === undefined || key === undefined ? null : { cookie, key };
}

function refusalOverTcp(asked: AskedFor, tcp: TcpAccess): Refusal | null {
  const { fields } = asked;
  const host = fieldValue(fields, 'host')?.toLowerCase() ?? '';
  if (!tcp.authorities.includes(host)) return { status: 421, message: `Host is not ${tcp.authorities.join(' or ')}.` };
  const authorization = fieldValue(fields, 'authorization');
  if (authorization !== undefined) return hasToken(authorization, tcp.token) ? refusalToPages(asked) : NO_TOKEN;
  const proof = pageProof(fields, tcp.cookieName);
  const isPage = proof !== null && tcp.signIns.isSignedIn(proof);
  if (!isPage && !asked.isPublic) return NO_TOKEN;
  return isOfThePage(asked, host) ? null : { status: 403, message: 'Only the page of the inspector itself may ask this.' };
}

function refusalToPages({ fields }: AskedFor): Refusal | null {
  const isFromPage = FROM_PAGES.some((name) => fieldValue(fields, name) !== undefined);
  return isFromPage ? { status: 403, message: 'No page in a browser may ask this.' } : null;
}

/** Whether a browser sends it for the page that came from here. What only reads need not say so: it gives nothing to other origins. */
function isOfThePage({ method, fields, isPublic, isWebSocket }: AskedFor, host: string): boolean {
  const origin = fieldValue(fields, 'origin');
  const site = fieldValue(fields, 'sec-fetch-site');
  if (origin !== undefined && origin.toLowerCase() !== `http://${host}`) return false;
  const isRead = method === 'GET' || method === 'HEAD';
  // The files of the page are fetched by following a link, from wherever it stood.
  if (isPublic && isRead) return true;
  if (site !== undefined && site !== 'same-origin') return false;
  return (isRead && !isWebSocket) || origin !== undefined;
}

/** A form of a page cannot say these types without asking first, and is refused when it asks. */
function refusalOfType({ method, fields }: AskedFor): Refusal | null {
  if (method === 'GET' || method === 'HEAD') return null;
  const type = fieldValue(fields, 'content-type') ?? '';
  if (/^application\/(?:json|octet-stream) *(?:;|$)/i.test(type)) return null;
  return { status: 415, message: "Questions are JSON: 'Content-Type: application/json'." };
}

function hasToken(authorization: string, token: string): boolean {
  const given = /^bearer +([\w-]+)$/i.exec(authorization)?.[1];
  // Digests have one length, so comparing takes one time.
  return given !== undefined && timingSafeEqual(digest(given), digest(token));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

const NO_TOKEN: Refusal = {
  status: 401,
  message:
    "Programs give the token, 'Authorization: Bearer TOKEN': it is in the file that sallyport wrote beside its socket. " +
    "For the page in a browser, 'sallyport inspector' prints a link.",
};
const KEY_FIELD = 'x-sallyport-key';
/** Programs in JavaScript send Sec-Fetch-Mode, too. */
const FROM_PAGES = ['origin', 'sec-fetch-site'] as const;
