// Owns how each peer is started: its files and its command. Every peer runs in one process on one core, as far as it lets itself be told.
//
// Sallyport runs as its users run it, with a policy of dozens of rules, the address guard and an access log to a file, and its cache on disk and in
// memory with the sizes that hold when nobody says. Squid judges by one access rule and keeps no log and nothing on disk, as Debian sets it up; Traffic
// Server has no log either. All of that is in their favour. Where hits are to come out of files, none of the three keeps anything in memory.
import { chmodSync, chownSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { BenchError } from './bench-error.ts';
import { CORPORATE_AUTH, CORPORATE_POLICY, writeUsers } from './corporate.ts';
import type { ListFiles } from './list-names.ts';
import type { PeerName, WorkloadFacts } from './plan.ts';
import type { Programs } from './programs.ts';
import { type TlsFiles, USUAL_HOST } from './tls-files.ts';

export interface PeerContext {
  /** An empty folder for the files of this start. */
  readonly folder: string;
  /** It must listen on this port of 127.0.0.1. */
  readonly port: number;
  /** Those of the peers in this run are there. */
  readonly programs: Programs;
  /** Of the workload that it is started for. */
  readonly facts: WorkloadFacts;
  /** What the policy denies first; `null` where it denies no list. */
  readonly lists: ListFiles | null;
  /** Those of the workload, where it is about TLS that the peer opens. */
  readonly tls: TlsFiles | null;
}

export interface PeerCommand {
  readonly program: string;
  readonly args: readonly string[];
  /** To run the program with once, before the start; it ends by itself. */
  readonly prepare?: readonly string[];
  /** What it leaves elsewhere when it is killed; may be absent. */
  readonly leftovers?: readonly string[];
}

export const PEERS: Readonly<Record<PeerName, (context: PeerContext) => PeerCommand>> = {
  sallyport(context) {
    const { folder } = context;
    if (context.facts.isCorporate) writeUsers(folder);
    else writeFileSync(path.join(folder, 'policy.yaml'), policy(context.lists));
    const configuration = path.join(folder, 'sallyport.yaml');
    writeFileSync(configuration, sallyportConfiguration(context));
    return {
      program: process.execPath,
      args: ['--max-semi-space-size=8', path.join(ROOT, 'src/bin.cjs'), 'run', '--config', configuration],
    };
  },

  squid({ folder, port, programs, facts, lists }) {
    const configuration = path.join(folder, 'squid.conf');
    const hasMemoryTier = facts.cache !== 'disk';
    writeFileSync(configuration, squidConfiguration(port, hasMemoryTier ? SQUID_MEMORY : squidStore(folder), lists));
    const args = [...squidFlags(port), '-f', configuration];
    // -z makes the folders of a store, and ends.
    return { program: programs.squid, args, ...(hasMemoryTier ? {} : { prepare: [...args, '-z'], leftovers: sharedMemoryOf(port) }) };
  },

  ats({ folder, port, programs, facts }) {
    return {
      program: programs.traffic_server,
      args: [`--run-root=${layTrafficServer(folder, programs.traffic_server, trafficServerRecords(port, facts.cache !== 'disk'))}`],
    };
  },

  'squid-bump': (context) => bumpingSquid(context, 'acl hello at_step SslBump1\nssl_bump peek hello\nssl_bump bump all\n'),

  'squid-bump-first': (context) => bumpingSquid(context, 'ssl_bump client-first all\n'),

  mitmproxy({ folder, port, programs, tls }) {
    const { authorityBundle, originAuthority } = requireTls(tls);
    copyFileSync(authorityBundle, path.join(folder, 'mitmproxy-ca.pem'));
    const settings = [`confdir=${folder}`, `ssl_verify_upstream_trusted_ca=${originAuthority}`].flatMap((setting) => ['--set', setting]);
    return { program: programs.mitmdump, args: ['--quiet', '--listen-host', '127.0.0.1', '--listen-port', String(port), ...settings] };
  },

  floor({ port, tls }) {
    const files = tls === null ? [] : [tls.usualCertificate, tls.originKey, tls.originAuthority];
    return { program: process.execPath, args: [path.join(import.meta.dirname, 'floor-proxy.ts'), String(port), ...files] };
  },
};

/** Its certificates are kept in memory alone, as those of Sallyport are. */
function bumpingSquid({ folder, port, programs, tls }: PeerContext, rules: string): PeerCommand {
  const { authorityBundle, originAuthority, hosts } = requireTls(tls);
  const listening = `${port} ssl-bump generate-host-certificates=on tls-cert=${authorityBundle}`;
  const bumping = `sslcrtd_program ${programs.security_file_certgen}
sslcrtd_children 1
tls_outgoing_options cafile=${originAuthority}
hosts_file ${hosts}
${rules}`;
  const configuration = path.join(folder, 'squid.conf');
  writeFileSync(configuration, squidConfiguration(listening, `${SQUID_MEMORY}${bumping}`));
  return { program: programs.squid, args: [...squidFlags(port), '-f', configuration] };
}

/** -N stays in front with one process; -d 0 says on standard error why it does not start; its own name keeps its shared memory apart from any other Squid's. */
function squidFlags(port: number): readonly string[] {
  return ['-N', '-d', '0', '-n', squidName(port)];
}

/** Of a Squid with a store of files, where Linux keeps it. */
function sharedMemoryOf(port: number): readonly string[] {
  return ['metadata', 'queues', 'readers'].map((name) => `/dev/shm/${squidName(port)}-cf__${name}.shm`);
}

function squidName(port: number): string {
  return `bench${port}`;
}

function requireTls(tls: TlsFiles | null): TlsFiles {
  if (tls === null) throw new BenchError('this peer is there to open TLS, which no workload of this run is about');
  return tls;
}

function sallyportConfiguration({ port, facts, tls }: PeerContext): string {
  return `
listen: 127.0.0.1:${port}
policy: ${facts.isCorporate ? `${CORPORATE_POLICY}\n${CORPORATE_AUTH}` : 'policy.yaml'}
state_dir: state
access_log: { file: access.jsonl, format: json }
cache: { folder: cache${facts.cache === 'disk' ? ', memory: 0' : ''} }
record: ${facts.isRecorded ? '{ use: on, body_limit: 64KiB }' : 'off'}
admin: off
workers: ${facts.workers ?? 1}
${tls === null ? '' : sallyportTls(tls)}`;
}

function sallyportTls({ authority, authorityKey, originAuthority, hosts }: TlsFiles): string {
  return `tls: { ca_certificate: ${authority}, ca_key: ${authorityKey}, roots: ${originAuthority} }
dns: { hosts_file: ${hosts} }
`;
}

/** An allow list whose last rules are those that the workloads meet. It needs no `allow_private`: clients on this machine may reach loopback. */
function policy(lists: ListFiles | null): string {
  const services = Array.from({ length: POLICY_RULES }, (_, index) => `service-${index + 1}.example`);
  const rules = services.map((host) => `  - name: ${host}\n    allow:\n      host: [.${host}, "*.cdn.${host}"]\n      port: [80, 443]\n`);
  const origin = `  - name: Origin\n    allow:\n      host: 127.0.0.1\n  - name: Opened\n    intercept:\n      host: [${USUAL_HOST}, .bench.test]\n`;
  const [list, denied] =
    lists === null ? ['', ''] : [`lists:\n  names: { file: ${lists.plain}, format: domains }\n`, '  - deny: { in: names }\n'];
  return `version: 1\ndefault: deny\nconnect_ports: any\n${list}rules:\n${denied}${rules.join('')}${origin}`;
}

/** @param listening  the port, and what is done there @param rest  what is stored in one tier, memory or files, and more */
function squidConfiguration(listening: number | string, rest: string, lists: ListFiles | null = null): string {
  return `
http_port 127.0.0.1:${listening}
visible_hostname bench
pid_filename none
cache_log /dev/null
access_log none
cache_store_log none
netdb_filename none
pinger_enable off
max_filedescriptors 16384
shutdown_lifetime 0 seconds
acl local src 127.0.0.1/32
${lists === null ? '' : `acl listed dstdomain "${lists.dotted}"\nhttp_access deny listed\n`}http_access allow local
http_access deny all
${rest}`;
}

const SQUID_MEMORY = `cache_mem 256 MB
maximum_object_size_in_memory 1 MB
memory_cache_mode always
`;

/** A ufs store. Squid never stays root, so the folder belongs to whom it becomes. */
function squidStore(folder: string): string {
  const store = path.join(folder, 'store');
  mkdirSync(store);
  const isRoot = process.getuid?.() === 0;
  if (isRoot) {
    chmodSync(folder, 0o711);
    chownSync(store, NOBODY, NOBODY);
  }
  return `cache_mem 8 MB
maximum_object_size_in_memory 0
cache_dir ufs ${store} 1024 16 64
${isRoot ? 'cache_effective_user nobody\n' : ''}`;
}

/** Traffic Server reads a folder of files, and finds it by a file that names all its folders. @returns that file */
function layTrafficServer(folder: string, program: string, records: string): string {
  for (const name of ['etc', 'run', 'log', 'cache', 'plugins']) mkdirSync(path.join(folder, name));
  const files = {
    'records.config': records,
    'storage.config': `${folder}/cache 1G\n`,
    'remap.config': '',
    'plugin.config': '',
    'ip_allow.yaml': 'ip_allow:\n  - { apply: in, ip_addrs: 127.0.0.1, action: allow, methods: ALL }\n',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, 'etc', name), text);
  const places = {
    prefix: folder,
    bindir: path.dirname(program),
    libexecdir: `${folder}/plugins`,
    sysconfdir: `${folder}/etc`,
    datadir: `${folder}/cache`,
    cachedir: `${folder}/cache`,
    localstatedir: `${folder}/run`,
    runtimedir: `${folder}/run`,
    logdir: `${folder}/log`,
  };
  const root = path.join(folder, 'runroot.yaml');
  writeFileSync(
    root,
    Object.entries(places)
      .map(([name, place]) => `${name}: ${place}\n`)
      .join(''),
  );
  return root;
}

/** A forward proxy with one thread for traffic. */
function trafficServerRecords(port: number, hasMemoryTier: boolean): string {
  const records = {
    // As root it would give root up, and could not read a folder that is its user's alone.
    'STRING admin.user_id': '#-1',
    'STRING http.server_ports': `${port}:ip-in=127.0.0.1`,
    'INT reverse_proxy.enabled': 0,
    'INT url_remap.remap_required': 0,
    'STRING http.connect_ports': '*',
    'INT exec_thread.autoconfig': 0,
    'INT exec_thread.limit': 1,
    'INT task_threads': 1,
    'INT accept_threads': 0,
    'INT cache.threads_per_disk': 1,
    'INT net.max_connections_in': 16_000,
    'INT net.connections_throttle': 16_000,
    'INT log.logging_enabled': 0,
    // It listens once it can store.
    'INT http.wait_for_cache': 2,
    'INT http.cache.http': 1,
    'INT cache.ram_cache.size': hasMemoryTier ? 256 * 2 ** 20 : 0,
  };
  return Object.entries(records)
    .map(([name, value]) => `CONFIG proxy.config.${name.split(' ')[1]} ${name.split(' ')[0]} ${value}\n`)
    .join('');
}

const ROOT = path.join(import.meta.dirname, '../..');
const POLICY_RULES = 48;
/** The user and the group that own nothing, where Linux has them. */
const NOBODY = 65_534;
