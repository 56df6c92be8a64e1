// Owns the two formats that are names and little else. `domains` has one on each line, in the notations of policies; at this scale
// `*.example.com` means everything below it, at any depth. `hosts` is a hosts file with an address before the names.
// In a hosts file only the addresses that lead nowhere list names: any, and loopback. A line with another address says where a host is, which is
// no reason to list it; and the names that every machine gives itself are no entries either. Both are ignored.
import { type DomainScope, type DomainSetBuilder, ITSELF } from '../../match/domain-set.ts';
import { parseIpAddress, parseIpv4Number } from '../../net/ip-address.ts';
import { addName, addPattern, WITH_SUBDOMAINS } from './add-name.ts';
import { asciiText, commentStart, isBlank, type LineTally, type LineVerdict, readLines } from './read-lines.ts';

/** @param subdomains  whether a plain name covers the names below it */
export function readDomains(octets: Uint8Array, subdomains: boolean, builder: DomainSetBuilder): LineTally {
  const plain = subdomains ? WITH_SUBDOMAINS : ITSELF;
  return readLines(octets, MAX_LINE, (line, start, lineEnd) => {
    let end = commentStart(line, start, lineEnd);
    if (end === start) return 'nothing';
    while (isBlank(line[end - 1]!)) end -= 1;
    return addPattern(builder, line, start, end, plain) ? 'entry' : 'unreadable';
  });
}

/** @param subdomains  whether a name covers the names below it; resolvers with a hosts file do not see it so */
export function readHosts(octets: Uint8Array, subdomains: boolean, builder: DomainSetBuilder): LineTally {
  const scope = subdomains ? WITH_SUBDOMAINS : ITSELF;
  return readLines(octets, MAX_LINE, (line, start, lineEnd) => {
    const end = commentStart(line, start, lineEnd);
    if (end === start) return 'nothing';
    const addressEnd = wordEnd(line, start, end);
    const address = asciiText(line, start, addressEnd);
    if (LEADS_NOWHERE.has(address) || leadsNowhere(address)) return addNames(builder, line, addressEnd, end, scope);
    return parseIpAddress(address.replace(/%.*$/, '')) === null ? 'unreadable' : 'ignored';
  });
}

/** Adds every name that is one; a line with another is unreadable all the same, so that it is told. */
function addNames(builder: DomainSetBuilder, line: Uint8Array, from: number, end: number, scope: DomainScope): LineVerdict {
  let start = wordStart(line, from, end);
  let verdict: LineVerdict = start === end ? 'unreadable' : 'ignored';
  while (start < end) {
    const next = wordEnd(line, start, end);
    if (!isLocalName(line, start, next)) {
      if (!addName(builder, line, start, next, scope)) verdict = 'unreadable';
      else if (verdict === 'ignored') verdict = 'entry';
    }
    start = wordStart(line, next, end);
  }
  return verdict;
}

function leadsNowhere(text: string): boolean {
  // `0` is any address too; no other short spelling is in use.
  const ip = text === '0' ? parseIpv4Number(text) : parseIpAddress(text);
  return ip !== null && (ip.version === 4 ? ip.bytes[0] === 127 || ip.text === '0.0.0.0' : LEADS_NOWHERE.has(ip.text));
}

function isLocalName(line: Uint8Array, start: number, end: number): boolean {
  // The first letters of all of them; so a million other names need no string.
  if (!LOCAL_INITIALS.has(line[start]! | 0x20)) return false;
  const name = end - start > LONGEST_LOCAL_NAME ? '' : asciiText(line, start, end).toLowerCase();
  return LOCAL_NAMES.has(name);
}

function wordStart(line: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && isBlank(line[at]!)) at += 1;
  return at;
}

function wordEnd(line: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && !isBlank(line[at]!)) at += 1;
  return at;
}

const MAX_LINE = 4096;
const LEADS_NOWHERE = new Set(['0.0.0.0', '127.0.0.1', '::', '::1']);
const LOCAL_NAMES = new Set(
  (
    'localhost localhost.localdomain localhost4 localhost6 local broadcasthost loopback 0.0.0.0 ' +
    'ip6-localhost ip6-loopback ip6-localnet ip6-mcastprefix ip6-allnodes ip6-allrouters ip6-allhosts'
  ).split(' '),
);
const LOCAL_INITIALS = new Set([...LOCAL_NAMES].map((name) => name.charCodeAt(0) | 0x20));
const LONGEST_LOCAL_NAME = 32;
