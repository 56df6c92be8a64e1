// Owns the proxy that the doctor lets programs go through: real, with the machine's authority where it has one, an origin of its own behind it, and an address
// for each run of a program, so that several can run at once and what is heard of each is known. Everything that it writes lies in one folder that is
// removed; the authority is read and never made, but for one of this time's own.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Config } from '../config/config.ts';
import { StartError } from '../errors/start-error.ts';
import type { Flow } from '../flows/flow.ts';
import { type RunningProxy, startProxy } from '../proxy.ts';
import type { CertificateAuthority } from '../tls/authority.ts';
import { type OpenedAuthority, openAuthority, readAuthority } from '../tls/ca.ts';
import type { AuthorityOptions } from '../tls/options.ts';
import { ORIGIN_TLS_DEFAULTS } from '../upstream/options.ts';
import { describeConstraints, permits } from '../x509/name-constraints.ts';
import { type DoctorOrigin, startDoctorOrigin } from './doctor-origin.ts';

export interface DoctorProxy {
  readonly origin: DoctorOrigin;
  /** The machine's; `null` where it has none yet, and one of this time's own stands in. */
  readonly authority: OpenedAuthority | null;
  /** PEM of what is to be trusted. */
  readonly certificate: string;
  /** For whatever a program needs to write. */
  readonly scratch: string;
  addressOf(run: string): { readonly host: string; readonly port: number };
  /** What has finished of this run, and was about the origin: a browser has business of its own, which the policy denies. */
  heard(run: string): readonly Flow[];
  close(): Promise<void>;
}

/**
 * @param config  the machine's
 * @param runs  a name for each
 * @throws StartError when the machine's authority cannot be used
 */
export async function startDoctorProxy(config: Config, runs: readonly string[], report: (line: string) => void): Promise<DoctorProxy> {
  const authority = await readAuthority(config.tls.authority, Date.now());
  const scratch = mkdtempSync(path.join(tmpdir(), 'sallyport-doctor-'));
  const heard = new Map<string, Flow[]>(runs.map((run) => [run, []]));
  let origin: DoctorOrigin | null = null;
  let proxy: RunningProxy | null = null;
  const close = async (): Promise<void> => {
    await proxy?.close();
    origin?.close();
    rmSync(scratch, { recursive: true, force: true });
  };
  try {
    origin = await startDoctorOrigin(hostFor(authority?.authority.constraints ?? []));
    const files = writeFiles(scratch, origin);
    const own = { folder: files.authority, existing: null };
    // Made here, so that nobody is told of it as of one that stays.
    if (authority === null) await openAuthority(own, Date.now());
    const signing = authority === null ? own : config.tls.authority;
    proxy = await startProxy(doctorConfig(config, runs, files, signing), report, (flow) => heard.get(flow.listener)?.push(flow));
    if (proxy.authority === null) throw new Error('a policy that intercepts has no authority');
    const { host } = origin;
    const addresses = new Map(proxy.listening.map(({ address, url }) => [address.name, Number(new URL(url).port)]));
    return {
      origin,
      authority,
      certificate: proxy.authority,
      scratch,
      addressOf: (run) => ({ host: LOOPBACK, port: addresses.get(run) ?? 0 }),
      heard: (run) => (heard.get(run) ?? []).filter(({ decision }) => decision?.question.host === host),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface DoctorFiles {
  readonly policy: string;
  readonly hosts: string;
  readonly root: string;
  /** For an authority of this time's own. */
  readonly authority: string;
}

function writeFiles(scratch: string, { host, root }: DoctorOrigin): DoctorFiles {
  const write = (name: string, content: string): string => {
    const file = path.join(scratch, name);
    writeFileSync(file, content, { mode: 0o600 });
    return file;
  };
  return {
    policy: write('policy.yaml', `version: 1\ndefault: deny\nconnect_ports: any\nrules:\n  - intercept: { host: ${host} }\n`),
    hosts: write('hosts', `${LOOPBACK} ${host}\n`),
    root: write('root.pem', root),
    authority: path.join(scratch, 'authority'),
  };
}

/** As a proxy of this machine opens tunnels, and nothing else of its settings. */
function doctorConfig(config: Config, runs: readonly string[], files: DoctorFiles, authority: AuthorityOptions): Config {
  return {
    ...config,
    listen: runs.map((name) => ({ kind: 'tcp', host: LOOPBACK, port: 0, name, auth: 'never' })),
    policyFile: files.policy,
    resolver: { ...config.resolver, hostsFile: files.hosts },
    route: { parents: [], noProxy: [] },
    rootCertificates: files.root,
    originTls: ORIGIN_TLS_DEFAULTS,
    tls: { ...config.tls, authority },
    auth: null,
    cache: null,
    accessLog: null,
    stateFolder: null,
    admin: null,
    record: null,
  };
}

/** A name that the authority may sign for. */
function hostFor(constraints: CertificateAuthority['constraints']): string {
  const below = constraints
    .flatMap(({ permittedNames }) => permittedNames ?? [])
    .map((name) => `sallyport-doctor.${name.replace(/^\./, '')}`);
  const host = [HOST, ...below].find((name) => constraints.every((each) => permits(each, name)));
  if (host !== undefined) return host;
  const words = constraints.map(describeConstraints).join('; ');
  throw new StartError('data', [`The authority may sign for no name that could be tried (${words}). Name another with --ca-dir.`]);
}

const LOOPBACK = '127.0.0.1';
/** Nobody's: RFC 6761 §6.2. */
const HOST = 'doctor.sallyport.test';
