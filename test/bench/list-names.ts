// Owns the names of long lists, as the benchmarks give them to proxies: the same names to each, in the form that it reads.
import { writeFileSync } from 'node:fs';
import path from 'node:path';

/** The same list, of names with everything below them. */
export interface ListFiles {
  /** A name in each line. */
  readonly plain: string;
  /** The same with a dot in front: what Squid's dstdomain calls a name with everything below it. */
  readonly dotted: string;
}

/** @param folder  an existing one, which a peer may enter that is no longer root */
export function writeLists(folder: string, count: number): ListFiles {
  const files = { plain: path.join(folder, 'names.txt'), dotted: path.join(folder, 'dotted-names.txt') };
  const names = Array.from({ length: count }, (_, i) => domainName(i));
  writeFileSync(files.plain, `${names.join('\n')}\n`);
  writeFileSync(files.dotted, `.${names.join('\n.')}\n`);
  return files;
}

/** Of the length that names of block lists have, 20 octets on average; another one for every number. */
export function domainName(i: number): string {
  const word = Math.imul(i, 0x9e3779b1) >>> 0;
  return `${word.toString(36)}-${i.toString(36)}.${['example', 'tracker', 'ads'][i % 3]}.${['com', 'net', 'org', 'co.uk'][i % 4]}`;
}
