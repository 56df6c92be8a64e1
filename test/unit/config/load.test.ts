import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { CACHE_DEFAULTS, DISK_STORE_DEFAULTS, MEMORY_STORE_DEFAULTS } from '../../../src/cache/options.ts';
import { DEFAULT_ADMIN } from '../../../src/config/config.ts';
import { DEFAULT_POLICY_FILE, type FlagSettings, loadConfig } from '../../../src/config/load.ts';
import { LISTENER_DEFAULTS } from '../../../src/listeners/listener.ts';
import { ACCESS_LOG_DEFAULTS } from '../../../src/observe/access-log.ts';
import { LEAF_DEFAULTS } from '../../../src/tls/options.ts';
import { ORIGIN_TLS_DEFAULTS, RESOLVER_DEFAULTS, UPSTREAM_DEFAULTS } from '../../../src/upstream/options.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'sallyport-config-'));
afterAll(() => rmSync(folder, { recursive: true }));
const CLONE_CA_FOLDER = path.join(import.meta.dirname, '..', '..', '..', 'certs', 'ca');
const file = write('s.yaml', 'listen: 127.0.0.1:1\npolicy: p.yaml\nvia: from-file\ntimeouts: {connect: 1s, gap: 1s}\n');

test('without any source every default holds', async () => {
  expect(await loadConfig({}, {}, '/srv')).toEqual({
    listen: [{ kind: 'tcp', host: '127.0.0.1', port: 8080 }],
    listener: LISTENER_DEFAULTS,
    upstream: UPSTREAM_DEFAULTS,
    resolver: RESOLVER_DEFAULTS,
    route: { parents: [], noProxy: [] },
    pac: { direct: ['.localhost', '127.0.0.0/8', '[::1]'] },
    policyFile: DEFAULT_POLICY_FILE,
    // Nobody's home, so no folder for a disk.
    cache: { memory: MEMORY_STORE_DEFAULTS, disk: null, isDiskRequired: false, ...CACHE_DEFAULTS },
    accessLog: ACCESS_LOG_DEFAULTS,
    auth: null,
    viaName: null,
    workers: 1,
    rootCertificates: null,
    originTls: ORIGIN_TLS_DEFAULTS,
    tls: { authority: { folder: CLONE_CA_FOLDER, existing: null }, leaves: LEAF_DEFAULTS },
    drainTimeoutMs: 30_000,
    stateFolder: null,
    tunnelGraceMs: 30_000,
    admin: DEFAULT_ADMIN,
    // Nor for what passes.
    record: null,
    rewrite: null,
  });
});

test.each([
  [{ record: 'on' }, { SALLYPORT_STATE_DIR: '/state' }, { session: 'default', bodyLimit: 1_048_576 }],
  [
    { record: 'on', session: 'tuesday' },
    { SALLYPORT_STATE_DIR: '/state', SALLYPORT_RECORD_BODY_LIMIT: '0' },
    { session: 'tuesday', bodyLimit: 0 },
  ],
  [{}, { SALLYPORT_STATE_DIR: '/state' }, { isRequired: false }],
  [{ record: 'off' }, { SALLYPORT_STATE_DIR: '/state', SALLYPORT_RECORD: 'on' }, null],
  [{ record: 'on' }, { SALLYPORT_STATE_DIR: 'off' }, null],
])('with %j and %j, what is recorded is %j', async (flags, environment, record) => {
  const found = (await loadConfig(flags, environment, '/srv')).record;
  if (record === null) expect(found).toBeNull();
  else expect(found).toMatchObject(record);
});

test.each([
  [{ STATE_DIRECTORY: '/var/lib/sallyport:/other', HOME: '/home/ada' }, '/var/lib/sallyport'],
  [{ XDG_STATE_HOME: '/home/ada/.state', HOME: '/home/ada' }, '/home/ada/.state/sallyport'],
  [{ XDG_STATE_HOME: 'relative', HOME: '/home/ada' }, '/home/ada/.local/state/sallyport'],
  [{ SALLYPORT_STATE_DIR: 'here', HOME: '/home/ada' }, '/srv/here'],
  [{ SALLYPORT_STATE_DIR: 'off', HOME: '/home/ada' }, null],
])('with %j, state is kept in %s', async (environment, stateFolder) => {
  expect((await loadConfig({}, environment, '/srv')).stateFolder).toBe(stateFolder);
});

test.each([
  [{ CACHE_DIRECTORY: '/var/cache/sallyport:/other', HOME: '/home/ada' }, '/var/cache/sallyport'],
  [{ XDG_CACHE_HOME: '/home/ada/.c', HOME: '/home/ada' }, '/home/ada/.c/sallyport'],
  [{ XDG_CACHE_HOME: 'relative', HOME: '/home/ada' }, '/home/ada/.cache/sallyport'],
  [{ SALLYPORT_CACHE_FOLDER: 'here', HOME: '/home/ada' }, '/srv/here'],
])('with %j, the cache on disk is in %s', async (environment, folder) => {
  expect((await loadConfig({}, environment, '/srv')).cache?.disk).toEqual({ folder, ...DISK_STORE_DEFAULTS });
});

test.each([
  // A clone is known by its source, which is here.
  [{ HOME: '/home/ada', XDG_DATA_HOME: '/data' }, {}, CLONE_CA_FOLDER],
  [{ STATE_DIRECTORY: '/var/lib/sallyport:/other' }, {}, '/var/lib/sallyport/ca'],
  [{ SALLYPORT_TLS_CA_DIR: 'here' }, {}, '/srv/here'],
  [{ SALLYPORT_TLS_CA_DIR: 'here' }, { caDir: 'there' }, '/srv/there'],
])('with %j and %j, the CA is in %s', async (environment, flags, folder) => {
  expect((await loadConfig(flags, environment, '/srv')).tls.authority).toEqual({ folder, existing: null });
});

test.each([
  [{ SALLYPORT_TLS_CA_CERTIFICATE: 'a.pem' }, 'tls.ca_certificate and tls.ca_key go together'],
  [{ SALLYPORT_TLS_CA_KEY: 'a.key' }, 'tls.ca_certificate and tls.ca_key go together'],
  [{ SALLYPORT_TLS_CA_CERTIFICATE: 'a.pem', SALLYPORT_TLS_CA_KEY: 'a.key', SALLYPORT_TLS_CA_DIR: 'ca' }, 'name two CAs'],
])('with %j, it is not clear which CA is meant', async (environment, problem) => {
  await expect(loadConfig({}, environment, '/srv')).rejects.toThrow(problem);
});

test('an existing CA is a certificate and its key', async () => {
  const environment = { SALLYPORT_TLS_CA_CERTIFICATE: 'a.pem', SALLYPORT_TLS_CA_KEY: 'a.key' };
  const { existing } = (await loadConfig({}, environment, '/srv')).tls.authority;
  expect(existing).toEqual({ certificateFile: '/srv/a.pem', keyFile: '/srv/a.key' });
});

test.each<[string, Record<string, string>, FlagSettings]>([
  ['off in the file', {}, { config: write('off.yaml', 'cache: off\n') }],
  ['off in a variable', { SALLYPORT_CACHE: 'off' }, {}],
  ['off by a flag, which wins', { SALLYPORT_CACHE: 'on' }, { cache: 'off' }],
  ['left without any room', { SALLYPORT_CACHE_MEMORY: '0', SALLYPORT_CACHE_DISK: '0' }, {}],
])('the cache is %s', async (_how, environment, flags) => {
  expect((await loadConfig(flags, { HOME: '/home/ada', ...environment }, '/srv')).cache).toBeNull();
});

test('what is masked in records is a secret to the cache as well, recorded or not', async () => {
  for (const use of ['on', 'off']) {
    const config = write(`redact-${use}.yaml`, `record: { use: ${use}, redact: { fields: [X-Tenant, x-pin] } }\n`);
    expect((await loadConfig({ config }, { HOME: '/home/ada' }, '/srv')).cache?.rules.secretFields).toEqual(['x-tenant', 'x-pin']);
  }
});

test('a flag turns on a cache that the file turned off, with the sizes that the file gives', async () => {
  const config = write('sized.yaml', 'cache: { use: off, memory: 1MiB, max_stale: 2d }\n');
  expect((await loadConfig({ config, cache: 'on', staleOk: true }, {}, '/srv')).cache).toEqual({
    memory: { ...MEMORY_STORE_DEFAULTS, maxBytes: 2 ** 20 },
    disk: null,
    isDiskRequired: false,
    ...CACHE_DEFAULTS,
    rules: { ...CACHE_DEFAULTS.rules, maxStaleSeconds: 172_800 },
    staleOk: true,
  });
});

test('offline without a cache is refused: nothing could be answered', async () => {
  const problems = [expect.stringContaining('cache.offline (or --offline): the cache is off')];
  await expect(loadConfig({ cache: 'off', offline: true }, {}, '/srv')).rejects.toMatchObject({ kind: 'config', problems });
  expect((await loadConfig({ offline: true }, {}, '/srv')).cache?.offline).toBe(true);
});

test('--cache-dir counts from the working directory, and wins', async () => {
  const config = await loadConfig({ cacheDir: 'there' }, { SALLYPORT_CACHE_FOLDER: '/here' }, '/srv');
  expect(config.cache?.disk).toMatchObject({ folder: '/srv/there' });
});

test('a wrong value of --cache names the flag', async () => {
  const problems = ['--cache: expected one of on, off; found "of"'];
  await expect(loadConfig({ cache: 'of' }, {}, '/srv')).rejects.toMatchObject({ kind: 'usage', problems });
});

test('`pac: off` serves no script; an empty list leaves hosts without a dot', async () => {
  const pacOf = async (value: string) => (await loadConfig({ config: write('pac.yaml', `pac: ${value}\n`) }, {}, '/srv')).pac;
  expect([await pacOf('off'), await pacOf('{ direct: [] }')]).toEqual([null, { direct: [] }]);
  expect((await loadConfig({}, { SALLYPORT_PAC_DIRECT: 'off' }, '/srv')).pac).toBeNull();
});

test('flags win over variables, variables over the file, the file over the defaults', async () => {
  const environment = {
    SALLYPORT_CONFIG: file,
    SALLYPORT_LISTEN: '127.0.0.1:2',
    SALLYPORT_TIMEOUTS_CONNECT: '2s',
    SALLYPORT_POLICY: 'e.yaml',
  };
  const config = await loadConfig({ listen: ['127.0.0.1:3', '[::1]:3'] }, environment, '/srv');
  expect(config.listen).toEqual([
    { kind: 'tcp', host: '127.0.0.1', port: 3 },
    { kind: 'tcp', host: '::1', port: 3 },
  ]);
  expect(config.policyFile).toBe('/srv/e.yaml');
  expect(config.upstream).toMatchObject({
    connectTimeoutMs: 2_000,
    gapTimeoutMs: 1_000,
    responseTimeoutMs: UPSTREAM_DEFAULTS.responseTimeoutMs,
  });
  expect(config.viaName).toBe('from-file');
});

test('--config wins over SALLYPORT_CONFIG, and is relative to the working directory', async () => {
  write('other.yaml', 'via: other');
  expect((await loadConfig({ config: 'other.yaml' }, { SALLYPORT_CONFIG: file }, folder)).viaName).toBe('other');
});

test('paths in the file are relative to it, paths of flags to the working directory', async () => {
  expect((await loadConfig({ config: file, accessLog: 'a.log' }, {}, '/srv')).policyFile).toBe(path.join(folder, 'p.yaml'));
  expect((await loadConfig({ config: file, accessLog: 'a.log' }, {}, '/srv')).accessLog).toEqual({
    ...ACCESS_LOG_DEFAULTS,
    file: '/srv/a.log',
  });
});

test.each([
  [{ accessLog: 'off', accessLogFormat: 'squid' }, null],
  [
    { accessLog: '-', accessLogFormat: 'combined' },
    { ...ACCESS_LOG_DEFAULTS, file: null, format: 'combined' },
  ],
  [{ accessLog: './off' }, { ...ACCESS_LOG_DEFAULTS, file: '/srv/off' }],
])('the access log of %j', async (flags, accessLog) => {
  expect((await loadConfig(flags, {}, '/srv')).accessLog).toEqual(accessLog);
});

test('the default policy is a file of the package', () => {
  expect(DEFAULT_POLICY_FILE).toBe(path.resolve(import.meta.dirname, '../../../policies/open.yaml'));
});

test('nothing in it can be changed', async () => {
  const config = await loadConfig({ config: file }, {}, '/srv');
  for (const part of [config, config.listen, config.listen[0], config.listener, config.route.parents])
    expect(Object.isFrozen(part)).toBe(true);
});

test('the problems of all sources come together', async () => {
  const bad = write('bad.yaml', 'vai: x\n');
  const loading = loadConfig({ config: bad, listen: ['x'] }, { SALLYPORT_DNS_TIMEOUT: '5' }, folder);
  await expect(loading).rejects.toMatchObject({
    kind: 'config',
    problems: [
      expect.stringContaining('bad.yaml:1:1: unknown key "vai"'),
      expect.stringContaining('SALLYPORT_DNS_TIMEOUT: '),
      expect.stringContaining('--listen: '),
    ],
  });
});

test('a wrong flag alone is a wrong command line', async () => {
  await expect(loadConfig({ listen: [':8080'] }, {}, folder)).rejects.toMatchObject({ kind: 'usage' });
});

test('a file that is not there is named as it was written', async () => {
  await expect(loadConfig({ config: 'none.yaml' }, {}, folder)).rejects.toMatchObject({
    kind: 'unreadable',
    problems: ['none.yaml: the configuration file does not exist. Check the path.'],
  });
});

function write(name: string, text: string): string {
  const written = path.join(folder, name);
  writeFileSync(written, text);
  return written;
}
