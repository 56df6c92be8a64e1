// Owns the operator's hosts file: read at start, and again within seconds of a change, never while a request waits.
// A file that is absent counts as empty. One that cannot be read stops the start; later it leaves the last good content standing.
// Refuses (by skipping the line) what is no IP address, and scoped ones such as `fe80::1%lo0`: no request may name a zone.
import { readFileSync, statSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { errorCode } from '../errors/from-node.ts';
import { ProxyError } from '../errors/proxy-error.ts';
import { parseIpAddress } from '../net/ip-address.ts';
import { orderAddresses } from './address-order.ts';

export type HostsTable = ReadonlyMap<string, readonly string[]>;

export class HostsFile {
  readonly #path: string;
  readonly #poll: NodeJS.Timeout;
  #version: string;
  #table: HostsTable;

  /**
   * @param pollMs  milliseconds between two looks at the file's size, time and inode
   * @throws ProxyError `proxy_configuration_error` when the file is there and cannot be read
   */
  constructor(path: string, pollMs = 3_000) {
    this.#path = path;
    try {
      // The version is taken before the content, so that a change in between shows up as a newer version at the next look.
      this.#version = versionOf(statSync(path));
      this.#table = parseHosts(readFileSync(path, 'utf8'));
    } catch (error) {
      if (!isAbsent(error)) throw unreadable(path, error);
      this.#version = ABSENT;
      this.#table = new Map();
    }
    this.#poll = setInterval(() => void this.#refresh(), pollMs).unref();
  }

  /** The addresses of a canonical host name in the order to try them; undefined when the file does not name it. */
  find(host: string): readonly string[] | undefined {
    return this.#table.get(host);
  }

  close(): void {
    clearInterval(this.#poll);
  }

  async #refresh(): Promise<void> {
    try {
      const version = versionOf(await stat(this.#path));
      if (version === this.#version) return;
      this.#table = parseHosts(await readFile(this.#path, 'utf8'));
      this.#version = version;
    } catch (error) {
      // Any other failure (no permission for the moment, a file server that is away) keeps the names that worked.
      if (!isAbsent(error)) return;
      this.#table = new Map();
      this.#version = ABSENT;
    }
  }
}

/**
 * A hosts file's text: an address, then its names, `#` begins a comment. A name on several lines has all their addresses.
 *
 * @throws never; lines that say nothing usable are skipped
 */
export function parseHosts(text: string): HostsTable {
  const collected = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [spelling = '', ...names] = line.split('#', 1)[0]!.trim().split(/\s+/);
    const address = parseIpAddress(spelling);
    if (address === null) continue;
    for (const written of names) {
      const name = written.toLowerCase().replace(/\.$/, '');
      const addresses = collected.get(name);
      if (addresses === undefined) collected.set(name, [address.text]);
      else addresses.push(address.text);
    }
  }
  return new Map([...collected].map(([name, addresses]) => [name, orderAddresses(addresses)]));
}

const ABSENT = 'absent';

function versionOf(stats: { readonly mtimeMs: number; readonly size: number; readonly ino: number }): string {
  return `${stats.mtimeMs} ${stats.size} ${stats.ino}`;
}

function isAbsent(error: unknown): boolean {
  return errorCode(error) === 'ENOENT';
}

function unreadable(path: string, error: unknown): ProxyError {
  const code = errorCode(error);
  return new ProxyError(
    'proxy_configuration_error',
    `The hosts file ${path} cannot be read (${code}). Correct its path or its permissions.`,
    {
      cause: error,
    },
  );
}
