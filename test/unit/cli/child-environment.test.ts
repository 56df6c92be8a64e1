import { expect, test } from 'vitest';
import { childEnvironment, inheritedRoute, type TrustFiles } from '../../../src/cli/child-environment.ts';

const PROXY = { host: '127.0.0.1', port: 4321, direct: '' };
const URL = 'http://127.0.0.1:4321';
/** Says what each file would be made of. */
const TRUST: TrustFiles = {
  allRoots: (existing) => `/all/${existing ?? 'system'}`,
  addedRoots: (existing) => `/added/${existing ?? 'nothing'}`,
  wgetStartFile: (existing) => `/wget/${existing ?? 'home'}`,
  javaTrustStore: () => ({ file: '/java.jks', type: 'JKS', password: 'changeit' }),
};

test.each([
  ['http_proxy'],
  ['HTTP_PROXY'],
  ['https_proxy'],
  ['HTTPS_PROXY'],
  ['all_proxy'],
  ['ALL_PROXY'],
  ['npm_config_proxy'],
  ['npm_config_https_proxy'],
  ['PIP_PROXY'],
  ['CARGO_HTTP_PROXY'],
  ['YARN_HTTP_PROXY'],
  ['YARN_HTTPS_PROXY'],
])('%s names the proxy', (name) => {
  expect(childEnvironment({ [name]: 'http://elsewhere:1' }, PROXY, null)[name]).toBe(URL);
});

test('nothing is reached without the proxy, loopback neither, whatever NO_PROXY said before', () => {
  const variables = childEnvironment({ NO_PROXY: '*', no_proxy: 'localhost' }, PROXY, null);
  expect(variables).toMatchObject({ NO_PROXY: '', no_proxy: '', npm_config_noproxy: '' });
  expect(variables['JAVA_TOOL_OPTIONS']).toMatch(/ -Dhttp\.nonProxyHosts=$/);
});

test('what is asked to be reached directly is, in the spelling of each', () => {
  const variables = childEnvironment({}, { ...PROXY, direct: 'localhost,.corp.example' }, null);
  expect(variables).toMatchObject({ NO_PROXY: 'localhost,.corp.example', no_proxy: 'localhost,.corp.example' });
  expect(variables['JAVA_TOOL_OPTIONS']).toMatch(/ -Dhttp\.nonProxyHosts=localhost\|\*\.corp\.example$/);
});

test('without a certificate of ours no variable for roots is set', () => {
  const names = Object.keys(childEnvironment({}, PROXY, null));
  expect(names.filter((name) => /CERT|CA_|CAINFO|cafile|WGETRC|ROOTS/.test(name))).toEqual([]);
});

test.each([
  ['SSL_CERT_FILE', 'all'],
  ['NIX_SSL_CERT_FILE', 'all'],
  ['REQUESTS_CA_BUNDLE', 'all'],
  ['CURL_CA_BUNDLE', 'all'],
  ['GIT_SSL_CAINFO', 'all'],
  ['PIP_CERT', 'all'],
  ['AWS_CA_BUNDLE', 'all'],
  ['CARGO_HTTP_CAINFO', 'all'],
  ['npm_config_cafile', 'all'],
  ['GRPC_DEFAULT_SSL_ROOTS_FILE_PATH', 'all'],
  ['CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE', 'all'],
  ['HTTPLIB2_CA_CERTS', 'all'],
  ['NODE_EXTRA_CA_CERTS', 'added'],
  ['DENO_CERT', 'added'],
])('%s keeps what it named, with ours', (name, how) => {
  expect(childEnvironment({ [name]: 'mine.pem' }, PROXY, TRUST)[name]).toBe(`/${how}/mine.pem`);
  expect(childEnvironment({ [name]: '' }, PROXY, TRUST)[name]).toBe(how === 'all' ? '/all/system' : '/added/nothing');
});

test('what says where else to look for roots stays as it is', () => {
  const names = Object.keys(childEnvironment({}, PROXY, TRUST));
  for (const name of ['SSL_CERT_DIR', 'NODE_USE_SYSTEM_CA', 'DENO_TLS_CA_STORE', 'NODE_OPTIONS']) expect(names).not.toContain(name);
});

test('options that Java was given stay before ours', () => {
  expect(childEnvironment({ JAVA_TOOL_OPTIONS: '-Xmx1g' }, PROXY, TRUST)['JAVA_TOOL_OPTIONS']).toBe(
    '-Xmx1g -Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort=4321 -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=4321 -Dhttp.nonProxyHosts= ' +
      '-Djavax.net.ssl.trustStore=/java.jks -Djavax.net.ssl.trustStoreType=JKS -Djavax.net.ssl.trustStorePassword=changeit',
  );
});

test('a trust store that Java was told of is not taken from it', () => {
  const options = childEnvironment({ JAVA_TOOL_OPTIONS: '-Djavax.net.ssl.trustStore=/theirs.p12' }, PROXY, TRUST)['JAVA_TOOL_OPTIONS'];
  expect(options?.match(/trustStore=\S+/g)).toEqual(['trustStore=/theirs.p12']);
});

test('a path with blanks is one option of Java', () => {
  const trust: TrustFiles = { ...TRUST, javaTrustStore: () => ({ file: '/My Files/java.jks', type: 'JKS', password: 'changeit' }) };
  expect(childEnvironment({}, PROXY, trust)['JAVA_TOOL_OPTIONS']).toContain(' "-Djavax.net.ssl.trustStore=/My Files/java.jks" ');
});

test('a parent proxy that was set is sent through, and what went past it still does', () => {
  expect(inheritedRoute({ HTTPS_PROXY: 'http://ada:pw@parent.example:3128/', NO_PROXY: 'localhost,.corp.example' })).toEqual({
    parents: [{ host: 'parent.example', port: 3128, user: 'ada', password: 'pw', hosts: [] }],
    noProxy: ['.localhost', '.corp.example'],
  });
  expect(inheritedRoute({ HTTPS_PROXY: '' })).toBeNull();
  expect(inheritedRoute({ HTTPS_PROXY: 'http://parent.example:3128', NO_PROXY: '*' })).toBeNull();
  expect(() => inheritedRoute({ https_proxy: 'socks5://parent.example:1080' })).toThrow('plain HTTP');
});
