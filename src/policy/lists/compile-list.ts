// Owns what is made of a list's octets: sections of memory that are used as they are, from a thread or from a disk. Pure; the octets are the
// caller's to give and are written over.
import { buildAddressSet, restoreAddressSet } from '../../match/address-set.ts';
import { buildDomainSet, createDomainSetBuilder, type DomainSetSeed, restoreDomainSet } from '../../match/domain-set.ts';
import type { Cidr } from '../../net/ip-address.ts';
import { AdblockerMissing, compileFilters, restoreFilters } from './adblock-filters.ts';
import { MAX_ENTRIES } from './add-name.ts';
import { readBlocks } from './cidr-format.ts';
import { readDomains, readHosts } from './domains-format.ts';
import { FiltersTooBroad } from './filter-index.ts';
import {
  addressList,
  domainList,
  type List,
  type ListCounts,
  type ListProblem,
  type ListSource,
  type ListSpec,
  requestList,
} from './list.ts';
import { type LineTally, ListTooLong } from './read-lines.ts';
import { readRpz } from './rpz-format.ts';

export interface CompiledList {
  readonly counts: ListCounts;
  /** Names and excepted names; or blocks; or filters. */
  readonly sections: readonly Uint8Array<ArrayBuffer>[];
}

/** @param seed  of the hash of names: chance, since whoever writes the list must not foretell it */
export function compileList(octets: Uint8Array, source: ListSource, seed: DomainSetSeed): CompiledList | ListProblem {
  try {
    const { tally, entries, sections } = readSections(octets, source, seed);
    const { lines, ...counts } = tally;
    if (counts.skipped * 2 > lines) return { message: wrongFormat(source, lines, counts) };
    return { counts: { ...counts, entries }, sections };
  } catch (error) {
    if (error instanceof ListTooLong)
      return { message: `${source.file}: a list may have ${MAX_ENTRIES.toLocaleString('en-US')} entries at most` };
    if (error instanceof FiltersTooBroad) return { message: tooBroad(source, error) };
    if (error instanceof AdblockerMissing) return { message: ADBLOCKER_MISSING };
    throw error;
  }
}

/** @returns `null` when the sections are none of a list of this format */
export function openList(spec: ListSpec, { counts, sections }: CompiledList): List | null {
  const [first, second] = sections;
  if (first === undefined) return null;
  switch (spec.format) {
    case 'domains':
    case 'hosts':
    case 'rpz': {
      const listed = restoreDomainSet(first);
      const excepted = second === undefined ? null : restoreDomainSet(second);
      return listed === null || excepted === null ? null : domainList(spec, counts, listed, excepted);
    }
    case 'cidr': {
      const blocks = restoreAddressSet(first);
      return blocks === null ? null : addressList(spec, counts, blocks);
    }
    case 'adblock': {
      const filters = restoreFilters(first);
      return filters === null ? null : requestList(spec, counts, filters);
    }
    default:
      return spec.format satisfies never;
  }
}

interface Sections {
  readonly tally: LineTally;
  readonly entries: number;
  readonly sections: readonly Uint8Array<ArrayBuffer>[];
}

function readSections(octets: Uint8Array, { format, subdomains }: ListSource, seed: DomainSetSeed): Sections {
  switch (format) {
    case 'domains':
    case 'hosts':
    case 'rpz': {
      // A line of one name of average length becomes a record that is an octet longer; what is not used takes no memory.
      const listed = createDomainSetBuilder(seed, Math.ceil(octets.length * 1.25));
      const excepted = createDomainSetBuilder(seed, 0);
      const tally =
        format === 'rpz' ? readRpz(octets, listed, excepted) : (format === 'hosts' ? readHosts : readDomains)(octets, subdomains, listed);
      const sets = [buildDomainSet(listed), buildDomainSet(excepted)];
      return { tally, entries: sets.reduce((sum, { size }) => sum + size, 0), sections: sets.map(({ bytes }) => bytes) };
    }
    case 'cidr': {
      const blocks: Cidr[] = [];
      const tally = readBlocks(octets, blocks);
      const { size, bytes } = buildAddressSet(blocks);
      return { tally, entries: size, sections: [bytes] };
    }
    case 'adblock': {
      const { tally, entries, bytes } = compileFilters(octets);
      // The package writes into a larger buffer; a copy has one of its own, which can be sent to another thread.
      return { tally, entries, sections: [new Uint8Array(bytes)] };
    }
    default:
      return format satisfies never;
  }
}

function wrongFormat({ file, format }: ListSource, lines: number, { skipped, firstSkipped }: Omit<ListCounts, 'entries'>): string {
  const [first] = firstSkipped;
  const example = first === undefined ? '' : `, such as line ${first.line}: ${first.text}`;
  return `${file}: ${skipped} of ${lines} lines cannot be read${example}. Does this file have the format ${format}?`;
}

function tooBroad({ file }: ListSource, { example }: FiltersTooBroad): string {
  const filter = example.length > 60 ? `${example.slice(0, 57)}...` : example;
  return `${file}: too many filters would be tried on one request, such as ${filter}; name a host in them, or a whole word of their own`;
}

const ADBLOCKER_MISSING = 'the format adblock needs an optional package; install it with: npm install @ghostery/adblocker';
