// Owns how one finished exchange reads as a line: JSON (log-json.ts), Squid's native format, Apache's combined format.
// Every line is printable ASCII and one line feed: what else a value holds is escaped the way its format does it, so no value
// can end a line, forge one or steer a terminal, and a line's length is its number of octets.
// Credentials are no part of a flow; user information in a target or a Referer (RFC 3986 §3.2.1) is dropped here all the same.
//
// Two departures. Squid drops the query of a URL unless told otherwise: here the whole target stands. Apache leaves blanks in user
// names, which moves the columns behind them: here they are `\x20`.
import type { Flow } from '../flows/flow.ts';
import type { OctetWriter } from '../flows/octet-writer.ts';
import { jsonLine, writeJsonLine } from './log-json.ts';
import { mediaType, resultCode, withoutUserInformation } from './log-values.ts';

export type LogFormat = 'json' | 'squid' | 'combined';

export const LOG_FORMATS: Readonly<Record<LogFormat, (flow: Flow) => string>> = {
  json: jsonLine,
  squid: squidLine,
  combined: combinedLine,
};

/** Puts a line behind what is written already. */
export const LINE_WRITERS: Readonly<Record<LogFormat, (flow: Flow, out: OctetWriter) => void>> = {
  json: writeJsonLine,
  squid: (flow, out) => void out.text(squidLine(flow)),
  combined: (flow, out) => void out.text(combinedLine(flow)),
};

/**
 * Squid's native format, ten columns: `time elapsed client result/status bytes method URL user hierarchy/peer type`.
 * The time is the end of the exchange, as Squid has it. Octets that may not stand in a URI (RFC 3986 §2) are percent-encoded.
 */
export function squidLine(flow: Flow): string {
  const totalMs = Math.round(flow.totalMs ?? 0);
  const endedAtMs = flow.startedAtMs + totalMs;
  const time = `${Math.floor(endedAtMs / 1000)}.${String(endedAtMs % 1000).padStart(3, '0')}`;
  const request =
    flow.method === ''
      ? 'NONE error:invalid-request'
      : `${percentEncoded(flow.method)} ${percentEncoded(withoutUserInformation(flow.target))}`;
  return (
    `${time} ${String(totalMs).padStart(6)} ${percentEncoded(flow.clientAddress)} ${resultCode(flow)}/${threeDigits(flow.status)}` +
    ` ${flow.bytesToClient} ${request} ${percentEncoded(flow.user)} ${hierarchy(flow)} ${percentEncoded(mediaType(flow.contentType))}\n`
  );
}

/** Apache's combined format, the target as it was sent. The time is the beginning of the exchange, in UTC; the size counts the head too (`%O`). */
export function combinedLine(flow: Flow): string {
  const version = flow.version === '' ? '' : ` HTTP/${flow.version}`;
  const request = flow.method === '' ? '-' : `${flow.method} ${withoutUserInformation(flow.target)}${version}`;
  return (
    `${backslashed(flow.clientAddress)} - ${backslashed(flow.user).replaceAll(' ', '\\x20')} [${clfTime(flow.startedAtMs)}]` +
    ` "${backslashed(request)}" ${threeDigits(flow.status)} ${flow.bytesToClient}` +
    ` "${backslashed(flow.referer === null ? null : withoutUserInformation(flow.referer))}" "${backslashed(flow.userAgent)}"\n`
  );
}

function hierarchy(flow: Flow): string {
  if (flow.upstreamAddress === null) return 'HIER_NONE/-';
  return `${flow.route === 'direct' ? 'HIER_DIRECT' : 'FIRSTUP_PARENT'}/${percentEncoded(flow.upstreamAddress)}`;
}

const NOT_IN_URI = /[^\x21\x23-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]/gu;

/** One column: never empty, never with a blank in it. A `%` stays as it is, since most stand for an encoded octet already. */
function percentEncoded(text: string | null): string {
  if (text === null || text === '') return '-';
  return text.replace(NOT_IN_URI, (character) => octets(character, '%').toUpperCase());
}

const NOT_PLAIN_FOR_APACHE = /["\\]|[^\x20-\x7e]/gu;
const APACHE_ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

function backslashed(text: string | null): string {
  if (text === null || text === '') return '-';
  return text.replace(NOT_PLAIN_FOR_APACHE, (character) => APACHE_ESCAPES[character] ?? octets(character, '\\x'));
}

/** A character as octets in hexadecimal. Text of messages has one character an octet; anything wider (a rule's name) is taken as UTF-8. */
function octets(character: string, prefix: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code <= 0xff) return prefix + code.toString(16).padStart(2, '0');
  return encodeURIComponent(character.toWellFormed()).toLowerCase().replaceAll('%', prefix);
}

function threeDigits(status: number): string {
  return status === 0 ? '000' : `${status}`;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

/** `10/Oct/2000:13:55:36 +0000` */
function clfTime(epochMs: number): string {
  const iso = new Date(epochMs).toISOString();
  return `${iso.slice(8, 10)}/${MONTHS[Number(iso.slice(5, 7)) - 1]}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`;
}
