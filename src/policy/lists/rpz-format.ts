// Owns the format `rpz`: a response policy zone as a zone file (RFC 1035 §5.1, draft-vixie-dnsop-dns-rpz-00), of which a proxy can use the names.
// `name CNAME .`, `name CNAME *.` and `name CNAME rpz-drop.` list a name, `name CNAME rpz-passthru.` excepts it, and `*.name` stands for all
// names below it. Anything else a zone can do (answers of its own, triggers by address or name server) is ignored and counted.
// Refuses $INCLUDE and $GENERATE, and records that are not in the zone.
import { BELOW, type DomainSetBuilder, ITSELF } from '../../match/domain-set.ts';
import { addName } from './add-name.ts';
import { asciiText, type LineTally, type LineVerdict, readLines } from './read-lines.ts';

/** Where a zone file is at. Names are absolute, in lower case and without the last dot; `''` is the root, `null` is not told yet. */
interface ZoneState {
  origin: string | null;
  /** The zone's own name; what stands before it in an owner is the trigger. */
  apex: string | null;
  owner: string;
  openParentheses: number;
}

/** @throws ListTooLong */
export function readRpz(octets: Uint8Array, listed: DomainSetBuilder, excepted: DomainSetBuilder): LineTally {
  const zone: ZoneState = { origin: null, apex: null, owner: '@', openParentheses: 0 };
  return readLines(octets, MAX_LINE, (line, start, end, isIndented) => {
    const isContinued = zone.openParentheses > 0;
    const words = readWords(zone, asciiText(line, start, end).toLowerCase());
    // The rest of a record in parentheses: an SOA; no record of use here is that long.
    if (words.length === 0 || isContinued) return 'nothing';
    if (words[0]!.startsWith('$')) return readDirective(zone, words);
    if (!isIndented) zone.owner = words.shift()!;
    return readRecord(zone, words, listed, excepted);
  });
}

/** The words of a line, without its comment; parentheses are counted and left out. */
function readWords(zone: ZoneState, text: string): string[] {
  const words: string[] = [];
  for (const [word] of text.matchAll(/"(?:[^"\\]|\\.)*"?|[();]|[^\s();"]+/g)) {
    if (word === ';') break;
    if (word === '(') zone.openParentheses += 1;
    else if (word === ')') zone.openParentheses = Math.max(0, zone.openParentheses - 1);
    else words.push(word);
  }
  return words;
}

function readDirective(zone: ZoneState, [name, value]: readonly string[]): LineVerdict {
  if (name === '$ttl') return 'nothing';
  if (name !== '$origin' || value === undefined) return 'unreadable';
  zone.origin = absolute(zone, value);
  if (zone.origin !== '') zone.apex ??= zone.origin;
  return 'nothing';
}

/** @param words  of the record, its owner taken away: [TTL] [class] type data, the first two in either order */
function readRecord(zone: ZoneState, words: readonly string[], listed: DomainSetBuilder, excepted: DomainSetBuilder): LineVerdict {
  const typeAt = words.findIndex((word) => word !== 'in' && !/^\d[\dsmhdw]*$/.test(word));
  const type = words[typeAt];
  const data = words[typeAt + 1];
  if (type === undefined || data === undefined) return 'unreadable';
  if (type === 'soa') {
    zone.apex = absolute(zone, zone.owner) ?? zone.apex;
    return 'nothing';
  }
  if (type === 'ns') return 'nothing';
  const trigger = triggerOf(zone);
  if (trigger === null || !KNOWN_TYPE.test(type)) return 'unreadable';
  const builder = LISTING.has(data) ? listed : data === 'rpz-passthru.' ? excepted : null;
  if (type !== 'cname' || builder === null || OTHER_TRIGGER.test(trigger)) return 'ignored';
  const isWildcard = trigger.startsWith('*.');
  const octets = Buffer.from(isWildcard ? trigger.slice(2) : trigger, 'latin1');
  return addName(builder, octets, 0, octets.length, isWildcard ? BELOW : ITSELF) ? 'entry' : 'unreadable';
}

/** The name that the current owner is about; `null` outside the zone. */
function triggerOf(zone: ZoneState): string | null {
  const owner = absolute(zone, zone.owner);
  if (owner === null) return zone.owner;
  if (zone.apex === null) return null;
  if (zone.apex === '') return owner;
  return owner.endsWith(`.${zone.apex}`) ? owner.slice(0, -zone.apex.length - 1) : null;
}

/** @returns `null` when the name is relative to an origin that nobody has named: then it is relative to the zone */
function absolute(zone: ZoneState, name: string): string | null {
  if (name.endsWith('.')) return name.slice(0, -1);
  if (zone.origin === null || name === '@') return zone.origin;
  return zone.origin === '' ? name : `${name}.${zone.origin}`;
}

const MAX_LINE = 4096;
/** No such domain, no data, and no answer at all. */
const LISTING = new Set(['.', '*.', 'rpz-drop.']);
const OTHER_TRIGGER = /(?:^|\.)rpz-(?:ip|client-ip|nsip|nsdname)$/;
/** A type, so that prose is not taken for a zone. */
const KNOWN_TYPE = /^(?:cname|dname|a|aaaa|txt|mx|srv|ptr|caa|svcb|https|rrsig|nsec|nsec3|nsec3param|dnskey|ds|type\d+)$/;
