// A directory: the real slapd on loopback ports, with people and groups that the tests know. It lives in a folder of the test's.
// The account `cn=proxy` may search; people may bind, and read their own entry and nothing else.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { CLEAN_ENVIRONMENT, pathOf, succeed } from './programs.ts';
import type { Leaf } from './temp-ca.ts';
import { closedPort } from './tunnels.ts';

export const BASE = 'dc=example,dc=org';
export const PEOPLE = `ou=people,${BASE}`;
export const GROUPS = `ou=groups,${BASE}`;
export const SEARCHER = { dn: `cn=proxy,${BASE}`, password: 'the searcher’s own' };

export interface Slapd {
  /** `ldap://127.0.0.1:port`, which starts TLS too. */
  readonly url: string;
  readonly port: number;
  readonly secureUrl: string;
  /** It goes on listening, and answers nobody. */
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
  /** At the same addresses. */
  start(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** @param folder an empty one @param leaf the certificate that it shows */
export async function startSlapd(folder: string, leaf: Leaf): Promise<Slapd> {
  const [port, securePort] = [await closedPort(), await closedPort()];
  const url = `ldap://127.0.0.1:${port}`;
  const secureUrl = `ldaps://127.0.0.1:${securePort}`;
  const configuration = path.join(folder, 'slapd.conf');
  mkdirSync(path.join(folder, 'data'));
  writeFileSync(configuration, configurationFor(folder, leaf));
  let server = await run(configuration, `${url}/ ${secureUrl}/`, port);
  // Not with slapadd, which would leave memberOf out.
  await succeed('ldapadd', ['-x', '-H', url, '-D', `cn=admin,${BASE}`, '-w', 'admin'], { input: ENTRIES });
  const stop = async (): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    server.kill('SIGCONT');
    server.kill('SIGTERM');
    await once(server, 'exit');
  };
  return {
    url,
    port,
    secureUrl,
    freeze: () => {
      server.kill('SIGSTOP');
      // It goes on for a moment after the signal was sent.
      while (!isStopped(server.pid!));
    },
    thaw: () => void server.kill('SIGCONT'),
    stop,
    async start() {
      server = await run(configuration, `${url}/ ${secureUrl}/`, port);
    },
    [Symbol.asyncDispose]: stop,
  };
}

/** Started, once it takes connections; it says that it starts a moment before. */
async function run(configuration: string, urls: string, port: number): Promise<ChildProcess> {
  const server = spawn(pathOf('slapd')!, ['-d', 'stats', '-f', configuration, '-h', urls], { env: CLEAN_ENVIRONMENT });
  let said = '';
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.stderr.on('data', (bytes) => {
    said = `${said}${bytes}`.slice(-4_000);
    if (said.includes('slapd starting')) resolve();
  });
  server.once('exit', () => reject(new Error(`slapd ended\n${said}`)));
  await promise;
  while (!(await takesConnections(port))) await setTimeout(5);
  return server;
}

async function takesConnections(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

function configurationFor(folder: string, leaf: Leaf): string {
  return `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
pidfile ${folder}/slapd.pid
TLSCertificateFile ${leaf.certFile}
TLSCertificateKeyFile ${leaf.keyFile}
database mdb
suffix "${BASE}"
rootdn "cn=admin,${BASE}"
rootpw admin
directory ${folder}/data
overlay memberof
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="${SEARCHER.dn}" read by self read by anonymous auth by * none
`;
}

const ENTRIES = [
  [`dn: ${BASE}`, 'objectClass: dcObject', 'objectClass: organization', 'dc: example', 'o: Example'],
  [`dn: ${PEOPLE}`, 'objectClass: organizationalUnit', 'ou: people'],
  [`dn: ${GROUPS}`, 'objectClass: organizationalUnit', 'ou: groups'],
  [`dn: ou=private,${BASE}`, 'objectClass: organizationalUnit', 'ou: private'],
  [
    `dn: ${SEARCHER.dn}`,
    'objectClass: organizationalRole',
    'objectClass: simpleSecurityObject',
    `userPassword:: ${base64(SEARCHER.password)}`,
  ],
  person('alice', 'wonderland'),
  person('bob', 'builder'),
  person('jürgen', 'straße'),
  person('twin', 'one', 'uid: both'),
  person('twin2', 'two', 'uid: both'),
  [`dn: uid=nopassword,${PEOPLE}`, 'objectClass: account', 'uid: nopassword'],
  group(`cn=staff,${GROUPS}`, 'staff', 'alice', 'bob'),
  group(`cn=admins,${GROUPS}`, 'admins', 'alice'),
  // Of the same name, where anybody might have made it.
  group(`cn=admins,ou=private,${BASE}`, 'admins', 'bob'),
]
  .map((lines) => `${lines.join('\n')}\n`)
  .join('\n');

function person(uid: string, password: string, ...more: readonly string[]): string[] {
  return [
    ...[`dn:: ${base64(`uid=${uid},${PEOPLE}`)}`, 'objectClass: inetOrgPerson', `uid:: ${base64(uid)}`, `cn:: ${base64(uid)}`, 'sn: x'],
    ...[`userPassword:: ${base64(password)}`, ...more],
  ];
}

function group(dn: string, cn: string, ...members: readonly string[]): string[] {
  return [`dn: ${dn}`, 'objectClass: groupOfNames', `cn: ${cn}`, ...members.map((uid) => `member: uid=${uid},${PEOPLE}`)];
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** All of its threads, or it has ended (proc(5)); elsewhere than on Linux nobody tells. */
function isStopped(pid: number): boolean {
  if (process.platform !== 'linux') return true;
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.every((thread) => /\) [TZX] /.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1')));
}
