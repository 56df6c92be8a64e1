// Owns the format `cidr`: a block or an address on each line, `#` or `;` begins a comment (so reads the DROP list of Spamhaus).
// Refuses blocks with bits set beyond the prefix, as policies do: `10.0.0.1/8` may mean one of two things.
import { type Cidr, parseCidr } from '../../net/ip-address.ts';
import { MAX_ENTRIES } from './add-name.ts';
import { asciiText, type LineTally, ListTooLong, readLines } from './read-lines.ts';

/** @throws ListTooLong */
export function readBlocks(octets: Uint8Array, blocks: Cidr[]): LineTally {
  return readLines(octets, MAX_LINE, (line, start, end) => {
    const text = asciiText(line, start, end).split(/[#;]/, 1)[0]!.trim();
    if (text === '') return 'nothing';
    const block = parseCidr(text);
    if (block === null) return 'unreadable';
    if (blocks.length >= MAX_ENTRIES) throw new ListTooLong();
    blocks.push(block);
    return 'entry';
  });
}

const MAX_LINE = 4096;
