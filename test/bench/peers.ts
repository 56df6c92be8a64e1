// Owns how each peer is started: its files and its command. Every peer runs in one process on one core, as far as it lets itself be told.
//
// Sallyport runs as its users run it, with a policy of dozens of rules, the address guard and an access log to a file. Squid judges by one
// access rule and keeps no log, which is in its favour.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { PeerName } from './plan.ts';

export interface PeerContext {
  /** An empty folder for the files of this start. */
  readonly folder: string;
  /** It must listen on this port of 127.0.0.1. */
  readonly port: number;
  /** Absolute path of Squid; empty when Squid is not among the peers. */
  readonly squid: string;
}

export interface PeerCommand {
  readonly program: string;
  readonly args: readonly string[];
}

export const PEERS: Readonly<Record<PeerName, (context: PeerContext) => PeerCommand>> = {
  sallyport({ folder, port }) {
    writeFileSync(path.join(folder, 'policy.yaml'), policy());
    const configuration = path.join(folder, 'sallyport.yaml');
    writeFileSync(configuration, `listen: 127.0.0.1:${port}\npolicy: policy.yaml\naccess_log:\n  file: access.jsonl\n  format: json\n`);
    return {
      program: process.execPath,
      args: ['--max-semi-space-size=8', path.join(ROOT, 'src/bin.cjs'), 'run', '--config', configuration],
    };
  },

  squid({ folder, port, squid }) {
    const configuration = path.join(folder, 'squid.conf');
    writeFileSync(configuration, squidConfiguration(port));
    // -N stays in front with one process; -d 0 says on standard error why it does not start.
    return { program: squid, args: ['-N', '-d', '0', '-f', configuration] };
  },

  floor({ port }) {
    return { program: process.execPath, args: [path.join(import.meta.dirname, 'floor-proxy.ts'), String(port)] };
  },
};

/** An allow list whose last rule is the one that the workloads meet. It needs no `allow_private`: clients on this machine may reach loopback. */
function policy(): string {
  const services = Array.from({ length: POLICY_RULES }, (_, index) => `service-${index + 1}.example`);
  const rules = services.map((host) => `  - name: ${host}\n    allow:\n      host: [.${host}, "*.cdn.${host}"]\n      port: [80, 443]\n`);
  return `version: 1\ndefault: deny\nconnect_ports: any\nrules:\n${rules.join('')}  - name: Origin\n    allow:\n      host: 127.0.0.1\n`;
}

function squidConfiguration(port: number): string {
  return `
http_port 127.0.0.1:${port}
visible_hostname bench
pid_filename none
cache_log /dev/null
access_log none
cache_store_log none
netdb_filename none
pinger_enable off
cache_mem 256 MB
maximum_object_size_in_memory 1 MB
memory_cache_mode always
max_filedescriptors 16384
shutdown_lifetime 0 seconds
acl local src 127.0.0.1/32
http_access allow local
http_access deny all
`;
}

const ROOT = path.join(import.meta.dirname, '../..');
const POLICY_RULES = 48;
