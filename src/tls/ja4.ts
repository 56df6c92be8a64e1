// Owns JA4, the fingerprint of a client's TLS library: what its ClientHello offers, in an order that does not change from one connection to the
// next (FoxIO, "JA4: TLS Client Fingerprinting"; that part of JA4+ is under the BSD licence). For the log alone: it proves nothing, since anybody
// can say the same hello. GREASE values (RFC 8701) count nowhere.
import { hash } from 'node:crypto';

/** What of a hello goes into it; GREASE values have been left out. */
export interface Ja4Facts {
  /** The highest that is offered; 0 when there is none. */
  readonly version: number;
  readonly hasServerName: boolean;
  /** In the order of the hello. */
  readonly cipherSuites: readonly number[];
  /** The types of all extensions, ascending. */
  readonly extensions: readonly number[];
  /** In the order of the hello. */
  readonly signatureAlgorithms: readonly number[];
  /** The first protocol of ALPN, octets as ISO-8859-1; empty when there is none. */
  readonly protocol: string;
}

/** @returns 36 characters: `t13d1516h2_8daaf6152771_b186095e22b6` */
export function ja4(facts: Ja4Facts): string {
  const { cipherSuites, extensions, signatureAlgorithms } = facts;
  const from = `t${VERSIONS.get(facts.version) ?? '00'}${facts.hasServerName ? 'd' : 'i'}`;
  const offer = `${from}${twoDigits(cipherSuites.length)}${twoDigits(extensions.length)}${ends(facts.protocol)}`;
  const suites = listed([...cipherSuites].sort(ascending));
  const others = listed(extensions.filter((type) => type !== SERVER_NAME && type !== ALPN));
  const algorithms = signatureAlgorithms.length === 0 ? '' : `_${listed(signatureAlgorithms)}`;
  return `${offer}_${digest(suites)}_${others === '' ? NOTHING : digest(others + algorithms)}`;
}

function ascending(a: number, b: number): number {
  return a - b;
}

function twoDigits(count: number): string {
  return String(Math.min(count, 99)).padStart(2, '0');
}

function listed(values: readonly number[]): string {
  let text = '';
  for (const value of values) text += `${text === '' ? '' : ','}${value.toString(16).padStart(4, '0')}`;
  return text;
}

/** The first and the last character; of its hexadecimal spelling where one of the two is neither letter nor digit. */
function ends(protocol: string): string {
  if (protocol === '') return '00';
  const last = protocol.length - 1;
  if (isAlphanumeric(protocol.charCodeAt(0)) && isAlphanumeric(protocol.charCodeAt(last)))
    return protocol.charAt(0) + protocol.charAt(last);
  return (protocol.charCodeAt(0) >> 4).toString(16) + (protocol.charCodeAt(last) & 0x0f).toString(16);
}

function isAlphanumeric(octet: number): boolean {
  return (octet >= 0x30 && octet <= 0x39) || (octet >= 0x41 && octet <= 0x5a) || (octet >= 0x61 && octet <= 0x7a);
}

function digest(list: string): string {
  return list === '' ? NOTHING : hash('sha256', list).slice(0, NOTHING.length);
}

const NOTHING = '000000000000';
const SERVER_NAME = 0;
const ALPN = 16;
const VERSIONS: ReadonlyMap<number, string> = new Map([
  [0x0304, '13'],
  [0x0303, '12'],
  [0x0302, '11'],
  [0x0301, '10'],
  [0x0300, 's3'],
  [0x0002, 's2'],
]);
