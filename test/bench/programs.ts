// Owns where the programs are that the benchmark runs and does not bring along.
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { BenchError } from './bench-error.ts';
import { installLine } from './install.ts';
import type { PeerName } from './plan.ts';

/** Absolute paths; empty for what this run does not need. */
export interface Programs {
  readonly nginx: string;
  readonly wrk: string;
  readonly squid: string;
  /** The part of Squid that signs. */
  readonly security_file_certgen: string;
  readonly mitmdump: string;
  readonly traffic_server: string;
  readonly taskset: string;
}

/** @throws BenchError naming everything that is missing, with the line that installs it */
export function findPrograms(peers: readonly PeerName[], isPinned: boolean): Programs {
  const missing = missingOf(peers, isPinned);
  if (missing.length > 0) throw new BenchError(howToInstall(missing));
  const needed = new Set(neededBy(peers, isPinned));
  const find = (name: keyof Programs): string => (needed.has(name) ? (locate(name) ?? '') : '');
  return {
    nginx: find('nginx'),
    wrk: find('wrk'),
    squid: find('squid'),
    security_file_certgen: find('security_file_certgen'),
    mitmdump: find('mitmdump'),
    traffic_server: find('traffic_server'),
    taskset: find('taskset'),
  };
}

/** @returns the Debian packages that bring what is missing */
export function missingPackages(peers: readonly PeerName[], isPinned: boolean): readonly string[] {
  return packagesOf(missingOf(peers, isPinned));
}

/** @returns why there is no Traffic Server, with the line that installs it; `null` when there is */
export function whyNoTrafficServer(): string | null {
  return locate('traffic_server') === null ? howToInstall(['traffic_server']) : null;
}

function missingOf(peers: readonly PeerName[], isPinned: boolean): readonly (keyof Programs)[] {
  return neededBy(peers, isPinned).filter((name) => locate(name) === null);
}

function neededBy(peers: readonly PeerName[], isPinned: boolean): readonly (keyof Programs)[] {
  const ofPeers = peers.flatMap((peer) => PROGRAMS_OF[peer] ?? []);
  return [...new Set<keyof Programs>(['nginx', 'wrk', ...ofPeers, ...(isPinned ? (['taskset'] as const) : [])])];
}

function howToInstall(missing: readonly (keyof Programs)[]): string {
  return `not installed: ${missing.join(', ')}. On Debian: ${installLine(packagesOf(missing))}; as root, --install does it`;
}

function packagesOf(missing: readonly (keyof Programs)[]): readonly string[] {
  return [...new Set(missing.map((name) => DEBIAN_PACKAGES[name]))];
}

/** Also in the folders that only root has on its PATH, and in Squid's own. */
function locate(name: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(path.delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/lib/squid'];
  const files = folders.filter((folder) => folder !== '').map((folder) => path.join(folder, name));
  return files.find(isExecutable) ?? null;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const PROGRAMS_OF: Readonly<Partial<Record<PeerName, readonly (keyof Programs)[]>>> = {
  squid: ['squid'],
  'squid-bump': ['squid', 'security_file_certgen'],
  'squid-bump-first': ['squid', 'security_file_certgen'],
  mitmproxy: ['mitmdump'],
  ats: ['traffic_server'],
};

const DEBIAN_PACKAGES: Readonly<Record<keyof Programs, string>> = {
  nginx: 'nginx-light',
  wrk: 'wrk',
  squid: 'squid-openssl',
  security_file_certgen: 'squid-openssl',
  mitmdump: 'mitmproxy',
  traffic_server: 'trafficserver',
  taskset: 'util-linux',
};
