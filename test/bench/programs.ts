// Owns where the programs are that the benchmark runs and does not bring along.
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { BenchError } from './bench-error.ts';
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
  const missing: (keyof Programs)[] = [];
  const find = (name: keyof Programs): string => {
    const file = locate(name);
    if (file === null) missing.push(name);
    return file ?? '';
  };
  const programs = {
    nginx: find('nginx'),
    wrk: find('wrk'),
    squid: peers.some((peer) => peer.startsWith('squid')) ? find('squid') : '',
    security_file_certgen: peers.some((peer) => peer.startsWith('squid-bump')) ? find('security_file_certgen') : '',
    mitmdump: peers.includes('mitmproxy') ? find('mitmdump') : '',
    traffic_server: peers.includes('ats') ? find('traffic_server') : '',
    taskset: isPinned ? find('taskset') : '',
  };
  if (missing.length === 0) return programs;
  throw new BenchError(howToInstall(missing));
}

/** @returns why there is no Traffic Server, with the line that installs it; `null` when there is */
export function whyNoTrafficServer(): string | null {
  return locate('traffic_server') === null ? howToInstall(['traffic_server']) : null;
}

function howToInstall(missing: readonly (keyof Programs)[]): string {
  const packages = [...new Set(missing.map((name) => DEBIAN_PACKAGES[name]))].join(' ');
  return `not installed: ${missing.join(', ')}. On Debian: apt-get install --no-install-recommends ${packages}`;
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

const DEBIAN_PACKAGES: Readonly<Record<keyof Programs, string>> = {
  nginx: 'nginx-light',
  wrk: 'wrk',
  squid: 'squid-openssl',
  security_file_certgen: 'squid-openssl',
  mitmdump: 'mitmproxy',
  traffic_server: 'trafficserver',
  taskset: 'util-linux',
};
